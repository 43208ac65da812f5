//! Periods of 4, 4 and 5 weeks, of years of 52 or 53.

use chrono::{Days, NaiveDate};
use microglia::data::{Calendar, DataOptions, FillMissing};

use super::calendars::{ahead, calendar, file, stamp};
use super::cli::{microglia, stderr, stdout};
use super::cli_forecast::{done, rows};
use super::data::{load, noticed, small};

const UNKNOWN: &str = "when a year has a 53rd week is not known";

/// So many dates after one, by weeks that are repeated.
fn periods(after: &str, weeks: &[u64], count: usize) -> Vec<String> {
    let first: NaiveDate = after.parse().unwrap();
    let next = |day: &mut NaiveDate, i: usize| {
        *day = *day + Days::new(7 * weeks[i % weeks.len()]);
        Some(day.to_string())
    };
    (0..count).scan(first, next).collect()
}

#[test]
fn periods_of_4_and_5_weeks_go_on() {
    for weeks in [[4, 4, 5], [4, 5, 4], [5, 4, 4]] {
        for after in ["2019-02-02", "2019-02-03", "2018-12-28"] {
            let all = periods(after, &weeks, 60);
            for rows in [14, 48] {
                let data = load(&file(all[..rows].to_vec()), &small()).unwrap();
                assert_eq!(ahead(&data, 12), all[rows..rows + 12], "{weeks:?} {}", data.calendar);
                assert!(noticed(&data, UNKNOWN) && noticed(&data, "445E-N-JAN-SAT"), "{:?}", data.notices);
                assert!(!noticed(&data, "guess") && !noticed(&data, "missing time"), "{:?}", data.notices);
                assert_eq!(data.calendar.to_string().parse::<Calendar>().unwrap(), data.calendar);
                if rows > 24 {
                    assert_eq!(data.season, 12);
                }
            }
        }
    }
}

/// The ends of fiscal months of the National Retail Federation, February 2012 to January 2026; 2012, 2017 and 2023 have 53 weeks.
fn federation() -> Vec<String> {
    let mut all = Vec::new();
    let mut end = "2012-01-28".to_string();
    for year in 2012..2026 {
        let last = if [2012, 2017, 2023].contains(&year) { 5 } else { 4 };
        let weeks = [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, last];
        all.extend(periods(&end, &weeks, 12));
        end = all.last().unwrap().clone();
    }
    all
}

#[test]
fn years_of_53_weeks_are_found_and_can_be_named() {
    let all = federation();
    assert_eq!(all.last().unwrap(), "2026-01-31");
    // Two years of 53 weeks tell when the third one comes.
    let data = load(&file(all[..120].to_vec()), &small()).unwrap();
    assert_eq!((data.calendar.to_string().as_str(), data.season), ("454E-N-JAN-SAT", 12));
    assert_eq!(ahead(&data, 48), all[120..]);
    assert!(!noticed(&data, UNKNOWN) && !noticed(&data, "guess"), "{:?}", data.notices);
    // By the first days of periods.
    let begins: Vec<String> =
        all.iter().map(|day| (day.parse::<NaiveDate>().unwrap() + Days::new(1)).to_string()).collect();
    let named = DataOptions { freq: Some(calendar("454S-N-JAN-SAT")), ..small() };
    let data = load(&file(begins[..24].to_vec()), &named).unwrap();
    assert_eq!(ahead(&data, 144), begins[24..]);
    assert!(!noticed(&data, UNKNOWN) && !noticed(&data, "another calendar"), "{:?}", data.notices);
    // Absent rows are found, and made.
    let gone = [20, 30, 31, 71];
    let kept = all[..120].iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, day)| day.clone());
    let options = DataOptions { fill_missing: Some(FillMissing::Zero), ..small() };
    let data = load(&file(kept), &options).unwrap();
    assert_eq!(data.series[0].timestamps, all[..120].iter().map(|day| stamp(day)).collect::<Vec<_>>());
    for wrong in [
        "445",
        "445E",
        "445X-N-JAN-SAT",
        "445E-N-JAN",
        "445E-M-JAN-SAT",
        "445E-N-JAN-SAT-1",
        "455E-N-JAN-SAT",
        "445E@2023-02-30",
        "44é",
    ] {
        assert!(wrong.parse::<Calendar>().is_err() || wrong == "445", "{wrong}");
    }
}

/// The checkpoint keeps the calendar: a file of a few rows goes on by it.
#[test]
fn a_trained_model_keeps_the_calendar() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let all = federation();
    let write = |rows: &[String]| std::fs::write(folder.join("data.csv"), file(rows.to_vec())).unwrap();
    write(&all[..120]);
    let train = ["train", "--data", "data.csv", "--horizon", "3", "--lookback", "3", "--epochs", "1", "--hidden", "2"];
    done(&microglia(folder, &[&train[..], &["--device=cpu", "--out", "run"]].concat()));
    write(&all[130..141]);
    let forecast = ["forecast", "--checkpoint", "run", "--device=cpu", "--levels", "none", "--data", "data.csv"];
    let output = microglia(folder, &forecast);
    done(&output);
    let found: Vec<String> = rows(&stdout(&output))[1..].iter().map(|row| row[1].clone()).collect();
    assert_eq!(found, all[141..144]);
    let told = "the calendar continues by periods of 4, 5 and 4 weeks, by their last days, of years to the Saturday nearest to the end";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
}
