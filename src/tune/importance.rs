//! How much of the differences between configurations a setting explains by itself.

use super::space::{Dimension, Values};

/// Fewer configurations say nothing.
pub const LEAST: usize = 20;
/// Parts of a range, each of as many configurations.
const PARTS: usize = 4;

/// The share of the variance of the losses' ranks between the values of a setting, or between the quarters of a range, less what as many
/// groups would explain by chance (ε², Kelley 1935), and at least 0. A loss that is not finite ranks last.
pub fn importance(dimension: &Dimension, values: &[String], losses: &[f64]) -> f64 {
    let ranks = ranks(losses);
    let groups = parts(dimension, values);
    let (n, mean) = (ranks.len() as f64, ranks.iter().sum::<f64>() / ranks.len() as f64);
    let total: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    let count = groups.iter().copied().max().map_or(0, |last| last + 1);
    let of = |group: usize| ranks.iter().zip(&groups).filter(move |(_, own)| **own == group).map(|(rank, _)| *rank);
    let filled = (0..count).filter(|group| of(*group).next().is_some()).count() as f64;
    let between: f64 = (0..count)
        .map(|group| {
            let size = of(group).count() as f64;
            if size == 0.0 { 0.0 } else { size * (of(group).sum::<f64>() / size - mean).powi(2) }
        })
        .sum();
    if total == 0.0 || n <= filled {
        return 0.0;
    }
    let within = (total - between) / (n - filled);
    ((between - (filled - 1.0) * within) / total).max(0.0)
}

/// From 1 for the lowest; equal losses share the mean of their ranks.
fn ranks(losses: &[f64]) -> Vec<f64> {
    let worth = super::halving::worth;
    let below = |loss: f64| losses.iter().filter(|other| worth(**other) < worth(loss)).count() as f64;
    let equal = |loss: f64| losses.iter().filter(|other| worth(**other) == worth(loss)).count() as f64;
    losses.iter().map(|loss| below(*loss) + (equal(*loss) + 1.0) / 2.0).collect()
}

/// By configuration, the group that its value belongs to.
fn parts(dimension: &Dimension, values: &[String]) -> Vec<usize> {
    let mut known: Vec<&String> = Vec::new();
    match dimension.values {
        Values::Choices(_) => values
            .iter()
            .map(|value| {
                known.iter().position(|one| *one == value).unwrap_or_else(|| {
                    known.push(value);
                    known.len() - 1
                })
            })
            .collect(),
        Values::Range { .. } => {
            let numbers: Vec<f64> = values.iter().map(|value| value.parse().unwrap_or(f64::NAN)).collect();
            let below = |number: &f64| numbers.iter().filter(|other| other.total_cmp(number).is_lt()).count();
            numbers.iter().map(|number| below(number) * PARTS / numbers.len()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::Space;

    #[test]
    fn what_decides_explains_all_and_what_does_not_nothing() {
        let space: Space = "lr=1e-4..1e-2,schedule=cubic|linear".parse().unwrap();
        let rates: Vec<String> = (1..=40).map(|i| (f64::from(i) * 1e-4).to_string()).collect();
        let words: Vec<String> = (0..40).map(|i| if i % 2 == 0 { "cubic" } else { "linear" }.to_string()).collect();
        let by_rate: Vec<f64> = (1..=40).map(f64::from).collect();
        assert!(importance(&space.0[0], &rates, &by_rate) > 0.9);
        assert_eq!(importance(&space.0[1], &words, &by_rate), 0.0);
        let by_word: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 1.0 } else { f64::NAN }).collect();
        assert_eq!(importance(&space.0[1], &words, &by_word), 1.0);
        assert_eq!(importance(&space.0[0], &rates, &by_word), 0.0);
        assert_eq!(importance(&space.0[0], &rates, &[1.0; 40]), 0.0);
    }

    #[test]
    fn equal_losses_share_a_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, f64::NAN, f64::INFINITY]), [2.5, 1.0, 2.5, 4.5, 4.5]);
    }
}
