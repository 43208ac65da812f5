//! What a linear map is fitted on: a target's scaled look-back less its level, and its scaled future less the same level.

use rayon::prelude::*;

use crate::data::{Dataset, SplitName};
use crate::program::constants::NORM_EPSILON;
use crate::program::op::InstanceNorm;

/// Samples per matrix product: bounds memory, and fixes the order of summation.
pub(super) const TILE: usize = 4096;

/// Tiles in flight at once.
pub(super) const TILES_AT_ONCE: usize = 8;

/// A target of a window: the window's first row and the target's index.
pub(super) type Sample = (u32, usize);

/// A part's samples, in the order of forecasts: windows, then targets.
pub(super) fn samples(dataset: &Dataset, split: SplitName) -> Vec<Sample> {
    dataset.windows(split).iter().flat_map(|window| (0..dataset.targets()).map(|target| (*window, target))).collect()
}

/// F: the differences to the level and a constant; of differences to the last value, the last, which is 0, is left out.
pub(super) fn features(lookback: usize, norm: Option<InstanceNorm>) -> usize {
    if norm == Some(InstanceNorm::Last) { lookback } else { lookback + 1 }
}

/// What the squared error of a sample's step weighs: its row's weight; 0 where its target is missing.
pub(super) fn weight(dataset: &Dataset, (window, target): Sample, step: usize) -> f64 {
    let row = window as usize + dataset.lookback + step;
    f64::from(dataset.observed[row * dataset.targets() + target]) * dataset.weight(row)
}

/// The target's scaled values from a sample's first row on.
fn values(dataset: &Dataset, (window, target): Sample) -> impl Iterator<Item = f64> {
    let channels = dataset.channels();
    dataset.values[window as usize * channels + target..].iter().step_by(channels).map(|value| f64::from(*value))
}

/// What an instance norm subtracts from a sample, and divides it by.
pub(super) fn level(dataset: &Dataset, norm: Option<InstanceNorm>, sample: Sample) -> (f64, f64) {
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
pub(super) fn inputs(dataset: &Dataset, norm: Option<InstanceNorm>, tile: &[Sample]) -> Vec<f64> {
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
pub(super) fn outputs(dataset: &Dataset, norm: Option<InstanceNorm>, tile: &[Sample]) -> Vec<f64> {
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

/// Outputs `[samples, H]` times their weights.
pub(super) fn weighed(dataset: &Dataset, tile: &[Sample], mut outputs: Vec<f64>) -> Vec<f64> {
    if dataset.weights.is_empty() {
        return outputs;
    }
    for (own, sample) in outputs.chunks_exact_mut(dataset.horizon).zip(tile) {
        own.iter_mut().enumerate().for_each(|(step, number)| *number *= weight(dataset, *sample, step));
    }
    outputs
}

/// What is known of a row to forecast: its future channels.
pub(super) fn known_of(dataset: &Dataset, row: usize) -> impl Iterator<Item = f64> {
    let end = (row + 1) * dataset.channels();
    dataset.values[end - dataset.future()..end].iter().map(|value| f64::from(*value))
}

/// The sum over tiles of `product`, of `length` words, in the tiles' order whatever thread made them.
pub(super) fn sum_over_tiles<T: Sync>(
    all: &[T],
    tile: usize,
    length: usize,
    product: impl Fn(&[T]) -> Vec<f64> + Sync,
) -> Vec<f64> {
    let mut total = vec![0.0; length];
    let tiles: Vec<&[T]> = all.chunks(tile).collect();
    for group in tiles.chunks(TILES_AT_ONCE) {
        let parts: Vec<Vec<f64>> = group.par_iter().map(|tile| product(tile)).collect();
        for part in parts {
            total.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
    total
}

/// The same over tiles of samples.
pub(super) fn sum_of_products(
    samples: &[Sample],
    length: usize,
    product: impl Fn(&[Sample]) -> Vec<f64> + Sync,
) -> Vec<f64> {
    sum_over_tiles(samples, TILE, length, product)
}
