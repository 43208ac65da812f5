//! Calendars in pandas' notation: read, written, continued.

use microglia::data::{Calendar, TimeKind, Timestamp};

use super::calendars::{calendar, stamp};

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
        ("RE-L-DEC-SAT", "52 or 53 weeks, of which only periods of 4 and 5 weeks are there (445E-N-JAN-SAT): 13W-SAT"),
        ("REQ-N-JAN-SUN-1", "52 or 53 weeks"),
        ("ns", "is no whole number of microseconds"),
        ("N", "is no whole number of microseconds"),
        ("1500ns", "is no whole number of microseconds"),
        ("SME-28", "is not an interval"),
        ("bh=17:00-09:00", "is not an interval"),
        ("1.5ME", "is not an interval"),
        ("2000000ME", "has a count that is not 1 to 1000000"),
    ] {
        assert!(said(text).contains(part), "{text}: {}", said(text));
    }
    assert_eq!(calendar("1000N"), calendar("us"));
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
