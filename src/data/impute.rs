//! Missing inputs. Every policy is causal, and none carries a value across a split border.

use std::ops::Range;

use super::options::Impute;
use super::scale::Scaler;
use super::series::RawSeries;
use super::time_column::{TimeKind, label};
use crate::error::{Error, Place, Result};

/// Rows before the first at which every column has had a value: they cannot be filled without reading the future.
/// With the column that begins last. All rows, if a column never has a value.
pub(crate) fn leading_rows(series: &RawSeries) -> (usize, usize) {
    (0..series.width)
        .map(|column| {
            ((0..series.rows()).position(|row| !series.value(row, column).is_nan()).unwrap_or(series.rows()), column)
        })
        .max_by_key(|(row, column)| (*row, std::cmp::Reverse(*column)))
        .unwrap_or((0, 0))
}

/// Refuses the first missing value among `rows`.
pub(crate) fn refuse_missing(
    file: &str,
    series: &RawSeries,
    names: &[String],
    rows: Range<usize>,
    kind: TimeKind,
    written: impl Fn(u64, usize) -> String,
) -> Result<()> {
    for row in rows {
        let Some(column) = (0..series.width).find(|column| series.value(row, *column).is_nan()) else { continue };
        let mut place =
            Place { file: file.into(), line: series.lines[row], column: Some(names[column].clone()), value: None };
        let problem = match series.lines[row] {
            Some(line) => {
                place.value = Some(written(line, column));
                format!("missing value{}", series.suffix())
            }
            None => format!(
                "no row for {}{}: --gaps fill left it missing",
                label(kind, series.stamps[row], false),
                series.suffix()
            ),
        };
        let help = "--impute ffill takes the last seen value, --impute mean the training rows' mean; missing targets are masked out of loss and metrics";
        return Err(Error::data(place, problem, help));
    }
    Ok(())
}

/// The series' values with holes filled; NaN where the policy has nothing to fill with.
///
/// `ffill` takes the last seen value and starts anew at each of `parts` (train first; it may begin at a trimmed row,
/// whose values were seen). `mean` takes the scaler's mean, that of the training rows.
pub(crate) fn fill(series: &RawSeries, impute: Impute, parts: &[Range<usize>], scalers: &[Scaler]) -> Vec<f64> {
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
            for part in parts {
                for row in part.clone().skip(1) {
                    for column in 0..width {
                        if values[row * width + column].is_nan() {
                            values[row * width + column] = values[(row - 1) * width + column];
                        }
                    }
                }
            }
        }
    }
    values
}
