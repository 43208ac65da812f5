//! The training loss: what a model forecasts of each value, and by which measure it learns.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::data::options::parse_list;
use crate::data::{Bounds, Dataset, Series, Transform};
use crate::error::{Error, Result};
use crate::program::op::{Distribution, Link, LossKind, Objective};
use crate::reference::inverse;
use crate::train::scores::Level;

/// By which measure a model learns.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// Mean squared error, of scaled values.
    Mse,
    /// Mean absolute error, of scaled values.
    Mae,
    /// [`LossKind::Huber`], of scaled values.
    Huber {
        /// Where it becomes linear, in scaled units.
        delta: f64,
    },
    /// Mean absolute percentage error: mean |y − f| / |y|, 0 where y is 0.
    Mape,
    /// Symmetric mean absolute percentage error: mean |y − f| / (|y| + |f|).
    Smape,
    /// Squared errors over the squares of seasonal differences in training, whose root is the RMSSE (Hyndman & Koehler 2006, M5); a
    /// series without such differences weighs nothing.
    Rmsse,
    /// The pinball loss of several quantiles.
    Quantile,
    /// The likelihood of a distribution.
    Distribution(Distribution),
}

/// The words of losses without a number.
const WORDS: [(&str, Loss); 10] = [
    ("mse", Loss::Mse),
    ("mae", Loss::Mae),
    ("huber", Loss::Huber { delta: 1.0 }),
    ("mape", Loss::Mape),
    ("smape", Loss::Smape),
    ("rmsse", Loss::Rmsse),
    ("quantile", Loss::Quantile),
    ("poisson", Loss::Distribution(Distribution::Poisson)),
    ("negative-binomial", Loss::Distribution(Distribution::NegativeBinomial)),
    ("student-t", Loss::Distribution(Distribution::StudentT)),
];

impl Loss {
    /// Whether targets are counts: 0, 1, 2, …
    #[must_use]
    pub fn is_of_counts(self) -> bool {
        matches!(self, Loss::Distribution(distribution) if distribution.is_of_counts())
    }

    /// Whether forecasts are more than one number of each value.
    #[must_use]
    pub fn is_probabilistic(self) -> bool {
        matches!(self, Loss::Quantile | Loss::Distribution(_))
    }

    /// What a model forecasts of each value.
    #[must_use]
    pub fn objective(self, levels: &QuantileLevels) -> Objective {
        match self {
            Loss::Mse | Loss::Rmsse => Objective::Point(LossKind::Mse),
            Loss::Mae | Loss::Mape => Objective::Point(LossKind::Mae),
            Loss::Huber { delta } => Objective::Point(LossKind::Huber { delta: delta as f32 }),
            Loss::Smape => Objective::Point(LossKind::Smape),
            Loss::Quantile => Objective::Quantiles(levels.shares().map(|share| share as f32).collect()),
            Loss::Distribution(distribution) => Objective::Distribution(distribution),
        }
    }

    /// The levels of intervals by which its models are scored; none of models of points.
    #[must_use]
    pub fn scored_levels(self, levels: &QuantileLevels) -> Vec<Level> {
        match self {
            Loss::Quantile => Level::of_quantiles(levels.percents()),
            Loss::Distribution(_) => Level::SCORED.to_vec(),
            _ => Vec::new(),
        }
    }

    /// The weight of every observed target value in the loss, `[rows, targets]`: its factor times that of the row, if rows have weights.
    pub(super) fn weights(self, dataset: &Dataset) -> Cow<'_, [f32]> {
        let mut weights = self.factors(dataset);
        if !dataset.weights.is_empty() {
            let rows = weights.to_mut().chunks_exact_mut(dataset.targets());
            for (row, weight) in rows.zip(&dataset.weights) {
                row.iter_mut().for_each(|factor| *factor *= *weight as f32);
            }
        }
        weights
    }

    /// What brings the loss of every observed target value to its units, `[rows, targets]`; 0 of those that were not observed. It is not 1
    /// where the loss is a share of the value, or of the series' own differences.
    pub(super) fn factors(self, dataset: &Dataset) -> Cow<'_, [f32]> {
        if !matches!(self, Loss::Mape | Loss::Rmsse) {
            return dataset.observed.as_slice().into();
        }
        let (mut factors, targets) = (dataset.observed.clone(), dataset.targets());
        for series in &dataset.series {
            for target in 0..targets {
                let std = series.scalers[target].std;
                let square = if self == Loss::Rmsse { seasonal_square(dataset, series, target) } else { None };
                for row in series.rows.clone() {
                    let factor = match self {
                        Loss::Rmsse => square.map_or(0.0, |square| std * std / square),
                        _ => match dataset.raw_targets[row * targets + target].abs() {
                            0.0 => 0.0,
                            size => std / size,
                        },
                    };
                    // What was not observed is no number.
                    let own = &mut factors[row * targets + target];
                    *own = if *own == 0.0 { 0.0 } else { *own * factor as f32 };
                }
            }
        }
        factors.into()
    }

    /// Rejects data that the loss does not describe.
    ///
    /// # Errors
    /// The first value that is no count; bounds or a transform where the distribution has its own; a series without the seasonal
    /// differences that errors are measured by.
    pub(super) fn check(self, dataset: &Dataset) -> Result<()> {
        let transformed = dataset.resolved.transform.is_some_and(|transform| transform != Transform::None);
        if transformed && matches!(self, Loss::Mape | Loss::Smape | Loss::Rmsse | Loss::Distribution(_)) {
            let problem = format!("‹loss {self}› is of values as they are");
            return Err(Error::config("transform", problem, "leave out ‹transform›, or choose another ‹loss›"));
        }
        if self.is_of_counts() && dataset.resolved.bounds != Some(Bounds::NOT_NEGATIVE) {
            let problem = format!("‹loss {self}› is of counts, which are 0 or more");
            return Err(Error::config("bounds", problem, "choose ‹bounds 0..›"));
        }
        let weigh = |windows: &[u32]| windows.iter().map(|window| dataset.target_weight(*window)).sum::<f64>();
        if !dataset.weights.is_empty() && !dataset.validation.is_empty() && weigh(&dataset.validation) == 0.0 {
            let help = "give some of them a weight above 0; or ‹val-size 0› trains without a validation part";
            return Err(Error::config("weight", "all rows of the validation part have weight 0", help));
        }
        let targets = dataset.targets();
        let known = |series: &Series| (0..targets).any(|target| seasonal_square(dataset, series, target).is_some());
        if self == Loss::Rmsse && !dataset.train.is_empty() && !dataset.series.iter().any(known) {
            let problem = "no series has a seasonal difference in training, by which errors are measured";
            return Err(Error::config("loss", problem, "choose ‹loss mse›, or another ‹season›"));
        }
        if let Some(place) = dataset.fraction.as_ref().filter(|_| self.is_of_counts()) {
            let problem = format!("no count, as ‹loss {self}› takes");
            let help = "choose ‹loss student-t›, or ‹loss quantile› with ‹bounds 0..›";
            return Err(Error::data(place.clone(), problem, help));
        }
        Ok(())
    }
}

/// mean (y_t − y_{t−M})² over the training rows of a series, both values observed; `None` without such a pair, or if it is 0.
fn seasonal_square(dataset: &Dataset, series: &Series, target: usize) -> Option<f64> {
    let value = |row: usize| dataset.raw_targets[row * dataset.targets() + target];
    let train = &series.parts.train;
    let later = train.start + series.season..train.end.max(train.start + series.season);
    let squares = later.map(|row| (value(row) - value(row - series.season)).powi(2)).filter(|square| !square.is_nan());
    let (count, sum) = squares.fold((0usize, 0.0), |(count, sum), square| (count + 1, sum + square));
    (sum > 0.0).then(|| sum / count as f64)
}

/// What keeps forecasts within bounds.
pub(crate) fn link(bounds: Bounds) -> Link {
    match (bounds.low, bounds.high) {
        (Some(_), Some(_)) => Link::Between,
        (Some(_), None) => Link::Above,
        _ => Link::Below,
    }
}

/// A data set whose targets are what a network reads of them, for a map that is fitted to those.
pub(super) fn linked(dataset: &Dataset, link: Link) -> Dataset {
    let (channels, targets) = (dataset.channels(), dataset.targets());
    let mut linked = dataset.clone();
    for row in linked.values.chunks_exact_mut(channels) {
        row[..targets].iter_mut().for_each(|value| *value = inverse(link, *value));
    }
    linked
}

impl FromStr for Loss {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some((_, loss)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*loss);
        }
        let delta = text.strip_prefix("huber:").and_then(|delta| delta.parse().ok());
        match delta.filter(|delta: &f64| *delta > 0.0 && delta.is_finite()) {
            Some(delta) => Ok(Loss::Huber { delta }),
            None => {
                let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
                let help = format!("choose one of {}, or huber:δ with a number above 0", words.join(", "));
                Err(Error::config("loss", format!("`{text}` is not known"), help))
            }
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WORDS.iter().find(|(_, loss)| loss == self) {
            Some((word, _)) => f.write_str(word),
            None => match self {
                Loss::Huber { delta } => write!(f, "huber:{delta}"),
                other => unreachable!("{other:?} has a word"),
            },
        }
    }
}

/// The levels of quantiles in percent, rising: the median, and pairs around it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileLevels(Vec<f64>);

impl QuantileLevels {
    /// Most levels.
    const MOST: usize = 99;

    /// As shares, rising.
    pub fn shares(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().map(|level| level / 100.0)
    }

    /// In percent, rising.
    #[must_use]
    pub fn percents(&self) -> &[f64] {
        &self.0
    }
}

impl Default for QuantileLevels {
    fn default() -> Self {
        QuantileLevels(vec![10.0, 50.0, 90.0])
    }
}

impl FromStr for QuantileLevels {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let help = "percentages from 0.001 to 99.999 in pairs around the median, as in 10,50,90";
        let bad = |problem: String| Error::config("levels", problem, help);
        let mut levels = vec![50.0];
        for word in parse_list(text) {
            let level = word.parse().ok().filter(|level: &f64| (0.001..=99.999).contains(level));
            levels.push(level.ok_or_else(|| bad(format!("`{word}` is no level")))?);
        }
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        if levels.len() > Self::MOST {
            return Err(bad(format!("{} levels are more than {}", levels.len(), Self::MOST)));
        }
        let partner = |level: &f64| levels.iter().any(|other| (other + level - 100.0).abs() < 1e-9);
        if let Some(alone) = levels.iter().find(|level| !partner(level)) {
            return Err(bad(format!("{alone} has no partner {}", 100.0 - alone)));
        }
        Ok(QuantileLevels(levels))
    }
}

impl fmt::Display for QuantileLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(f64::to_string).collect();
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_read_back_as_they_are_written() {
        for text in WORDS.iter().map(|(word, _)| *word).chain(["huber:0.5"]) {
            assert_eq!(text.parse::<Loss>().unwrap().to_string(), text);
        }
        assert_eq!("huber:1".parse::<Loss>().unwrap(), Loss::Huber { delta: 1.0 });
        for text in ["", "huber:", "huber:0", "huber:-1", "huber:inf", "MSE", "gauss"] {
            assert!(text.parse::<Loss>().is_err(), "{text}");
        }
    }

    #[test]
    fn levels_are_pairs_around_the_median() {
        let levels = |text: &str| text.parse::<QuantileLevels>().map(|levels| levels.to_string());
        assert_eq!(levels("90,10").unwrap(), "10,50,90");
        assert_eq!(levels("2.5,10,50,90,97.5").unwrap(), "2.5,10,50,90,97.5");
        assert_eq!(levels("").unwrap(), "50");
        for text in ["10,50,95", "0,50,100", "x", "110"] {
            assert!(levels(text).is_err(), "{text}");
        }
    }
}
