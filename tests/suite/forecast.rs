//! Intervals of known law, calendars, data read with a model's scalers, and forecasts that are those of training.

use microglia::data::{
    Cutoff, DataOptions, Dataset, Fitted, FittedSeries, Scale, ShortSeries, SplitName, Start, Writing,
};
use microglia::engine::Engine;
use microglia::forecast::{Calibration, Combine, Forecaster, Intervals, Level, Scores, apart, non_overlapping};
use microglia::program::Program;
use microglia::reference::CpuEngine;
use microglia::train::options::{Regularizer, Regularizers};
use microglia::train::scores::baselines;
use microglia::train::scores::metrics::score;
use microglia::train::weights::checkpoint::save_model;
use microglia::train::weights::header::{DeviceHeader, Header};
use microglia::train::{Plan, TrainOptions, run, summarize};
use statrs::function::erf::erf;

use crate::data::{load, rejection};

/// Standard normal numbers, by Box and Muller from a 64-bit congruential generator.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn next(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// The mean chance that an interval from `n` residuals of an AR(1) process holds the next independent value, by the process'
/// own marginal law.
fn coverage(phi: f64, n: usize, level: Level, trials: usize) -> f64 {
    let mut normal = Normal(7);
    let spread = (1.0 / (1.0 - phi * phi)).sqrt();
    let mut sum = 0.0;
    for _ in 0..trials {
        let mut state = normal.next() * spread;
        let mut residuals: Vec<f64> = (0..n)
            .map(|_| {
                state = phi * state + normal.next();
                state.abs()
            })
            .collect();
        residuals.sort_by(f64::total_cmp);
        sum += erf(level.half_width(&residuals).unwrap() / spread / 2f64.sqrt());
    }
    sum / trials as f64
}

#[test]
fn coverage_is_nominal_for_residuals_of_known_law() {
    for text in ["80", "95"] {
        let level: Level = text.parse().unwrap();
        for (phi, n) in [(0.0, 99), (0.0, 24), (0.6, 400), (0.9, 2000)] {
            let found = 100.0 * coverage(phi, n, level, 600);
            assert!((found - level.percent()).abs() < 2.0, "{text} %, AR(1) {phi}, {n} residuals: {found}");
        }
        // Few residuals of a slow process are far from enough, which is why nothing is promised.
        assert!(100.0 * coverage(0.98, 24, level, 600) < level.percent() - 4.0);
    }
}

fn dates(times: &[&str]) -> Dataset {
    let rows: String = times.iter().enumerate().map(|(i, time)| format!("{time},{}\n", i * i % 17)).collect();
    let fitted = fitted(&[("", 8.0, 2.0)], Scale::Series);
    DataOptions { lookback: Some(3), horizon: Some(2), ..DataOptions::default() }
        .load_text_fitted(&format!("ds,y\n{rows}"), &fitted)
        .unwrap()
}

/// Loads text as a file would be.
trait Text {
    fn load_text_fitted(&self, text: &str, fitted: &Fitted) -> microglia::Result<Dataset>;
}

impl Text for DataOptions {
    fn load_text_fitted(&self, text: &str, fitted: &Fitted) -> microglia::Result<Dataset> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.csv");
        std::fs::write(&file, text).unwrap();
        DataOptions { source: microglia::data::Source::File(file), ..self.clone() }.load_fitted(fitted)
    }
}

fn fitted(series: &[(&str, f64, f64)], scale: Scale) -> Fitted {
    let one = |(id, mean, std): &(&str, f64, f64)| FittedSeries {
        id: id.to_string(),
        scalers: vec![microglia::data::Scaler::new(*mean, *std)],
        mase_denominators: vec![Some(1.5)],
        calendar: None,
    };
    Fitted {
        levels: Vec::new(),
        series: series.iter().map(one).collect(),
        left_out: Vec::new(),
        scale,
        calendar: Vec::new(),
        usual: None,
        rows: 0,
        holidays: Default::default(),
        writing: Writing::default(),
    }
}

#[test]
fn a_trained_calendar_gives_way_to_one_that_the_rows_follow_alone() {
    let days =
        |year: usize| (1..=28).map(|day| format!("{year:04}-01-{day:02},{}\n", day * day % 17)).collect::<String>();
    let read = |text: &str, usual: &str| {
        let fitted = Fitted { usual: usual.parse().ok(), ..fitted(&[("", 8.0, 2.0)], Scale::Series) };
        let options = DataOptions { lookback: Some(3), horizon: Some(2), ..DataOptions::default() };
        options.load_text_fitted(&format!("ds,y\n{text}"), &fitted).unwrap().calendar.to_string()
    };
    // A gap of centuries is a gap, and no step that few rows follow.
    assert_eq!(read(&(days(1) + &days(5001)), "D"), "D");
    assert_eq!(read(&days(2024), "h"), "D");
}

fn next(times: &[&str], rows: usize) -> Vec<String> {
    let dataset = dates(times);
    let ahead = dataset.ahead(&dataset.cutoffs(&Start::End).unwrap().0, rows).unwrap();
    ahead.series[0].timestamps[3..].iter().map(|stamp| dataset.time_form.text(*stamp)).collect()
}

#[test]
fn calendars_are_inferred_and_go_on() {
    let hourly = ["2013-01-01 21:00", "2013-01-01 22:00", "2013-01-01 23:00", "2013-01-02 00:00"];
    assert_eq!(next(&hourly, 2), ["2013-01-02 01:00", "2013-01-02 02:00"]);
    let zoned = ["2013-01-01T22:00+01:00", "2013-01-01T23:00+01:00", "2013-01-02T00:00+01:00"];
    assert_eq!(next(&zoned, 1), ["2013-01-02T01:00+01:00"]);
    // Tuesday to Friday, over a weekend.
    let business = ["2024-02-22", "2024-02-23", "2024-02-26", "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"];
    assert_eq!(next(&business, 2), ["2024-03-04", "2024-03-05"]);
    let daily = ["2024-02-26", "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"];
    assert_eq!(next(&daily, 2), ["2024-03-02", "2024-03-03"], "five weekdays may be any days");
    assert_eq!(next(&["2024-02-04", "2024-02-11", "2024-02-18", "2024-02-25"], 1), ["2024-03-03"]);
    assert_eq!(
        next(&["2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31"], 3),
        ["2024-02-29", "2024-03-31", "2024-04-30"]
    );
    assert_eq!(next(&["2023-11-01", "2023-12-01", "2024-01-01"], 2), ["2024-02-01", "2024-03-01"]);
    assert_eq!(next(&["2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31"], 1), ["2024-03-31"]);
    assert_eq!(next(&["2020-01-01", "2021-01-01", "2022-01-01", "2023-01-01"], 1), ["2024-01-01"]);
    assert_eq!(next(&["10", "20", "30", "40"], 2), ["50", "60"]);
}

#[test]
fn new_data_is_scaled_by_the_model_and_never_by_itself() {
    let text = "unique_id,ds,y\n".to_string()
        + &["a", "b"].map(|id| (1..=9).map(|i| format!("{id},2024-01-0{i},{}\n", 10 * i)).collect::<String>()).concat();
    let options = DataOptions { lookback: Some(3), horizon: Some(2), ..DataOptions::default() };
    let both = fitted(&[("a", 10.0, 5.0), ("b", 0.0, 10.0)], Scale::Series);
    let dataset = options.load_text_fitted(&text, &both).unwrap();
    assert_eq!((dataset.values[2], dataset.values[9 + 2]), (4.0, 3.0));
    assert_eq!(dataset.series[0].mase_denominators, [Some(1.5)]);
    assert_eq!((dataset.train.len(), dataset.validation.len(), dataset.test.len()), (0, 0, 2 * 5), "every window");
    let calendar = Fitted { calendar: vec!["weekday_sin".into(), "weekday_cos".into()], ..both.clone() };
    let dataset = options.load_text_fitted(&text, &calendar).unwrap();
    assert_eq!(dataset.channel_names(), ["y", "weekday_sin", "weekday_cos"]);
    // 2024-01-01 is a Monday.
    assert_eq!(dataset.values[1..3], [0.0, 1.0]);
    let ahead = dataset.ahead(&dataset.cutoffs(&Start::End).unwrap().0, 2).unwrap();
    let angle = std::f64::consts::TAU * 2.0 / 7.0;
    assert_eq!(ahead.values[3 * 3..3 * 3 + 3], [0.0, angle.sin() as f32, angle.cos() as f32], "Wednesday the 10th");

    let one = fitted(&[("a", 10.0, 5.0)], Scale::Series);
    let left_out = options.load_text_fitted(&text, &one).unwrap().left_out;
    assert_eq!(left_out.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let strict = DataOptions { short_series: Some(ShortSeries::Error), ..options.clone() };
    let error = strict.load_text_fitted(&text, &one).unwrap_err().to_string();
    assert!(error.contains("series `b` is none") && error.contains("`scale = \"global\"`"), "{error}");
    let dataset = options.load_text_fitted(&text, &fitted(&[("a", 10.0, 5.0)], Scale::Global)).unwrap();
    assert_eq!((dataset.values[9 + 2], dataset.series[1].mase_denominators[0]), (4.0, None));
}

#[test]
fn origins_are_found_or_rejected() {
    let dataset = dates(&["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]);
    let row =
        |from: Start| dataset.cutoffs(&from).map(|(cutoffs, _)| cutoffs[0].row).map_err(|error| error.to_string());
    assert_eq!(row(Start::End), Ok(4));
    assert_eq!(row(Start::Row(4)), Ok(3));
    assert_eq!(row(Start::Time("2024-01-03T12:00".into())), Ok(2));
    for (from, text) in [
        (Start::Row(2), "reads 3 rows before a forecast, and there are 2"),
        (Start::Row(6), "row 6, but there are 5"),
        (Start::Time("2023-01-01".into()), "there are 0"),
        (Start::Time("2024-02-30".into()), "no day"),
        (Start::Time("03/04/2024".into()), "two ways"),
        (Start::Time("soon".into()), "no time"),
        (Start::Time("2024-01-03T00:00Z".into()), "offset"),
    ] {
        let error = row(from).unwrap_err();
        assert!(error.contains(text) && error.contains("help:"), "{error}");
    }
    let holes = dates(&["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]);
    assert!(holes.ahead(&[Cutoff { series: 0, row: 3 }], 4_000_000).is_err(), "past the year 9999");
}

fn daily(rows: usize) -> String {
    let day = |i: usize| chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(i as u64);
    let value = |i: usize| 20.0 + 5.0 * (i as f64 * 0.9).sin() + (i * 7919 % 13) as f64 * 0.2;
    (0..rows).fold("ds,y\n".to_string(), |text, i| text + &format!("{},{:.3}\n", day(i), value(i)))
}

fn tiny() -> (Dataset, DataOptions, TrainOptions) {
    let data = DataOptions { lookback: Some(7), horizon: Some(2), ..DataOptions::default() };
    let mut train = TrainOptions { epochs: Some(2), batch: 8, ..TrainOptions::default() };
    train.model.hidden = 4;
    (load(&daily(90), &data).unwrap(), data, train)
}

fn cpu(program: Program) -> microglia::Result<Box<dyn Engine>> {
    Ok(Box::new(CpuEngine::<f32>::new(program, Some(1))?))
}

/// Trains and writes a model; also its test forecasts.
fn trained(folder: &std::path::Path, dataset: &Dataset, options: &TrainOptions) -> Vec<f32> {
    let plan = Plan::new(dataset, options).unwrap();
    let mut engine = cpu(plan.program.clone()).unwrap();
    let trained = run(dataset, &plan, engine.as_mut(), &mut ()).unwrap();
    let scores = baselines::baselines(dataset);
    let outcome = summarize(dataset, &plan, engine.as_mut(), trained, scores, &()).unwrap();
    let header = Header::new(dataset, &plan, &outcome.trained.replicas[0], &DeviceHeader::of(engine.as_ref()), "");
    let (program, kept) = (&plan.program, &outcome.kept[0]);
    let file = folder.join("model.safetensors");
    save_model(&file, (&program.params, &program.state), &kept.params, &kept.state, &header).unwrap();
    outcome.test_predictions[0].point().into_owned()
}

#[test]
fn a_forecast_is_the_one_of_the_end_of_training() {
    let place = tempfile::tempdir().unwrap();
    let (dataset, options, train) = tiny();
    let test = trained(place.path(), &dataset, &train);
    let forecaster = Forecaster::open(&place.path().join("model.safetensors"), Combine::Best).unwrap();
    assert_eq!(forecaster.predict(&dataset, SplitName::Test, &[], &mut cpu).unwrap().values, test);

    // The same rows as a file that ends there, with nothing but the model's own scalers.
    let last = *dataset.test.last().unwrap() as usize + dataset.lookback;
    let fitted = forecaster.model().fitted(&DataOptions::default());
    let shorter = options.load_text_fitted(&daily(last), &fitted).unwrap();
    let ahead = |data: &Dataset, from: Start, rows: usize| {
        let (cutoffs, _) = data.cutoffs(&from).unwrap();
        forecaster.ahead(data, &cutoffs, rows, &[], &mut cpu).unwrap().0.values
    };
    let own = ahead(&shorter, Start::End, 2);
    assert_eq!(own, test[test.len() - 2..]);
    let longer = options.load_text_fitted(&daily(90), &fitted).unwrap();
    assert_eq!(ahead(&longer, Start::Row(last), 2), own);

    // Recursion: the second stretch reads the first as if it had come.
    let far = ahead(&shorter, Start::End, 3);
    assert_eq!(far[..2], own);
    let scaler = &shorter.series[0].scalers[0];
    let said: String = own.iter().enumerate().fold(daily(last), |text, (i, value)| {
        let day = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new((last + i) as u64);
        text + &format!("{day},{}\n", scaler.unscale((*value).into()))
    });
    let said = options.load_text_fitted(&said, &fitted).unwrap();
    let third = ahead(&said, Start::End, 1)[0];
    assert!((third - far[2]).abs() < 1e-5, "{third} {}", far[2]);
}

#[test]
fn monte_carlo_passes_forecast_with_their_spread() {
    let place = tempfile::tempdir().unwrap();
    let (dataset, _, mut train) = tiny();
    (train.regularizers, train.mc_passes) = (Regularizers(vec![Regularizer::McDropout]), 5);
    trained(place.path(), &dataset, &train);
    let forecaster = Forecaster::open(&place.path().join("model.safetensors"), Combine::Best).unwrap();
    let (cutoffs, _) = dataset.cutoffs(&Start::End).unwrap();
    let (predicted, _) = forecaster.ahead(&dataset, &cutoffs, 2, &[], &mut cpu).unwrap();
    let spread = predicted.spread.unwrap();
    assert!(spread.std.iter().all(|std| *std > 0.0));
    for (i, value) in predicted.values.iter().enumerate() {
        assert!(spread.min[i] < *value && *value < spread.max[i]);
    }
}

#[test]
fn intervals_need_residuals_and_count_windows() {
    let (dataset, ..) = tiny();
    let windows = dataset.windows(SplitName::Validation);
    let forecasts = vec![0.0; windows.len() * 2];
    let level = |text: &str| vec![text.parse::<Level>().unwrap()];
    let both = [level("80"), level("95")].concat();
    let both = Calibration::new(&dataset, windows, &forecasts, None, &both);
    let [lack] = &both.lacking[..] else { panic!("{:?}", both.lacking) };
    assert_eq!(lack.words(), "95 takes 19 residuals at each step, and `y` has 8 at step 1");
    let own = Calibration::new(&dataset, windows, &forecasts, None, &level("80"));
    assert!(own.lacking.is_empty());
    // The other level is as it would be alone.
    assert_eq!(both.half_width("", 0, 1, 0), own.half_width("", 0, 1, 0));
    let coverage = microglia::forecast::coverage(&dataset, windows, &forecasts, &Intervals::around(&both, None));
    assert!(both.half_width("", 0, 1, 1).is_nan() && coverage[0].coverage[1].is_nan() && coverage[0].width[1].is_nan());
    // Of 8 residuals the ⌈9 · 0.8⌉ = 8th, the largest.
    let first = dataset.series[0].parts.validation.start;
    let largest = (first..first + 8).map(|row| dataset.values[row * dataset.channels()].abs()).fold(0.0, f32::max);
    assert!((own.half_width("", 0, 0, 0) - f64::from(largest)).abs() < 1e-6);
    let own = microglia::forecast::coverage(&dataset, windows, &forecasts, &Intervals::around(&own, None));
    assert_eq!(own[0].coverage, [1.0]);
    assert_eq!(non_overlapping(&dataset, windows), 4);
}

#[test]
fn scores_are_those_of_the_summary_and_zeros_have_no_mape() {
    let (dataset, ..) = tiny();
    let windows = dataset.windows(SplitName::Test);
    let forecasts = baselines::seasonal_naive(&dataset, SplitName::Test);
    let mut scores = Scores::new(&["a".into()]);
    scores.add(0, &dataset, windows, 0, &forecasts, (None, None));
    let (total, metrics) = (scores.total().remove(0), score(&dataset, SplitName::Test, &forecasts));
    for (a, b) in [(total.mae, metrics.mae), (total.rmse, metrics.rmse), (total.mase, metrics.mase)] {
        assert!((a.unwrap() - b.unwrap()).abs() < 1e-9);
    }
    assert!((total.scaled_mse - metrics.scaled.mse).abs() < 1e-9 && total.zeros == 0);
    assert_eq!(scores.by(|place| place.step).len(), 2);

    let text = "ds,y\n".to_string() + &(1..=9).map(|i| format!("2024-01-0{i},{}\n", i % 2 * 4)).collect::<String>();
    let options = DataOptions { lookback: Some(2), horizon: Some(1), calendar: Some(false), ..DataOptions::default() };
    let dataset = options.load_text_fitted(&text, &fitted(&[("", 0.0, 1.0)], Scale::Series)).unwrap();
    let mut scores = Scores::new(&["b".into()]);
    // Windows of rows 3 to 9: 4, 0, 4, 0, 4, 0, 4.
    scores.add(0, &dataset, dataset.windows(SplitName::Test), 0, &[2.0; 7], (None, None));
    let score = scores.total().remove(0);
    assert_eq!((score.zeros, score.mape, score.mae), (3, Some(0.5), Some(16.0 / 7.0 - 2.0 / 7.0)));
    assert!((score.smape - (4.0 * 2.0 / 6.0 + 3.0) / 7.0).abs() < 1e-12);

    // Zeros that pass through 32 bits: row 3 repeats row 1 exactly, and by scalers that do not take 0 to 0.
    let dataset = options.load_text_fitted(&text, &fitted(&[("", 0.7, 1.3)], Scale::Series)).unwrap();
    let mut scores = Scores::new(&["c".into()]);
    let repeated: Vec<f32> = [4.0, 0.0, 4.0, 0.0, 4.0, 0.0, 4.0].map(|y| ((y - 0.7) / 1.3) as f32).to_vec();
    scores.add(0, &dataset, dataset.windows(SplitName::Test), 0, &repeated, (None, None));
    let score = scores.total().remove(0);
    assert!(score.zeros == 3 && score.smape < 1e-6, "{score:?}");
    let scaler = dataset.series[0].scalers[0];
    assert_eq!(scaler.unscale_forecast(repeated[1]), 0.0);
    assert!(scaler.unscale(repeated[1].into()) != 0.0, "the case is none");
    assert_eq!(scaler.unscale_forecast(2.0), scaler.unscale(2.0));
}

#[test]
fn windows_of_many_folds_overlap_too() {
    assert_eq!(apart(vec![(0, 10), (0, 12), (0, 11), (0, 13), (1, 10)], 3), 3);
    assert_eq!((apart(vec![(0, 10), (0, 13)], 3), apart(Vec::new(), 3)), (2, 0));
}

#[test]
fn calibration_windows_choose_no_epoch() {
    let (whole, options, _) = tiny();
    let dataset = load(&daily(90), &DataOptions { calibration: Some(0.5), ..options.clone() }).unwrap();
    let rows = dataset.series[0].parts.validation.clone();
    let border = rows.end - rows.len() / 2;
    let origin = |window: &u32| *window as usize + 7;
    assert!(dataset.validation.iter().all(|window| origin(window) + 2 <= border));
    assert!(dataset.calibration.iter().all(|window| origin(window) >= border));
    assert_eq!((dataset.validation.len(), dataset.calibration.len(), whole.validation.len()), (4, 3, 8));
    assert_eq!((dataset.test, dataset.train), (whole.test, whole.train));
    for (share, text) in [(0.05, "0 that calibrate"), (0.95, "leaves 0 windows"), (1.0, "out of range")] {
        let error = rejection(&daily(90), &DataOptions { calibration: Some(share), ..options.clone() });
        assert!(error.contains("`calibration`") && error.contains(text), "{error}");
    }
}

#[test]
fn a_backtest_trains_on_what_came_before() {
    let (whole, options, _) = tiny();
    let fold = load(&daily(90), &DataOptions { backtest: Some(10), ..options.clone() }).unwrap();
    let (parts, before) = (&fold.series[0].parts, &whole.series[0].parts);
    assert_eq!(parts.test, before.test.end - 12..before.test.end - 10);
    assert_eq!((parts.validation.len(), parts.validation.end), (before.validation.len(), parts.test.start));
    assert_eq!(parts.train.end, parts.validation.start);
    assert!(rejection(&daily(90), &DataOptions { backtest: Some(79), ..options }).contains("`folds`"));
}
