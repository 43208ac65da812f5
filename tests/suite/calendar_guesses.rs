//! Business days by threes, days that roll over weekends, and calendars that are a guess.

use chrono::{Datelike, NaiveDate};
use microglia::data::{Calendar, DataOptions, FillMissing};

use super::calendars::{ahead, days, file};
use super::data::{load, noticed, small};

const GUESS: &str = "the dates of forecasts are a guess";

#[test]
fn every_third_business_day_is_found_and_can_be_named() {
    let business = days("2024-01-01", 240, |day| day.weekday().number_from_monday() < 6);
    for every in [2, 3, 4, 7] {
        let all: Vec<String> = business.iter().step_by(every).cloned().collect();
        let rows = all.len() - 5;
        for freq in [None, Some(format!("{every}B").parse::<Calendar>().unwrap())] {
            let data = load(&file(all[..rows].to_vec()), &DataOptions { freq, ..small() }).unwrap();
            assert_eq!((data.calendar.to_string(), ahead(&data, 5)), (format!("{every}B"), all[rows..].to_vec()));
            assert!(!noticed(&data, GUESS) && !noticed(&data, "missing time"), "{:?}", data.notices);
        }
    }
}

#[test]
fn a_day_of_the_month_may_roll_over_weekends() {
    let roll = |number: u32, way: i64| {
        move |i: u32| {
            let mut day = NaiveDate::from_ymd_opt(2015 + i as i32 / 12, 1 + i % 12, number).unwrap();
            while day.weekday().number_from_monday() > 5 {
                day += chrono::Duration::days(way);
            }
            day.to_string()
        }
    };
    for (number, way, alias) in [(15, 1, "MS-15-NEXT"), (10, 1, "MS-10-NEXT"), (15, -1, "MS-15-PREV")] {
        let all: Vec<String> = (0..72).map(roll(number, way)).collect();
        let data = load(&file(all[..60].to_vec()), &small()).unwrap();
        assert_eq!((data.calendar.to_string().as_str(), data.season), (alias, 12));
        assert_eq!(ahead(&data, 12), all[60..], "{alias}");
        assert!(!noticed(&data, GUESS) && !noticed(&data, "another calendar"), "{:?}", data.notices);
        assert_eq!(alias.parse::<Calendar>().unwrap(), data.calendar);
    }
}

#[test]
fn calendars_that_are_not_known_are_told_as_a_guess() {
    // Up to a quarter of a step from a fixed interval rows are on it; beyond that the interval is a guess.
    let jitter = |most: u64| {
        let second = |i: u64| 3600 * i + (i * 7919 % 101) * most / 100;
        let time =
            |i: u64| chrono::DateTime::from_timestamp(1_700_000_000 / 3600 * 3600 + second(i) as i64, 0).unwrap();
        load(&file((0..100).map(|i| time(i).format("%Y-%m-%d %H:%M:%S").to_string())), &small()).unwrap()
    };
    let near = jitter(600);
    assert!(noticed(&near, "rows lie beside a step of 1 hour") && !noticed(&near, GUESS), "{:?}", near.notices);
    let far = jitter(3000);
    assert!(noticed(&far, GUESS), "{:?}", far.notices);
    // Days with a few gaps are none.
    let gaps = days("2024-01-01", 60, |day| day.day() != 17);
    assert!(!noticed(&load(&file(gaps), &small()).unwrap(), GUESS));
}

/// One of ten numbers for each day.
fn chance(day: NaiveDate) -> u32 {
    microglia::program::rng::draw(5, 1, 0, day.num_days_from_ce() as u32) % 10
}

#[test]
fn calendars_most_of_whose_times_have_no_row_are_told_as_a_guess() {
    // Every eighth day of each year, tens of days, the 10th and the 25th, any days, and summers.
    type Rule = fn(NaiveDate) -> bool;
    let sparse: [(&str, Rule); 5] = [
        ("2015-01-01", |day| day.ordinal0() % 8 == 0),
        ("2015-01-01", |day| [1, 11, 21].contains(&day.day())),
        ("2015-01-10", |day| [10, 25].contains(&day.day())),
        ("2015-01-01", |day| chance(day) < 3),
        ("2015-06-01", |day| (6..9).contains(&day.month())),
    ];
    for (first, rule) in sparse {
        let text = file(days(first, 400, rule));
        let data = load(&text, &small()).unwrap();
        assert!(noticed(&data, GUESS) && noticed(&data, "have no row"), "{:?}", data.notices);
        let named = load(&text, &DataOptions { freq: Some("D".parse().unwrap()), ..small() }).unwrap();
        let zeros = load(&text, &DataOptions { fill_missing: Some(FillMissing::Zero), ..small() }).unwrap();
        assert!(!noticed(&named, GUESS) && !noticed(&zeros, GUESS), "{:?}", named.notices);
    }
    let months = |rule: fn(u32) -> bool| {
        let all = (0..240u32).filter(|month| rule(month % 12)).map(|month| (2000 + month / 12, 1 + month % 12));
        load(&file(all.map(|(year, month)| format!("{year}-{month:02}-01"))), &small()).unwrap()
    };
    let growing = months(|month| (3..9).contains(&month));
    assert!(noticed(&growing, GUESS), "{:?}", growing.notices);
    // A month of each year, days as chance has it, and one long pause are gaps.
    let august = months(|month| month != 7);
    let some = days("2015-01-01", 900, |day| chance(day) < 7);
    let pause = days("2015-01-01", 900, |day| !(2016..2022).contains(&day.year()));
    for data in [august, load(&file(some), &small()).unwrap(), load(&file(pause), &small()).unwrap()] {
        assert!(!noticed(&data, GUESS) && noticed(&data, "missing time"), "{:?}", data.notices);
    }
}

#[test]
fn shifts_that_no_calendar_has_are_told_as_a_guess() {
    // Four days on and four off, six and two; days without a row as chance has it are gaps.
    for (on, all, first) in [(4, 8, 0), (4, 8, 2), (6, 8, 3), (2, 5, 1)] {
        let shifts = days("2018-01-01", 120, |day| (day.num_days_from_ce() + first) % all < on);
        let data = load(&file(shifts.clone()), &small()).unwrap();
        assert!(noticed(&data, GUESS), "{on} of {all}: {:?}", data.notices);
        let filled = DataOptions { fill_missing: Some(FillMissing::Zero), ..small() };
        assert!(!noticed(&load(&file(shifts), &filled).unwrap(), GUESS));
    }
    let some = days("2018-01-01", 120, |day| chance(day) < 7);
    assert!(!noticed(&load(&file(some), &small()).unwrap(), GUESS));
}

#[test]
fn a_season_counts_rows_that_were_inserted() {
    let weekly = days("2020-01-06", 110, |day| day.weekday().number_from_monday() == 1);
    let gappy: Vec<String> = weekly.into_iter().enumerate().filter(|(i, _)| i % 5 != 3).map(|(_, day)| day).collect();
    let season = |gaps: &str, zero: Option<FillMissing>| {
        let impute = Some("ffill".parse().unwrap());
        let options = DataOptions { gaps: Some(gaps.parse().unwrap()), fill_missing: zero, impute, ..small() };
        let data = load(&file(gappy.clone()), &options).unwrap();
        (data.season, data.series[0].season)
    };
    assert_eq!(season("fill", None), (52, 52));
    assert_eq!(season("notice", Some(FillMissing::Zero)), (52, 52));
    assert_eq!(season("notice", None), (1, 1));
}
