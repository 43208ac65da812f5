//! One written time → a [`Timestamp`].

use std::borrow::Cow;

use chrono::format::{Parsed, StrftimeItems};
use chrono::{Datelike, NaiveDate, Timelike, Weekday};

use super::time::{HOUR, MINUTE, SECOND, Timestamp};

/// The order of a date's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateForm {
    /// Year first, or the month by name: one reading.
    Plain,
    /// Two small numbers, then the year: day and month, in an order that only the whole column can settle.
    TwoNumbers,
}

/// What the text of a time says by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub form: DateForm,
    pub year: i32,
    /// The month; of `TwoNumbers` the first number.
    pub first: u32,
    /// The day; of `TwoNumbers` the second number.
    pub second: u32,
    /// Microseconds since midnight; a day and more for 24:00.
    pub time_of_day: i64,
    pub offset: Option<i32>,
    /// Whether the year has two digits: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068.
    pub short_year: bool,
    /// Months that the text names, where it names no day: 1, or 3 of a quarter; else 0.
    pub months: u32,
    /// Whether it names a week, and no day of it.
    pub week: bool,
}

impl Written {
    /// Whether the text names a day, not a month, a quarter or a week.
    pub(super) fn is_day(&self) -> bool {
        self.months == 0 && !self.week
    }

    /// `None` if there is no such day.
    pub(super) fn timestamp(&self, day_first: bool) -> Option<Timestamp> {
        let (month, day) = match self.form {
            DateForm::TwoNumbers if day_first => (self.second, self.first),
            _ => (self.first, self.second),
        };
        let date = NaiveDate::from_ymd_opt(self.year, month, day)?;
        Some(Timestamp::from_clock(date, self.time_of_day, self.offset.unwrap_or(0)))
    }
}

/// Reads the usual forms: ISO dates with `-`, `/` or `.`, `T` or blank, fraction, `Z` or offset; `1990/1/1 0:00`;
/// `10/03/2004 18.00.00`; `20130101T0000`; `2013-01`; `01/2013`; `2013Q1`, `2013 Q1`, `Q1 2013`; `1 Jan 2013`; `Jan 1, 2013 1:00 PM`; 24:00 is the next
/// day's 0:00; `2018-W01` is that ISO week's Monday; `2010M01`; two-digit years where they are last: `01-Jan-22`, `Jan-22`,
/// `01/04/21`, `01.04.21`. Fractions are kept to the microsecond. Zones by name (`CET`) are not read.
pub(crate) fn parse_written(text: &str) -> Option<Written> {
    let mut scan = Scan { text: text.trim().as_bytes() };
    let Day { form, year, first, second, short_year, months, week } = date(&mut scan)?;
    let mut written = Written { form, year, first, second, time_of_day: 0, offset: None, short_year, months, week };
    if !scan.done() {
        if !scan.eat_any(b"Tt") && !scan.blanks() {
            return None;
        }
        scan.blanks();
        written.time_of_day = time_of_day(&mut scan)?;
        scan.blanks();
        if !scan.done() {
            written.offset = Some(offset(&mut scan)?);
        }
    }
    scan.done().then_some(written)
}

/// Reads a time by a strptime format. Parts that the format does not have are the first of their kind (day 1, 0 minutes).
/// `Err` says what did not fit.
pub(crate) fn parse_format(text: &str, format: &str) -> Result<(Timestamp, bool), String> {
    let (time, zoned) = by_format(text, format)?;
    if time.is_near() { Ok((time, zoned)) } else { Err("not within years 1 to 9999".into()) }
}

fn by_format(text: &str, format: &str) -> Result<(Timestamp, bool), String> {
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, &without_sept(text), StrftimeItems::new(format))
        .map_err(|error| error.to_string())?;
    let zoned = parsed.offset().is_some();
    if let Some(seconds) = parsed.timestamp() {
        let offset = parsed.offset().unwrap_or(0);
        let micros = i64::from(parsed.nanosecond().unwrap_or(0)) / 1000;
        return Ok((Timestamp { instant: seconds.saturating_mul(SECOND).saturating_add(micros), offset }, zoned));
    }
    let complete = |parsed: &mut Parsed| {
        if parsed.month().is_none() && parsed.ordinal().is_none() && parsed.isoweek().is_none() {
            parsed.set_month(parsed.quarter().map_or(1, |quarter| 3 * i64::from(quarter) - 2))?;
        }
        if parsed.month().is_some() && parsed.day().is_none() {
            parsed.set_day(1)?;
        }
        if parsed.isoweek().is_some() && parsed.weekday().is_none() {
            parsed.set_weekday(Weekday::Mon)?;
        }
        if parsed.hour_mod_12().is_none() {
            parsed.set_hour(0)?;
        }
        if parsed.minute().is_none() {
            parsed.set_minute(0)?;
        }
        Ok((parsed.to_naive_date()?, parsed.to_naive_time()?))
    };
    let (date, time) = complete(&mut parsed).map_err(|error: chrono::ParseError| error.to_string())?;
    let of_day =
        i64::from(time.num_seconds_from_midnight()) * SECOND + i64::from(time.nanosecond() % 1_000_000_000) / 1000;
    Ok((Timestamp::from_clock(date, of_day, parsed.offset().unwrap_or(0)), zoned))
}

/// Whether what is written by a strptime format is a day, not a month, a quarter or a week.
pub(super) fn names_day(format: &str) -> bool {
    use chrono::format::{Fixed, Item, Numeric};
    StrftimeItems::new(format).any(|item| match item {
        Item::Numeric(part, _) => matches!(
            part,
            Numeric::Day | Numeric::Ordinal | Numeric::Timestamp | Numeric::WeekdayFromMon | Numeric::NumDaysFromSun
        ),
        Item::Fixed(part) => {
            matches!(part, Fixed::ShortWeekdayName | Fixed::LongWeekdayName | Fixed::RFC2822 | Fixed::RFC3339)
        }
        _ => false,
    })
}

/// `Sept` as `Sep`, which chrono takes.
pub(crate) fn without_sept(text: &str) -> Cow<'_, str> {
    let letters = |bytes: Option<&[u8]>, wanted: &[u8]| bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(wanted));
    let bytes = text.as_bytes();
    let at = (0..bytes.len())
        .find(|at| letters(bytes.get(*at..at + 4), b"sept") && !bytes.get(at + 4).is_some_and(u8::is_ascii_alphabetic));
    match at {
        Some(at) => Cow::Owned(format!("{}{}", &text[..at + 3], &text[at + 4..])),
        None => Cow::Borrowed(text),
    }
}

/// Digits alone that spell a date: `YYYYMM`, `YYYYMMDD`, then `HH`, `MM`, `SS`. Years 1900 to 2099.
pub(crate) fn parse_compact(text: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| text.get(from..to).map_or(Some(0), |digits| digits.parse::<u32>().ok());
    if !matches!(text.len(), 6 | 8 | 10 | 12 | 14) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month) = (part(0, 4)?, part(4, 6)?);
    let day = if text.len() == 6 { 1 } else { part(6, 8)? };
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if !(1900..2100).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let time_of_day = i64::from(hour) * HOUR + i64::from(minute) * MINUTE + i64::from(second) * SECOND;
    Some(Timestamp::from_clock(NaiveDate::from_ymd_opt(year as i32, month, day)?, time_of_day, 0))
}

struct Scan<'a> {
    text: &'a [u8],
}

impl Scan<'_> {
    fn done(&self) -> bool {
        self.text.is_empty()
    }

    fn eat_any(&mut self, set: &[u8]) -> bool {
        self.one_of(set).is_some()
    }

    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        let (first, rest) = self.text.split_first()?;
        set.contains(first).then(|| {
            self.text = rest;
            *first
        })
    }

    fn blanks(&mut self) -> bool {
        let before = self.text.len();
        self.text = self.text.trim_ascii_start();
        self.text.len() < before
    }

    /// A run of digits: its value and length.
    fn digits(&mut self) -> Option<(u32, usize)> {
        let length = self.text.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=9).contains(&length) {
            return None;
        }
        let value = self.text[..length].iter().fold(0, |value, b| value * 10 + u32::from(b - b'0'));
        self.text = &self.text[length..];
        Some((value, length))
    }

    /// At most two digits.
    fn small(&mut self) -> Option<u32> {
        self.digits().filter(|(_, length)| *length <= 2).map(|(value, _)| value)
    }

    fn word(&mut self) -> &[u8] {
        let length = self.text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, rest) = self.text.split_at(length);
        self.text = rest;
        word
    }

    /// `Jan` or `January`, any case → 1.
    fn month_name(&mut self) -> Option<u32> {
        const NAMES: [&str; 12] = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ];
        let word = String::from_utf8_lossy(self.word()).to_ascii_lowercase();
        let word = if word == "sept" { "sep" } else { &word };
        let fits = |name: &&str| **name == *word || (word.len() == 3 && name.starts_with(word));
        NAMES.iter().position(fits).map(|month| month as u32 + 1)
    }

    fn starts_with_letter(&self) -> bool {
        self.text.first().is_some_and(u8::is_ascii_alphabetic)
    }
}

/// A date as [`Written`] has it.
struct Day {
    form: DateForm,
    year: i32,
    first: u32,
    second: u32,
    short_year: bool,
    months: u32,
    week: bool,
}

fn date(scan: &mut Scan) -> Option<Day> {
    use DateForm::{Plain, TwoNumbers};
    let whole = |year: u32, first: u32, second: u32| {
        Some(Day { form: Plain, year: year as i32, first, second, short_year: false, months: 0, week: false })
    };
    let period = |year: u32, first: u32, months: u32| Some(Day { months, ..whole(year, first, 1)? });
    let quarter_of = |scan: &mut Scan| scan.small().filter(|quarter| (1..=4).contains(quarter)).map(|n| n * 3 - 2);
    if matches!(scan.text, [b'Q' | b'q', b'0'..=b'9', ..]) {
        scan.text = &scan.text[1..];
        let month = quarter_of(scan)?;
        scan.one_of(b"-. /")?;
        return scan.digits().filter(|(_, length)| *length == 4).and_then(|(year, _)| period(year, month, 3));
    }
    if scan.starts_with_letter() {
        let month = scan.month_name()?;
        scan.one_of(b"-. /");
        let (number, length) = scan.digits()?;
        if length == 4 {
            return period(number, month, 1);
        }
        if length == 2 && scan.done() {
            return Some(Day { months: 1, ..last_year(Plain, (number, 2), month, 1)? });
        }
        scan.one_of(b",-/");
        scan.blanks();
        return last_year(Plain, scan.digits()?, month, number);
    }
    match scan.digits()? {
        (number, 8) => whole(number / 10_000, number / 100 % 100, number % 100),
        (year, 4) => {
            let separator = match scan.text {
                [b' ', b'Q' | b'q', ..] => scan.one_of(b" "),
                _ => scan.one_of(b"-/."),
            };
            if scan.eat_any(b"Qq") {
                return quarter_of(scan).and_then(|month| period(year, month, 3));
            }
            if scan.eat_any(b"Ww") {
                let week = scan.small()?;
                let named = if scan.eat_any(b"-") { Some(scan.small()?) } else { None };
                let weekday = Weekday::try_from(u8::try_from(named.unwrap_or(1)).ok()?.checked_sub(1)?).ok()?;
                let day = NaiveDate::from_isoywd_opt(year as i32, week, weekday)?;
                return Some(Day {
                    form: Plain,
                    year: day.year(),
                    first: day.month(),
                    second: day.day(),
                    short_year: false,
                    months: 0,
                    week: named.is_none(),
                });
            }
            if matches!(scan.text, [b'M' | b'm', b'0'..=b'9', ..]) {
                scan.text = &scan.text[1..];
                return period(year, scan.small()?, 1);
            }
            let separator = separator?;
            let month = if scan.starts_with_letter() { scan.month_name()? } else { scan.small()? };
            match scan.one_of(&[separator]) {
                Some(_) => whole(year, month, scan.small()?),
                // `2013.5` is a number, not May.
                None if separator != b'.' => period(year, month, 1),
                None => None,
            }
        }
        (first, 1 | 2) => {
            let separator = scan.one_of(b"-/. ")?;
            let by_name = scan.starts_with_letter();
            if let [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] = scan.text
                && matches!(separator, b'-' | b'/')
            {
                return scan.digits().and_then(|(year, _)| period(year, first, 1));
            }
            let second = if by_name { scan.month_name()? } else { scan.small()? };
            scan.one_of(&[separator, b','])?;
            scan.blanks();
            let year = scan.digits()?;
            if by_name {
                return last_year(Plain, year, second, first);
            }
            // `24-01-15` may begin with the year, and `18.00.30` is a time of day.
            let is_day = (1..=31).contains(&first) && (1..=31).contains(&second) && first.min(second) <= 12;
            let short = year.1 == 2 && matches!(separator, b'/' | b'.') && is_day;
            if year.1 == 4 || short { last_year(TwoNumbers, year, first, second) } else { None }
        }
        _ => None,
    }
}

/// A date whose year, given by number and digits, comes last.
fn last_year(form: DateForm, (year, digits): (u32, usize), first: u32, second: u32) -> Option<Day> {
    let year = match digits {
        4 => year,
        2 if year < 69 => year + 2000,
        2 => year + 1900,
        _ => return None,
    };
    Some(Day { form, year: year as i32, first, second, short_year: digits == 2, months: 0, week: false })
}

/// → microseconds since midnight.
fn time_of_day(scan: &mut Scan) -> Option<i64> {
    let (number, length) = scan.digits()?;
    let (mut hour, mut minute, mut second, mut micros) = (number, 0, 0, 0);
    match length {
        1 | 2 => {
            if let Some(separator) = scan.one_of(b":.h") {
                minute = scan.small()?;
                if scan.eat_any(&[separator]) {
                    second = scan.small()?;
                    if scan.eat_any(b".,") {
                        let (fraction, digits) = scan.digits()?;
                        micros = i64::from(fraction) * 10i64.pow(9 - digits as u32) / 1000;
                    }
                }
            }
        }
        4 => (hour, minute) = (number / 100, number % 100),
        6 => (hour, minute, second) = (number / 10_000, number / 100 % 100, number % 100),
        _ => return None,
    }
    let before = scan.text;
    scan.blanks();
    match scan.text.get(..2).map(<[u8]>::to_ascii_uppercase).as_deref() {
        Some(half @ (b"AM" | b"PM")) if (1..=12).contains(&hour) => {
            hour = hour % 12 + if half == b"PM" { 12 } else { 0 };
            scan.text = &scan.text[2..];
        }
        _ => scan.text = before,
    }
    let midnight_at_the_end = hour == 24 && minute == 0 && second == 0 && micros == 0;
    if (hour > 23 && !midnight_at_the_end) || minute > 59 || second > 59 {
        return None;
    }
    Some(i64::from(hour) * HOUR + i64::from(minute) * MINUTE + i64::from(second) * SECOND + micros)
}

/// `Z`, `UTC`, `GMT`, `+HH`, `+HHMM`, `+HH:MM` → seconds east of UTC.
fn offset(scan: &mut Scan) -> Option<i32> {
    if scan.starts_with_letter() {
        return matches!(scan.word(), b"Z" | b"z" | b"UTC" | b"GMT").then_some(0);
    }
    let sign = if scan.one_of(b"+-")? == b'-' { -1 } else { 1 };
    let (hours, minutes) = match scan.digits()? {
        (hours, 1 | 2) if scan.eat_any(b":") => (hours, scan.small()?),
        (hours, 1 | 2) => (hours, 0),
        (both, 4) => (both / 100, both % 100),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60) as i32)
}
