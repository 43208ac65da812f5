//! Calendars found from rows, and the seasons that they have.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime};
use microglia::data::{Calendar, Column, DataOptions, Dataset, Panel, Start, TimeKind, TimeSeries, Timestamp};
use proptest::prelude::*;

use super::data::{load, noticed, small};

pub(crate) fn stamp(text: &str) -> Timestamp {
    let midnight = || text.parse::<NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap();
    let time: NaiveDateTime = text.parse().unwrap_or_else(|_| midnight());
    Timestamp { instant: time.and_utc().timestamp_micros(), offset: 0 }
}

pub(crate) fn calendar(text: &str) -> Calendar {
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

pub(crate) fn file(times: impl IntoIterator<Item = String>) -> String {
    times
        .into_iter()
        .enumerate()
        .fold("time,y\n".into(), |text, (i, time)| text + &format!("\"{time}\",{}\n", i * 7 % 5))
}

/// The times of a forecast, as a table has them.
pub(crate) fn ahead(data: &Dataset, rows: usize) -> Vec<String> {
    let ahead = data.ahead(&data.cutoffs(&Start::End).unwrap().0, rows).unwrap();
    let times: Vec<Timestamp> =
        ahead.series.iter().flat_map(|series| series.timestamps[data.lookback..].iter().copied()).collect();
    let form = data.time_form.of_times(&times);
    times.into_iter().map(|time| form.text(time)).collect()
}

/// Days from a date on, that `open` holds for, as text.
pub(crate) fn days(from: &str, count: usize, open: impl Fn(NaiveDate) -> bool) -> Vec<String> {
    let from: NaiveDate = from.parse().unwrap();
    from.iter_days().filter(|day| open(*day)).take(count).map(|day| day.to_string()).collect()
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
        word(&["445E@2020-02-01", "445S@2020-02-02", "454E@2021-01-30", "544S@1999-12-31"], 30),
        // Years of 53 weeks tell the ends of years apart after decades.
        word(&["445E-N-JAN-SAT", "454E-N-JAN-SAT", "544S-L-DEC-FRI", "445S-N-SEP-SUN", "454E-L-JUN-WED"], 480),
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
        for alias in [alias, counted, format!("{}min@clock", 1 + 7 * count), format!("{count}SME-{}", 2 + count % 25), format!("{count}SMS")] {
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
