//! The closed-form linear forecaster: one map per horizon step, shared over series and targets.
//!
//! x = a target's scaled look-back less its level, and a constant; y = its scaled future less the same level. The level is that of
//! an instance norm: the last value (NLinear's form), the mean, or 0. Where the norm divides by a deviation, the constant is that
//! deviation, so that the map of normalised values, scaled back, has the same squared errors. Least squares with λ|w|², the constant
//! unpenalised, by normal equations in f64. A missing target leaves its equation out, so a step that lacks any has a Gram matrix of
//! its own: the common one less the missing equations. Rows' weights multiply squared errors: equations of weight 0 are missing ones,
//! and other weights than 0 and 1 make each step's Gram matrix a sum of its own.
//!
//! Where future channels f are known of the rows to forecast, y = w·x + v·f at every step, with one v for all steps: given v, each
//! step's w is the ridge of what v leaves, so that v solves normal equations from which every w is eliminated. v is penalised too.

use std::ops::Range;

use rayon::prelude::*;

use super::solve::{cholesky, dot, product_with_rows, substitute, transposed_product};
use crate::data::{Dataset, SplitName};
use crate::program::constants::NORM_EPSILON;
use crate::program::op::InstanceNorm;

/// 0 and 1e-3 … 1e4.
const LAMBDAS: [f64; 9] = [0.0, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4];

/// λ where there are no validation rows to choose one: scikit-learn's default.
const UNCHOSEN: f64 = 1.0;

/// Samples per matrix product: bounds memory, and fixes the order of summation.
const TILE: usize = 4096;

/// Numbers that are known of a tile's samples, about.
const TILE_OF_KNOWN: usize = 1 << 14;

/// Tiles in flight at once.
const TILES_AT_ONCE: usize = 8;

/// A target of a window: the window's first row and the target's index.
type Sample = (u32, usize);

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

/// F: the differences to the level and a constant; of differences to the last value, the last, which is 0, is left out.
fn features(lookback: usize, norm: Option<InstanceNorm>) -> usize {
    if norm == Some(InstanceNorm::Last) { lookback } else { lookback + 1 }
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
            for (sample, all) in tile.iter().zip(all.chunks_exact_mut(dataset.horizon)) {
                let (_, scale) = level(dataset, norm, *sample);
                for (forecast, row) in all.iter_mut().zip(sample.0 as usize + dataset.lookback..) {
                    let known = known_of(dataset, row).zip(&self.future);
                    *forecast += scale * known.map(|(value, weight)| value * weight).sum::<f64>();
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
            let y = weighed(dataset, tile, outputs(dataset, norm, tile), 1, 0..horizon);
            transposed_product(&y, &inputs(dataset, norm, tile), tile.len())
        });

        let known = Known::of(dataset, norm, &samples, features);
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
        // One λ at a time: its solutions of all steps are as many as known channels times the weights.
        let of = |(i, lambda): (usize, &f64)| {
            let solve = |step: usize| -> Option<Vec<f64>> {
                let right = [&moment[step * features..][..features], known.cross(step)].concat();
                let Some(own) = &own_factors[step] else { return Some(vec![0.0; right.len()]) };
                let factor = own.get(i).unwrap_or(&common[i]).as_ref()?;
                Some(right.chunks_exact(features).flat_map(|right| substitute(factor, right)).collect())
            };
            let solutions: Option<Vec<Vec<f64>>> = (0..horizon).into_par_iter().map(solve).collect();
            let solutions = solutions?;
            known.fit(*lambda, &solutions.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        LAMBDAS.iter().enumerate().filter_map(of).collect()
    }
}

/// Sums over the samples and steps whose target is observed, of what is known of the rows to forecast.
struct Known {
    /// F, of look-backs.
    features: usize,
    /// Future channels.
    channels: usize,
    /// `[H, channels, F]`: products with the inputs.
    cross: Vec<f64>,
    /// `[channels, channels]`
    gram: Vec<f64>,
    /// `[channels]`: products with the outputs.
    moment: Vec<f64>,
}

impl Known {
    fn of(dataset: &Dataset, norm: Option<InstanceNorm>, samples: &[Sample], features: usize) -> Known {
        let (channels, horizon) = (dataset.future(), dataset.horizon);
        if channels == 0 {
            return Known { features, channels, cross: Vec::new(), gram: Vec::new(), moment: Vec::new() };
        }
        // What is known of a sample takes many words: fewer samples bound the memory of all threads.
        let tile_of = |steps: usize| (TILE_OF_KNOWN / (steps * channels)).clamp(1, TILE);
        // The sums are many times the other matrices, so each exists once: threads own blocks of steps, not tiles.
        let mut cross = vec![0.0; horizon * channels * features];
        let steps = horizon.div_ceil(TILES_AT_ONCE);
        cross.par_chunks_mut(steps * channels * features).enumerate().for_each(|(block, sums)| {
            let steps = block * steps..((block + 1) * steps).min(horizon);
            for tile in samples.chunks(tile_of(steps.len())) {
                let f = weighed(dataset, tile, planned(dataset, norm, tile, steps.clone()), channels, steps.clone());
                let part = transposed_product(&f, &inputs(dataset, norm, tile), tile.len());
                sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
        });
        let tile = tile_of(horizon);
        let weighed_f = |tile: &[Sample], f: Vec<f64>| weighed(dataset, tile, f, channels, 0..horizon);
        let gram = sum_over_tiles(samples, tile, channels * channels, |tile| {
            let f = planned(dataset, norm, tile, 0..horizon);
            let rows = tile.len() * horizon;
            match dataset.weights.is_empty() {
                true => transposed_product(&f, &f, rows),
                false => transposed_product(&weighed_f(tile, f.clone()), &f, rows),
            }
        });
        let moment = sum_over_tiles(samples, tile, channels, |tile| {
            let f = weighed_f(tile, planned(dataset, norm, tile, 0..horizon));
            transposed_product(&f, &outputs(dataset, norm, tile), tile.len() * horizon)
        });
        Known { features, channels, cross, gram, moment }
    }

    /// `[channels, F]`
    fn cross(&self, step: usize) -> &[f64] {
        let words = self.channels * self.features;
        &self.cross[step * words..][..words]
    }

    /// From the solutions of each step, `[1 + channels, F]`: those of the outputs, then of each channel. `None` where the matrix is
    /// not positive definite.
    fn fit(&self, lambda: f64, steps: &[&[f64]]) -> Option<Fit> {
        let (features, channels) = (self.features, self.channels);
        if channels == 0 {
            return Some(Fit { lambda, weights: steps.concat(), future: Vec::new() });
        }
        let (mut gram, mut moment) = (self.gram.clone(), self.moment.clone());
        for (step, solved) in steps.iter().enumerate() {
            let solved: Vec<&[f64]> = solved.chunks_exact(features).collect();
            for (i, cross) in self.cross(step).chunks_exact(features).enumerate() {
                moment[i] -= dot(cross, solved[0]);
                (0..channels).for_each(|j| gram[i * channels + j] -= dot(cross, solved[1 + j]));
            }
        }
        (0..channels).for_each(|i| gram[i * channels + i] += lambda);
        let future = substitute(&cholesky(gram, channels)?, &moment);
        let weights = steps.iter().flat_map(|solved| {
            let (own, of_channels) = solved.split_at(features);
            let of = |i: usize| future.iter().zip(of_channels.chunks_exact(features)).map(move |(v, s)| v * s[i]);
            (0..features).map(move |i| own[i] - of(i).sum::<f64>()).collect::<Vec<_>>()
        });
        Some(Fit { lambda, weights: weights.collect(), future: future.clone() })
    }
}

/// A part's samples, in the order of forecasts: windows, then targets.
fn samples(dataset: &Dataset, split: SplitName) -> Vec<Sample> {
    dataset.windows(split).iter().flat_map(|window| (0..dataset.targets()).map(|target| (*window, target))).collect()
}

/// What the squared error of a sample's step weighs: its row's weight; 0 where its target is missing.
fn weight(dataset: &Dataset, (window, target): Sample, step: usize) -> f64 {
    let row = window as usize + dataset.lookback + step;
    f64::from(dataset.observed[row * dataset.targets() + target]) * dataset.weight(row)
}

/// Numbers of each sample and step, `[samples, steps, width]`, times their weights.
fn weighed(dataset: &Dataset, tile: &[Sample], mut numbers: Vec<f64>, width: usize, steps: Range<usize>) -> Vec<f64> {
    if dataset.weights.is_empty() {
        return numbers;
    }
    let steps = tile.iter().flat_map(|sample| steps.clone().map(move |step| (*sample, step)));
    for (own, (sample, step)) in numbers.chunks_exact_mut(width).zip(steps) {
        let weight = weight(dataset, sample, step);
        own.iter_mut().for_each(|number| *number *= weight);
    }
    numbers
}

/// The target's scaled values from a sample's first row on.
fn values(dataset: &Dataset, (window, target): Sample) -> impl Iterator<Item = f64> {
    let channels = dataset.channels();
    dataset.values[window as usize * channels + target..].iter().step_by(channels).map(|value| f64::from(*value))
}

/// What an instance norm subtracts from a sample, and divides it by.
fn level(dataset: &Dataset, norm: Option<InstanceNorm>, sample: Sample) -> (f64, f64) {
    let window = || values(dataset, sample).take(dataset.lookback);
    let count = dataset.lookback as f64;
    match norm {
        None => (0.0, 1.0),
        Some(InstanceNorm::Last) => (window().last().unwrap_or(0.0), 1.0),
        Some(InstanceNorm::MeanStd) => {
            let mean = window().sum::<f64>() / count;
            let variance = window().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
            (mean, (variance + NORM_EPSILON).sqrt())
        }
    }
}

/// `[samples, F]`
fn inputs(dataset: &Dataset, norm: Option<InstanceNorm>, tile: &[Sample]) -> Vec<f64> {
    let features = features(dataset.lookback, norm);
    let mut x = Vec::with_capacity(tile.len() * features);
    for sample in tile {
        let (shift, scale) = level(dataset, norm, *sample);
        x.extend(values(dataset, *sample).take(features - 1).map(|value| value - shift));
        x.push(scale);
    }
    x
}

/// `[samples, H]`, 0 where missing.
fn outputs(dataset: &Dataset, norm: Option<InstanceNorm>, tile: &[Sample]) -> Vec<f64> {
    let mut y = Vec::with_capacity(tile.len() * dataset.horizon);
    for sample in tile {
        let (shift, _) = level(dataset, norm, *sample);
        let origin = sample.0 as usize + dataset.lookback;
        let future = values(dataset, *sample).skip(dataset.lookback).take(dataset.horizon).enumerate();
        y.extend(future.map(|(step, value)| {
            if dataset.observed[(origin + step) * dataset.targets() + sample.1] > 0.0 { value - shift } else { 0.0 }
        }));
    }
    y
}

/// What is known of a row to forecast: its future channels.
fn known_of(dataset: &Dataset, row: usize) -> impl Iterator<Item = f64> {
    let end = (row + 1) * dataset.channels();
    dataset.values[end - dataset.future()..end].iter().map(|value| f64::from(*value))
}

/// `[samples, steps, channels]`: what is known of steps of the rows to forecast, times what the norm divides by; 0 where the target
/// is missing.
fn planned(dataset: &Dataset, norm: Option<InstanceNorm>, tile: &[Sample], steps: Range<usize>) -> Vec<f64> {
    let mut f = Vec::with_capacity(tile.len() * steps.len() * dataset.future());
    for sample in tile {
        let (_, scale) = level(dataset, norm, *sample);
        let origin = sample.0 as usize + dataset.lookback;
        for row in origin + steps.start..origin + steps.end {
            let observed = dataset.observed[row * dataset.targets() + sample.1] > 0.0;
            f.extend(known_of(dataset, row).map(|value| if observed { value * scale } else { 0.0 }));
        }
    }
    f
}

/// The sum over tiles of samples of `product`, of `length` words, in tile order whatever thread made them.
fn sum_of_products(samples: &[Sample], length: usize, product: impl Fn(&[Sample]) -> Vec<f64> + Sync) -> Vec<f64> {
    sum_over_tiles(samples, TILE, length, product)
}

/// The same over tiles of so many samples.
fn sum_over_tiles(
    samples: &[Sample],
    tile: usize,
    length: usize,
    product: impl Fn(&[Sample]) -> Vec<f64> + Sync,
) -> Vec<f64> {
    let mut total = vec![0.0; length];
    let tiles: Vec<&[Sample]> = samples.chunks(tile).collect();
    for group in tiles.chunks(TILES_AT_ONCE) {
        let parts: Vec<Vec<f64>> = group.par_iter().map(|tile| product(tile)).collect();
        for part in parts {
            total.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
    total
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
