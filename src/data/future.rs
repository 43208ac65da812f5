//! Rows to come: the last rows of a series, which have no target yet.

use super::count::counted;
use super::frame::Frame;
use super::header::listed;
use super::options::Impute;
use super::scale::Scaler;
use super::series::RawSeries;
use super::time::Timestamp;
use crate::error::{Place, Text};

/// What is known of a series at times to come.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToCome {
    /// Times of the data's own rows to come, which date its forecasts. They rise.
    dates: Vec<Timestamp>,
    /// Times, which rise, and the future covariates there in the data's units; NaN where a value is missing.
    rows: Vec<(Timestamp, Vec<f64>)>,
    /// Times of rows in which a value is missing, and where the first of these stands.
    holes: Vec<(Timestamp, Place)>,
}

impl ToCome {
    /// The future covariates of a time.
    pub(super) fn at(&self, time: Timestamp) -> Option<&[f64]> {
        let at = self.rows.binary_search_by_key(&time.instant, |(time, _)| time.instant).ok()?;
        Some(&self.rows[at].1)
    }

    /// Where the first missing value of a time stands, if one is missing.
    pub(super) fn hole_at(&self, time: Timestamp) -> Option<&Place> {
        self.holes.iter().find(|(hole, _)| hole.instant == time.instant).map(|(_, place)| place)
    }

    /// Fills missing values as those of the rows before are: by the last one, of which `last` are those of the last row before; or by
    /// the means of scalers.
    pub(super) fn fill(&mut self, impute: Impute, last: &[f64], scalers: &[Scaler]) {
        if impute == Impute::Error {
            return;
        }
        let mut seen = last.to_vec();
        for (_, row) in &mut self.rows {
            for ((value, seen), scaler) in row.iter_mut().zip(&mut seen).zip(scalers) {
                match value.is_nan() {
                    true => *value = if impute == Impute::Mean { scaler.usual() } else { *seen },
                    false => *seen = *value,
                }
            }
        }
        self.holes.clear();
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
        ToCome { dates: dates.to_vec(), ..ToCome::default() }
    }

    /// How many dates there are.
    pub(super) fn dates(&self) -> usize {
        self.dates.len()
    }

    /// Takes the future covariates that are known elsewhere; where both know a time, `other` wins. Its dates are no rows of the data.
    pub(super) fn extend(&mut self, other: ToCome) {
        self.rows.retain(|(time, _)| other.at(*time).is_none());
        self.holes.retain(|(time, _)| other.at(*time).is_none());
        self.holes.extend(other.holes);
        self.rows.extend(other.rows);
        self.rows.sort_by_key(|(time, _)| time.instant);
    }

    /// Of the last rows of a series, `from` on; `columns` of its values are future covariates.
    pub(super) fn of(frame: &Frame, series: &RawSeries, from: usize, columns: std::ops::Range<usize>) -> ToCome {
        let row = |row: usize| (series.stamps[row], columns.clone().map(|column| series.value(row, column)).collect());
        let rows = if columns.is_empty() { Vec::new() } else { (from..series.rows()).map(row).collect() };
        let hole = |row: usize| {
            let column = columns.clone().find(|column| series.value(row, *column).is_nan())?;
            Some((series.stamps[row], series.place(frame, row, column)))
        };
        ToCome { dates: series.stamps[from..].to_vec(), rows, holes: (from..series.rows()).filter_map(hole).collect() }
    }
}

/// The series of a panel that has rows to come cut off.
pub(super) struct Cut {
    pub series: Vec<RawSeries>,
    /// Those without a value of any target: of all of their rows nobody can say whether they are to come.
    pub empty: Vec<RawSeries>,
}

/// Leaves out the rows after the last one in which a target has a value: training ends before them, and forecasts begin there. The
/// times of these rows, which date forecasts, and their future covariates are kept. Series without any target are set apart, unless
/// there are no others.
pub(super) fn cut(frame: &Frame, series: Vec<RawSeries>, notices: &mut Vec<Text>) -> Cut {
    let (targets, future) = (frame.columns.targets(), frame.columns.future());
    let has_target = |one: &RawSeries, row: usize| (0..targets).any(|target| !one.value(row, target).is_nan());
    let last = |one: &RawSeries| (0..one.rows()).rev().find(|row| has_target(one, *row));
    let (mut series, mut empty): (Vec<RawSeries>, _) = series.into_iter().partition(|one| last(one).is_some());
    if series.is_empty() {
        std::mem::swap(&mut series, &mut empty);
    }
    let (mut rows, mut of) = (0, 0);
    for one in &mut series {
        let Some(last) = last(one) else { continue };
        let to_come = one.rows() - (last + 1);
        if to_come > 0 {
            rows += to_come;
            of += 1;
            one.to_come = ToCome::of(frame, one, last + 1, future.clone());
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
    Cut { series, empty }
}
