//! Split-conformal intervals: half-widths that cover a given share of the residuals.
//!
//! Of n absolute residuals, sorted, the half-width at level p is the one of rank ⌈(n + 1)·p⌉ (Vovk, Gammerman and Shafer 2005;
//! Lei et al. 2018). Where residuals of calibration and of the forecast are exchangeable, the interval holds the value with
//! probability p or more. Residuals of a time series are not exchangeable: nothing is guaranteed, and coverage is reported.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A level in percent, above 0 and below 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Level(f64);

impl Level {
    /// Those of forecasts for which none are named.
    pub const USUAL: [Level; 2] = [Level(80.0), Level(95.0)];

    /// Those by which a run scores distributions.
    pub const SCORED: [Level; 3] = [Level(50.0), Level(80.0), Level(95.0)];

    /// Those that a run keeps half-widths of.
    pub const KEPT: [Level; 5] = [Level(50.0), Level(80.0), Level(90.0), Level(95.0), Level(99.0)];

    /// Those between pairs of quantiles around the median, whose levels, in percent, rise.
    pub fn of_quantiles(quantiles: &[f64]) -> Vec<Level> {
        let above = quantiles.iter().filter(|quantile| **quantile > 50.0);
        // As 2.5 and 97.5 are meant, without the rounding of their difference.
        above.map(|quantile| Level(((2.0 * quantile - 100.0) * 1e9).round() / 1e9)).collect()
    }

    /// In percent, above 0 and below 100.
    pub fn percent(self) -> f64 {
        self.0
    }

    /// ⌈(n + 1)·p⌉; beyond n, no residual is far enough. A rounding error of p in percent does not count.
    fn rank(self, n: usize) -> usize {
        ((n + 1) as f64 * self.0 / 100.0 - 1e-9).ceil().max(1.0) as usize
    }

    /// The fewest residuals that an interval of this level needs: the smallest n whose rank is at most n.
    pub fn needed(self) -> usize {
        let about = (self.0 / (100.0 - self.0)).floor() as usize;
        (about.saturating_sub(1)..).find(|n| self.rank(*n) <= *n).unwrap_or(usize::MAX)
    }

    /// The half-width, from absolute residuals in rising order; `None` if there are too few.
    pub fn half_width(self, sorted: &[f64]) -> Option<f64> {
        sorted.get(self.rank(sorted.len()) - 1).copied()
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let level = text.trim().parse::<f64>().ok().filter(|level| *level > 0.0 && *level <= 99.999);
        level.map(Level).ok_or_else(|| {
            let problem = format!("`{text}` is no level");
            Error::config("levels", problem, "percentages above 0 and up to 99.999, as in 80,95, or none")
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(text: &str) -> Level {
        text.parse().unwrap()
    }

    #[test]
    fn ranks_by_hand() {
        let residuals: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!(level("95").half_width(&residuals), Some(19.0), "⌈20 · 0.95⌉ = 19");
        assert_eq!(level("95").half_width(&residuals[..18]), None, "⌈19 · 0.95⌉ = 19 of 18");
        assert_eq!(level("80").half_width(&residuals), Some(16.0));
        assert_eq!(level("50").half_width(&residuals[..1]), Some(1.0));
        for (text, needed) in [("95", 19), ("80", 4), ("90", 9), ("99", 99), ("50", 1), ("10", 1), ("99.9", 999)] {
            let level = level(text);
            assert_eq!(level.needed(), needed, "{text}");
            assert!(
                level.half_width(&vec![0.5; needed]).is_some() && level.half_width(&vec![0.5; needed - 1]).is_none()
            );
        }
    }

    #[test]
    fn nonsense_is_rejected() {
        for text in ["", "0", "100", "-5", "NaN", "x", "inf"] {
            assert!(text.parse::<Level>().unwrap_err().to_string().contains("`levels`"), "{text}");
        }
    }
}
