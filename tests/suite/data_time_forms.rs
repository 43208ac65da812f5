//! Times in every spelling: read, continued, and written in the form of the file.

use chrono::NaiveDate;
use microglia::data::{DataOptions, Timestamp};

use super::calendars::{ahead, calendar, days, file, stamp};
use super::data::{load, noticed, rejection, small};

#[test]
fn quarters_and_months_are_written_as_they_are_read() {
    let quarter = |form: &'static str| {
        move |i: usize| form.replace("YYYY", &(2000 + i / 4).to_string()).replace('#', &(1 + i % 4).to_string())
    };
    for form in
        ["Q# YYYY", "Q#-YYYY", "Q#/YYYY", "YYYY Q#", "YYYY-Q#", "YYYYQ#", "YYYYq#", "q# YYYY", "YYYY-q#", "YYYY/Q#"]
    {
        let all: Vec<String> = (0..44).map(quarter(form)).collect();
        let data = load(&file(all[..40].to_vec()), &small()).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(data.step().to_string(), "3 months", "{form}");
        assert_eq!(ahead(&data, 4), all[40..], "{form}");
    }
    let month = |i: usize, form: &str| {
        let date = chrono::NaiveDate::from_ymd_opt(2001 + i as i32 / 12, 1 + i as u32 % 12, 1).unwrap();
        date.format(form).to_string()
    };
    for form in ["%m/%Y", "%-m/%Y", "%m-%Y", "%b %Y", "%b-%y", "%B %Y", "%d %b %Y", "%YM%m"] {
        let all: Vec<String> = (0..50).map(|i| month(i, form)).collect();
        let data = load(&file(all[..44].to_vec()), &small()).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(data.step().to_string(), "1 month", "{form}");
        assert_eq!(ahead(&data, 6), all[44..], "{form}");
    }
    // September with four letters, in any case.
    for case in [str::to_string as fn(&str) -> String, str::to_uppercase, str::to_lowercase] {
        let all: Vec<String> = (0..50).map(|i| case(&month(i, "%d %b %Y").replace("Sep", "Sept"))).collect();
        let data = load(&file(all[..44].to_vec()), &small()).unwrap();
        assert_eq!(ahead(&data, 6), all[44..]);
    }
}

#[test]
fn formats_may_hold_quarters() {
    for (format, form) in [("%Y Q%q", "YYYY Q#"), ("Q%q %Y", "Q# YYYY"), ("%q/%Y", "#/YYYY"), ("%Y:%q", "YYYY:#")] {
        let quarter =
            |i: usize| form.replace("YYYY", &(2000 + i / 4).to_string()).replace('#', &(1 + i % 4).to_string());
        let all: Vec<String> = (0..44).map(quarter).collect();
        let options = DataOptions { time_format: Some(format.into()), ..small() };
        let data = load(&file(all[..40].to_vec()), &options).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!((data.step().to_string().as_str(), ahead(&data, 4)), ("3 months", all[40..].to_vec()), "{format}");
    }
    let options = DataOptions { time_format: Some("%d %b %Y".into()), ..small() };
    let all: Vec<String> = (1..30).map(|day| format!("{day:02} Sept 2022")).collect();
    assert_eq!(ahead(&load(&file(all[..28].to_vec()), &options).unwrap(), 1), all[28..]);
}

#[test]
fn times_of_no_known_form_are_named_and_no_other_column_takes_their_place() {
    let rows: String = (0..30).map(|i| format!("week {i} of 22,{i},{}\n", i * i % 7)).collect();
    for header in ["date,index,y", "ds,period,y", "date,n,y"] {
        let message = rejection(&format!("{header}\n{rows}"), &small());
        for part in ["test.csv:2", "week 0 of 22", "not a time in a known form", "`time-format`", "`time-column`"] {
            assert!(message.contains(part), "{header}: {message}");
        }
    }
    let other = DataOptions { time_column: Some("index".into()), ..small() };
    assert!(load(&format!("date,index,y\n{rows}"), &other).is_ok());
}

/// So many hours after the 12th of January, midnight as 24:00 of the day before.
fn ends(hours: i64, date: &str, hour: &str) -> String {
    let time =
        NaiveDate::from_ymd_opt(2022, 1, 12).unwrap().and_hms_opt(0, 0, 0).unwrap() + chrono::Duration::hours(hours);
    match hours % 24 {
        0 => {
            let hour = hour.replace("%H", "24").replace("%-H", "24");
            (time - chrono::Duration::days(1)).format(&format!("{date}{hour}")).to_string()
        }
        _ => time.format(&format!("{date}{hour}")).to_string(),
    }
}

#[test]
fn times_are_written_as_they_were_read() {
    for (format, step) in [
        ("%Y-%m-%d", "D"),
        ("%Y%m%d", "D"),
        ("%d.%m.%Y", "D"),
        ("%-d.%-m.%Y", "D"),
        ("%-m/%-d/%Y", "D"),
        ("%d-%b-%y", "D"),
        ("%d-%B-%Y", "D"),
        ("%B %-d, %Y", "D"),
        ("%YQ%q", "QS"),
        ("%Y-Q%q", "QS"),
        ("%b %Y", "MS"),
        ("%Y-%m", "MS"),
        ("%YM%m", "MS"),
        ("%G-W%V", "W-MON"),
        ("%Y-%m-%dT%H:%M:%SZ", "h"),
        ("%Y-%m-%d %H:%M", "h"),
        ("%m/%d/%Y %I:%M:%S %p", "h"),
        ("%d/%m/%Y %-H:%M", "h"),
        ("%Y%m%d%H", "h"),
        ("%Y-%m-%d %H:%M:%S%.3f", "10ms"),
        ("%Y-%m-%dT%H:%M:%S%.6fZ", "10ms"),
        ("%s", "h"),
        ("%s.0", "min"),
        ("%s000", "h"),
    ] {
        let times = calendar(step).next(stamp("2022-01-12"), 80).unwrap();
        let written = |time: &Timestamp| {
            let text = chrono::DateTime::from_timestamp_micros(time.instant).unwrap().naive_utc().and_utc();
            text.format(format).to_string()
        };
        let all: Vec<String> = times.iter().map(written).collect();
        let options = DataOptions { time_column: Some("time".into()), ..small() };
        let data = load(&file(all[..70].to_vec()), &options).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(ahead(&data, 10), all[70..], "{format}");
    }
    // Hours that end at 24:00 of their day.
    for (date, hour) in [("%Y-%m-%d", " %H:00"), ("%d.%m.%Y", " %H:%M"), ("%m/%d/%Y", "T%H:%M:%S"), ("%Y%m%d", " %-H")]
    {
        for first in [1, 0] {
            let all: Vec<String> = (first..80).map(|i| ends(i, date, hour)).collect();
            let data = load(&file(all[..70].to_vec()), &small()).unwrap_or_else(|error| panic!("{date}: {error}"));
            assert_eq!(ahead(&data, 5), all[70..75], "{date}{hour}");
            assert!(!noticed(&data, "times to come are written as"));
        }
    }
    let columns: Vec<String> = (1..80).map(|i| ends(i, "%d.%m.%Y", " %-H")).collect();
    let rows = columns[..70].iter().enumerate().map(|(i, time)| format!("{},{}\n", time.replace(' ', ","), i * i % 7));
    let options = DataOptions { time_column: Some("Date+Hour".into()), ..small() };
    let data = load(&format!("Date,Hour,y\n{}", rows.collect::<String>()), &options).unwrap();
    assert_eq!(ahead(&data, 5), columns[70..75]);
    // Where midnight is written in both ways, no form gives the texts again, which a line says.
    let both = (1..70).map(|i| if i == 24 { "2022-01-13 00:00".into() } else { ends(i, "%Y-%m-%d", " %H:%M") });
    let data = load(&file(both), &small()).unwrap();
    assert!(noticed(&data, "times to come are written as 2022-01-12 01:00:00"), "{:?}", data.notices);
    // Digits beyond microseconds are cut, and are as many as before.
    let all: Vec<String> = (0..60).map(|i| format!("2022-01-01 00:00:{:02}.{}00000001", i / 2, i % 2 * 5)).collect();
    let data = load(&file(all[..50].to_vec()), &small()).unwrap();
    assert_eq!(ahead(&data, 2), ["2022-01-01 00:00:25.000000000", "2022-01-01 00:00:25.500000000"]);
    // Fractions have the same digits everywhere, though the file leaves them out on whole seconds.
    let text = file((0..50).map(|i| {
        if i % 10 == 0 {
            format!("2022-01-01 00:00:0{}", i / 10)
        } else {
            format!("2022-01-01 00:00:0{}.{}", i / 10, i % 10)
        }
    }));
    let data = load(&text, &small()).unwrap();
    assert_eq!(ahead(&data, 2), ["2022-01-01 00:00:05.0", "2022-01-01 00:00:05.1"]);
    assert!(noticed(&data, "sampling step 100 milliseconds"), "{:?}", data.notices);
}

#[test]
fn years_are_read_by_their_name_or_their_format() {
    let years = |name: &str| {
        (1990..2024).fold(format!("{name},GDP\n"), |text, year| text + &format!("{year},{}\n", year * 7 % 11))
    };
    for (name, format) in [("Year", None), ("jahr", None), ("when", Some("%Y"))] {
        let data = load(&years(name), &DataOptions { time_format: format.map(String::from), ..small() }).unwrap();
        assert_eq!((data.calendar.to_string().as_str(), ahead(&data, 2)), ("YS", vec!["2024".into(), "2025".into()]));
    }
}

#[test]
fn two_digit_years_and_weeks_are_read() {
    let text = |time: &str| {
        file(
            days("1999-12-20", 30, |_| true)
                .iter()
                .map(|day| day.parse::<NaiveDate>().unwrap().format(time).to_string()),
        )
    };
    for format in ["%d-%b-%y", "%d/%m/%y", "%m/%d/%y"] {
        let data = load(&text(format), &small()).unwrap();
        assert_eq!(
            (data.time_label(0).as_str(), data.time_label(29).as_str()),
            ("1999-12-20", "2000-01-18"),
            "{format}"
        );
        assert!(noticed(&data, "two-digit years from 1969 to 2068"));
    }
    let message = rejection(&text("%y/%m/%d"), &small());
    assert!(message.contains("`time-format`"), "{message}");
}

#[test]
fn seconds_since_1970_have_as_many_digits_as_any_of_them() {
    let quarter = |i: i64| {
        let text = format!("{:.2}", 1_641_340_800.0 + i as f64 / 4.0);
        text.trim_end_matches('0').to_string() + if i % 4 == 0 { "0" } else { "" }
    };
    let data = load(&file((0..30).map(quarter)), &small()).unwrap();
    assert_eq!(ahead(&data, 3), ["1641340807.50", "1641340807.75", "1641340808.00"]);
}
