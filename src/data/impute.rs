//! Missing inputs. Every policy is causal: a value that was seen is carried on, also over a border of parts, and none back.

use std::ops::Range;

use super::count::{counted, few};
use super::frame::Frame;
use super::options::{FillMissing, Impute};
use super::scale::Scaler;
use super::series::RawSeries;
use crate::error::{Error, Result, Text};

/// A column without a value in any row, if there is one.
pub(crate) fn empty_column(series: &RawSeries) -> Option<usize> {
    (0..series.width).find(|column| first_value(series, *column) == series.rows())
}

/// The same, where a target may be empty if another one is not.
pub(crate) fn empty_input(series: &RawSeries, targets: usize) -> Option<usize> {
    let is_empty = |column: &usize| first_value(series, *column) == series.rows();
    (0..targets).all(|target| is_empty(&target)).then_some(0).or_else(|| (targets..series.width).find(is_empty))
}

/// The row of a column's first value; beyond the last row if it has none.
fn first_value(series: &RawSeries, column: usize) -> usize {
    (0..series.rows()).position(|row| !series.value(row, column).is_nan()).unwrap_or(series.rows())
}

/// How many rows precede the first by which a target and every covariate have had a value, and which column is the reason.
/// These rows cannot be filled without reading the future.
pub(crate) fn leading_rows(series: &RawSeries, targets: usize) -> (usize, usize) {
    let first = |column: usize| (first_value(series, column), column);
    let target = (0..targets).map(first).min();
    let covariate = (targets..series.width).map(first).max_by_key(|(row, column)| (*row, std::cmp::Reverse(*column)));
    let latest = target.into_iter().chain(covariate).max_by_key(|(row, column)| (*row, std::cmp::Reverse(*column)));
    latest.unwrap_or((0, 0))
}

/// A line about targets that begin after the rows that are kept of their series.
pub(crate) fn late_targets(frame: &Frame, series: &[RawSeries], impute: Impute) -> Option<Text> {
    let targets = frame.columns.targets();
    if impute == Impute::Error {
        return None;
    }
    let kept: Vec<usize> = series.iter().map(|one| leading_rows(one, targets).0).collect();
    let begins = |target: &usize| {
        let late = series.iter().zip(&kept).map(|(one, start)| first_value(one, *target).saturating_sub(*start));
        late.max().unwrap_or(0)
    };
    let late: Vec<(usize, usize)> =
        (0..targets).map(|target| (target, begins(&target))).filter(|(_, rows)| *rows > 0).collect();
    let names = late.iter().map(|(target, rows)| format!("`{}` {}", frame.name(*target), counted(*rows, "row")));
    let line = format!(
        "targets begin later than others: {}; until then their inputs are the mean of their training rows",
        few(late.len(), names)
    );
    (!late.is_empty()).then(|| line.into())
}

/// Rejects the first missing value among `rows`; `filled` says how absent times became rows.
pub(crate) fn reject_missing(frame: &Frame, series: &RawSeries, rows: Range<usize>, filled: FillMissing) -> Result<()> {
    for row in rows {
        let Some(column) = (0..series.width).find(|column| series.value(row, *column).is_nan()) else { continue };
        let of = series.suffix();
        let problem = match series.sources[row] {
            Some(_) => format!("missing value{of}"),
            None => {
                let left = match filled {
                    FillMissing::Zero => "‹fill-missing zero› sets targets to 0, and leaves covariates missing",
                    FillMissing::None => "‹gaps fill› left it missing",
                };
                format!("no row for {}{of}: {left}", frame.label(series.stamps[row]))
            }
        };
        let help = "‹impute ffill› uses the last seen value as input, ‹impute mean› the training rows' mean; missing \
             targets are then left out of loss and metrics";
        return Err(Error::data(series.place(frame, row, column), problem, help));
    }
    Ok(())
}

/// The series' values with holes filled; NaN where the policy has nothing to fill with.
///
/// `ffill` takes the last seen value, be it of an earlier part or of a trimmed row. `mean` takes the scaler's mean, that of the training
/// rows; so does `ffill` for a target that has had no value yet.
pub(crate) fn fill(series: &RawSeries, impute: Impute, scalers: &[Scaler], targets: usize) -> Vec<f64> {
    let mut values = series.values.clone();
    let width = series.width;
    match impute {
        Impute::Error => {}
        Impute::Mean => {
            for row in values.chunks_exact_mut(width) {
                for (value, scaler) in row.iter_mut().zip(scalers).filter(|(value, _)| value.is_nan()) {
                    *value = scaler.usual();
                }
            }
        }
        Impute::Ffill => {
            for (target, scaler) in scalers.iter().enumerate().take(targets) {
                (0..first_value(series, target)).for_each(|row| values[row * width + target] = scaler.usual());
            }
            for i in width..values.len() {
                if values[i].is_nan() {
                    values[i] = values[i - width];
                }
            }
        }
    }
    values
}
