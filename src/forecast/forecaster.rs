//! One model, or several whose forecasts are combined.

use std::path::Path;

use crate::data::{Cutoff, Dataset, Role, SplitName};
use crate::engine::MakeEngine;
use crate::error::{Error, Result};
use crate::program::tensor::SERIES;
use crate::train::run::mc_passes;
use crate::train::scores::intervals::own_ends;
use crate::train::scores::loss::log_likelihoods;
use crate::train::scores::predict::{pass_until, predict};
use crate::train::scores::{Level, Prediction};
use crate::train::{Loaded, Plan};
use crate::words::words;

/// How the replicas of a run, or several runs, forecast together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combine {
    /// The one that was best on validation.
    #[default]
    Best,
    /// The mean of all.
    Mean,
    /// The median of all.
    Median,
    /// Of several runs: a mean in which each weighs as much as its validation error is small.
    Validation,
}
words!(
    Combine,
    "ensemble",
    Combine::Best = "best",
    Combine::Mean = "mean",
    Combine::Median = "median",
    Combine::Validation = "validation"
);

/// A trained model that forecasts.
#[derive(Debug)]
pub struct Forecaster {
    /// Of one model and data; each forecasts by itself.
    pub members: Vec<Loaded>,
    /// How `members` become one forecast.
    pub combine: Combine,
    /// Models that the run holds.
    pub replicas: usize,
}

/// Forecasts `[windows, horizon, targets]`, scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// `[windows, horizon, targets]`, scaled.
    pub values: Vec<f32>,
    /// A model's own intervals, as [`Intervals::own`](super::Intervals::own); `None` of a model of points.
    pub ends: Option<Vec<f32>>,
    /// ln p of what was observed, `[windows, horizon, targets]`, by one model of a distribution: of counts as they are, else of scaled
    /// values; NaN where nothing was.
    pub log_likelihoods: Option<Vec<f64>>,
    /// Where several forecasts were combined: replicas, or passes of Monte Carlo dropout.
    pub spread: Option<EnsembleSpread>,
}

/// How far apart the combined forecasts are. This is not an interval, because it does not contain the data's noise.
#[derive(Debug, Clone, PartialEq)]
pub struct EnsembleSpread {
    /// Sample standard deviation (n − 1).
    pub std: Vec<f32>,
    /// The least of the forecasts.
    pub min: Vec<f32>,
    /// The greatest of the forecasts.
    pub max: Vec<f32>,
}

/// Windows that pass through the engine at a time, unless Monte Carlo dropout has its own number.
const BATCH: usize = 64;

impl Forecaster {
    /// Opens a run folder or a weights file. Of several replicas, which lie in folders of their own or in one file, all are read
    /// where they forecast together.
    ///
    /// # Errors
    /// Those of [`Loaded::open`].
    pub fn open(path: &Path, combine: Combine) -> Result<Forecaster> {
        let first = Loaded::open(path)?;
        let mut members = first.replicas()?;
        if path.is_dir() {
            let beside = |r: usize| path.join(format!("replica-{r}"));
            let found: Vec<_> = (0..).map(beside).take_while(|folder| folder.is_dir()).collect();
            // A file of checkpoints/ holds all of them itself, and may be newer than their folders.
            if found.len() > 1 && first.file == path.join("checkpoint.safetensors") {
                members = found.iter().map(|folder| Loaded::open(folder)).collect::<Result<_>>()?;
                members.retain(|member| !has_diverged(member));
            }
        }
        if members.is_empty() {
            members.push(first.clone());
        }
        let replicas = members.len();
        if combine == Combine::Best {
            members = vec![first];
        }
        Ok(Forecaster { members, combine, replicas })
    }

    /// The model that is best on validation, or the first of those that forecast together.
    pub fn model(&self) -> &Loaded {
        &self.members[0]
    }

    /// Forecasts of a part's windows, and a model's own intervals of these levels.
    pub fn predict(
        &self,
        dataset: &Dataset,
        split: SplitName,
        levels: &[Level],
        open: &mut MakeEngine,
    ) -> Result<Predicted> {
        self.predict_windows(dataset, &[dataset.windows(split)], levels, open).map(|mut all| all.swap_remove(0))
    }

    /// The same of lists of windows.
    ///
    /// # Errors
    /// Names the columns, look-back or horizon that are not those the model was trained on; those of the engine.
    pub fn predict_windows(
        &self,
        dataset: &Dataset,
        lists: &[&[u32]],
        levels: &[Level],
        open: &mut MakeEngine,
    ) -> Result<Vec<Predicted>> {
        let mut forecasts: Vec<Vec<Outputs>> = vec![Vec::new(); lists.len()];
        for member in &self.members {
            let plan = member.plan(dataset, BATCH)?;
            let mut engine = open(plan.program.clone())?;
            member.fill(dataset, engine.as_mut())?;
            for (all, windows) in forecasts.iter_mut().zip(lists) {
                let (mut rows, _) = predict(engine.as_mut(), &plan, windows, mc_passes(&plan), &|| false)?;
                all.push(Outputs::of(dataset, &plan, windows, rows.swap_remove(0), levels));
            }
        }
        Ok(forecasts.into_iter().map(|all| self.combined(all)).collect())
    }

    /// The next `rows` values after each cutoff, `[cutoffs, rows, targets]`: as many as the model was trained on, or more; then
    /// each stretch reads the forecasts of the one before, those of the same model, and there are no intervals.
    ///
    /// # Errors
    /// As [`Self::predict_windows`], and where covariates beyond the first stretch would be needed.
    pub fn ahead(
        &self,
        dataset: &Dataset,
        cutoffs: &[Cutoff],
        rows: usize,
        levels: &[Level],
        open: &mut MakeEngine,
    ) -> Result<(Predicted, Dataset)> {
        let (horizon, targets, channels) = (dataset.horizon, dataset.targets(), dataset.channels());
        let stretches = rows.div_ceil(horizon);
        let covariates: Vec<&str> = [Role::PastCovariate, Role::Category]
            .iter()
            .flat_map(|role| dataset.columns.with_role(*role))
            .map(String::as_str)
            .collect();
        if stretches > 1 && !covariates.is_empty() {
            let problem = format!("covariates are not known after the data's end: {}", covariates.join(", "));
            return Err(Error::config(
                "recursive",
                problem,
                "train a model without covariates, or with a longer ‹horizon›",
            ));
        }
        let blank = dataset.ahead(cutoffs, stretches * horizon)?;
        let length = dataset.lookback + stretches * horizon;
        let mut all: Vec<Outputs> = Vec::new();
        for member in &self.members {
            let plan = member.plan(&blank, BATCH)?;
            let mut engine = open(plan.program.clone())?;
            let passes = mc_passes(&plan);
            // A pass of Monte Carlo dropout continues from its own values.
            for pass in 0..passes.unwrap_or(1) {
                let mut own = blank.clone();
                let mut values = vec![0.0; cutoffs.len() * stretches * horizon * targets];
                let mut ends = None;
                for stretch in 0..stretches {
                    if stretch == 0 {
                        member.fill(&own, engine.as_mut())?;
                    } else {
                        engine.write_f32(SERIES, 0, &own.values)?;
                    }
                    let windows: Vec<u32> = own.test.iter().map(|window| window + (stretch * horizon) as u32).collect();
                    let draw = passes.map(|_| pass);
                    let whole = pass_until(engine.as_mut(), &plan, &[true], &windows, draw, &|| false)?;
                    let outputs = whole.map(|mut rows| rows.swap_remove(0)).unwrap_or_default();
                    let Outputs { values: forecasts, ends: own_ends, .. } =
                        Outputs::of(&own, &plan, &windows, outputs, levels);
                    ends = own_ends.filter(|_| stretches == 1);
                    for (place, forecast) in forecasts.chunks_exact(horizon * targets).enumerate() {
                        for (i, value) in forecast.iter().enumerate() {
                            let (step, target) = (stretch * horizon + i / targets, i % targets);
                            values[(place * stretches * horizon + step) * targets + target] = *value;
                            own.values[(place * length + dataset.lookback + step) * channels + target] = *value;
                        }
                    }
                }
                let (width, kept) = (stretches * horizon * targets, rows * targets);
                let per_value = 1 + 2 * levels.len();
                let ends = ends.map(|ends| cut(&ends, width * per_value, kept * per_value));
                all.push(Outputs { ends, ..Outputs::points(cut(&values, width, kept)) });
            }
        }
        // A member's passes are one forecast, their mean, before members are combined.
        let passes = all.len() / self.members.len();
        let spread = (all.len() > 1).then(|| EnsembleSpread::of(&all));
        let means = all.chunks(passes).map(|passes| Outputs::combined(passes, Combine::Mean)).collect();
        Ok((Predicted { spread, ..self.combined(means) }, blank))
    }

    fn combined(&self, all: Vec<Outputs>) -> Predicted {
        let spread = (all.len() > 1).then(|| EnsembleSpread::of(&all));
        let Outputs { values, ends, log_likelihoods } = Outputs::combined(&all, self.combine);
        Predicted { values, ends, log_likelihoods, spread }
    }
}

/// The forecasts of one model, its own intervals, and what it said of the values that were observed, as in [`Predicted`].
#[derive(Debug, Clone)]
pub(super) struct Outputs {
    pub values: Vec<f32>,
    pub ends: Option<Vec<f32>>,
    pub log_likelihoods: Option<Vec<f64>>,
}

impl Outputs {
    /// Forecasts of points alone.
    pub(super) fn points(values: Vec<f32>) -> Outputs {
        Outputs { values, ends: None, log_likelihoods: None }
    }

    /// What a model's outputs say of windows.
    pub(super) fn of(
        dataset: &Dataset,
        plan: &Plan,
        windows: &[u32],
        prediction: Prediction,
        levels: &[Level],
    ) -> Outputs {
        let own = plan.options.loss.is_probabilistic();
        let ends = own.then(|| own_ends(dataset, &plan.objective(), windows, &prediction, levels));
        let log_likelihoods = log_likelihoods(&plan.options, dataset, windows, &prediction);
        Outputs { values: prediction.into_point(), ends, log_likelihoods }
    }

    /// Those of some windows, each of so many values.
    pub(super) fn of_windows(&self, places: &[usize], values: usize) -> Outputs {
        fn pick<T: Copy>(all: &[T], places: &[usize], windows: usize) -> Vec<T> {
            let width = all.len() / windows;
            places.iter().flat_map(|place| &all[place * width..(place + 1) * width]).copied().collect()
        }
        let windows = (self.values.len() / values).max(1);
        Outputs {
            values: pick(&self.values, places, windows),
            ends: self.ends.as_deref().map(|all| pick(all, places, windows)),
            log_likelihoods: self.log_likelihoods.as_deref().map(|all| pick(all, places, windows)),
        }
    }

    /// Value by value, and end by end: quantiles are averaged at equal levels. These have no density, so several models no likelihood.
    pub(super) fn combined(all: &[Outputs], how: Combine) -> Outputs {
        let values = combine(&all.iter().map(|one| &one.values[..]).collect::<Vec<_>>(), how);
        let ends: Option<Vec<&[f32]>> = all.iter().map(|one| one.ends.as_deref()).collect();
        let log_likelihoods = if let [one] = all { one.log_likelihoods.clone() } else { None };
        Outputs { values, ends: ends.map(|ends| combine(&ends, how)), log_likelihoods }
    }

    /// Likewise, by means with these weights, which add up to 1.
    pub(super) fn weighed(all: &[Outputs], weights: &[f64]) -> Outputs {
        let sum = |all: &[&[f32]]| -> Vec<f32> {
            let of = |i: usize| all.iter().zip(weights).map(|(one, weight)| weight * f64::from(one[i])).sum::<f64>();
            (0..all[0].len()).map(|i| of(i) as f32).collect()
        };
        let values = sum(&all.iter().map(|one| &one.values[..]).collect::<Vec<_>>());
        let ends: Option<Vec<&[f32]>> = all.iter().map(|one| one.ends.as_deref()).collect();
        Outputs { ends: ends.map(|ends| sum(&ends)), ..Outputs::points(values) }
    }
}

/// Whether the one replica of a file met a non-finite number.
fn has_diverged(model: &Loaded) -> bool {
    model.header.run.as_ref().is_some_and(|run| run.replicas.iter().all(|replica| replica.diverged.is_some()))
}

/// The first `keep` of every `width` values.
fn cut(values: &[f32], width: usize, keep: usize) -> Vec<f32> {
    values.chunks_exact(width).flat_map(|row| &row[..keep]).copied().collect()
}

/// Value by value; sums in f64, in the members' order.
fn combine(all: &[&[f32]], combine: Combine) -> Vec<f32> {
    if all.len() == 1 {
        return all[0].to_vec();
    }
    let at = |i: usize| all.iter().map(move |one| one[i]);
    let median = |i: usize| {
        let mut values: Vec<f32> = at(i).collect();
        values.sort_by(f32::total_cmp);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        ((f64::from(low) + f64::from(high)) / 2.0) as f32
    };
    let mean = |i: usize| (at(i).map(f64::from).sum::<f64>() / all.len() as f64) as f32;
    (0..all[0].len()).map(|i| if combine == Combine::Median { median(i) } else { mean(i) }).collect()
}

impl EnsembleSpread {
    pub(super) fn of(all: &[Outputs]) -> EnsembleSpread {
        let mut spread = EnsembleSpread { std: Vec::new(), min: Vec::new(), max: Vec::new() };
        for i in 0..all[0].values.len() {
            let values = || all.iter().map(|one| f64::from(one.values[i]));
            let mean = values().sum::<f64>() / all.len() as f64;
            let square = values().map(|value| (value - mean).powi(2)).sum::<f64>();
            spread.std.push((square / (all.len() - 1) as f64).sqrt() as f32);
            spread.min.push(values().fold(f64::INFINITY, f64::min) as f32);
            spread.max.push(values().fold(f64::NEG_INFINITY, f64::max) as f32);
        }
        spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_combine_by_value() {
        let all: [&[f32]; 3] = [&[1.0, 5.0], &[2.0, 5.0], &[6.0, 5.0]];
        assert_eq!(combine(&all, Combine::Mean), [3.0, 5.0]);
        assert_eq!(combine(&all, Combine::Median), [2.0, 5.0]);
        assert_eq!(combine(&all[..2], Combine::Median), [1.5, 5.0]);
        let spread = EnsembleSpread::of(&all.map(|one| Outputs::points(one.to_vec())));
        assert_eq!((spread.std[0], spread.min[0], spread.max[0], spread.std[1]), (7f32.sqrt(), 1.0, 6.0, 0.0));
    }
}
