//! The times of all rows, however they were read.

use chrono_tz::Tz;

use super::time::{DAY, SECOND, TimeKind, Timestamp, is_leapt, offset_of_clock};
use super::time_form::{TimeForm, formatted};
use super::time_text::{DateForm, parse_format, parse_written};
use crate::error::{Error, Result, Text};

/// The times of all rows, in the rows' order.
pub(crate) struct Times {
    /// As the option `time-column` takes it.
    pub name: String,
    pub kind: TimeKind,
    pub stamps: Vec<Timestamp>,
    /// Whether the day is written before the month; `None` where the year comes first.
    pub day_first: Option<bool>,
    /// How the times were read, for the notices; empty if there is only one way.
    pub reading: String,
    /// How times are written.
    pub form: TimeForm,
    /// Whose clock they are written by, if it was named.
    pub zone: Option<Tz>,
}

impl Times {
    /// Which column it is and how it was read, in words.
    pub(super) fn notice(&self) -> Text {
        let reading = if self.reading.is_empty() { String::new() } else { format!(", {}", self.reading) };
        format!("time column `{}`{reading}", self.name).into()
    }

    /// Reads a border of a split, in the form of this column's times. If all of these have one offset, a border without offset
    /// takes it.
    pub(super) fn border(&self, text: &str, format: Option<&str>) -> Result<Timestamp> {
        let reject = |problem: &str, help: &str| Error::config("split", format!("`{text}`: {problem}"), help);
        let TimeKind::Clock { zoned } = self.kind else {
            return Err(reject("the time column holds row numbers", "give row borders or fractions"));
        };
        let (stamp, has_offset) = match format.and_then(|format| parse_format(text, format).ok()) {
            Some(read) => read,
            None => {
                let written =
                    parse_written(text).ok_or_else(|| reject("not a time", "as in 2013-09-01 or 2013-09-01T12:00"))?;
                if written.form == DateForm::TwoNumbers && self.day_first.is_none() {
                    return Err(reject("the day or the month may come first", "write YYYY-MM-DD"));
                }
                let stamp = written
                    .timestamp(self.day_first == Some(true))
                    .ok_or_else(|| reject("no such day", "correct it"))?;
                (stamp, written.offset.is_some())
            }
        };
        if let Some(zone) = self.zone {
            return match has_offset {
                true => Ok(stamp.in_zone(true, self.zone)),
                false => on_clock(zone, stamp.instant, ("split", text)),
            };
        }
        match (zoned, has_offset) {
            (false, true) => Err(reject("the time column has no offsets", "give the time without offset")),
            (true, false) => {
                let offset = self.stamps[0].offset;
                if self.stamps.iter().any(|other| other.offset != offset) {
                    return Err(reject(
                        "the time column's offsets vary",
                        "give the time with its offset, as in 2013-09-01T00:00+02:00",
                    ));
                }
                Ok(Timestamp { instant: stamp.instant - i64::from(offset) * SECOND, offset })
            }
            _ => Ok(stamp),
        }
    }
}

/// When a zone's clock shows this, which an option has as its text. A day begins later where the clock leaps over midnight.
///
/// # Errors
/// A time that the clock shows twice, or never.
pub(super) fn on_clock(zone: Tz, clock: i64, (option, text): (&str, &str)) -> Result<Timestamp> {
    let reject = |problem: &str, help: &str| {
        Err(Error::config(option, format!("`{text}`: the clock of {zone} {problem}"), help))
    };
    let [first, second] =
        offset_of_clock(zone, clock).map(|offset| Timestamp { instant: clock - i64::from(offset) * SECOND, offset });
    if first.instant != second.instant {
        let [first, second] = [first, second].map(|time| formatted(time, "%Y-%m-%dT%H:%M%:z"));
        return reject("shows it twice", &format!("say which is meant: {first} or {second}"));
    }
    if is_leapt(zone, clock) && clock % DAY != 0 {
        return reject("leaps over this time", "name a time that the clock shows");
    }
    Ok(first.in_zone(true, Some(zone)))
}
