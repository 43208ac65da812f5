//! Rows in another order than that of their times.

use std::cmp::Reverse;

use chrono_tz::Tz;

use super::count::counted;
use super::frame::Frame;
use super::options::DataOptions;
use super::time::{TimeKind, clock_after};
use crate::error::Text;

impl Frame<'_> {
    /// Sorts the rows of each series by time: where the option `sort` says so; else where the rows of each run from new to
    /// old, or where ids tell the series apart and no time occurs twice. What is left unsorted is rejected when rows become
    /// series. `values` are those of all rows.
    pub(super) fn sort(&mut self, values: &mut [Vec<f64>], options: &DataOptions, notices: &mut Vec<Text>) {
        let (early, falling) = self.disorder();
        let zone: Option<Tz> = options.timezone.as_deref().and_then(|name| name.parse().ok());
        let falling = falling || early > 0 && zone.is_some_and(|zone| self.falls_by_clock(zone));
        if early == 0 || options.sort == Some(false) {
            return;
        }
        let key = |row: &usize| (self.ids.of_row[*row], self.times.stamps[*row].instant);
        let mut order: Vec<usize> = (0..self.times.stamps.len()).collect();
        match falling {
            true => order.sort_by_key(|row| (self.ids.of_row[*row], Reverse(*row))),
            false => order.sort_by_key(key),
        }
        let repeats = order.windows(2).any(|pair| key(&pair[0]) == key(&pair[1]));
        if options.sort.is_none() && !falling && (self.ids.column.is_none() || repeats) {
            return;
        }
        let why = match falling {
            true => "the rows run from new to old".into(),
            false => format!("{} earlier than one above", counted(early, "row")),
        };
        notices.push(format!("{why}: sorted by time (‹sort›)").into());
        for column in values {
            *column = order.iter().map(|row| column[*row]).collect();
        }
        if !self.weights.is_empty() {
            self.weights = order.iter().map(|row| self.weights[*row]).collect();
        }
        self.times.stamps = order.iter().map(|row| self.times.stamps[*row]).collect();
        self.ids.of_row = order.iter().map(|row| self.ids.of_row[*row]).collect();
        self.order = Some(order);
    }

    /// Whether rows run from new to old by the clock of a zone, which may show an hour twice.
    fn falls_by_clock(&self, zone: Tz) -> bool {
        if self.times.kind != (TimeKind::Clock { zoned: false }) || self.times.form.is_epoch() {
            return false;
        }
        let mut before = vec![i64::MIN; self.ids.names.len()];
        self.ids.of_row.iter().zip(&self.times.stamps).rev().all(|(series, stamp)| {
            let (time, _) = clock_after(zone, stamp.instant, before[*series]);
            std::mem::replace(&mut before[*series], time.instant) < time.instant
        })
    }

    /// How many rows are not later than the row before them of the same series, and whether that is every row but each
    /// series' first, and earlier.
    fn disorder(&self) -> (usize, bool) {
        let mut last: Vec<Option<i64>> = vec![None; self.ids.names.len()];
        let (mut early, mut falling) = (0, true);
        for (series, stamp) in self.ids.of_row.iter().zip(&self.times.stamps) {
            if let Some(last) = last[*series].replace(stamp.instant) {
                early += usize::from(stamp.instant <= last);
                falling &= stamp.instant < last;
            }
        }
        (early, falling)
    }
}
