//! Several runs as one forecast: on the scale of the first, weighed equally or by their validation errors.

use std::collections::HashMap;

use serde::Serialize;

use super::forecaster::Outputs;
use super::views::{Views, owners};
use super::{Combine, EnsembleSpread, Intervals, Level, Predicted, TrainedModel};
use crate::data::{Cutoff, Dataset, LeftOut, Series, SplitName, Start};
use crate::error::{Error, Result};
use crate::train::scores::intervals::interval_scores;
use crate::train::scores::metrics::{Weighting, score};

/// What a run weighs in an ensemble, by `‹ensemble validation›`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// The weights of all runs add up to 1.
    pub weight: f64,
    /// The error that it follows from: the CRPS of scaled values where all runs have intervals of their own, else their mean squared error.
    pub validation_error: f64,
}

/// The same origins in the data of each run: by run, a cutoff by series id and time of the row.
pub(super) type Origins = Vec<HashMap<(String, i64), Cutoff>>;

impl TrainedModel {
    /// What each run weighs; empty where all weigh the same.
    pub fn shares(&self) -> &[Share] {
        self.shares.get().map_or(&[], Vec::as_slice)
    }

    /// Finds what each run weighs, where that is asked for: inversely proportional to its error on the validation windows of all.
    ///
    /// # Errors
    /// No training data, or no validation windows; an error that is not finite.
    pub(super) fn weigh(&self, training: Option<&Views>) -> Result<()> {
        if self.combine != Combine::Validation {
            return Ok(());
        }
        let split = SplitName::Validation;
        let lacking = |problem: &str| {
            let help = "‹train-data› names the training data as it was; ‹ensemble mean› does without";
            Error::config("ensemble", format!("validation weighs by the validation rows, and {problem}"), help)
        };
        let training = training.ok_or_else(|| lacking("the training data is not there as it was"))?;
        let data = training.first();
        if data.windows(split).is_empty() {
            return Err(lacking("the runs have no window of them in common"));
        }
        let levels = if self.probabilistic { &self.own_levels[..] } else { &[] };
        let mut errors = Vec::with_capacity(self.runs.len());
        for (run, Outputs { values, ends, .. }) in self.runs.iter().zip(self.each(training, split, levels)?) {
            let (levels, own) = (levels, ends.as_deref());
            let intervals = Intervals { levels, own, calibration: None, bounds: self.bounds, counts: self.counts };
            let crps =
                interval_scores(data, split, &values, &intervals, Weighting::Rows).map(|scores| scores.scaled_crps);
            let error = crps.unwrap_or_else(|| score(data, split, &values).deciding().scaled.mse);
            if !error.is_finite() {
                let problem = "its forecasts of the validation rows are not finite";
                return Err(Error::checkpoint(&run.model().file, problem, "leave the run out"));
            }
            errors.push(error);
        }
        let shares: Vec<Share> = weights(&errors)
            .into_iter()
            .zip(errors)
            .map(|(weight, validation_error)| Share { weight, validation_error })
            .collect();
        let measure = if levels.is_empty() { "scaled MSE" } else { "scaled CRPS" };
        for (run, share) in self.runs.iter().zip(&shares) {
            self.say(format!(
                "weight {:.4}: {}, {measure} {:.6} on the validation rows",
                share.weight,
                run.words(),
                share.validation_error
            ));
        }
        self.shares.get_or_init(|| shares);
        Ok(())
    }

    /// Forecasts of a part's windows, and a model's own intervals of these levels.
    ///
    /// # Errors
    /// Those of the engine.
    pub(super) fn predict(&self, views: &Views, split: SplitName, levels: &[Level]) -> Result<Predicted> {
        if let [one] = &self.runs[..] {
            return one.forecaster.predict(views.first(), split, levels, &mut |program| self.engine(program));
        }
        self.each(views, split, levels).map(|all| self.combined(&all))
    }

    /// The next rows after each origin, as [`Forecaster::ahead`](super::Forecaster::ahead).
    ///
    /// # Errors
    /// Its errors, and runs that do not agree about the times of the rows to come.
    pub(super) fn ahead(
        &self,
        all: &[Dataset],
        cutoffs: &[Vec<Cutoff>],
        rows: usize,
        levels: &[Level],
    ) -> Result<(Predicted, Dataset)> {
        let mut found = Vec::with_capacity(all.len());
        for ((run, data), cutoffs) in self.runs.iter().zip(all).zip(cutoffs) {
            found.push(run.forecaster.ahead(data, cutoffs, rows, levels, &mut |program| self.engine(program))?);
        }
        if found.len() == 1 {
            return Ok(found.swap_remove(0));
        }
        let first = &found[0].1;
        for (run, (_, blank)) in self.runs.iter().zip(&found) {
            let times = |data: &Dataset, window| -> Vec<i64> {
                data.seen_and_to_come(window).1[..rows].iter().map(|time| time.instant).collect()
            };
            if (0..first.series.len()).any(|window| times(first, window) != times(blank, window)) {
                let problem = format!("other times come after the data than in {}", self.first().path.display());
                let help = "name a calendar for all runs with ‹freq›";
                return Err(Error::checkpoint(&run.model().file, problem, help));
            }
        }
        let to = owners(first, &first.test);
        let outputs: Vec<Outputs> =
            found.iter().map(|(own, blank)| on_scale(own, &owners(blank, &blank.test), &to, blank.targets())).collect();
        let predicted = self.combined(&outputs);
        Ok((predicted, found.swap_remove(0).1))
    }

    /// By run, forecasts of a part's windows, on the scale of the first.
    fn each(&self, views: &Views, split: SplitName, levels: &[Level]) -> Result<Vec<Outputs>> {
        let owners = views.owners(split);
        let mut all = Vec::with_capacity(self.runs.len());
        for ((run, data), from) in self.runs.iter().zip(views.all()).zip(&owners) {
            let own = run.forecaster.predict(data, split, levels, &mut |program| self.engine(program))?;
            all.push(on_scale(&own, from, &owners[0], data.targets()));
        }
        Ok(all)
    }

    /// Value by value, and end by end where all have ends.
    fn combined(&self, all: &[Outputs]) -> Predicted {
        let weights: Vec<f64> = self.shares().iter().map(|share| share.weight).collect();
        let Outputs { values, ends, log_likelihoods } = match &weights[..] {
            [] => Outputs::combined(all, self.combine),
            weights => Outputs::weighed(all, weights),
        };
        Predicted { values, ends, log_likelihoods, spread: Some(EnsembleSpread::of(all)) }
    }

    /// The origins that all runs can forecast, in the data of the first, and where they are in that of the others; the series of the first
    /// that are not forecast.
    ///
    /// # Errors
    /// Those of [`Dataset::cutoffs`]; runs without a series in common.
    pub(super) fn origins(&self, all: &[Dataset], from: &Start) -> Result<(Vec<Cutoff>, Vec<LeftOut>, Origins)> {
        let (mut cutoffs, mut left_out) = all[0].cutoffs(from)?;
        let mut others: Origins = Vec::new();
        for (run, data) in self.runs.iter().zip(all).skip(1) {
            let (own, lacking) = data.cutoffs(from)?;
            let own: HashMap<(String, i64), Cutoff> =
                own.into_iter().map(|cutoff| (origin(data, &cutoff), cutoff)).collect();
            cutoffs.retain(|cutoff| {
                let known = own.contains_key(&origin(&all[0], cutoff));
                if !known {
                    let series = &all[0].series[cutoff.series];
                    let why = lacking.iter().chain(&data.left_out).find(|one| one.id == series.id);
                    let why = why.map_or("has another last row", |one| &one.why);
                    let rows = series.trimmed + series.rows.len();
                    let why = format!("{why} for {}", run.path.display());
                    left_out.push(LeftOut { id: series.id.clone(), rows, why });
                }
                known
            });
            others.push(own);
        }
        if cutoffs.is_empty() {
            let problem = "the runs can forecast no series in common";
            return Err(Error::config(
                "checkpoint",
                problem,
                "name runs of the same series, or forecast them one by one",
            ));
        }
        Ok((cutoffs, left_out, others))
    }
}

/// By run, where the origins are in its data.
pub(super) fn in_each(data: &Dataset, cutoffs: &[Cutoff], others: &Origins) -> Vec<Vec<Cutoff>> {
    let of = |own: &HashMap<_, _>| cutoffs.iter().map(|cutoff| own[&origin(data, cutoff)]).collect();
    [cutoffs.to_vec()].into_iter().chain(others.iter().map(of)).collect()
}

/// The id of a cutoff's series, and its time.
fn origin(data: &Dataset, cutoff: &Cutoff) -> (String, i64) {
    let series = &data.series[cutoff.series];
    (series.id.clone(), series.timestamps[cutoff.row - series.rows.start].instant)
}

/// The forecasts of windows of series `from`, scaled as those of `to` are.
fn on_scale(own: &Predicted, from: &[&Series], to: &[&Series], targets: usize) -> Outputs {
    let per_window = own.values.len() / to.len().max(1);
    let per_value = own.ends.as_ref().map_or(1, |ends| ends.len() / own.values.len().max(1));
    let scaled = |values: &[f32], per_value: usize| -> Vec<f32> {
        let of = |(place, value): (usize, &f32)| {
            let place = place / per_value;
            let window = place / per_window;
            let target = place % targets;
            let [from, to] = [from, to].map(|all| &all[window].scalers[target]);
            if from == to { *value } else { to.scale(from.unscale(f64::from(*value))) as f32 }
        };
        values.iter().enumerate().map(of).collect()
    };
    let ends = own.ends.as_deref().map(|ends| scaled(ends, per_value));
    Outputs { ends, ..Outputs::points(scaled(&own.values, 1)) }
}

/// Inversely proportional to errors of 0 or more; they add up to 1. Only those without error count, if there are some.
fn weights(errors: &[f64]) -> Vec<f64> {
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let share = |error: &f64| if *error == least { 1.0 } else { least / error };
    let sum: f64 = errors.iter().map(share).sum();
    errors.iter().map(|error| share(error) / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::weights;

    #[test]
    fn weights_are_inverse_to_errors() {
        assert_eq!(weights(&[1.0, 2.0, 4.0]), [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0]);
        assert_eq!(weights(&[0.0, 2.0, 0.0]), [0.5, 0.0, 0.5]);
        assert_eq!(weights(&[1e-320, 1e-320]), [0.5, 0.5]);
    }
}
