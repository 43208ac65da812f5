//! Where forecasts begin, as people write it → a row or a time.

use chrono::Months;

use super::dataset::Dataset;
use super::step::Step;
use super::time::{ROW_NUMBERS_END, SECOND, TimeKind, Timestamp};
use super::time_form::formatted;
use super::time_text::{DateForm, parse_compact, parse_format, parse_written};
use super::times::on_clock;
use crate::error::{Error, Result};

/// Where forecasts begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// After the last row of each series.
    #[default]
    End,
    /// After this many rows of each series.
    Row(usize),
    /// After the last row at or before this time. It is written as the data's times are, or in another form that has one reading, as
    /// ISO dates have. A month or a quarter is its end where the data has months, quarters or years; else its first day.
    Time(String),
    /// A time or a number of rows. A plain number is a time where the data's times are such numbers; else it counts rows. `row 40` and
    /// `time 40` say which is meant.
    Written(String),
}

/// Before a number: which of the two it is.
const ROW: &str = "row ";
const TIME: &str = "time ";

impl Dataset {
    /// What [`Start::Written`] means for this data, as one of the others, and a line if the data allows both readings of a number.
    ///
    /// # Errors
    /// [`Error::Config`] for a number that is neither.
    pub fn start(&self, from: &Start) -> Result<(Start, Option<String>)> {
        let Start::Written(text) = from else { return Ok((from.clone(), None)) };
        let text = text.trim();
        if let Some(time) = text.strip_prefix(TIME) {
            return Ok((Start::Time(time.trim().into()), None));
        }
        let (number, said) = text.strip_prefix(ROW).map_or((text, false), |number| (number.trim(), true));
        if !said && (number.is_empty() || !is_plain(number)) {
            return Ok((Start::Time(text.into()), None));
        }
        let row = number.parse().ok().filter(|row| *row > 0);
        let is_row = row.is_some_and(|row: usize| self.series.iter().any(|one| row <= one.trimmed + one.rows.len()));
        let both = |taken: &str, other: &str, prefix: &str| {
            format!("‹origin› {number} {taken}: `{prefix}{number}` is {other}")
        };
        let time = (!said).then(|| self.numbered(number, is_row)).flatten();
        match (time, row) {
            (Some(_), _) if self.time_kind != TimeKind::RowNumbers => {
                let line = is_row.then(|| both("is taken as a time", "that many rows of each series", ROW));
                Ok((Start::Time(number.into()), line))
            }
            (time, Some(row)) => {
                let other = time.filter(|instant| self.is_other_row(*instant, row));
                let line = other.map(|_| both("counts rows of each series", "that number of the time column", TIME));
                Ok((Start::Row(row), line))
            }
            (_, None) => {
                let help = "rows count from 1; a time is written as in the data, or YYYY-MM-DD";
                Err(Error::config("origin", format!("`{number}` is no row"), help))
            }
        }
    }

    /// The instant that a plain number is, if the data's times are such numbers. Where it can be no row, it may be an ISO date too.
    fn numbered(&self, number: &str, is_row: bool) -> Option<i64> {
        if self.time_kind == TimeKind::RowNumbers {
            return number.parse().ok();
        }
        let compact = || parse_compact(number).filter(|_| !is_row).map(|time| time.instant);
        let Some((time, _)) = self.by_own_format(number).or_else(|| self.time_form.read(number)) else {
            return compact();
        };
        let is_time = match self.time_form.is_epoch() || self.resolved.time_format.as_deref() == Some("%s") {
            // Smaller numbers are no counts of time in files either.
            true => {
                let mut seen = self.series.iter().flat_map(|one| one.timestamps.first().zip(one.timestamps.last()));
                let within =
                    |(first, last): (&Timestamp, &Timestamp)| (first.instant..=last.instant).contains(&time.instant);
                time.instant >= ROW_NUMBERS_END as i64 * SECOND || seen.any(within)
            }
            false => self.time_form.text(time) == number || self.by_own_format(number).is_some(),
        };
        if is_time { Some(time.instant) } else { compact() }
    }

    /// Whether a number of the time column ends another row than that of this count, in some series that has it.
    fn is_other_row(&self, number: i64, row: usize) -> bool {
        self.series.iter().any(|one| {
            let place = one.timestamps.binary_search_by_key(&number, |time| time.instant);
            place.is_ok_and(|place| one.trimmed + place + 1 != row)
        })
    }

    /// A text in the format that was named for the times. Digits alone have as many digits as it gives.
    fn by_own_format(&self, text: &str) -> Option<(Timestamp, bool)> {
        let format = self.resolved.time_format.as_deref()?;
        let (time, zoned) = parse_format(text, format).ok()?;
        (!is_plain(text) || self.time_form.is_epoch() || formatted(time, format) == text).then_some((time, zoned))
    }

    /// A written time's instant. A time without offset takes that of the data, if the data has one.
    pub(super) fn instant(&self, text: &str) -> Result<i64> {
        let reject = |problem: &str, help: &str| Error::config("origin", format!("`{text}` {problem}"), help);
        let help = "write it as in the data, or YYYY-MM-DD or YYYY-MM-DDTHH:MM, or a number of rows";
        let TimeKind::Clock { zoned } = self.time_kind else {
            let help = "a number of rows; `time 40` is a number of the time column";
            return text.trim().parse().map_err(|_| reject("is no row number, which the time column holds", help));
        };
        let Some((stamp, has_offset)) = self.read_time(text.trim())? else { return Err(reject("is no time", help)) };
        if let Some(zone) = self.calendar.zone() {
            // A count of time is no clock's.
            let has_offset = has_offset || is_count(text) && self.time_form.is_epoch();
            return if has_offset {
                Ok(stamp.instant)
            } else {
                Ok(on_clock(zone, stamp.instant, ("origin", text))?.instant)
            };
        }
        match (zoned, has_offset) {
            (false, true) => Err(reject("has an offset, but the time column has none", help)),
            (true, false) => {
                let offset =
                    self.series.first().and_then(|series| series.timestamps.first()).map_or(0, |first| first.offset);
                let mut stamps = self.series.iter().flat_map(|series| &series.timestamps);
                if stamps.any(|stamp| stamp.offset != offset) {
                    return Err(reject(
                        "has no offset, but those of the time column vary",
                        "give it, as in 2013-09-01T00:00+02:00",
                    ));
                }
                Ok(stamp.instant - i64::from(offset) * SECOND)
            }
            _ => Ok(stamp.instant),
        }
    }

    /// A time in the data's own form, or in one that has one reading; whether it says its offset. `None` if it is none.
    fn read_time(&self, text: &str) -> Result<Option<(Timestamp, bool)>> {
        let own = || self.time_form.read(text);
        if let Some(read) = self.by_own_format(text).or_else(|| own().filter(|_| is_count(text))) {
            return Ok(Some(read));
        }
        let Some(written) = parse_written(text) else {
            // Digits without a day are a month.
            let compact = || parse_compact(text).map(|time| (self.end_of(time, u32::from(text.len() == 6)), false));
            return Ok(own().or_else(compact));
        };
        let orders = match (written.form, self.day_first) {
            (DateForm::Plain, _) => vec![false],
            (DateForm::TwoNumbers, Some(day_first)) => vec![day_first],
            (DateForm::TwoNumbers, None) => vec![false, true],
        };
        let mut readings: Vec<Timestamp> = orders.into_iter().filter_map(|order| written.timestamp(order)).collect();
        readings.dedup();
        let problem = match &readings[..] {
            [one] => return Ok(Some((self.end_of(*one, written.months), written.offset.is_some()))),
            [] => "is no day",
            _ => "can be read in two ways: the day or the month may come first",
        };
        Err(Error::config("origin", format!("`{text}` {problem}"), "write YYYY-MM-DD"))
    }

    /// The last moment of so many months that begin with this one, where rows are months or more apart.
    fn end_of(&self, start: Timestamp, months: u32) -> Timestamp {
        if months == 0 || !matches!(self.calendar.step(), Step::Months(_)) {
            return start;
        }
        match start.written().date().checked_add_months(Months::new(months)) {
            Some(next) => Timestamp { instant: Timestamp::from_clock(next, -1, start.offset).instant, ..start },
            None => start,
        }
    }
}

/// Digits alone.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, perhaps with decimals.
fn is_count(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
