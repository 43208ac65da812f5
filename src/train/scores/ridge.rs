//! The closed-form linear forecaster: one map per horizon step, shared over series and targets.
//!
//! x = a target's scaled look-back less its level, and a constant; y = its scaled future less the same level. The level is that of
//! an instance norm: the last value (NLinear's form), the mean, or 0. Where the norm divides by a deviation, the constant is that
//! deviation, so that the map of normalised values, scaled back, has the same squared errors. Least squares with λ|w|², the constant
//! unpenalised, by normal equations in f64. A missing target leaves its equation out, so a step that lacks any has a Gram matrix of
//! its own: the common one less the missing equations. Rows' weights multiply squared errors: equations of weight 0 are missing ones,
//! and other weights than 0 and 1 make each step's Gram matrix a sum of its own.
//!
//! Where future channels f are known of the rows to forecast, y = w·x + v·f at every step, with one v for all steps (`known.rs`). v is
//! penalised too.

use rayon::prelude::*;

use super::known::Known;
use super::samples::{
    Sample, TILE, features, inputs, known_of, level, outputs, samples, sum_of_products, weighed, weight,
};
use super::solve::{cholesky, product_with_rows, substitute, transposed_product};
use crate::data::{Dataset, SplitName};
use crate::program::op::InstanceNorm;

/// 0 and 1e-3 … 1e4.
const LAMBDAS: [f64; 9] = [0.0, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4];

/// λ where there are no validation rows to choose one: scikit-learn's default.
const UNCHOSEN: f64 = 1.0;

/// Fits on the training windows, takes the λ with the least validation MSE (the smaller of equals), and forecasts
/// `split`. → `[windows, horizon, targets]`, scaled, and λ.
pub fn ridge(dataset: &Dataset, split: SplitName) -> (Vec<f32>, f64) {
    let ridge = Ridge::fit(dataset);
    (ridge.forecast(dataset, split), ridge.lambda())
}

/// The map with the best λ.
pub struct Ridge {
    fit: Fit,
    norm: Option<InstanceNorm>,
}

impl Ridge {
    /// Fits on the training windows, and takes the λ with the least validation MSE (the smaller of equals); 1 where there are
    /// no validation windows.
    pub fn fit(dataset: &Dataset) -> Ridge {
        Ridge::of_norm(dataset, Some(InstanceNorm::Last))
    }

    /// The same of windows that an instance norm normalises.
    pub fn of_norm(dataset: &Dataset, norm: Option<InstanceNorm>) -> Ridge {
        let mut fits = Fit::of_training(dataset, norm);
        let best = if dataset.validation.is_empty() {
            fits.iter().position(|fit| fit.lambda == UNCHOSEN)
        } else {
            let errors = squared_errors(dataset, SplitName::Validation, norm, &fits);
            // `total_cmp` keeps a NaN from winning; the first of equals is the smallest λ.
            (0..fits.len()).min_by(|a, b| errors[*a].total_cmp(&errors[*b]))
        };
        let best = best.unwrap_or(0);
        Ridge { fit: fits.swap_remove(best), norm }
    }

    /// λ.
    pub fn lambda(&self) -> f64 {
        self.fit.lambda
    }

    /// A part's windows, of any data of the same look-back and horizon. → `[windows, horizon, targets]`, scaled.
    pub fn forecast(&self, dataset: &Dataset, split: SplitName) -> Vec<f32> {
        predict(dataset, split, self.norm, &self.fit)
    }

    /// As a linear layer of normalised look-backs: weight `[horizon, look-back]` and bias `[horizon]`.
    pub fn layer(&self, lookback: usize) -> (Vec<f32>, Vec<f32>) {
        let features = features(lookback, self.norm);
        let rows = self.fit.weights.chunks_exact(features);
        // Where the last value is the level, its own difference is 0, and has no weight.
        let weight =
            rows.clone().flat_map(|row| (0..lookback).map(|t| if t + 1 < features { row[t] as f32 } else { 0.0 }));
        (weight.collect(), rows.map(|row| row[features - 1] as f32).collect())
    }

    /// As a linear layer of the future channels, beside that one: its weights, shared by all steps and targets; its bias is 0.
    pub fn future_layer(&self) -> Vec<f32> {
        self.fit.future.iter().map(|weight| *weight as f32).collect()
    }
}

/// One λ's solution.
struct Fit {
    lambda: f64,
    /// `[H, F]`, the constant's last.
    weights: Vec<f64>,
    /// Of each future channel.
    future: Vec<f64>,
}

impl Fit {
    /// Of a tile with these inputs, `[samples, H]`, less their levels.
    fn forecasts(&self, dataset: &Dataset, norm: Option<InstanceNorm>, tile: &[Sample], inputs: &[f64]) -> Vec<f64> {
        let mut all = product_with_rows(inputs, &self.weights, features(dataset.lookback, norm));
        if !self.future.is_empty() {
            let mut left = all.chunks_exact_mut(dataset.horizon);
            // Windows that follow each other forecast the same rows.
            for run in tile.chunk_by(|a, b| b.0 == a.0 || b.0 == a.0 + 1) {
                let (first, last) = (run[0].0 as usize, run[run.len() - 1].0 as usize);
                let rows = first + dataset.lookback..last + dataset.lookback + dataset.horizon;
                let of = |row| known_of(dataset, row).zip(&self.future).map(|(value, weight)| value * weight).sum();
                let known: Vec<f64> = rows.map(of).collect();
                for (sample, forecasts) in run.iter().zip(left.by_ref()) {
                    let (_, scale) = level(dataset, norm, *sample);
                    let known = &known[sample.0 as usize - first..];
                    forecasts.iter_mut().zip(known).for_each(|(forecast, known)| *forecast += scale * known);
                }
            }
        }
        all
    }

    /// A fit for every λ whose matrices are positive definite: all but, perhaps, 0.
    fn of_training(dataset: &Dataset, norm: Option<InstanceNorm>) -> Vec<Fit> {
        let (features, horizon) = (features(dataset.lookback, norm), dataset.horizon);
        let observed = |sample: Sample, step: usize| weight(dataset, sample, step) > 0.0;
        let shared = !dataset.weights.iter().any(|weight| *weight > 0.0 && *weight < 1.0);
        let samples: Vec<Sample> = samples(dataset, SplitName::Train)
            .into_iter()
            .filter(|sample| (0..horizon).any(|step| observed(*sample, step)))
            .collect();
        let gram = sum_of_products(&samples, features * features, |tile| {
            let x = inputs(dataset, norm, tile);
            transposed_product(&x, &x, tile.len())
        });
        let moment = sum_of_products(&samples, horizon * features, |tile| {
            let y = weighed(dataset, tile, outputs(dataset, norm, tile));
            transposed_product(&y, &inputs(dataset, norm, tile), tile.len())
        });

        let known = Known::of(dataset, norm, &samples);
        let common = factors(&gram, features);
        // By step, where it lacks samples: by λ; `None` where it lacks all.
        let own_factors: Vec<Option<Vec<Option<Vec<f64>>>>> = (0..horizon)
            .into_par_iter()
            .map(|step| {
                if !shared {
                    let own = sum_of_products(&samples, features * features, |tile| {
                        let x = inputs(dataset, norm, tile);
                        let rows = tile.iter().zip(x.chunks_exact(features));
                        let of = |(sample, row): (&Sample, &[f64])| {
                            let weight = weight(dataset, *sample, step);
                            row.iter().map(|value| weight * value).collect::<Vec<_>>()
                        };
                        let weighed: Vec<f64> = rows.flat_map(of).collect();
                        transposed_product(&weighed, &x, tile.len())
                    });
                    let any = samples.iter().any(|sample| observed(*sample, step));
                    return any.then(|| factors(&own, features));
                }
                let lacking: Vec<Sample> = samples.iter().copied().filter(|sample| !observed(*sample, step)).collect();
                if lacking.is_empty() || lacking.len() == samples.len() {
                    return (lacking.is_empty()).then(Vec::new);
                }
                let mut own = gram.clone();
                for tile in lacking.chunks(TILE) {
                    let x = inputs(dataset, norm, tile);
                    let part = transposed_product(&x, &x, tile.len());
                    own.iter_mut().zip(part).for_each(|(sum, part)| *sum -= part);
                }
                Some(factors(&own, features))
            })
            .collect();
        // The factor of each step; `None` where it lacks all samples.
        let of = |(i, lambda): (usize, &f64)| -> Option<Fit> {
            let own = own_factors.iter().map(|own| match own {
                None => Some(None),
                Some(own) => own.get(i).unwrap_or(&common[i]).as_deref().map(Some),
            });
            let factors = own.collect::<Option<Vec<Option<&[f64]>>>>()?;
            let (future, weights) = match known.channels {
                0 => (Vec::new(), solutions(&moment, &factors)),
                _ => known.fit(*lambda, &moment, &factors)?,
            };
            Some(Fit { lambda: *lambda, weights, future })
        };
        LAMBDAS.par_iter().enumerate().filter_map(of).collect()
    }
}

/// `[H, F]`: each step's, from its products of inputs and outputs and its factor; 0 where it lacks all samples.
fn solutions(moments: &[f64], factors: &[Option<&[f64]>]) -> Vec<f64> {
    let features = moments.len() / factors.len();
    let of = |(moment, factor): (&[f64], &Option<&[f64]>)| {
        factor.map_or_else(|| vec![0.0; features], |factor| substitute(factor, moment))
    };
    moments.chunks_exact(features).zip(factors).flat_map(of).collect()
}

/// The sum of weighted squared errors over a part's observed values, for each fit.
fn squared_errors(dataset: &Dataset, split: SplitName, norm: Option<InstanceNorm>, fits: &[Fit]) -> Vec<f64> {
    let horizon = dataset.horizon;
    sum_of_products(&samples(dataset, split), fits.len(), |tile| {
        let (x, y) = (inputs(dataset, norm, tile), outputs(dataset, norm, tile));
        let weight = |i: usize| weight(dataset, tile[i / horizon], i % horizon);
        fits.iter()
            .map(|fit| {
                let forecasts = fit.forecasts(dataset, norm, tile, &x);
                let errors = forecasts.iter().zip(&y).enumerate().map(|(i, error)| (weight(i), error));
                let errors = errors.filter(|(weight, _)| *weight > 0.0);
                errors.map(|(weight, (forecast, truth))| weight * ((forecast - truth) * (forecast - truth))).sum()
            })
            .collect()
    })
}

fn predict(dataset: &Dataset, split: SplitName, norm: Option<InstanceNorm>, fit: &Fit) -> Vec<f32> {
    let (horizon, targets) = (dataset.horizon, dataset.targets());
    let samples = samples(dataset, split);
    let tiles: Vec<&[Sample]> = samples.chunks(TILE).collect();
    let forecasts: Vec<Vec<f64>> =
        tiles.par_iter().map(|tile| fit.forecasts(dataset, norm, tile, &inputs(dataset, norm, tile))).collect();
    let mut out = vec![0.0; samples.len() * horizon];
    for (i, (sample, forecast)) in
        samples.iter().zip(forecasts.iter().flat_map(|tile| tile.chunks_exact(horizon))).enumerate()
    {
        let (shift, _) = level(dataset, norm, *sample);
        for (step, value) in forecast.iter().enumerate() {
            out[(i / targets * horizon + step) * targets + i % targets] = (value + shift) as f32;
        }
    }
    out
}

/// The Cholesky factor of gram + λ for each λ; `None` where that is not positive definite.
fn factors(gram: &[f64], features: usize) -> Vec<Option<Vec<f64>>> {
    LAMBDAS
        .par_iter()
        .map(|lambda| {
            let mut matrix = gram.to_vec();
            // Not on the last, the constant.
            (0..features - 1).for_each(|i| matrix[i * features + i] += lambda);
            cholesky(matrix, features)
        })
        .collect()
}
