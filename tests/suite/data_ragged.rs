//! Panels whose series begin and end at different times, and series too short for a window.

use microglia::data::{DataOptions, Dataset, Impute, Scale, ShortSeries, SplitName, Start};
use microglia::program::Program;
use microglia::program::tensor::{OBSERVED, PARAMS, SERIES};
use microglia::reference::CpuEngine;
use microglia::train::scores::predict::predict;
use microglia::train::{Plan, TrainOptions};

use super::data::{load, noticed, rejection, small};
use crate::gpu_support;

/// Rows `from..to` of a series, a day each from 2024-01-01.
pub(crate) fn days(id: &str, from: usize, to: usize) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let y = |i: usize| (i * i * 7 + id.len() * 13) % 31 + i % 7 * 10;
    (from..to).map(|i| format!("{id},{},{}\n", first + chrono::Days::new(i as u64), y(i))).collect()
}

pub(crate) fn panel(series: &[(&str, usize, usize)]) -> String {
    let rows: String = series.iter().map(|(id, from, to)| days(id, *from, *to)).collect();
    format!("unique_id,ds,y\n{rows}")
}

fn options() -> DataOptions {
    DataOptions { lookback: Some(5), horizon: Some(2), ..small() }
}

/// Windows of a part that belong to a series.
fn windows(data: &Dataset, split: SplitName, id: &str) -> usize {
    let of = |window: &&u32| data.series[data.series_of(**window as usize + data.lookback)].id == id;
    data.windows(split).iter().filter(of).count()
}

const PARTS: [SplitName; 3] = [SplitName::Train, SplitName::Validation, SplitName::Test];

#[test]
fn a_closed_series_takes_nothing_from_the_others() {
    let shops = [("a", 0, 100), ("b", 0, 100)];
    let alone = load(&panel(&shops), &options()).unwrap();
    for closed in [("closed", 0, 20), ("closed", 0, 74), ("closed", 0, 90)] {
        let all = load(&panel(&[closed, shops[0], shops[1]]), &options()).unwrap();
        for split in PARTS {
            for (id, ..) in shops {
                assert_eq!(windows(&all, split, id), windows(&alone, split, id), "{id} {split} beside {closed:?}");
            }
        }
        assert_eq!(windows(&all, SplitName::Train, "closed"), closed.2.min(70) - 6);
        assert_eq!(windows(&all, SplitName::Test, "closed"), (closed.2.max(81) - 81).min(20));
        let ended = "without test windows: 1 of 3 series: `closed`";
        assert_eq!(noticed(&all, ended), closed.2 < 82, "{:?}", all.notices);
    }
}

#[test]
fn a_series_that_opened_late_is_scaled_by_its_first_look_back() {
    let text = panel(&[("a", 0, 100), ("opened", 84, 100)]);
    let data = load(&text, &options()).unwrap();
    let opened = &data.series[1];
    assert_eq!((opened.parts.train.len(), opened.parts.validation.len(), opened.parts.test.len()), (0, 0, 16));
    assert!(noticed(&data, "without training windows: 1 of 2 series, so nothing is learned from them: `opened`"));
    // Rows 5 … 15 are forecast, by scalers that see rows 0 … 4.
    assert_eq!(windows(&data, SplitName::Test, "opened"), 16 - 5 - 2 + 1);
    let rows = &data.raw_targets[opened.rows.start..opened.rows.start + 5];
    assert!((opened.scalers[0].mean - rows.iter().sum::<f64>() / 5.0).abs() < 1e-12);
    // Under a global scaler it has that of all training rows.
    let data = load(&text, &DataOptions { scale: Some(Scale::Global), ..options() }).unwrap();
    assert_eq!(data.series[0].scalers, data.series[1].scalers);
    let training = &data.raw_targets[..70];
    assert!((data.series[1].scalers[0].mean - training.iter().sum::<f64>() / 70.0).abs() < 1e-9);
}

#[test]
fn series_without_a_window_are_left_out_or_rejected_or_padded() {
    let text = panel(&[("tiny", 90, 96), ("a", 0, 100), ("one", 3, 4)]);
    let data = load(&text, &options()).unwrap();
    let left: Vec<_> = data.left_out.iter().map(|one| (one.id.as_str(), one.rows, one.why.as_str())).collect();
    assert_eq!(left, [("tiny", 6, "lacks 1 row"), ("one", 1, "lacks 6 rows")]);
    assert!(noticed(&data, "left out: 2 of 3 series (`short-series`): `tiny` lacks 1 row, `one` lacks 6 rows"));
    assert_eq!(data.series.len(), 1);
    let again = load(&text, &data.resolved).unwrap();
    assert_eq!((again.left_out, again.test), (data.left_out, data.test));

    let strict = DataOptions { short_series: Some(ShortSeries::Error), ..options() };
    let message = rejection(&text, &strict);
    assert!(message.contains("no training window in series `tiny`: it has 0 training"), "{message}");
    assert!(load(&panel(&[("a", 0, 100), ("closed", 0, 20)]), &strict).is_ok(), "it holds windows");
    // If none is left, the longest is named.
    let message = rejection(&panel(&[("one", 3, 4), ("tiny", 90, 96)]), &options());
    assert!(message.contains("series `tiny`") && message.contains("`short-series = \"pad\"`"), "{message}");

    // A row before each of two forecast rows, in one part, is enough; scalers of one's own need training rows.
    let pad = DataOptions { short_series: Some(ShortSeries::Pad), scale: Some(Scale::Global), ..options() };
    let data = load(&text, &pad).unwrap();
    assert_eq!(data.left_out.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["one"]);
    assert_eq!(windows(&data, SplitName::Test, "tiny"), 6 - 1 - 2 + 1);
    let own = DataOptions { scale: Some(Scale::Series), ..pad };
    assert_eq!(load(&text, &own).unwrap().left_out.len(), 2);
}

#[test]
fn what_is_lacking_and_what_helps_is_told_as_it_is() {
    let pad = DataOptions { short_series: Some(ShortSeries::Pad), ..options() };
    let why = |series: &[(&str, usize, usize)], options: &DataOptions| -> Vec<String> {
        let all = [&[("a", 0, 100)], series].concat();
        load(&panel(&all), options).unwrap().left_out.into_iter().map(|one| one.why).collect()
    };
    // With padding one row before the two of the horizon is enough.
    assert_eq!(why(&[("x", 3, 4), ("y", 3, 5)], &pad), ["lacks 2 rows", "lacks 1 row"]);
    assert_eq!(why(&[("x", 3, 6)], &pad), [""; 0]);
    let opened = [("x", 95, 100)];
    assert_eq!(why(&opened, &pad), ["has no training window, and lacks 2 rows for a scaler of its own"]);
    assert_eq!(why(&opened, &options()), ["lacks 2 rows"]);
    assert_eq!(why(&opened, &DataOptions { scale: Some(Scale::Global), ..pad.clone() }), [""; 0]);
    // A row in training and one in validation.
    assert_eq!(why(&[("x", 69, 72)], &pad), ["has no training window, and lacks 4 rows for a scaler of its own"]);
    let long = DataOptions { horizon: Some(8), ..options() };
    assert_eq!(why(&[("x", 74, 87)], &long), ["has no part with 8 rows to forecast and 5 rows before them"]);
    // Rows before the first value are none.
    let late: String = days("late", 0, 20).lines().map(|row| format!("{row},{}\n", "x")).collect();
    let late = late.lines().enumerate().map(|(row, line)| line.replace(",x", if row < 16 { "," } else { ",1" }) + "\n");
    let full: String = days("a", 0, 100).lines().map(|row| format!("{row},1\n")).collect();
    let text = format!("unique_id,ds,y,x\n{full}{}", late.collect::<String>());
    let with_x = DataOptions { covariates: Some("x".parse().unwrap()), impute: Some(Impute::Ffill), ..options() };
    let left = load(&text, &with_x).unwrap().left_out;
    assert_eq!(left.iter().map(|one| (one.rows, one.why.as_str())).collect::<Vec<_>>(), [(20, "lacks 3 rows")]);

    // Padding is recommended where it helps, and with what else it needs.
    let alone = |rows: usize, options: &DataOptions| rejection(&panel(&[("x", 0, rows)]), options);
    let strict = |options: DataOptions| DataOptions { short_series: Some(ShortSeries::Error), ..options };
    let message = alone(6, &options());
    assert!(message.contains("a window takes 5 rows in and 2 rows out"), "{message}");
    assert!(message.contains("smaller `lookback` or `horizon`") && message.contains("\"pad\"` begins"), "{message}");
    for few in [alone(2, &options()), alone(2, &pad), alone(2, &strict(options()))] {
        assert!(few.contains("smaller `horizon`, ") && !few.contains("pad"), "{few}");
    }
    assert!(alone(2, &pad).contains("a window takes 1 row in and 2 rows out"), "{}", alone(2, &pad));
    let sizes = |test, validation| DataOptions { test_size: Some(test), val_size: Some(validation), ..options() };
    let message = rejection(&panel(&[("x", 0, 6)]), &DataOptions { scale: Some(Scale::Global), ..sizes(4, 2) });
    assert!(message.contains("no training window") && !message.contains("pad"), "{message}");
    let message = rejection(&panel(&[("x", 0, 100)]), &sizes(5, 1));
    assert!(message.contains("no validation window") && message.contains("other borders (`val-size`)"), "{message}");
}

#[test]
fn columns_without_values_leave_a_series_out() {
    let empty: String = days("empty", 0, 100).lines().map(|line| format!("{},\n", &line[..16])).collect();
    let late: String = days("late", 0, 100)
        .lines()
        .enumerate()
        .map(|(row, line)| if row > 0 && row < 90 { format!("{},\n", &line[..15]) } else { format!("{line}\n") })
        .collect();
    let text = panel(&[("a", 0, 100)]) + &empty + &late;
    let data = load(&text, &DataOptions { impute: Some(Impute::Mean), ..options() }).unwrap();
    let left: Vec<_> = data.left_out.iter().map(|one| (one.id.as_str(), one.why.as_str())).collect();
    assert_eq!(left, [("empty", "has no value of `y`")]);
    assert_eq!(data.series[1].scalers[0].std, 1.0, "of one value");
}

#[test]
fn padding_holds_the_first_row_and_is_neither_known_nor_observed() {
    let text = panel(&[("a", 0, 100), ("short", 40, 44)]);
    let pad = DataOptions { short_series: Some(ShortSeries::Pad), calendar: Some(true), ..options() };
    let data = load(&text, &pad).unwrap();
    assert_eq!((data.padding, data.series[1].rows.len(), data.rows()), (4, 4, 104 + 2 * 4));
    let (channels, values) = (data.channels(), data.columns.values());
    assert_eq!(data.channel_names()[1..], ["weekday_sin", "weekday_cos"]);
    for series in &data.series {
        let first = &data.values[series.rows.start * channels..][..values];
        for row in series.rows.start - 4..series.rows.start {
            assert_eq!(&data.values[row * channels..][..values], first);
            assert!(data.values[row * channels + values..][..2].iter().all(|value| *value == 0.0));
            assert!(!data.is_known(row, 0) && data.observed[row] == 0.0 && data.raw_targets[row].is_nan());
        }
    }
    // The first window of each reads one row of its series; none reads padding alone.
    let short = data.train.iter().filter(|window| data.series_of(**window as usize + 5) == 1).copied();
    assert_eq!(short.collect::<Vec<_>>(), [104, 105]);
    for split in PARTS {
        for window in data.windows(split) {
            let origin = *window as usize + 5;
            assert!(data.series[data.series_of(origin)].rows.start < origin);
        }
    }
    // Validation and test are what they were: padding is for what has no look-back.
    let plain = load(&text, &DataOptions { short_series: None, ..pad.clone() }).unwrap();
    assert_eq!((data.validation.len(), data.test.len()), (plain.validation.len(), plain.test.len()));
    assert_eq!(data.train.len(), plain.train.len() + 4 + 2);
    assert!(noticed(&data, "windows begin up to 4 rows before a series"), "{:?}", data.notices);
    // A forecast of a series that is all too short sees the same.
    let (cutoffs, left_out) = data.cutoffs(&Start::Row(1)).unwrap();
    assert_eq!((cutoffs.len(), left_out.len()), (2, 0));
    let ahead = data.ahead(&cutoffs, 2).unwrap();
    assert_eq!((ahead.series[1].rows.len(), ahead.series[1].timestamps.len()), (3, 3));
    let window = ahead.test[1] as usize;
    assert_eq!(ahead.values[window * channels..][..5 * channels], data.values[104 * channels..][..5 * channels]);
}

#[test]
fn both_engines_forecast_from_padding_alike() {
    let pad = DataOptions { short_series: Some(ShortSeries::Pad), calendar: Some(true), ..options() };
    let data = load(&panel(&[("a", 0, 100), ("short", 40, 44)]), &pad).unwrap();
    let plan = Plan::new(&data, &TrainOptions::default()).unwrap();
    let forecasts = |engine: &mut dyn microglia::engine::Engine| {
        engine.write_f32(SERIES, 0, &data.values).unwrap();
        engine.write_f32(OBSERVED, 0, &data.observed).unwrap();
        engine.write_f32(PARAMS, 0, &plan.program.params.initial(7)).unwrap();
        predict(engine, &plan, &data.train, None, &|| false).unwrap().0.remove(0).into_point()
    };
    let cpu = forecasts(&mut CpuEngine::<f32>::new(plan.program.clone(), None).unwrap());
    assert!(cpu.iter().all(|value| value.is_finite()));
    let Some(gpu) = gpu_support::gpu() else { return };
    let program: Program = plan.program.clone();
    let other = forecasts(&mut gpu_support::engine(&gpu, program));
    assert!(cpu.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-4), "{cpu:?} {other:?}");
}

#[test]
fn sizes_cut_rows_from_each_series_own_end() {
    let text = panel(&[("a", 0, 100), ("b", 20, 60), ("c", 0, 8)]);
    let sizes = |test, validation| DataOptions { test_size: test, val_size: validation, ..options() };
    let data = load(&text, &sizes(Some(6), Some(4))).unwrap();
    let lengths = |data: &Dataset, series: usize| {
        let parts = &data.series[series].parts;
        [parts.train.len(), parts.validation.len(), parts.test.len()]
    };
    assert_eq!([lengths(&data, 0), lengths(&data, 1)], [[90, 4, 6], [30, 4, 6]]);
    assert_eq!(lengths(&data, 2), [0, 2, 6], "what is there");
    assert!(noticed(&data, "training rows of series `a` are later than the first test rows of series `c`"));
    // A series that is left out has no part in that.
    let text_of_two = panel(&[("a", 0, 100), ("c", 0, 6)]);
    let data_of_one = load(&text_of_two, &sizes(Some(6), Some(4))).unwrap();
    assert_eq!(data_of_one.left_out.len(), 1);
    assert!(!noticed(&data_of_one, "later than the first test rows"), "{:?}", data_of_one.notices);
    let again = load(&text, &data.resolved).unwrap();
    assert_eq!((again.train, again.resolved), (data.train.clone(), data.resolved.clone()));
    // The part that is not named has one horizon.
    let data = load(&text, &sizes(Some(0), None)).unwrap();
    assert_eq!((lengths(&data, 1), data.test.len()), ([38, 2, 0], 0));
    assert!(noticed(&data, "no test rows (`test-size = 0`): nothing is scored"), "{:?}", data.notices);
    let data = load(&text, &sizes(Some(0), Some(0))).unwrap();
    assert_eq!((lengths(&data, 0), data.train.len()), ([100, 0, 0], 94 + 34 + 2));
    assert!(data.validation.is_empty() && noticed(&data, "no early stopping"), "{:?}", data.notices);

    let both = DataOptions { split: Some("0.6,0.2,0.2".parse().unwrap()), ..sizes(Some(3), None) };
    let message = rejection(&text, &both);
    assert!(message.contains("`test-size`") && message.contains("is given beside `split`"), "{message}");
    let other = DataOptions { split: Some("0.6,0.2,0.2".parse().unwrap()), ..DataOptions::default() };
    assert_eq!(sizes(Some(3), None).or(other.clone()).split, None);
    assert_eq!(other.or(sizes(Some(3), None)).test_size, None);
    let message = rejection(&panel(&[("a", 0, 100)]), &sizes(Some(1), Some(4)));
    assert!(message.contains("no test window in series `a`") && message.contains("`test-size`"), "{message}");
}

#[test]
fn a_target_that_begins_later_takes_no_rows_from_the_others() {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let row = |i: usize| {
        let b = if i < 30 { String::new() } else { (i % 5).to_string() };
        format!("{},{},{b}\n", first + chrono::Days::new(i as u64), i % 7)
    };
    let text = format!("date,a,b\n{}", (0..100).map(row).collect::<String>());
    let targets = Some(vec!["a".into(), "b".into()]);
    let alone = load(&text, &DataOptions { targets: Some(vec!["a".into()]), ..options() }).unwrap();
    for impute in [Impute::Ffill, Impute::Mean] {
        let both = DataOptions { targets: targets.clone(), impute: Some(impute), ..options() };
        let data = load(&text, &both).unwrap();
        assert_eq!((data.rows(), data.series[0].trimmed, &data.train), (100, 0, &alone.train));
        assert!((0..30).all(|row| data.values[row * 2 + 1] == 0.0 && data.observed[row * 2 + 1] == 0.0));
        assert!(noticed(&data, "targets begin later than others: `b` 30 rows"), "{:?}", data.notices);
        let rows = (30..70).map(|i| (i % 5) as f64).sum::<f64>() / 40.0;
        assert!((data.series[0].scalers[1].mean - rows).abs() < 1e-12);
    }
}

#[test]
fn targets_without_a_value_to_scale_them_are_left_out() {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let row = |i: usize| {
        let late = |from: usize| if i < from { String::new() } else { (i % 5).to_string() };
        format!("{},{},{},{},\n", first + chrono::Days::new(i as u64), i % 7, late(75), late(95))
    };
    let text = format!("date,a,validation,test,empty\n{}", (0..100).map(row).collect::<String>());
    let targets = |names: &[&str]| Some(names.iter().map(|name| name.to_string()).collect());
    let alone = load(&text, &DataOptions { targets: targets(&["a"]), ..options() }).unwrap();
    for impute in [Impute::Error, Impute::Ffill, Impute::Mean] {
        for (short, scale) in [(ShortSeries::Skip, Scale::Series), (ShortSeries::Skip, Scale::Global)] {
            let names = targets(&["empty", "test", "a", "validation"]);
            let all = DataOptions { targets: names, short_series: Some(short), scale: Some(scale), ..options() };
            let data = load(&text, &DataOptions { impute: Some(impute), ..all.clone() }).unwrap();
            assert_eq!(data.target_names(), ["a"]);
            assert_eq!((&data.values, &data.raw_targets), (&alone.values, &alone.raw_targets));
            assert_eq!((&data.train, &data.validation, &data.test), (&alone.train, &alone.validation, &alone.test));
            let left: Vec<_> = data.left_out.iter().map(|one| (&one.id[..], one.rows, &one.why[..])).collect();
            let unscaled = "has no value in the rows that scale it";
            let expected = [("empty", 0, "has no value"), ("test", 5, unscaled), ("validation", 25, unscaled)];
            assert_eq!(left, expected);
            assert!(
                noticed(&data, "left out: 2 of 3 targets (`short-series`): `test` has no value"),
                "{:?}",
                data.notices
            );
            assert!(!noticed(&data, "begin later"), "{:?}", data.notices);
            assert_eq!(load(&text, &data.resolved).unwrap().values, data.values);
            let strict = DataOptions { impute: Some(impute), short_series: Some(ShortSeries::Error), ..all };
            let message = rejection(&text, &strict);
            assert!(message.contains("column `empty`") && message.contains("\"skip\"` leaves such"), "{message}");
        }
    }
    // With rows of its own to scale it, it stays.
    let sizes = DataOptions { test_size: Some(4), val_size: Some(4), impute: Some(Impute::Ffill), ..options() };
    let data = load(&text, &DataOptions { targets: targets(&["a", "validation"]), ..sizes }).unwrap();
    assert_eq!(data.target_names(), ["a", "validation"]);
    // In a panel, a value in one series is enough for the target, and not for the other series.
    let rows = |id: &str, b: &str| -> String { days(id, 0, 100).lines().map(|line| format!("{line},{b}\n")).collect() };
    let two = DataOptions { targets: targets(&["y", "b"]), impute: Some(Impute::Ffill), ..options() };
    let data = load(&format!("unique_id,ds,y,b\n{}{}", rows("s", "1"), rows("t", "")), &two).unwrap();
    assert_eq!((data.targets(), data.series.len(), &data.left_out[0].why[..]), (2, 1, "has no value of `b`"));
    let data = load(&format!("unique_id,ds,y,b\n{}{}", rows("s", ""), rows("t", "")), &two).unwrap();
    assert_eq!((data.targets(), data.series.len(), &data.left_out[0].id[..]), (1, 2, "b"));
}

#[test]
fn a_target_that_ends_earlier_takes_no_rows_from_the_others() {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let row = |i: usize| {
        let b = if i < 60 { (1 + i % 5).to_string() } else { String::new() };
        format!("{},{},{b}\n", first + chrono::Days::new(i as u64), i % 7)
    };
    let text = format!("date,a,b\n{}", (0..100).map(row).collect::<String>());
    let alone = load(&text, &DataOptions { targets: Some(vec!["a".into()]), ..options() }).unwrap();
    let targets = Some(vec!["a".into(), "b".into()]);
    let data = load(&text, &DataOptions { targets, impute: Some(Impute::Ffill), ..options() }).unwrap();
    assert_eq!((&data.train, &data.validation, &data.test), (&alone.train, &alone.validation, &alone.test));
    // Row 59 has 5; later rows are known to nobody.
    let last = data.series[0].scalers[1].scale(5.0) as f32;
    assert!((60..100).all(|row| data.values[row * data.channels() + 1] == last && data.observed[row * 2 + 1] == 0.0));
}

#[test]
fn a_reason_that_many_series_share_is_said_once() {
    let many: Vec<String> = (0..30).map(|i| format!("s{i}")).collect();
    let mut series: Vec<(&str, usize, usize)> = many.iter().map(|id| (id.as_str(), 0, 4)).collect();
    series.extend([("two", 0, 5), ("whole", 0, 100)]);
    let data = load(&panel(&series), &options()).unwrap();
    let line = "left out: 31 of 32 series (‹short-series›): each of 30 (`s0`, `s1`, `s2`, `s3`, `s4`, `s5` and 24 more) lacks \
                3 rows, `two` lacks 2 rows";
    assert!(
        data.notices.iter().any(|notice| notice.to_string().contains(&line.replace(['‹', '›'], "`"))),
        "{:?}",
        data.notices
    );
    assert_eq!(data.left_out.len(), 31);
}

#[test]
fn what_made_a_row_of_an_absent_time_is_named() {
    let text = "date,y,x\n".to_string()
        + &(0..40)
            .filter(|i| *i != 20)
            .map(|i| format!("2024-{:02}-{:02},{i},{i}\n", 1 + i / 28, 1 + i % 28))
            .collect::<String>();
    let covariates = || Some(microglia::data::Covariates::All);
    let zero = DataOptions {
        fill_missing: Some("zero".parse().unwrap()),
        covariates: covariates(),
        targets: Some(vec!["y".into()]),
        ..small()
    };
    let message = rejection(&text, &zero);
    assert!(
        message.contains("`fill-missing = \"zero\"` sets targets to 0, and leaves covariates missing"),
        "{message}"
    );
    assert!(!message.contains("`gaps = \"fill\"`"), "{message}");
    let fill = DataOptions { fill_missing: None, gaps: Some("fill".parse().unwrap()), ..zero };
    assert!(rejection(&text, &fill).contains("`gaps = \"fill\"` left it missing"));
}
