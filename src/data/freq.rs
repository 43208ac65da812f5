//! Frequencies: the times that follow a series' last row.

use std::fmt;
use std::str::FromStr;

use chrono::Datelike;

use super::dataset::Dataset;
use super::step::Step;
use super::time::{DAY, HOUR, MINUTE, SECOND, TimeKind, Timestamp, label, month_index};
use crate::error::{Error, Result};

/// How times continue after the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freq {
    /// Every sampling step. Steps of months keep the day of the month, or take its last day if it has no such day.
    Every(Step),
    /// Every so many business days, Mondays to Fridays.
    BusinessDays(i64),
    /// The last day of every so many months.
    MonthEnds(i64),
}

const HELP: &str = "an interval as pandas writes it, with or without a count: s, min, h, D, B (business days), W, MS or ME \
     (start or end of months), QS, QE, YS, YE, as in 15min; or a whole number where the time column holds row numbers";

impl Freq {
    /// The frequency of a data set: business days if its daily rows leave out all Saturdays and Sundays, ends of months if
    /// every row is one, else its step.
    #[must_use]
    pub fn infer(dataset: &Dataset) -> Freq {
        let stamps = || dataset.series.iter().flat_map(|series| &series.timestamps);
        match dataset.step {
            Step::Time(DAY) => {
                let weekend = |stamp: &Timestamp| day_of_week(*stamp) >= 5;
                let mut pairs = dataset.series.iter().flat_map(|series| series.timestamps.windows(2));
                let crossed = pairs.any(|pair| day_of_week(pair[1]) < day_of_week(pair[0]));
                if crossed && !stamps().any(weekend) { Freq::BusinessDays(1) } else { Freq::Every(dataset.step) }
            }
            Step::Months(months) if stamps().all(|stamp| month_index(*stamp).1) => Freq::MonthEnds(months),
            step => Freq::Every(step),
        }
    }

    /// The distance between rows.
    #[must_use]
    pub fn step(self) -> Step {
        match self {
            Freq::Every(step) => step,
            Freq::BusinessDays(days) => Step::Time(days * DAY),
            Freq::MonthEnds(months) => Step::Months(months),
        }
    }

    /// The time `count` rows after `last`, on its written clock and at its offset.
    ///
    /// # Errors
    /// [`Error::Config`] for a time after the year 9999.
    pub fn after(self, last: Timestamp, count: usize) -> Result<Timestamp> {
        let count = count as i64;
        let span = match self.step() {
            Step::Time(step) | Step::Rows(step) => step.checked_mul(2 * count),
            Step::Months(months) => (months * 31).checked_mul(DAY).and_then(|span| span.checked_mul(count)),
        };
        let far = span.and_then(|span| last.clock().checked_add(span));
        if !matches!(self, Freq::Every(Step::Rows(_))) && far.is_none_or(|far| far > LAST) || far.is_none() {
            let problem = format!("{count} rows at an interval of {self} pass the year 9999");
            return Err(Error::config("freq", problem, "a smaller interval or ‹horizon›"));
        }
        Ok(match self {
            Freq::Every(step) => step.after(last, count, false),
            Freq::MonthEnds(months) => Step::Months(months).after(last, count, true),
            Freq::BusinessDays(days) => {
                let (weekday, ahead) = (day_of_week(last), days * count);
                // From a weekend, the first business day is Monday.
                let from = weekday.min(4);
                let total = from + ahead;
                let apart = total / 5 * 7 + total % 5 - weekday;
                Timestamp { instant: last.instant + apart * DAY, ..last }
            }
        })
    }

    /// Rejects an interval of time for row numbers, and a number of rows for times.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(self, kind: TimeKind) -> Result<()> {
        let rows = matches!(self, Freq::Every(Step::Rows(_)));
        match (kind, rows) {
            (TimeKind::RowNumbers, false) => {
                Err(Error::config("freq", format!("{self}, but the time column holds row numbers"), "a whole number"))
            }
            (TimeKind::Clock { .. }, true) => {
                Err(Error::config("freq", format!("{self}, but the time column holds times"), HELP))
            }
            _ => Ok(()),
        }
    }
}

/// 9999-12-31, microseconds since 1970.
const LAST: i64 = 253_402_214_400 * SECOND;

/// Days since Monday.
fn day_of_week(stamp: Timestamp) -> i64 {
    i64::from(stamp.written().weekday().num_days_from_monday())
}

impl FromStr for Freq {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let reject = |problem: &str| Error::config("freq", format!("`{text}` {problem}"), HELP);
        let digits = text.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(text.trim().len());
        let (count, unit) = text.trim().split_at(digits);
        let count = if count.is_empty() {
            1
        } else {
            count
                .parse::<i64>()
                .ok()
                .filter(|count| (1..=1_000_000).contains(count))
                .ok_or_else(|| reject("has a count that is not 1 to 1000000"))?
        };
        let time = |unit: i64| Ok(Freq::Every(Step::Time(count * unit)));
        match unit {
            "" if digits > 0 => Ok(Freq::Every(Step::Rows(count))),
            "s" | "S" => time(SECOND),
            "min" | "T" => time(MINUTE),
            "h" | "H" => time(HOUR),
            "D" | "d" => time(DAY),
            "W" | "w" => time(7 * DAY),
            "B" | "b" => Ok(Freq::BusinessDays(count)),
            "MS" => Ok(Freq::Every(Step::Months(count))),
            "ME" | "M" => Ok(Freq::MonthEnds(count)),
            "QS" => Ok(Freq::Every(Step::Months(3 * count))),
            "QE" | "Q" => Ok(Freq::MonthEnds(3 * count)),
            "YS" | "AS" => Ok(Freq::Every(Step::Months(12 * count))),
            "YE" | "Y" | "A" => Ok(Freq::MonthEnds(12 * count)),
            _ => Err(reject("is not an interval")),
        }
    }
}

impl fmt::Display for Freq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Freq::Every(step) => write!(f, "{step}"),
            Freq::BusinessDays(1) => f.write_str("1 business day"),
            Freq::BusinessDays(days) => write!(f, "{days} business days"),
            Freq::MonthEnds(months) => write!(f, "{}, at month ends", Step::Months(*months)),
        }
    }
}

/// Writes times as pandas does in CSV files: `2013-01-01`, `2013-01-01 06:00:00`, with an offset if the data has offsets, or
/// row numbers.
#[derive(Debug, Clone, Copy)]
pub struct TimeFormat {
    kind: TimeKind,
    dates_only: bool,
}

impl TimeFormat {
    /// Dates alone if every row of the data is at midnight and steps are whole days.
    #[must_use]
    pub fn of(dataset: &Dataset, freq: Freq) -> TimeFormat {
        let mut stamps = dataset.series.iter().flat_map(|series| &series.timestamps);
        let days = dataset.step.is_days() && freq.step().is_days();
        let dates_only = days && dataset.time_kind != TimeKind::Clock { zoned: true };
        TimeFormat { kind: dataset.time_kind, dates_only: dates_only && stamps.all(|stamp| stamp.clock() % DAY == 0) }
    }

    /// A time as text.
    #[must_use]
    pub fn text(&self, time: Timestamp) -> String {
        if self.kind == TimeKind::RowNumbers || self.dates_only {
            return label(self.kind, time, self.dates_only);
        }
        let fraction = if time.instant % SECOND == 0 { "" } else { "%.6f" };
        let mut text = time.written().format(&format!("%Y-%m-%d %H:%M:%S{fraction}")).to_string();
        if self.kind == (TimeKind::Clock { zoned: true }) {
            let minutes = time.offset.unsigned_abs() / 60;
            let sign = if time.offset < 0 { '-' } else { '+' };
            text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn day(text: &str) -> Timestamp {
        Timestamp::from_clock(text.parse::<NaiveDate>().unwrap(), 0, 0)
    }

    fn next(freq: &str, from: &str, count: usize) -> String {
        let time = freq.parse::<Freq>().unwrap().after(day(from), count).unwrap();
        time.written().format("%Y-%m-%d %H:%M").to_string()
    }

    #[test]
    fn calendars_continue() {
        // 2024-03-01 is a Friday.
        assert_eq!(next("B", "2024-03-01", 1), "2024-03-04 00:00");
        assert_eq!(next("B", "2024-03-01", 5), "2024-03-08 00:00");
        assert_eq!(next("B", "2024-03-01", 6), "2024-03-11 00:00");
        assert_eq!(next("B", "2024-03-02", 1), "2024-03-04 00:00", "from a Saturday");
        assert_eq!(next("B", "2024-03-06", 2), "2024-03-08 00:00");
        assert_eq!(next("ME", "2024-01-31", 1), "2024-02-29 00:00");
        assert_eq!(next("ME", "2024-02-29", 1), "2024-03-31 00:00");
        assert_eq!(next("MS", "2023-12-01", 14), "2025-02-01 00:00");
        assert_eq!(next("QE", "2023-12-31", 1), "2024-03-31 00:00");
        assert_eq!(next("YS", "2023-01-01", 2), "2025-01-01 00:00");
        assert_eq!(next("W", "2024-02-25", 1), "2024-03-03 00:00");
        assert_eq!(next("15min", "2024-02-29", 97), "2024-03-01 00:15");
        assert_eq!(next("2h", "2024-02-29", 12), "2024-03-01 00:00");
    }

    #[test]
    fn nonsense_is_rejected() {
        for text in ["", "x", "0h", "-1h", "h1", "1.5h", "99999999999999999999h"] {
            let error = text.parse::<Freq>().unwrap_err().to_string();
            assert!(error.contains("`freq`") && error.contains("help:"), "{text}: {error}");
        }
        assert!("YE".parse::<Freq>().unwrap().after(day("2024-12-31"), 9000).is_err());
        assert!("h".parse::<Freq>().unwrap().check(TimeKind::RowNumbers).is_err());
    }
}
