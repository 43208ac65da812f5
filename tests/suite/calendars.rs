//! Calendars: found from rows, written in pandas' notation, continued; seasons; the form of times; zones, holidays, rows of zeros.

use std::path::Path;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime};
use microglia::data::{
    Calendar, Column, DataOptions, Dataset, FillMissing, Panel, Start, TimeKind, TimeSeries, Timestamp,
};
use proptest::prelude::*;

use super::data::{load, noticed, rejection, small};

fn stamp(text: &str) -> Timestamp {
    let midnight = || text.parse::<NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap();
    let time: NaiveDateTime = text.parse().unwrap_or_else(|_| midnight());
    Timestamp { instant: time.and_utc().timestamp_micros(), offset: 0 }
}

fn calendar(text: &str) -> Calendar {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A data set of these times.
fn of_times(times: Vec<Timestamp>) -> Dataset {
    let values = vec![(0..times.len()).map(|i| (i * 7 % 5) as f64).collect()];
    let series = vec![TimeSeries { id: String::new(), times, values }];
    let kind = TimeKind::Clock { zoned: false };
    let panel = Panel { name: "p".into(), time_kind: kind, columns: vec![Column::target("y")], series };
    small().load_panel(&panel).unwrap()
}

fn file(times: impl IntoIterator<Item = String>) -> String {
    times
        .into_iter()
        .enumerate()
        .fold("time,y\n".into(), |text, (i, time)| text + &format!("\"{time}\",{}\n", i * 7 % 5))
}

/// The times of a forecast, as a table has them.
fn ahead(data: &Dataset, rows: usize) -> Vec<String> {
    let ahead = data.ahead(&data.cutoffs(&Start::End).unwrap().0, rows).unwrap();
    let times: Vec<Timestamp> =
        ahead.series.iter().flat_map(|series| series.timestamps[data.lookback..].iter().copied()).collect();
    let form = data.time_form.of_times(&times);
    times.into_iter().map(|time| form.text(time)).collect()
}

/// Days from a date on, that `open` holds for, as text.
fn days(from: &str, count: usize, open: impl Fn(NaiveDate) -> bool) -> Vec<String> {
    let from: NaiveDate = from.parse().unwrap();
    from.iter_days().filter(|day| open(*day)).take(count).map(|day| day.to_string()).collect()
}

#[test]
fn pandas_ranges_are_continued() {
    let golden = include_str!("../golden/calendars.csv");
    let mut aliases = 0;
    for line in golden.lines() {
        let (alias, times) = line.split_once(',').unwrap();
        let times: Vec<Timestamp> = times.split(',').map(stamp).collect();
        let own = calendar(alias);
        assert_eq!(own.to_string().parse::<Calendar>().unwrap(), own, "{alias} is written as {own}");
        assert_eq!(own.next(times[0], times.len() - 1).unwrap(), times[1..], "{alias}");
        let (last, before) = times.split_last().unwrap();
        let mut back = own.previous(*last, before.len()).unwrap();
        back.reverse();
        assert_eq!(back, before, "{alias}, backwards");
        for (count, time) in times.iter().enumerate().skip(1) {
            assert_eq!(own.steps(times[0], *time), Some(count as i64), "{alias}");
            assert!(own.holds(times[0], *time), "{alias}");
        }
        assert!(!own.words().is_empty());
        aliases += 1;
    }
    assert!(aliases > 100);
}

#[test]
fn notations_are_read_and_written() {
    for text in
        ["7", "W", "15min", "Mon-Sat", "Mon,Wed,Fri", "Mon-Fri 09:30-16:30/h", "~min", "~h+30min", "QS-15", "QE-MAR"]
    {
        assert_eq!(calendar(text).to_string(), text);
    }
    let lunch = calendar("Mon-Fri 09:30-11:30/30min 13:00-15:00/30min; Sat 10:00-12:00/h");
    assert_eq!(lunch.to_string().parse::<Calendar>().unwrap(), lunch);
    assert!(lunch.words().contains("Monday to Friday 09:30 to 11:30 and 13:00 to 15:00"), "{}", lunch.words());
    for text in [
        "",
        "x",
        "0h",
        "-1h",
        "h1",
        "1.5ME",
        "99999999999999999999h",
        "W-XYZ",
        "QS-FOO",
        "Mon 25:00",
        "Mon 12:00-11:00",
        "~",
    ] {
        let error = text.parse::<Calendar>().unwrap_err().to_string();
        assert!(error.contains("`freq`") && error.contains("help:"), "{text}: {error}");
    }
    assert!(calendar("YE").next(stamp("2024-12-31"), 9000).is_err(), "past the year 9999");
    assert!(calendar("h").check(TimeKind::RowNumbers).is_err());
    assert!(calendar("5").check(TimeKind::Clock { zoned: false }).is_err());
}

#[test]
fn aliases_that_cannot_be_taken_say_what_is_there() {
    let said = |text: &str| text.parse::<Calendar>().unwrap_err().to_string();
    for (text, part) in [
        ("m", "may be minutes (min) or months (MS, ME)"),
        ("5m", "may be minutes"),
        ("Ms", "may be milliseconds (ms) or month starts (MS)"),
        ("RE-L-DEC-SAT", "52 or 53 weeks, which is not there: 4W-SAT or 13W-SAT"),
        ("REQ-N-JAN-SUN-1", "52 or 53 weeks"),
        ("ns", "is not an interval"),
        ("1500ns", "is not an interval"),
        ("SME-28", "is not an interval"),
        ("bh=17:00-09:00", "is not an interval"),
        ("1.5ME", "is not an interval"),
        ("2000000ME", "has a count that is not 1 to 1000000"),
    ] {
        assert!(said(text).contains(part), "{text}: {}", said(text));
    }
    let words = |text: &str| calendar(text).words();
    assert_eq!(words("SME"), "half a month, on day 15 and at month ends");
    assert_eq!(words("2SMS-10"), "2 half months, on day 1 and on day 10");
    assert_eq!(calendar("bh=09:30-16:30"), calendar("Mon-Fri 09:30-15:30/h"));
    assert_eq!(calendar("bh=09:00-17:00"), calendar("cbh"));
}

#[test]
fn rows_beside_a_calendar_go_on_on_it() {
    let next = |freq: &str, from: &str, count: usize| {
        let times = calendar(freq).next(stamp(from), count).unwrap();
        times.last().unwrap().instant
    };
    assert_eq!(next("B", "2024-03-02", 1), stamp("2024-03-04").instant, "from a Saturday");
    assert_eq!(next("ME", "2024-01-31", 1), stamp("2024-02-29").instant);
    assert_eq!(next("BME", "2022-02-28", 6), stamp("2022-08-31").instant);
    assert_eq!(next("W-WED", "2024-03-05", 1), stamp("2024-03-06").instant);
    assert_eq!(next("QS-FEB", "2024-01-01", 1), stamp("2024-02-01").instant);
    assert_eq!(next("~min", "2024-01-01T00:00:58", 1), stamp("2024-01-01T00:02:00").instant);
}

/// Aliases whose calendars can be found, and rows that tell them from others.
fn findable() -> impl Strategy<Value = (String, usize)> {
    let word = |words: &'static [&'static str], rows: usize| {
        prop::sample::select(words).prop_map(move |word| (word.to_string(), rows))
    };
    let weekdays = prop::collection::btree_set(0usize..7, 2..7).prop_map(|days| {
        const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        (days.into_iter().map(|day| NAMES[day]).collect::<Vec<_>>().join(","), 150)
    });
    let hours = (
        prop::sample::select(vec!["Mon-Fri", "Mon-Sat", "Sun-Thu", "Mon-Sun"]),
        0i64..10,
        3i64..12,
        prop::sample::select(vec![10i64, 15, 30, 60]),
        any::<bool>(),
    );
    let hours = hours.prop_map(|(days, first, length, step, half)| {
        let minutes = if half { 30 } else { 0 };
        let last = first + length;
        (
            format!("{days} {first:02}:{minutes:02}-{last:02}:{minutes:02}/{step}min"),
            (length * 60 / step + 1) as usize * 22,
        )
    });
    prop_oneof![
        word(
            &["s", "30s", "min", "5min", "7min", "15min", "30min", "h", "3h", "8h", "D", "2D", "W", "4W", "10ms"],
            120
        ),
        word(&["SMS", "SME", "SME-10", "SMS-20"], 60),
        word(&["MS", "ME", "BMS", "BME", "WOM-3FRI", "LWOM-MON", "MS-15", "MS-30"], 60),
        word(&["QS-FEB", "QE-MAR", "BQE-DEC", "YS-JAN", "YE-JUN", "BYE-DEC", "6MS"], 60),
        weekdays,
        hours,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The next 500 steps of the calendar that is found are those of the one that the rows were taken from.
    #[test]
    fn a_sampled_calendar_is_found((alias, rows) in findable(), from in 0i64..20_000) {
        let own = calendar(&alias);
        let from = Timestamp { instant: from * 86_400_000_000, offset: 0 };
        let times = own.next(from, rows + 500).unwrap();
        let data = of_times(times[..rows].to_vec());
        let found = data.calendar.next(times[rows - 1], 500).unwrap();
        prop_assert_eq!(&found[..], &times[rows..], "{} was found as {}", alias, data.calendar);
        prop_assert!(!noticed(&data, "missing time") && !noticed(&data, "no whole number"), "{:?}", data.notices);
    }

    /// Across clock changes and days without rows too, whatever the zone.
    #[test]
    fn calendars_go_on_across_clock_changes_and_closed_days(
        alias in prop::sample::select(vec!["h", "30min", "D", "B", "Mon-Sat", "Mon-Fri 09:30-16:30/h", "Mon-Sun 08:00-20:00/2h"]),
        zone in prop::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/St_Johns",
        ]),
        from in 0i64..20_000,
        closed in prop::collection::btree_set(0u64..700, 0..12),
        with_offset in any::<bool>(),
        rows in 150usize..400,
    ) {
        // A clock that goes back by less than a step repeats times that no order tells apart: those need their offsets.
        let with_offset = with_offset || (alias, zone) == ("h", "Australia/Lord_Howe");
        let tz: chrono_tz::Tz = zone.parse().unwrap();
        let first = chrono::DateTime::from_timestamp(from * 86_400 + 43_200, 0).unwrap();
        let hours = matches!(alias, "h" | "30min");
        // Of hours every instant has its row, and no day is closed: a calendar of days goes on by the clock.
        let closed: Vec<NaiveDate> =
            if hours { Vec::new() } else { closed.iter().map(|day| first.date_naive() + Days::new(*day)).collect() };
        let clocks: Vec<chrono::NaiveDateTime> = calendar(alias)
            .next(Timestamp { instant: first.timestamp() * 1_000_000, offset: 0 }, rows + 500 + 300)
            .unwrap()
            .iter()
            .map(|time| chrono::DateTime::from_timestamp_micros(time.instant).unwrap().naive_utc())
            .filter(|clock| !closed.contains(&clock.date()))
            .collect();
        let times: Vec<_> = match hours {
            true => clocks.iter().map(|clock| clock.and_utc().with_timezone(&tz)).collect(),
            // No clock leaps over noon or a working hour.
            false => clocks.iter().map(|clock| clock.and_local_timezone(tz).earliest().unwrap()).collect(),
        };
        let form = if with_offset { "%Y-%m-%d %H:%M:%S%:z" } else { "%Y-%m-%d %H:%M:%S" };
        let all: Vec<String> = times.iter().map(|time| time.format(form).to_string()).take(rows + 500).collect();
        let place = tempfile::tempdir().unwrap();
        let file_of_days = place.path().join("closed.csv");
        std::fs::write(&file_of_days, closed.iter().map(|day| format!("{day}\n")).collect::<String>()).unwrap();
        let options = DataOptions {
            timezone: Some(zone.into()),
            holidays: (!closed.is_empty()).then_some(file_of_days),
            ..small()
        };
        let data = load(&file(all[..rows].to_vec()), &options).unwrap();
        prop_assert!(!noticed(&data, "missing time") && !noticed(&data, "no whole number"), "{:?}", data.notices);
        prop_assert_eq!(&ahead(&data, 500)[..], &all[rows..], "{} in {} was found as {}", alias, zone, data.calendar);
    }

    /// What is written of a calendar is read as that calendar.
    #[test]
    fn calendars_are_read_as_they_are_written((alias, _) in findable(), count in 1i64..40) {
        let counted = format!("{count}bh=09:30-12:00,13:00-{:02}:15", 14 + count % 9);
        for alias in [alias, counted, format!("{count}SME-{}", 2 + count % 25), format!("{count}SMS")] {
            let own = calendar(&alias);
            prop_assert_eq!(&own.to_string().parse::<Calendar>().unwrap(), &own, "{}", alias);
        }
    }

    /// So are those of rows of which some are absent.
    #[test]
    fn a_calendar_with_gaps_is_found((alias, rows) in findable(), from in 0i64..20_000, absent in prop::collection::btree_set(1usize..1000, 1..30)) {
        let own = calendar(&alias);
        let from = Timestamp { instant: from * 86_400_000_000, offset: 0 };
        let rows = rows * 2;
        let times = own.next(from, rows + 500).unwrap();
        // At most one of ten.
        let gone: Vec<usize> = absent.into_iter().map(|row| row * rows / 1000).filter(|row| *row + 1 < rows).take(rows / 10).collect();
        let kept = times[..rows].iter().enumerate().filter(|(row, _)| !gone.contains(row)).map(|(_, time)| *time).collect();
        let data = of_times(kept);
        let found = data.calendar.next(times[rows - 1], 500).unwrap();
        prop_assert_eq!(&found[..], &times[rows..], "{} was found as {}", alias, data.calendar);
    }
}

#[test]
fn a_shop_that_is_closed_on_sundays_has_no_rows_there() {
    let data = load(&file(days("2021-01-01", 200, |day| day.weekday().number_from_monday() < 7)), &small()).unwrap();
    assert_eq!((data.season, data.calendar.to_string().as_str()), (6, "Mon-Sat"));
    assert!(
        noticed(&data, "sampling step 1 day, Monday to Saturday; season 6 rows (a week of 6 open days)"),
        "{:?}",
        data.notices
    );
    let last: NaiveDate = data.time_label(data.rows() - 1).parse().unwrap();
    let next = days(&(last + Days::new(1)).to_string(), 10, |day| day.weekday().number_from_monday() < 7);
    assert_eq!(ahead(&data, 10), next);
    // One special Sunday does not open all.
    let special = |day: NaiveDate| day.weekday().number_from_monday() < 7 || day.to_string() == "2021-03-28";
    let data = load(&file(days("2021-01-01", 200, special)), &small()).unwrap();
    assert_eq!(data.calendar.to_string(), "Mon-Sat");
    assert!(
        noticed(&data, "1 row of another calendar than 1 day, Monday to Saturday, as 2021-03-28"),
        "{:?}",
        data.notices
    );
    let no_saturday =
        load(&file(days("2021-01-01", 100, |day| day.weekday().number_from_monday() != 6)), &small()).unwrap();
    assert_eq!((no_saturday.season, no_saturday.calendar.words().as_str()), (6, "1 day, all days but Saturday"));
}

#[test]
fn trading_hours_go_on_on_the_next_trading_day() {
    let open = calendar("Mon-Fri 09:30-16:30/h").next(stamp("2021-01-01"), 400).unwrap();
    let written = |time: &Timestamp| {
        chrono::DateTime::from_timestamp_micros(time.instant).unwrap().format("%Y-%m-%d %H:%M").to_string()
    };
    // Two holidays.
    let text: Vec<String> = open
        .iter()
        .map(written)
        .filter(|time| !time.starts_with("2021-02-15") && !time.starts_with("2021-03-05"))
        .collect();
    let last = text.len() - 4;
    let data = load(&file(text[..last].to_vec()), &small()).unwrap();
    assert_eq!((data.season, data.calendar.to_string().as_str()), (8, "Mon-Fri 09:30-16:30/h"));
    assert!(noticed(&data, "16 missing times in 2 gaps") && noticed(&data, "(an open day)"), "{:?}", data.notices);
    assert_eq!(ahead(&data, 4), text[last..]);
}

#[test]
fn seasons_are_those_of_the_calendar() {
    for (alias, season, why) in [
        ("B", 5, "a week of 5 open days"),
        ("BME", 12, "a year"),
        ("QE-MAR", 4, "a year"),
        ("YS", 1, "no season is known"),
        ("SME", 24, "a year"),
        ("30s", 120, "an hour"),
        ("30min", 48, "a day"),
        ("5min", 288, "a day"),
        ("8h", 3, "a day"),
        ("4W", 13, "a year"),
        ("Mon-Fri 08:00-17:00/h", 10, "an open day"),
        ("Mon-Fri 08:00-17:00/h; Sat 09:00-12:00/h", 54, "a week of opening hours"),
    ] {
        let data = of_times(calendar(alias).next(stamp("2023-06-30"), 700).unwrap());
        assert_eq!(data.season, season, "{alias}: {:?}", data.notices);
        assert!(noticed(&data, &format!("({why}")), "{alias}: {:?}", data.notices);
    }
    let short = of_times(calendar("30min").next(stamp("2023-06-30"), 90).unwrap());
    assert_eq!(short.season, 1);
    assert!(noticed(&short, "no series has two times 48 rows: a day"), "{:?}", short.notices);
}

#[test]
fn each_series_of_a_panel_goes_on_by_its_own_calendar() {
    let mut text = String::from("unique_id,ds,y\n");
    for day in days("2022-01-03", 280, |_| true) {
        text += &format!("D,{day},{}\n", text.len() % 13);
    }
    for day in days("2022-01-03", 40, |day| day.weekday().number_from_monday() == 1) {
        text += &format!("W,{day},{}\n", text.len() % 13);
    }
    text.extend((1..13).map(|month| format!("M,2022-{month:02}-01,{month}\n")));
    let data = load(&text, &small()).unwrap();
    let found: Vec<String> = data.series.iter().map(|series| series.calendar.to_string()).collect();
    assert_eq!(found, ["D", "W", "MS"]);
    assert!(noticed(&data, "each series goes on by its own"), "{:?}", data.notices);
    assert!(!noticed(&data, "missing time"), "{:?}", data.notices);
    let next = ahead(&data, 2);
    assert_eq!(next[2..], ["2022-10-10", "2022-10-17", "2023-01-01", "2023-02-01"]);
    // Seasons too: of 40 weeks there are none, of days seven.
    let seasons: Vec<usize> = data.series.iter().map(|series| series.season).collect();
    assert_eq!(seasons[..2], [7, 1]);
}

#[test]
fn jitter_around_an_interval_is_taken_as_that_interval() {
    let text = file((0..200i64).map(|i| {
        let time = stamp("2022-01-01").instant / 1_000_000 + 60 * i + (i * 37 % 5) - 2;
        chrono::DateTime::from_timestamp(time, 0).unwrap().format("%Y-%m-%d %H:%M:%S").to_string()
    }));
    let data = load(&text, &small()).unwrap();
    assert_eq!(data.calendar.to_string(), "~min");
    assert!(noticed(&data, "rows lie beside a step of 1 minute") && !noticed(&data, "missing"), "{:?}", data.notices);
    assert_eq!(ahead(&data, 2), ["2022-01-01 03:20:00", "2022-01-01 03:21:00"]);
}

#[test]
fn a_clock_that_drifts_has_no_opening_hours() {
    let text = file((0..300i64).map(|i| {
        let time = stamp("2022-01-01").instant / 1_000_000 + 603 * i / 10;
        chrono::DateTime::from_timestamp(time, 0).unwrap().format("%Y-%m-%d %H:%M:%S").to_string()
    }));
    let data = load(&text, &small()).unwrap();
    assert_eq!(data.calendar.to_string(), "min");
    assert!(noticed(&data, "of no whole number of steps"), "{:?}", data.notices);
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
fn holidays_are_no_gaps_and_no_forecast_is_dated_on_them() {
    let place = tempfile::tempdir().unwrap();
    let holidays = place.path().join("holidays.csv");
    std::fs::write(&holidays, "date,name\n2024-03-29,Good Friday\n2024-04-01,Easter Monday\n\n# more\n2024-05-01,\n")
        .unwrap();
    let with = |file: &Path| DataOptions { holidays: Some(file.into()), ..small() };
    let closed = ["2024-03-29", "2024-04-01", "2024-05-01"];
    let open = |day: NaiveDate| day.weekday().number_from_monday() < 6 && !closed.contains(&day.to_string().as_str());
    let all = days("2024-01-15", 90, open);
    let data = load(&file(all[..70].to_vec()), &with(&holidays)).unwrap();
    assert!(!noticed(&data, "missing time") && noticed(&data, "3 days without rows"), "{:?}", data.notices);
    assert_eq!(ahead(&data, 20), all[70..]);
    // The last business day of March 2024 is the day before Good Friday.
    let months = DataOptions { freq: Some(calendar("CBME")), ..with(&holidays) };
    let data = load(
        &file(days("2023-01-01", 13, |day| calendar("BME").holds(stamp("2023-01-31"), stamp(&day.to_string())))),
        &months,
    )
    .unwrap();
    assert_eq!(ahead(&data, 3), ["2024-02-29", "2024-03-28", "2024-04-30"]);
    // Rows on such days are told.
    std::fs::write(&holidays, "2024-03-27\n2024-03-28\n2024-06-01\n").unwrap();
    let line = "2 rows on days that `holidays` says have none, as 2024-03-27T00:00";
    for freq in [None, Some(calendar("B"))] {
        let data = load(&file(all[..70].to_vec()), &DataOptions { freq, ..with(&holidays) }).unwrap();
        assert!(noticed(&data, line), "{:?}", data.notices);
    }
    std::fs::write(&holidays, "2024-03-29\nEaster\n").unwrap();
    let message = rejection(&file(all), &with(&holidays));
    assert!(message.contains("holidays.csv:2") && message.contains("Easter"), "{message}");
}

#[test]
fn lists_of_holidays_are_read_as_data_files_are() {
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("closed.csv");
    let closed = ["2024-03-29", "2024-04-01", "2024-05-01"];
    let open = |day: NaiveDate| day.weekday().number_from_monday() < 6 && !closed.contains(&day.to_string().as_str());
    let all = days("2024-01-15", 80, open);
    let read = |bytes: &[u8], data: &str| {
        std::fs::write(&list, bytes).unwrap();
        load(data, &DataOptions { holidays: Some(list.clone()), ..small() })
    };
    for text in [
        "29.03.2024;Karfreitag\n01.04.2024;Ostermontag\n01.05.2024;Tag der Arbeit\n",
        "Datum;Name\r\n29.03.2024;Karfreitag\r\n01.04.2024;Ostermontag\r\n01.05.2024;\r\n",
        "name,date\n\"Friday, Good\",2024-03-29\nEaster,2024-04-01\nMay,2024-05-01\n",
        "\u{feff}March 29, 2024\nApril 1, 2024\nMay 1, 2024\n",
        "20240329\t1\n20240401\t2\n20240501\t3\n",
        "03/29/2024|x\n04/01/2024|y\n05/01/2024|z",
        "date\n2024-03-29 00:00:00\n2024-04-01 00:00:00\n2024-05-01 00:00:00\n",
    ] {
        let data = read(text.as_bytes(), &file(all[..60].to_vec())).unwrap();
        assert!(noticed(&data, "3 days without rows, from"), "{text}: {:?}", data.notices);
        assert_eq!(ahead(&data, 20), all[60..], "{text}");
    }
    assert!(read(b"29.03.2024;F\xeate\n", &file(all[..60].to_vec())).is_ok(), "Windows-1252");
    // The order of the day and the month is that of the data, or is asked for.
    let orders = "01.04.2024;Ostermontag\n01.05.2024;\n";
    let german: Vec<String> =
        all[..60].iter().map(|day| day.parse::<NaiveDate>().unwrap().format("%d.%m.%Y").to_string()).collect();
    assert!(noticed(&read(orders.as_bytes(), &file(german)).unwrap(), "2 days without rows"));
    for (text, part) in [(orders, "the day or the month may come first"), ("1\n2\n", "no dates"), ("", "no dates")] {
        let message = read(text.as_bytes(), &file(all[..60].to_vec())).unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("YYYY-MM-DD"), "{message}");
    }
}

#[test]
fn times_without_a_row_may_be_zeros() {
    let sold = [("a", 0), ("a", 3), ("a", 4), ("a", 11), ("b", 1), ("b", 2), ("b", 5), ("b", 29), ("a", 28)];
    let mut rows: Vec<(&str, String, usize)> = sold
        .iter()
        .map(|(id, day)| (*id, (NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Days::new(*day)).to_string(), 5))
        .collect();
    rows.sort();
    let text =
        rows.iter().fold("unique_id,ds,y\n".to_string(), |text, (id, day, y)| text + &format!("{id},{day},{y}\n"));
    let options = DataOptions { fill_missing: Some(FillMissing::Zero), ..small() };
    let data = load(&text, &options).unwrap();
    assert_eq!(data.series.iter().map(|series| series.rows.len()).collect::<Vec<_>>(), [30, 30]);
    assert_eq!(data.raw_targets.iter().sum::<f64>(), 45.0);
    assert!(data.observed.iter().all(|observed| *observed == 1.0));
    assert!(
        noticed(&data, "51 times without a row: their targets are 0") && !noticed(&data, "gap"),
        "{:?}",
        data.notices
    );
    assert_eq!(ahead(&data, 1), ["2024-01-31", "2024-01-31"]);
    // An item that is sold once a week has the days of the others.
    let daily: String = days("2024-01-01", 60, |_| true).iter().map(|day| format!("a,{day},1\nb,{day},2\n")).collect();
    let weekly: String = (0..8).map(|week| format!("c,2024-{:02}-{:02},1\n", 1 + week / 4, 6 + week % 4 * 7)).collect();
    let data = load(&format!("unique_id,ds,y\n{daily}{weekly}"), &options).unwrap();
    assert_eq!(data.series[2].rows.len(), 60);
    // Days from the year 1000 on are more rows than anybody means, and irregular ones are none.
    let old: String = days("1000-01-01", 30, |_| true).iter().map(|day| format!("old,{day},1\n")).collect();
    let message = rejection(&format!("unique_id,ds,y\n{daily}{old}"), &options);
    assert!(message.contains("rows or more would be inserted into 150"), "{message}");
    assert!(message.contains("of series `") && message.contains("`fill-missing = \"none\"`"), "{message}");
    let special = |day: NaiveDate| day.weekday().number_from_monday() < 6 || day.to_string() == "2024-02-03";
    let message = rejection(&file(days("2024-01-01", 60, special)), &options);
    assert!(message.contains("regular steps: `fill-missing = \"none\"` leaves gaps open"), "{message}");
}

#[test]
fn single_exceptions_make_no_open_day() {
    // Closed on Sundays, but for one.
    let open = |day: NaiveDate| day.weekday().number_from_monday() < 7 || day.to_string() == "2024-02-04";
    for weeks in [8, 18, 60] {
        let data = load(&file(days("2024-01-01", weeks * 6 + 1, open)), &small()).unwrap();
        assert_eq!((data.calendar.to_string().as_str(), data.season), ("Mon-Sat", 6), "{weeks} weeks");
    }
}

#[test]
fn a_row_a_month_on_days_of_no_rule_is_monthly() {
    let month = |i: u32| format!("20{}-{:02}-{:02}", 20 + i / 12, 1 + i % 12, [10, 16, 12, 15, 11, 13][i as usize % 6]);
    let data = load(&file((0..48).map(month)), &small()).unwrap();
    assert_eq!((data.step().to_string().as_str(), data.season), ("1 month", 12));
    assert!(noticed(&data, "of another calendar than 1 month"), "{:?}", data.notices);
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

#[test]
fn seconds_since_1970_have_as_many_digits_as_any_of_them() {
    let quarter = |i: i64| {
        let text = format!("{:.2}", 1_641_340_800.0 + i as f64 / 4.0);
        text.trim_end_matches('0').to_string() + if i % 4 == 0 { "0" } else { "" }
    };
    let data = load(&file((0..30).map(quarter)), &small()).unwrap();
    assert_eq!(ahead(&data, 3), ["1641340807.50", "1641340807.75", "1641340808.00"]);
}
