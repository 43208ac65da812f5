//! The distance between rows.

use std::fmt;
use std::str::FromStr;

use super::time::{DAY, HOUR, MINUTE, SECOND};

/// The distance from one row's time to the next if no row is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Microseconds.
    Time(i64),
    /// Calendar months: 1, 3 (quarters) or 12 (years).
    Months(i64),
    /// Row numbers.
    Rows(i64),
}

const UNITS: [(i64, &str); 7] = [
    (7 * DAY, "week"),
    (DAY, "day"),
    (HOUR, "hour"),
    (MINUTE, "minute"),
    (SECOND, "second"),
    (SECOND / 1000, "millisecond"),
    (1, "microsecond"),
];

impl Step {
    /// Whether steps are whole days, so that a date alone can name a row.
    pub(crate) fn is_days(self) -> bool {
        match self {
            Step::Time(step) => step % DAY == 0,
            Step::Months(_) => true,
            Step::Rows(_) => false,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match *self {
            Step::Rows(step) => (step, "row number"),
            Step::Months(months) if months % 12 == 0 => (months / 12, "year"),
            Step::Months(months) => (months, "month"),
            Step::Time(step) => {
                let (unit, name) = UNITS.into_iter().find(|(unit, _)| step % unit == 0).unwrap_or(UNITS[6]);
                (step / unit, name)
            }
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

/// As it is displayed, and as files of earlier versions have it: `10000 microseconds`.
impl FromStr for Step {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (count, unit) = text.split_once(' ').ok_or(())?;
        let count: i64 = count.parse().map_err(|_| ())?;
        let unit = unit.strip_suffix('s').unwrap_or(unit);
        let whole = |unit: i64| count.checked_mul(unit).filter(|step| *step > 0).ok_or(());
        match unit {
            "row number" => whole(1).map(Step::Rows),
            "month" => whole(1).map(Step::Months),
            "year" => whole(12).map(Step::Months),
            _ => UNITS
                .into_iter()
                .find(|(_, name)| *name == unit)
                .ok_or(())
                .and_then(|(unit, _)| whole(unit).map(Step::Time)),
        }
    }
}
