//! Cuts of the rows that studies make: fewer training rows, later test periods, and the leaking protocol of the pruning
//! paper's published code.

use std::ops::Range;

use super::options::{DataOptions, Origin};
use super::split::{Parts, of_series};
use crate::error::{Error, Result};

/// Parts changed as the options of a study or a backtest ask.
pub(super) fn cut(id: &str, parts: Parts, options: &DataOptions) -> Result<Parts> {
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
        let (horizon, validation) = (options.horizon.unwrap_or(1), parts.validation.len());
        let rows = parts.all().len();
        if back + horizon + validation + 1 > rows {
            let problem = format!(
                "{back} rows before the end{} leave none of {rows} to train on: {horizon} are forecast, {validation} validate",
                of_series(id)
            );
            return Err(Error::config("folds", problem, "fewer ‹folds›, or a smaller ‹step›"));
        }
        let end = parts.test.end - back;
        let (start, first) = (end - horizon, end - horizon - validation);
        parts = Parts { train: parts.train.start..first, validation: first..start, test: start..end };
    }
    if let Some(rows) = options.train_rows {
        if rows == 0 || rows > parts.train.len() {
            let problem = format!("{rows} rows, but{} there are {} to train on", of_series(id), parts.train.len());
            return Err(Error::config("train-rows", problem, "a smaller number, 1 or more"));
        }
        parts.train = parts.train.end - rows..parts.train.end;
    }
    Ok(parts)
}

/// The rows that scalers are fitted on.
pub(super) fn scaled_by(parts: &Parts, options: &DataOptions) -> Range<usize> {
    if options.leaks() { parts.all() } else { parts.train.clone() }
}

/// The notice of a leaking protocol.
pub(super) const LEAK: &str = "LEAKING, as the pruning paper's published code: scalers see all rows, and validation rows \
     are the test rows; scores are too good";
