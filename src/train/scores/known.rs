//! What is known of the rows to forecast, in the normal equations of a ridge: y = w·x + v·f at every step, one v for all steps.
//!
//! Given v, each step's w is the ridge of what v leaves, so that v solves equations from which every w is eliminated. With L Lᵀ = a
//! step's matrix of x and C its products of f with x, those are the products of f less Σ (L⁻¹Cᵀ)ᵀ(L⁻¹Cᵀ) over the steps.
//!
//! A row is forecast by up to as many windows as the horizon has steps. What those sum up of it is one number that multiplies its f, so
//! products of f are sums over rows. Of windows that follow each other, each step's rows lie one row later than those of the step before,
//! in one matrix.

use rayon::prelude::*;

use super::samples::{Sample, TILES_AT_ONCE, features, inputs, known_of, level, outputs, sum_over_tiles, weight};
use super::solve::{cholesky, dot, inverse, product_with_rows, substitute, transposed_product};
use crate::data::Dataset;
use crate::program::op::InstanceNorm;
use crate::reference::matrix::{Matrix, Out, product};

/// Rows, or windows, per matrix product: bounds memory, and fixes the order of summation.
const ROWS: usize = 512;

/// Sums over the samples and steps whose target is observed, of what is known of the rows to forecast.
pub(super) struct Known {
    /// F, of look-backs.
    features: usize,
    /// Future channels.
    pub channels: usize,
    /// `[H, channels, F]`: products with the inputs.
    cross: Vec<f64>,
    /// `[channels, channels]`
    gram: Vec<f64>,
    /// `[channels]`: products with the outputs.
    moment: Vec<f64>,
}

impl Known {
    pub(super) fn of(dataset: &Dataset, norm: Option<InstanceNorm>, samples: &[Sample]) -> Known {
        let (channels, features) = (dataset.future(), features(dataset.lookback, norm));
        if channels == 0 {
            return Known { features, channels, cross: Vec::new(), gram: Vec::new(), moment: Vec::new() };
        }
        let forecast = ForecastRow::all(dataset, norm, samples);
        let products = |tile: &[ForecastRow]| -> Vec<f64> {
            let f: Vec<f64> = tile.iter().flat_map(|one| known_of(dataset, one.row)).collect();
            let rows = || tile.iter().zip(f.chunks_exact(channels));
            let weighed: Vec<f64> = rows().flat_map(|(one, f)| f.iter().map(|value| one.square * value)).collect();
            let outputs: Vec<f64> = tile.iter().map(|one| one.output).collect();
            let mut both = transposed_product(&weighed, &f, tile.len());
            both.extend(transposed_product(&f, &outputs, tile.len()));
            both
        };
        let mut gram = sum_over_tiles(&forecast, ROWS, channels * (channels + 1), products);
        let moment = gram.split_off(channels * channels);
        Known { features, channels, cross: cross(dataset, norm, samples, features), gram, moment }
    }

    /// `[channels, F]`
    fn cross(&self, step: usize) -> &[f64] {
        let words = self.channels * self.features;
        &self.cross[step * words..][..words]
    }

    /// The weights of the future channels, and of the inputs `[H, F]`: from each step's products of inputs and outputs, `[H, F]`, and the
    /// Cholesky factor of its products of inputs; `None` where that lacks all. `None` where the matrix is not positive definite.
    pub(super) fn fit(&self, lambda: f64, moments: &[f64], factors: &[Option<&[f64]>]) -> Option<(Vec<f64>, Vec<f64>)> {
        let (features, channels) = (self.features, self.channels);
        let (mut gram, mut moment) = (self.gram.clone(), self.moment.clone());
        let mut last: Option<(&[f64], Vec<f64>)> = None;
        let steps = || factors.iter().zip(moments.chunks_exact(features)).enumerate();
        for (step, (factor, of_step)) in steps() {
            let Some(factor) = *factor else { continue };
            // Most steps have one factor.
            let own = match last.take() {
                Some(known) if std::ptr::eq(known.0, factor) => known,
                _ => (factor, inverse(factor, features)),
            };
            let whitened = product_with_rows(self.cross(step), &own.1, features);
            let output = product_with_rows(of_step, &own.1, features);
            let part = product_with_rows(&whitened, &whitened, features);
            gram.iter_mut().zip(part).for_each(|(sum, part)| *sum -= part);
            let rows = whitened.chunks_exact(features);
            moment.iter_mut().zip(rows).for_each(|(sum, row)| *sum -= dot(row, &output));
            last = Some(own);
        }
        (0..channels).for_each(|i| gram[i * channels + i] += lambda);
        let future = substitute(&cholesky(gram, channels)?, &moment);
        let weights = steps().flat_map(|(step, (factor, of_step))| {
            let Some(factor) = factor else { return vec![0.0; features] };
            let mut left = of_step.to_vec();
            for (weight, cross) in future.iter().zip(self.cross(step).chunks_exact(features)) {
                left.iter_mut().zip(cross).for_each(|(left, cross)| *left -= weight * cross);
            }
            substitute(factor, &left)
        });
        let weights = weights.collect();
        Some((future, weights))
    }
}

/// A row that windows forecast, and what they sum up of it: over its samples, a weight times what the norm divides by, squared; and
/// times the output.
struct ForecastRow {
    row: usize,
    square: f64,
    output: f64,
}

impl ForecastRow {
    /// Those of some samples that have any weight, in order.
    fn all(dataset: &Dataset, norm: Option<InstanceNorm>, samples: &[Sample]) -> Vec<ForecastRow> {
        let mut sums = vec![(0.0, 0.0); dataset.observed.len() / dataset.targets()];
        for sample in samples {
            let (_, scale) = level(dataset, norm, *sample);
            let first = sample.0 as usize + dataset.lookback;
            for (step, output) in outputs(dataset, norm, &[*sample]).into_iter().enumerate() {
                let (square, product) = &mut sums[first + step];
                let weight = weight(dataset, *sample, step);
                *square += weight * (scale * scale);
                *product += weight * (scale * output);
            }
        }
        let any = sums.into_iter().enumerate().filter(|(_, (square, _))| *square > 0.0);
        any.map(|(row, (square, output))| ForecastRow { row, square, output }).collect()
    }
}

/// Windows of a target, each one row after the one before.
struct Run {
    target: usize,
    first: u32,
    windows: usize,
}

impl Run {
    /// Those of samples in the order of windows, of no more than [`ROWS`] windows; target by target.
    fn all(samples: &[Sample], targets: usize) -> Vec<Run> {
        let of_target = |target: usize| {
            let own: Vec<u32> = samples.iter().filter(|sample| sample.1 == target).map(|sample| sample.0).collect();
            let runs = own.chunk_by(|a, b| *b == *a + 1).flat_map(|run| run.chunks(ROWS));
            runs.map(|run| Run { target, first: run[0], windows: run.len() }).collect::<Vec<_>>()
        };
        (0..targets).flat_map(of_target).collect()
    }

    fn samples(&self) -> Vec<Sample> {
        (self.first..).take(self.windows).map(|window| (window, self.target)).collect()
    }
}

/// `[H, channels, F]`: products of what is known of each step with the inputs.
fn cross(dataset: &Dataset, norm: Option<InstanceNorm>, samples: &[Sample], features: usize) -> Vec<f64> {
    let (channels, horizon) = (dataset.future(), dataset.horizon);
    let runs = Run::all(samples, dataset.targets());
    // The sums are many times the other matrices, so each exists once: threads own blocks of steps, not tiles.
    let mut cross = vec![0.0; horizon * channels * features];
    let steps = horizon.div_ceil(TILES_AT_ONCE);
    cross.par_chunks_mut(steps * channels * features).enumerate().for_each(|(block, sums)| {
        let first = block * steps;
        let count = sums.len() / (channels * features);
        for run in &runs {
            let samples = run.samples();
            let mut x = inputs(dataset, norm, &samples);
            for (sample, x) in samples.iter().zip(x.chunks_exact_mut(features)) {
                let (_, scale) = level(dataset, norm, *sample);
                x.iter_mut().for_each(|value| *value *= scale);
            }
            let known = (first..first + run.windows + count - 1).flat_map(|ahead| {
                let weight = weight(dataset, samples[0], ahead);
                let row = run.first as usize + dataset.lookback + ahead;
                known_of(dataset, row).map(move |value| if weight > 0.0 { weight * value } else { 0.0 })
            });
            let known: Vec<f64> = known.collect();
            for (step, sum) in sums.chunks_exact_mut(channels * features).enumerate() {
                let f = Matrix::new(&known, step * channels, run.windows, channels, channels);
                let x = Matrix::new(&x, 0, run.windows, features, features);
                product(Out { data: sum, row: features }, true, f.transposed(), x);
            }
        }
    });
    cross
}
