//! Columns that are constant per series.

use super::frame::Frame;
use super::series::RawSeries;
use crate::error::{Error, Result};

/// Rejects a series that has two values of a column that is to be constant.
///
/// # Errors
/// Names the series, both values and their rows.
pub(super) fn check(frame: &Frame, series: &[RawSeries]) -> Result<()> {
    for column in (0..frame.columns.values()).filter(|column| frame.columns.is_static(*column)) {
        for one in series {
            let mut known = (0..one.rows()).filter(|row| is_known(frame, one, *row, column));
            let Some(first) = known.next() else { continue };
            let Some(other) = known.find(|row| one.value(*row, column) != one.value(first, column)) else { continue };
            let called = one.sources[first].map_or_else(String::new, |row| format!(" in {}", frame.called(row)));
            let problem = format!(
                "`{}` is {} here and {}{called}: it is to be constant{}",
                frame.name(column),
                value(frame, one, other, column),
                value(frame, one, first, column),
                one.suffix().replace(" of ", " in ")
            );
            let help =
                "correct the cell; or name the column in ‹covariates›, or, if it holds levels, in ‹categorical› alone";
            return Err(Error::data(one.place(frame, other, column), problem, help));
        }
    }
    Ok(())
}

/// Gives all rows of a series its value of a constant column, where it has one; and the code of a missing level where there is none.
pub(super) fn fill(frame: &Frame, series: &mut [RawSeries]) {
    let (columns, width) = (&frame.columns, frame.columns.values());
    for one in series {
        for column in (0..width).filter(|column| columns.is_static(*column)) {
            let Some(row) = (0..one.rows()).find(|row| is_known(frame, one, *row, column)) else { continue };
            let value = one.value(row, column);
            one.values.chunks_exact_mut(width).for_each(|row| row[column] = value);
        }
        for column in columns.categories() {
            one.values.chunks_exact_mut(width).filter(|row| row[column].is_nan()).for_each(|row| row[column] = 0.0);
        }
    }
}

/// Whether a row has a value; code 0 is a missing level.
fn is_known(frame: &Frame, one: &RawSeries, row: usize, column: usize) -> bool {
    let value = one.value(row, column);
    let missing_level = frame.columns.categories().contains(&column) && value == 0.0;
    !(value.is_nan() || missing_level)
}

/// A value as the data has it.
fn value(frame: &Frame, one: &RawSeries, row: usize, column: usize) -> String {
    let (value, categories) = (one.value(row, column), frame.columns.categories());
    match categories.contains(&column) {
        true => format!("`{}`", frame.levels[column - categories.start][value as usize - 1]),
        false => value.to_string(),
    }
}
