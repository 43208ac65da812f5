//! Clocks: files from new to old across a change, offsets that vary, names of zones, advice on order.

use microglia::data::DataOptions;

use super::calendars::{ahead, days, file, stamp};
use super::data::{load, noticed, rejection, small};

fn berlin() -> DataOptions {
    DataOptions { timezone: Some("Europe/Berlin".into()), ..small() }
}

/// Hours by Berlin's clock, across the night in which it goes back.
fn hours(count: i64, form: &str) -> Vec<String> {
    let start = chrono::NaiveDate::from_ymd_opt(2024, 10, 26).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let local = |hour| (start + chrono::Duration::hours(hour)).with_timezone(&chrono_tz::Europe::Berlin);
    (0..count).map(|hour| local(hour).format(form).to_string()).collect()
}

#[test]
fn a_file_from_new_to_old_may_repeat_an_hour() {
    let all = hours(60, "%Y-%m-%d %H:%M");
    let newest = file(all[..50].iter().rev().cloned());
    let data = load(&newest, &berlin()).unwrap();
    assert!(noticed(&data, "run from new to old") && noticed(&data, "2 rows in hours that the clock"));
    assert!(!noticed(&data, "missing time"), "{:?}", data.notices);
    assert_eq!(ahead(&data, 10), all[50..]);
    // The same of a panel, and without a zone there is no such reading.
    let panel = |id: &str| all[..50].iter().rev().map(|time| format!("{id},{time},1\n")).collect::<String>();
    let data = load(&format!("unique_id,ds,y\n{}{}", panel("a"), panel("b")), &berlin()).unwrap();
    assert!(noticed(&data, "run from new to old"), "{:?}", data.notices);
    assert!(rejection(&newest, &small()).contains("`timezone`"));
}

#[test]
fn offsets_that_vary_without_a_zone_are_told() {
    let all = hours(60, "%Y-%m-%dT%H:%M:%S%:z");
    let line = "the times' offsets vary (+01:00, +02:00)";
    let data = load(&file(all.clone()), &small()).unwrap();
    assert!(noticed(&data, line) && noticed(&data, "`timezone`"), "{:?}", data.notices);
    assert!(!noticed(&load(&file(all.clone()), &berlin()).unwrap(), line));
    assert!(!noticed(&load(&file(all[..20].to_vec()), &small()).unwrap(), line));
}

#[test]
fn names_near_a_zone_suggest_it() {
    for (name, zone) in [
        ("Berlin", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("Germany/Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("america/new york", "America/New_York"),
        ("Tokio", "Asia/Tokyo"),
        ("Kolkatta", "Asia/Kolkata"),
    ] {
        let message =
            rejection(&file(days("2024-01-01", 30, |_| true)), &DataOptions { timezone: Some(name.into()), ..small() });
        assert!(message.contains(&format!(": {zone}, perhaps")), "{name}: {message}");
    }
    for name in ["PST", "Middle Earth"] {
        let options = DataOptions { timezone: Some(name.into()), ..small() };
        let message = rejection(&file(days("2024-01-01", 30, |_| true)), &options);
        assert!(message.contains("as Europe/Berlin") && !message.contains("perhaps"), "{message}");
    }
}

#[test]
fn sorting_is_not_advised_where_times_are_the_same() {
    let mut all = days("2024-01-01", 30, |_| true);
    all.swap(10, 20);
    assert!(rejection(&file(all.clone()), &small()).contains("`sort"));
    all[25] = all[24].clone();
    assert!(!rejection(&file(all.clone()), &small()).contains("`sort"));
    let panel: String = all.iter().map(|day| format!("a,{day},1\n")).collect();
    let message = rejection(&format!("unique_id,ds,y\n{panel}"), &small());
    assert!(message.contains("some times occur twice") && !message.contains("`sort"), "{message}");
}

#[test]
fn a_zone_settles_repeated_and_missing_hours() {
    let berlin = DataOptions { timezone: Some("Europe/Berlin".into()), ..small() };
    let zone = chrono_tz::Europe::Berlin;
    let local = |from: i64, count: i64, form: &str| -> Vec<String> {
        (from..from + count)
            .map(|hour| {
                chrono::DateTime::from_timestamp(hour * 3600, 0).unwrap().with_timezone(&zone).format(form).to_string()
            })
            .collect()
    };
    let hour = |text: &str| stamp(text).instant / 3_600_000_000;
    // 2024-03-31 02:00 does not exist; 2024-10-27 02:00 comes twice.
    for start in [hour("2024-03-28"), hour("2024-10-24")] {
        for form in ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%:z"] {
            let all = local(start, 84, form);
            for rows in [60, 73, 74, 76] {
                let data = load(&file(all[..rows].to_vec()), &berlin).unwrap();
                assert!(!noticed(&data, "missing time") && !noticed(&data, "no whole number"), "{:?}", data.notices);
                assert_eq!(ahead(&data, 84 - rows), all[rows..], "{form}, after {rows} rows");
            }
        }
    }
    let all = local(hour("2024-10-24"), 84, "%Y-%m-%d %H:%M");
    assert!(rejection(&file(all.clone()), &small()).contains("`timezone`"));
    assert!(noticed(&load(&file(all), &berlin).unwrap(), "2 rows in hours that the clock of Europe/Berlin repeats"));
    let leapt = file((0..30).map(|i| format!("2024-03-31 {:02}:00", i % 24)).take(24));
    assert!(rejection(&leapt, &berlin).contains("leaps over this time"));
    let message = rejection(&leapt, &DataOptions { timezone: Some("Europe/Berln".into()), ..small() });
    assert!(message.contains("`timezone`") && message.contains("Europe/Berlin"), "{message}");
    // UTC in the file: days are Berlin's, and what is written is UTC again.
    let utc: Vec<String> = (0..50i64)
        .map(|i| {
            chrono::DateTime::from_timestamp((hour("2024-03-29") + i) * 3600, 0)
                .unwrap()
                .format("%Y-%m-%dT%H:%MZ")
                .to_string()
        })
        .collect();
    let data = load(&file(utc[..44].to_vec()), &berlin).unwrap();
    assert_eq!((ahead(&data, 6), data.time_label(0).as_str()), (utc[44..].to_vec(), "2024-03-29T01:00+01:00"));
}

#[test]
fn borders_are_times_that_the_clock_shows_once() {
    let form = "%Y-%m-%d %H:%M";
    for (first, border, part) in [
        ("2024-10-26", "2024-10-27 02:00", "shows it twice"),
        ("2024-03-30", "2024-03-31 02:30", "leaps over this time"),
    ] {
        let from = stamp(first).instant / 3_600_000_000;
        let time = |hour: i64| chrono::DateTime::from_timestamp((from + hour) * 3600, 0).unwrap();
        let all = (0..72).map(|hour| time(hour).with_timezone(&chrono_tz::Europe::Berlin).format(form).to_string());
        let text = file(all);
        let split = |border: &str| DataOptions {
            timezone: Some("Europe/Berlin".into()),
            split: Some(format!("{border},2024-10-28").parse().unwrap()),
            ..small()
        };
        let message = rejection(&text, &split(border));
        assert!(message.contains("`split`") && message.contains(part) && message.contains(border), "{message}");
        if part == "shows it twice" {
            let (first, second) = ("2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00");
            assert!(message.contains(first) && message.contains(second), "{message}");
            let trained = |border: &str| load(&text, &split(border)).unwrap().series[0].parts.train.len();
            assert_eq!(trained(first) + 1, trained(second));
        }
    }
}

#[test]
fn days_begin_where_a_clock_leaps_over_midnight() {
    let zone = DataOptions { timezone: Some("America/Sao_Paulo".into()), ..small() };
    // 2018-11-04 began at one o'clock.
    let all = days("2018-10-01", 60, |_| true);
    for rows in [30, 34, 35, 50] {
        let data = load(&file(all[..rows].to_vec()), &zone).unwrap();
        assert_eq!(ahead(&data, 60 - rows), all[rows..], "after {rows} rows");
        assert!(!noticed(&data, "missing time") && !noticed(&data, "no whole number"), "{:?}", data.notices);
    }
    // An hour that is leapt over is none still.
    let hours = file((0..48).map(|hour| format!("2018-11-{:02} {:02}:00", 3 + hour / 24, hour % 24)));
    assert!(rejection(&hours, &zone).contains("leaps over this time"));
}

#[test]
fn times_that_a_clock_leaps_over_are_not_written_twice() {
    let hours = days("2023-03-01", 25, |_| true)
        .into_iter()
        .flat_map(|day| (0..6).map(move |hour| format!("{day} 0{hour}:00:00")));
    let options = DataOptions { timezone: Some("Europe/Berlin".into()), ..small() };
    let data = load(&file(hours), &options).unwrap();
    let next = ["00:00:00", "01:00:00", "03:00:00", "04:00:00", "05:00:00"].map(|hour| format!("2023-03-26 {hour}"));
    assert_eq!(ahead(&data, 6)[..5], next);
    assert_eq!(ahead(&data, 6)[5], "2023-03-27 00:00:00");
}

/// Times of a step, from local midnight or later, by the clock of a zone: a step of time, or times of day.
fn steps(first: &str, hour: i64, step: i64, rows: i64, on_clock: bool) -> Vec<String> {
    use chrono::{Duration, TimeZone};
    let zone = chrono_tz::Europe::Berlin;
    let start = first.parse::<chrono::NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap() + Duration::hours(hour);
    let time = |i: i64| match on_clock {
        true => zone.from_local_datetime(&(start + Duration::hours(step * i))).earliest().unwrap(),
        false => zone.from_local_datetime(&start).unwrap() + Duration::hours(step * i),
    };
    (0..rows).map(|i| time(i).format("%Y-%m-%d %H:%M").to_string()).collect()
}

#[test]
fn steps_are_of_time_or_of_the_clock_as_the_rows_tell() {
    // None that the clock leaps over; and of a step of time, none that it repeats before the step is over.
    let steps_and_clocks =
        [(8, 12), (0, 6), (0, 4), (0, 8), (1, 3)].map(|(hour, step)| [(hour, step, true), (hour, step, false)]);
    let others = [(0, 3, true), (1, 2, true), (0, 2, false)];
    for (hour, step, on_clock) in steps_and_clocks.into_iter().flatten().chain(others) {
        let per_day = 24 / step;
        // Across the change of October, and on to that of March.
        let all = steps("2021-09-20", hour, step, 260 * per_day, on_clock);
        let rows = (150 * per_day) as usize;
        let alias = if on_clock { format!("{step}h@clock") } else { format!("{step}h") };
        let named = [None, Some(alias.clone()), Some(format!("{step}h"))];
        for freq in named.map(|name| name.map(|name| name.parse::<microglia::data::Calendar>().unwrap())) {
            let data = load(&file(all[..rows].to_vec()), &DataOptions { freq, ..berlin() }).unwrap();
            assert_eq!(data.calendar.to_string(), alias);
            assert!(!noticed(&data, "missing time") && !noticed(&data, "no whole number"), "{:?}", data.notices);
            assert_eq!(ahead(&data, all.len() - rows), all[rows..], "{alias} from {hour} o'clock");
            assert_eq!(data.season, per_day as usize);
        }
    }
    // Where the rows saw no change, the other one is a guess; not of hours, of which both have the same.
    let rivals = |step: i64, freq: Option<&str>| {
        let freq = freq.map(|freq| freq.parse().unwrap());
        let data = load(&file(steps("2021-11-20", 0, step, 200, false)), &DataOptions { freq, ..berlin() }).unwrap();
        (data.calendar.to_string(), data.rivals.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(rivals(6, None), ("6h".into(), vec!["6h@clock".into()]));
    assert_eq!(rivals(6, Some("6h")), ("6h".into(), vec![]));
    assert_eq!(rivals(6, Some("6h@clock")), ("6h@clock".into(), vec![]));
    assert_eq!(rivals(1, None), ("h".into(), vec![]));
    for alias in ["24h@clock", "1s@clock", "D@clock", "@clock", "h@clocks"] {
        assert!(alias.parse::<microglia::data::Calendar>().is_err(), "{alias}");
    }
}

#[test]
fn opening_hours_are_counted_on_the_clock() {
    use microglia::data::{FillMissing, Gaps};
    // Nights from midnight to six, every half hour, of a clock that leaps over two o'clock, or shows it twice.
    for first in ["2024-03-18", "2024-10-14"] {
        let start: chrono::NaiveDate = first.parse().unwrap();
        let utc = |i: i64| start.and_hms_opt(0, 0, 0).unwrap().and_utc() + chrono::Duration::minutes(30 * i - 120);
        let local = |i: i64| utc(i).with_timezone(&chrono_tz::Europe::Berlin);
        let night = |i: &i64| chrono::Timelike::hour(&local(*i)) < 6 && local(*i).date_naive() >= start;
        let all: Vec<String> =
            (0..48 * 26).filter(night).map(|i| local(i).format("%Y-%m-%d %H:%M").to_string()).collect();
        for (gaps, zero) in [(Gaps::Error, None), (Gaps::Fill, None), (Gaps::Notice, Some(FillMissing::Zero))] {
            let options = DataOptions { gaps: Some(gaps), fill_missing: zero, ..berlin() };
            let data = load(&file(all.clone()), &options).unwrap_or_else(|error| panic!("{first}: {error}"));
            assert_eq!(data.rows(), all.len(), "{first}, {gaps}");
            assert!(data.calendar.to_string().contains("00:00-05:30/30min"), "{}", data.calendar);
            assert!(!noticed(&data, "missing time") && !noticed(&data, "no whole number"), "{:?}", data.notices);
        }
    }
}

#[test]
fn an_origin_that_the_clock_does_not_show_once_is_rejected() {
    let data = load(&file(hours(300, "%Y-%m-%d %H:%M")), &berlin()).unwrap();
    let cutoff = |text: &str| {
        let found = data.cutoffs(&microglia::data::Start::Time(text.into())).map_err(|error| error.to_string());
        found.map(|found| found.0[0].row)
    };
    let rejected = |text: &str, part: &str| {
        let message = cutoff(text).unwrap_err();
        assert!(message.contains("`origin`") && message.contains(text) && message.contains(part), "{message}");
    };
    rejected("2024-10-27 02:30", "shows it twice");
    rejected("2024-10-27 02:30", "2024-10-27T02:30+02:00 or 2024-10-27T02:30+01:00");
    rejected("2025-03-30 02:30", "the clock of Europe/Berlin leaps over this time");
    let said = ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27 03:00"].map(cutoff);
    assert_eq!(said, [Ok(24), Ok(25), Ok(26)]);
}
