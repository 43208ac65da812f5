//! Business days by threes, days that roll over weekends, and calendars that are a guess.

use chrono::{Datelike, Days, NaiveDate};
use microglia::data::{Calendar, DataOptions};

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
    let first = NaiveDate::from_ymd_opt(2020, 2, 1).unwrap();
    for weeks in [[4, 4, 5], [4, 5, 4], [5, 4, 4]] {
        let ends = (0..48).scan(first, |day, i| {
            *day = *day + Days::new(7 * weeks[i % 3]);
            Some(day.to_string())
        });
        let data = load(&file(ends), &small()).unwrap();
        assert!(noticed(&data, GUESS) && noticed(&data, "`freq`"), "{weeks:?}: {:?}", data.notices);
    }
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
