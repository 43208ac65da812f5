//! layer_norm_forward, layer_norm_backward_weight, layer_norm_backward_input.

use crate::program::constants::NORM_EPSILON;
use crate::program::op::{LayerNormBackwardInput, LayerNormBackwardWeight, LayerNormForward};
use crate::program::tensor::{GRADS, PARAMS};

use super::scalar::{Scalar, lane_sum};
use super::storage::Storage;
use super::tasks::{each, partial_sums, tiles};

/// Rows per task.
const TILE: usize = 512;

pub(super) fn layer_norm_forward<T: Scalar>(storage: &mut Storage<T>, op: &LayerNormForward) {
    let width = op.width;
    let divisor = T::from_f32(width as f32);
    let mut output = storage.take_floats(op.output);
    let mut stats = storage.take_floats(op.stats);
    let output_tiles = tiles(&mut output, op.count, width, TILE);
    let stats_tiles = tiles(&mut stats, op.count, 2, TILE);
    each(output_tiles.zip(stats_tiles), &|task, (output, stats)| {
        let first = task * TILE;
        let input = &storage.floats(op.input)[first * width..];
        let params = storage.floats(PARAMS);
        let (weight, bias) = (&params[op.affine.weight..][..width], &params[op.affine.bias..][..width]);
        T::vectorized(
            #[inline(always)]
            || {
                let rows = output.chunks_mut(width).zip(input.chunks(width)).zip(stats.chunks_mut(2));
                for ((output, x), stats) in rows {
                    let (output, x) = (&mut output[..width], &x[..width]);
                    let mean = lane_sum(width, |j| x[j]) / divisor;
                    let variance = lane_sum(width, |j| (x[j] - mean) * (x[j] - mean)) / divisor;
                    let inverse = T::ONE / (variance + T::from_f64(NORM_EPSILON)).sqrt();
                    for j in 0..width {
                        output[j] = (x[j] - mean) * inverse * weight[j] + bias[j];
                    }
                    stats[0] = mean;
                    stats[1] = inverse;
                }
            },
        );
    });
    storage.put_floats(op.output, output);
    storage.put_floats(op.stats, stats);
}

pub(super) fn layer_norm_backward_weight<T: Scalar>(storage: &mut Storage<T>, op: &LayerNormBackwardWeight) {
    let width = op.width;
    let mut grads = storage.take_floats(GRADS);
    let (input, d_output) = (storage.floats(op.input), storage.floats(op.d_output));
    let stats = storage.floats(op.stats);
    let sums = partial_sums(
        op.count,
        TILE,
        2 * width,
        #[inline(always)]
        |rows, sums: &mut [T]| {
            let (d_weight, d_bias) = sums.split_at_mut(width);
            let d_bias = &mut d_bias[..width];
            for n in rows {
                let (mean, inverse) = (stats[2 * n], stats[2 * n + 1]);
                let (x, d) = (&input[n * width..][..width], &d_output[n * width..][..width]);
                for j in 0..width {
                    d_weight[j] += d[j] * ((x[j] - mean) * inverse);
                    d_bias[j] += d[j];
                }
            }
        },
    );
    grads[op.d_affine.weight..][..width].copy_from_slice(&sums[..width]);
    grads[op.d_affine.bias..][..width].copy_from_slice(&sums[width..]);
    storage.put_floats(GRADS, grads);
}

pub(super) fn layer_norm_backward_input<T: Scalar>(storage: &mut Storage<T>, op: &LayerNormBackwardInput) {
    let width = op.width;
    let divisor = T::from_f32(width as f32);
    let mut d_input = storage.take_floats(op.d_input);
    each(tiles(&mut d_input, op.count, width, TILE), &|task, d_input| {
        let first = task * TILE;
        let (input, d_output) = (storage.floats(op.input), storage.floats(op.d_output));
        let stats = storage.floats(op.stats);
        let skip = op.skip.map(|skip| storage.floats(skip));
        let weight = &storage.floats(PARAMS)[op.affine.weight..][..width];
        T::vectorized(
            #[inline(always)]
            || {
                for (i, d_input) in d_input.chunks_mut(width).enumerate() {
                    let n = first + i;
                    let (mean, inverse) = (stats[2 * n], stats[2 * n + 1]);
                    let (x, d) = (&input[n * width..][..width], &d_output[n * width..][..width]);
                    let d_input = &mut d_input[..width];
                    let normal = |j: usize| (x[j] - mean) * inverse;
                    let mean_g = lane_sum(width, |j| d[j] * weight[j]) / divisor;
                    let mean_gx = lane_sum(width, |j| d[j] * weight[j] * normal(j)) / divisor;
                    for j in 0..width {
                        d_input[j] = (d[j] * weight[j] - mean_g - normal(j) * mean_gx) * inverse;
                    }
                    if let Some(skip) = skip {
                        for (word, skip) in d_input.iter_mut().zip(&skip[n * width..]) {
                            *word += *skip;
                        }
                    }
                }
            },
        );
    });
    storage.put_floats(op.d_input, d_input);
}
