//! Train, validation and test: fractions, rows, times, panels, and series that are too short.

use microglia::data::{DataOptions, Dataset, Split};

use super::data::{load, noticed, rejection, small};

fn hourly(id: &str, from: i64, rows: i64) -> String {
    let start = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    (from..from + rows)
        .map(|i| format!("{id},{}Z,{}\n", (start + chrono::Duration::hours(i)).format("%Y-%m-%dT%H:%M"), i % 7))
        .collect()
}

fn split(text: &str) -> DataOptions {
    DataOptions { split: Some(text.parse().unwrap()), ..small() }
}

fn parts(data: &Dataset, series: usize) -> [usize; 3] {
    let parts = &data.series[series].parts;
    [parts.train.len(), parts.validation.len(), parts.test.len()]
}

const HEADER: &str = "unique_id,ds,y\n";

#[test]
fn fractions_round_down() {
    for (rows, fractions, expected) in [
        (100, "0.7,0.1,0.2", [70, 10, 20]),
        (99, "0.7,0.1,0.2", [69, 11, 19]),
        (100, "0.29,0.42,0.29", [29, 42, 29]),
        (100, "0.5,0.2,0.2", [50, 30, 20]),
    ] {
        let data = load(&format!("{HEADER}{}", hourly("a", 0, rows)), &split(fractions)).unwrap();
        assert_eq!(parts(&data, 0), expected, "{fractions} of {rows}");
        assert_eq!(noticed(&data, "validation takes what is left"), fractions.starts_with("0.5"));
    }
}

#[test]
fn windows_keep_their_targets_in_their_part() {
    let options = DataOptions { lookback: Some(5), horizon: Some(3), ..small() };
    let data = load(&format!("{HEADER}{}{}", hourly("a", 0, 100), hourly("b", 0, 100)), &options).unwrap();
    for (windows, part) in [(&data.train, 0), (&data.validation, 1), (&data.test, 2)] {
        let expected = data.series.iter().flat_map(|series| {
            let rows = match part {
                0 => &series.parts.train,
                1 => &series.parts.validation,
                _ => &series.parts.test,
            };
            let first = if part == 0 { rows.start } else { rows.start - 5 };
            (first..=rows.end - 8).map(|row| row as u32)
        });
        assert_eq!(*windows, expected.collect::<Vec<_>>());
    }
}

#[test]
fn row_borders_and_times_agree() {
    let text = format!("{HEADER}{}", hourly("a", 0, 100));
    let rows = load(&text, &split("48,72,96")).unwrap();
    assert_eq!((parts(&rows, 0), rows.rows()), ([48, 24, 24], 96));
    assert!(noticed(&rows, "4 rows after the test rows not used"), "{:?}", rows.notices);
    for times in ["2024-01-03,2024-01-04,2024-01-05", "2024-01-03T00:00Z,2024-01-04T01:00+01:00,2024-01-04 23:30"] {
        assert_eq!(parts(&load(&text, &split(times)).unwrap(), 0), [48, 24, 24], "{times}");
    }
    assert_eq!(parts(&load(&text, &split("2024-01-03,2024-01-04")).unwrap(), 0), [48, 24, 28]);
}

#[test]
fn borders_that_do_not_fit_are_rejected() {
    let text = format!("{HEADER}{}", hourly("a", 0, 100));
    for (borders, part) in [
        ("50,70,101", "TEST_END is row 101, but in series `a` there are 100 rows"),
        ("2024-01-04,2024-01-03", "must rise"),
        ("soon,later", "`soon`: not a time"),
        ("2025-01-01,2025-02-01", "no validation window"),
    ] {
        let message = rejection(&text, &split(borders));
        assert!(message.contains("`split`") && message.contains(part), "{borders}: {message}");
    }
    let naive = text.replace("Z,", ",");
    assert!(rejection(&naive, &split("2024-01-03Z,2024-01-04Z")).contains("not a time"));
    assert!(rejection(&naive, &split("2024-01-03T00Z,2024-01-04T00Z")).contains("no offsets"));
}

#[test]
fn a_part_without_windows_is_named_with_its_numbers() {
    let text = format!("{HEADER}{}{}", hourly("long", 0, 100), hourly("short", 0, 9));
    let options = DataOptions { split: Some(Split::Rows([6, 7, 9])), horizon: Some(2), ..small() };
    let message = rejection(&text, &options);
    assert!(message.contains("no validation window in series `long`: it has 6 training, 1 validation"), "{message}");
    assert!(message.contains("smaller `horizon`, ") && message.contains("`val-size = 0`"), "{message}");
}

#[test]
fn panels_of_one_span_are_split_by_their_own_rows() {
    let with_hole: String =
        hourly("b", 0, 100).lines().filter(|line| !line.contains("T05:00")).map(|line| format!("{line}\n")).collect();
    let data = load(&format!("{HEADER}{}{with_hole}", hourly("a", 0, 100)), &small()).unwrap();
    assert_eq!((parts(&data, 0), parts(&data, 1)), ([70, 10, 20], [67, 10, 19]));
}

#[test]
fn panels_of_several_spans_share_their_dates() {
    let text = format!("{HEADER}{}{}{}", hourly("old", 0, 150), hourly("new", 50, 150), hourly("mid", 30, 130));
    let data = load(&text, &small()).unwrap();
    // 200 hours; borders after 140 and 160 of them.
    assert_eq!([parts(&data, 0), parts(&data, 1), parts(&data, 2)], [[140, 10, 0], [90, 20, 40], [110, 20, 0]]);
    assert!(noticed(&data, "validation from 2024-01-06T20:00Z, test from 2024-01-07T16:00Z"), "{:?}", data.notices);
    assert!(noticed(&data, "without test windows: 2 of 3 series: `old`, `mid`"), "{:?}", data.notices);
    // No training target is later than the first test target anywhere.
    let instant = |row: usize| {
        let series = &data.series[data.series_of(row)];
        series.timestamps[row - series.rows.start].instant
    };
    let last_train = data.train.iter().map(|w| instant(*w as usize + data.lookback + data.horizon - 1)).max();
    let first_test = data.test.iter().map(|w| instant(*w as usize + data.lookback)).min();
    assert!(last_train < first_test);

    let apart = format!("{HEADER}{}{}", hourly("old", 0, 50), hourly("new", 60, 50));
    let data = load(&apart, &small()).unwrap();
    assert_eq!([parts(&data, 0), parts(&data, 1)], [[50, 0, 0], [20, 10, 20]]);
    // Typed row borders are followed, and said to overlap.
    let typed = load(&apart, &split("30,40,50")).unwrap();
    assert!(noticed(&typed, "series `new` are later than the first test rows of series `old`"), "{:?}", typed.notices);
}
