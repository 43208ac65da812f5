//! Cuts of the rows that studies make: fewer training rows, later test periods, and the leaking protocol of the pruning
//! paper's published code.

use std::ops::Range;

use super::options::{DataOptions, Origin};
use super::settings::Settings;
use super::split::Parts;
use crate::error::{Error, Result};

/// The parts of all series, changed as the options of a study or a backtest ask. A series that is too short for a change
/// keeps what rows it has.
///
/// # Errors
/// A change for which every series is too short.
pub(super) fn cut(parts: Vec<Parts>, options: &DataOptions) -> Result<Vec<Parts>> {
    let rows = |of: fn(&Parts) -> usize| parts.iter().map(of).max().unwrap_or(0);
    if let Some(back) = options.backtest {
        let horizon = options.horizon.unwrap_or(1);
        let left = |parts: &Parts| parts.all().len().saturating_sub(back + horizon + parts.validation.len());
        if parts.iter().all(|parts| left(parts) == 0) {
            let longest = parts.iter().max_by_key(|parts| parts.all().len());
            let (rows, validation) = longest.map_or((0, 0), |one| (one.all().len(), one.validation.len()));
            let problem = format!(
                "{back} rows before the end leave none of {rows} to train on: {horizon} are forecast, {validation} validate"
            );
            return Err(Error::config("folds", problem, "fewer ‹folds›, or a smaller ‹step›"));
        }
    }
    let most = rows(|parts| parts.train.len());
    if let Some(rows) = options.train_rows.filter(|rows| *rows == 0 || *rows > most) {
        let problem = format!("{rows} rows, but there are {most} to train on");
        return Err(Error::config("train-rows", problem, "a smaller number, 1 or more"));
    }
    Ok(parts.into_iter().map(|parts| cut_one(parts, options)).collect())
}

fn cut_one(parts: Parts, options: &DataOptions) -> Parts {
    let mut parts = parts;
    if options.leaks() {
        let all = parts.all();
        let border = all.start + (0.8 * all.len() as f64 + 1e-9).floor() as usize;
        parts = Parts { train: all.start..border, validation: border..all.end, test: border..all.end };
    }
    if let Some(Origin { number, of }) = options.origin {
        let (start, rows) = (parts.test.start, parts.test.len());
        let test = start + rows * (number - 1) / of..start + rows * number / of;
        let later = test.start - start;
        parts = Parts {
            train: parts.train.start..parts.train.end + later,
            validation: parts.validation.start + later..parts.validation.end + later,
            test,
        };
    }
    if let Some(back) = options.backtest {
        let (all, validation) = (parts.all(), parts.validation.len());
        let before_end = |rows: usize| all.end.saturating_sub(rows).max(all.start);
        let horizon = options.horizon.unwrap_or(1);
        let [first, start, end] = [back + horizon + validation, back + horizon, back].map(before_end);
        parts = Parts { train: all.start..first, validation: first..start, test: start..end };
    }
    if let Some(rows) = options.train_rows {
        parts.train = parts.train.start.max(parts.train.end.saturating_sub(rows))..parts.train.end;
    }
    parts
}

/// The rows that scalers are fitted on: the training rows; of a series that has no training window and a scaler of its own,
/// at least the inputs of its first window, which none of its windows forecasts.
pub(super) fn scaled_by(parts: &Parts, options: &DataOptions, settings: &Settings) -> Range<usize> {
    let first = if settings.needs_scaler(parts) { parts.train.start + settings.lookback } else { 0 };
    if options.leaks() { parts.all() } else { parts.train.start..parts.train.end.max(first).min(parts.test.end) }
}

/// The notice of a leaking protocol.
pub(super) const LEAK: &str = "LEAKING, as the pruning paper's published code: scalers see all rows, and validation rows \
     are the test rows; scores are too good";
