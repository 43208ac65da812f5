//! Rows to come: the last rows of a series, which have no target yet.

use super::count::counted;
use super::frame::Frame;
use super::header::listed;
use super::series::RawSeries;
use super::time::Timestamp;
use crate::error::Text;

/// What is known of a series at times to come.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToCome {
    /// Times of the data's own rows to come, which date its forecasts. They rise.
    dates: Vec<Timestamp>,
    /// Times, which rise, and the future covariates there in the data's units; NaN where a value is missing.
    rows: Vec<(Timestamp, Vec<f64>)>,
}

impl ToCome {
    /// The future covariates of a time.
    pub(super) fn at(&self, time: Timestamp) -> Option<&[f64]> {
        let at = self.rows.binary_search_by_key(&time.instant, |(time, _)| time.instant).ok()?;
        Some(&self.rows[at].1)
    }

    /// How many times have future covariates.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The dates after a row.
    pub(super) fn dates_after(&self, last: Timestamp) -> &[Timestamp] {
        &self.dates[self.dates.partition_point(|date| date.instant <= last.instant)..]
    }

    /// These dates alone.
    pub(super) fn dated(dates: &[Timestamp]) -> ToCome {
        ToCome { dates: dates.to_vec(), rows: Vec::new() }
    }

    /// How many dates there are.
    pub(super) fn dates(&self) -> usize {
        self.dates.len()
    }

    /// Takes the future covariates that are known elsewhere; where both know a time, `other` wins. Its dates are no rows of the data.
    pub(super) fn extend(&mut self, other: ToCome) {
        self.rows.retain(|(time, _)| other.at(*time).is_none());
        self.rows.extend(other.rows);
        self.rows.sort_by_key(|(time, _)| time.instant);
    }

    /// Of the last rows of a series, `from` on; `columns` of its values are future covariates.
    pub(super) fn of(series: &RawSeries, from: usize, columns: std::ops::Range<usize>) -> ToCome {
        let row = |row: usize| (series.stamps[row], columns.clone().map(|column| series.value(row, column)).collect());
        let rows = if columns.is_empty() { Vec::new() } else { (from..series.rows()).map(row).collect() };
        ToCome { dates: series.stamps[from..].to_vec(), rows }
    }
}

/// Leaves out the rows after the last one in which a target has a value: training ends before them, and forecasts begin there. A
/// series without any target stays as it is. The times of these rows, which date forecasts, and their future covariates are kept.
pub(super) fn cut(frame: &Frame, mut series: Vec<RawSeries>, notices: &mut Vec<Text>) -> Vec<RawSeries> {
    let (targets, future) = (frame.columns.targets(), frame.columns.future());
    let (mut rows, mut of) = (0, 0);
    for one in &mut series {
        let has_target = |row: &usize| (0..targets).any(|target| !one.value(*row, target).is_nan());
        let Some(last) = (0..one.rows()).rev().find(has_target) else { continue };
        let to_come = one.rows() - (last + 1);
        if to_come > 0 {
            rows += to_come;
            of += 1;
            one.to_come = ToCome::of(one, last + 1, future.clone());
            one.stamps.truncate(last + 1);
            one.sources.truncate(last + 1);
            one.values.truncate((last + 1) * one.width);
        }
    }
    if rows > 0 {
        let whose = if series.len() > 1 { format!(" of {of} series") } else { String::new() };
        let unused = match (future.start > targets, future.is_empty()) {
            (false, true) => "",
            (true, true) => ", and their covariates are not used",
            (false, false) => ", which read their future covariates",
            (true, false) => ", which read their future covariates alone",
        };
        let line = format!(
            "{} to come at the end{whose}, without a value of {}: training ends and forecasts begin before them{unused}",
            counted(rows, "row"),
            listed(&frame.columns.names()[..targets])
        );
        notices.push(line.into());
    }
    series
}
