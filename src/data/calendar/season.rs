//! The season that a calendar suggests.

use super::{Calendar, Rule};
use crate::data::time::{DAY, HOUR, MINUTE, SECOND};

/// Rows after which a series may repeat itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Season {
    pub rows: usize,
    /// What they span, in words.
    pub why: String,
}

impl Season {
    fn new(rows: i64, why: impl Into<String>) -> Season {
        Season { rows: rows as usize, why: why.into() }
    }

    /// None where the longest series has not two of them.
    pub(crate) fn within(self, longest: usize) -> Season {
        match 2 * self.rows > longest && self.rows > 1 {
            true => Season::none(format!("no series has two times {} rows: {}", self.rows, self.why)),
            false => self,
        }
    }

    /// Every row like the one before.
    pub(crate) fn none(why: impl Into<String>) -> Season {
        Season::new(1, why)
    }
}

impl Calendar {
    /// A day of rows that are less than a day apart, a week of daily rows, a year of longer steps; of opening hours, an open day
    /// where all open days are alike, else a week; 1 row where none of these is a whole number of rows.
    pub(crate) fn season(&self) -> Season {
        let unknown = || Season::none(format!("no season is known for a step of {}", self.step()));
        match &self.rule {
            Rule::Rows(_) => Season::none("row numbers have no season"),
            Rule::Every { step, .. } | Rule::Clock(step) => match *step {
                step if step < SECOND => unknown(),
                step if step < MINUTE && HOUR % step == 0 => Season::new(HOUR / step, "an hour"),
                step if step < DAY && DAY % step == 0 => Season::new(DAY / step, "a day"),
                step if step <= DAY && 7 * DAY % step == 0 => Season::new(7 * DAY / step, "a week"),
                step if step % (7 * DAY) == 0 && 364 * DAY % step == 0 && step < 364 * DAY => {
                    Season::new(364 * DAY / step, "a year")
                }
                _ => unknown(),
            },
            Rule::Weekdays { open, every } => match open.count() as i64 {
                1 if 52 % every == 0 && *every < 52 => Season::new(52 / every, "a year"),
                days if days > 1 && days % every == 0 => {
                    Season::new(days / every, format!("a week of {days} open days"))
                }
                _ => unknown(),
            },
            Rule::Week { week, every } => {
                let days: Vec<i64> = (0..7).map(|day| week.of_day(day).len() as i64).filter(|rows| *rows > 0).collect();
                let (most, all) = (days.iter().copied().max().unwrap_or(1), days.iter().sum::<i64>());
                if days.iter().all(|rows| *rows == most) && most > 1 && most % every == 0 {
                    Season::new(most / every, "an open day")
                } else if all % every == 0 {
                    Season::new(all / every, "a week of opening hours")
                } else {
                    unknown()
                }
            }
            Rule::HalfMonths { every, .. } if *every < 24 && 24 % every == 0 => Season::new(24 / every, "a year"),
            Rule::HalfMonths { .. } => unknown(),
            Rule::Retail(_) => Season::new(12, "a year"),
            Rule::Months { every, .. } if *every < 12 && 12 % every == 0 => Season::new(12 / every, "a year"),
            Rule::Months { .. } => unknown(),
        }
    }
}
