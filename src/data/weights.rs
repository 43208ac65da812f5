//! Weights of rows.

use crate::error::{Error, Place, Result};

/// The option that names their column.
pub(super) const WEIGHT: &str = "weight";

/// Rejects what is no weight: a number that is negative or not finite, and a missing one of a row in which one of the `targets` has a
/// value. `place` names a row's weight.
///
/// # Errors
/// The first such row.
pub(super) fn check(weights: &[f64], targets: &[Vec<f64>], place: impl Fn(usize) -> Place) -> Result<()> {
    for (row, weight) in weights.iter().enumerate() {
        let (problem, help) = match *weight {
            weight if weight.is_nan() && targets.iter().any(|target| !target[row].is_nan()) => (
                "no weight, though the row has a value to forecast",
                "give the row a weight, 0 to leave it out of the loss",
            ),
            weight if weight < 0.0 => ("a negative weight", "weights are 0 or more; 0 leaves a row out of the loss"),
            weight if weight.is_infinite() => ("a weight that is not finite", "weights are finite numbers, 0 or more"),
            _ => continue,
        };
        return Err(Error::data(place(row), problem, help));
    }
    Ok(())
}

/// The weights of a series' rows, of which these are the rows of the data: a row that was inserted has the weight of the row before it,
/// or of the first that has one.
pub(super) fn of_rows(weights: &[f64], sources: &[Option<usize>]) -> Vec<f64> {
    let known = |source: &Option<usize>| source.map(|row| weights[row]).filter(|weight| !weight.is_nan());
    let mut last = sources.iter().find_map(known).unwrap_or(0.0);
    let of = |source| {
        last = known(source).unwrap_or(last);
        last
    };
    sources.iter().map(of).collect()
}

/// Divides weights by the largest, so that equal ones are 1.
pub(super) fn normalize(weights: &mut [f64]) {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 {
        weights.iter_mut().for_each(|weight| *weight /= largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserted_rows_have_the_weight_of_the_row_before() {
        let sources = [None, Some(0), None, Some(1), Some(2), None];
        assert_eq!(of_rows(&[2.0, f64::NAN, 6.0], &sources), [2.0, 2.0, 2.0, 2.0, 6.0, 6.0]);
        let mut weights = [7.0, 0.0, 7.0, 3.5];
        normalize(&mut weights);
        assert_eq!(weights, [1.0, 0.0, 1.0, 0.5]);
        let mut none = [0.0; 2];
        normalize(&mut none);
        assert_eq!(none, [0.0; 2]);
    }
}
