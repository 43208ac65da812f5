//! Periods, as pandas stores them: whole numbers that count years, quarters, months, weeks, days or parts of these since 1970. Arrow has
//! no such type, so a field's metadata tells them from other numbers.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};
use chrono::Month;

use super::cells::Cell;
use crate::data::time::{DAY, HOUR, MINUTE, SECOND, TimeKind, Timestamp};

/// What a column of periods counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    /// Months, so many at a time, the first of which begins so many months after 1970.
    Months { every: i64, first: i64 },
    /// Microseconds, so many at a time, the first of which begin so many after 1970.
    Micros { every: i64, first: i64 },
}

/// Of a column that holds periods, what it counts, or that this is not read.
pub(super) fn of(field: &Field) -> Option<Result<Period, &'static str>> {
    let metadata = field.metadata();
    if *field.data_type() != DataType::Int64
        || metadata.get("ARROW:extension:name").map(String::as_str) != Some("pandas.period")
    {
        return None;
    }
    let known = metadata.get("ARROW:extension:metadata").and_then(|text| {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        period(value.get("freq")?.as_str()?)
    });
    Some(known.ok_or("periods other than Y, Q, M, W, D, h, min and s"))
}

/// By pandas' name of a frequency, today's or that of older versions. `15min` counts minutes, as `min` does.
fn period(freq: &str) -> Option<Period> {
    let freq = freq.trim_start_matches(|c: char| c.is_ascii_digit());
    let (unit, anchor) = freq.split_once('-').unwrap_or((freq, ""));
    // Years and quarters end with a month, December unless another is named.
    let month = if anchor.is_empty() { Some(Month::December) } else { anchor.parse().ok() };
    let months = |every: i64| Some(Period::Months { every, first: i64::from(month?.number_from_month()) - 12 });
    let micros = |every: i64| anchor.is_empty().then_some(Period::Micros { every, first: 0 });
    match unit {
        "Y" | "YE" | "A" => months(12),
        "Q" | "QE" => months(3),
        "M" | "ME" if anchor.is_empty() => months(1),
        "W" => {
            // The first week ends in 1969; weeks end with Sunday unless another day is named.
            let last = if anchor.is_empty() { chrono::Weekday::Sun } else { anchor.parse().ok()? };
            let first = i64::from(last.num_days_from_sunday()) - 10;
            Some(Period::Micros { every: 7 * DAY, first: first * DAY })
        }
        "D" => micros(DAY),
        "h" | "H" => micros(HOUR),
        "min" | "T" => micros(MINUTE),
        "s" | "S" => micros(SECOND),
        _ => None,
    }
}

impl Period {
    /// Its name, as pandas writes quarters, months, days and times of day; of other periods, the first day. `None` beyond the years of a
    /// calendar.
    fn text(self, number: i64) -> Option<String> {
        match self {
            Period::Months { every, first } => {
                let month = number.checked_mul(every)?.checked_add(first)?.checked_add(12 * 1970)?;
                let (year, month) = (month.div_euclid(12), month.rem_euclid(12));
                let name = match (every, first) {
                    (3, 0) => format!("{year}Q{}", 1 + month / 3),
                    (1, _) => format!("{year}-{:02}", 1 + month),
                    _ => format!("{year}-{:02}-01", 1 + month),
                };
                (1..=9999).contains(&year).then_some(name)
            }
            Period::Micros { every, first } => {
                let instant = number.checked_mul(every)?.checked_add(first)?;
                let time = Timestamp { instant, offset: 0 };
                let form = if every < DAY { "%F %T" } else { "%F" };
                time.fits(TimeKind::Clock { zoned: false }).then(|| time.written().format(form).to_string())
            }
        }
    }

    /// The cells of a column, empty where it has no value.
    pub(super) fn writer(self, array: &ArrayRef) -> Cell<'_> {
        let values = array.as_primitive::<Int64Type>();
        Box::new(move |row, cell| {
            if values.is_valid(row) {
                let number = values.value(row);
                // Writing to memory does not fail.
                let _ = match self.text(number) {
                    Some(text) => write!(cell, "{text}"),
                    None => write!(cell, "{number}"),
                };
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_where_those_of_pandas_do() {
        let cases = [
            ("Y-DEC", 54, "2024-01-01"),
            ("A-DEC", -1, "1969-01-01"),
            ("YE-MAR", 54, "2023-04-01"),
            ("Q-DEC", 217, "2024Q2"),
            ("Q-MAR", 0, "1969-04-01"),
            ("M", 650, "2024-03"),
            ("W-SUN", 1, "1969-12-29"),
            ("W", 2818, "2023-12-25"),
            ("W-WED", 1, "1970-01-01"),
            ("W-SAT", 1, "1970-01-04"),
            ("D", 19_723, "2024-01-01"),
            ("h", 25, "1970-01-02 01:00:00"),
            ("15min", 61, "1970-01-01 01:01:00"),
            ("s", -1, "1969-12-31 23:59:59"),
        ];
        for (freq, number, text) in cases {
            assert_eq!(period(freq).unwrap().text(number).as_deref(), Some(text), "{freq}");
        }
        assert!(["B", "ms", "D-MON", "M-DEC", "Q-ABC", "W-DEC", ""].iter().all(|freq| period(freq).is_none()));
        let far = [i64::MIN, i64::MAX, 1 << 40];
        let all = ["Y", "Q", "M", "W", "D", "h", "min", "s"];
        assert!(all.iter().all(|freq| far[..2].iter().all(|n| period(freq).unwrap().text(*n).is_none())));
    }
}
