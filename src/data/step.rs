//! The sampling step, the season that it suggests, and the times that are absent.

use std::collections::HashMap;
use std::fmt;

use chrono::{Datelike, Months, NaiveDate};

use super::time::{DAY, HOUR, MINUTE, SECOND, TimeKind, Timestamp, month_index};

/// The distance from one row's time to the next if no row is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Microseconds. From one day up they are counted on the written clock, so that daily rows stay daily when clocks
    /// change; below, between instants.
    Time(i64),
    /// Calendar months: 1, 3 (quarters) or 12 (years).
    Months(i64),
    /// Row numbers.
    Rows(i64),
}

/// Two rows that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    Regular,
    /// So many times are absent between the two.
    Missing(i64),
    /// No whole number of steps.
    Irregular,
}

impl Step {
    /// The most frequent distance over all series, the smaller of equals; `None` if no series has two rows.
    pub(crate) fn infer<'a>(series: impl Iterator<Item = &'a [Timestamp]>, kind: TimeKind) -> Option<Step> {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        for stamps in series {
            for pair in stamps.windows(2) {
                let apart = pair[1].instant - pair[0].instant;
                let apart = if apart > 20 * HOUR { pair[1].clock() - pair[0].clock() } else { apart };
                *counts.entry(apart).or_default() += 1;
            }
        }
        let step = counts.iter().max_by_key(|(apart, count)| (**count, -**apart)).map(|(apart, _)| *apart)?;
        if kind == TimeKind::RowNumbers {
            return Some(Step::Rows(step));
        }
        // Months differ in length; a plain 28-day step does not.
        let varies = counts.len() > 1;
        Some(match step / DAY {
            28..=31 if varies => Step::Months(1),
            89..=92 if varies => Step::Months(3),
            365..=366 if varies => Step::Months(12),
            _ => Step::Time(step),
        })
    }

    pub(crate) fn interval(self, a: Timestamp, b: Timestamp) -> Interval {
        let (apart, step) = match self {
            Step::Time(step) if step >= DAY => (b.clock() - a.clock(), step),
            Step::Time(step) | Step::Rows(step) => (b.instant - a.instant, step),
            Step::Months(months) => (month_index(b).0 - month_index(a).0, months),
        };
        match apart {
            _ if apart == step => Interval::Regular,
            _ if apart > step && apart % step == 0 => Interval::Missing(apart / step - 1),
            _ => Interval::Irregular,
        }
    }

    /// `count` steps after `a`, on its written clock; `month_end` keeps to the last day of months.
    pub(crate) fn after(self, a: Timestamp, count: i64, month_end: bool) -> Timestamp {
        match self {
            Step::Time(step) | Step::Rows(step) => Timestamp { instant: a.instant + step * count, ..a },
            Step::Months(months) => {
                let written = a.written();
                let months = Months::new((months * count) as u32);
                let date = written.date().checked_add_months(months).unwrap_or(written.date());
                let date = if month_end { last_of_month(date) } else { date };
                Timestamp::from_clock(date, a.clock().rem_euclid(DAY), a.offset)
            }
        }
    }

    /// Rows of one season: hourly 24, 15-minute 96, 10-minute 144, daily 7, weekly 52, monthly 12, else 1.
    #[must_use]
    pub fn season(self) -> usize {
        match self {
            Step::Time(HOUR) => 24,
            Step::Time(step) if step == 15 * MINUTE => 96,
            Step::Time(step) if step == 10 * MINUTE => 144,
            Step::Time(DAY) => 7,
            Step::Time(step) if step == 7 * DAY => 52,
            Step::Months(1) => 12,
            _ => 1,
        }
    }

    /// Whether steps are whole days, so that a date alone can name a row.
    pub(crate) fn is_days(self) -> bool {
        match self {
            Step::Time(step) => step % DAY == 0,
            Step::Months(_) => true,
            Step::Rows(_) => false,
        }
    }
}

fn last_of_month(date: NaiveDate) -> NaiveDate {
    let first = date.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
    first.and_then(|next| next.pred_opt()).unwrap_or(date)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match *self {
            Step::Rows(step) => (step, "row number"),
            Step::Months(12) => (1, "year"),
            Step::Months(months) => (months, "month"),
            Step::Time(step) => {
                let units = [(7 * DAY, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second")];
                match units.into_iter().find(|(unit, _)| step % unit == 0) {
                    Some((unit, name)) => (step / unit, name),
                    None => (step, "microsecond"),
                }
            }
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}
