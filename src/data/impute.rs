//! Missing inputs. Every policy is causal, and none carries a value across a split border.

use std::ops::Range;

use super::frame::Frame;
use super::options::Impute;
use super::scale::Scaler;
use super::series::RawSeries;
use super::split::Parts;
use crate::error::{Error, Result};

/// How many rows precede the first by which every column has had a value, and which column begins last. These rows cannot
/// be filled without reading the future. If a column has no value at all, these are all rows.
pub(crate) fn leading_rows(series: &RawSeries) -> (usize, usize) {
    (0..series.width)
        .map(|column| {
            ((0..series.rows()).position(|row| !series.value(row, column).is_nan()).unwrap_or(series.rows()), column)
        })
        .max_by_key(|(row, column)| (*row, std::cmp::Reverse(*column)))
        .unwrap_or((0, 0))
}

/// Rejects the first missing value among `rows`.
pub(crate) fn reject_missing(frame: &Frame, series: &RawSeries, rows: Range<usize>) -> Result<()> {
    for row in rows {
        let Some(column) = (0..series.width).find(|column| series.value(row, *column).is_nan()) else { continue };
        let of = series.suffix();
        let problem = match series.sources[row] {
            Some(_) => format!("missing value{of}"),
            None => format!("no row for {}{of}: ‹gaps fill› left it missing", frame.label(series.stamps[row])),
        };
        let help = "‹impute ffill› uses the last seen value as input, ‹impute mean› the training rows' mean; missing \
             targets are then left out of loss and metrics";
        return Err(Error::data(series.place(frame, row, column), problem, help));
    }
    Ok(())
}

/// The series' values with holes filled; NaN where the policy has nothing to fill with.
///
/// `ffill` takes the last seen value, and starts again at the validation and the test rows. In the training rows it may
/// take the value of a trimmed row. `mean` takes the scaler's mean, that of the training rows.
pub(crate) fn fill(series: &RawSeries, impute: Impute, parts: &Parts, scalers: &[Scaler]) -> Vec<f64> {
    let mut values = series.values.clone();
    let width = series.width;
    match impute {
        Impute::Error => {}
        Impute::Mean => {
            for row in values.chunks_exact_mut(width) {
                for (value, scaler) in row.iter_mut().zip(scalers).filter(|(value, _)| value.is_nan()) {
                    *value = scaler.mean;
                }
            }
        }
        Impute::Ffill => {
            for part in [0..parts.train.end, parts.validation.clone(), parts.test.clone()] {
                for i in part.start * width + width..part.end * width {
                    if values[i].is_nan() {
                        values[i] = values[i - width];
                    }
                }
            }
        }
    }
    values
}
