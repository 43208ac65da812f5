//! batch_norm_statistics, batch_norm_forward, batch_norm_backward_weight, batch_norm_backward_input.

use crate::program::COUNT_BASE;
use crate::program::constants::{MOMENTUM, NORM_EPSILON};
use crate::program::op::{BatchNormBackwardInput, BatchNormBackwardWeight, BatchNormForward, BatchNormStatistics};
use crate::program::tensor::{GRADS, NO_WINDOW, PARAMS, STATE, WINDOWS};

use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, partial_sums, tiles};

/// Rows per task.
const TILE: usize = 512;

/// The windows of a slot, `NO_WINDOW` in empty places.
fn windows<T: Scalar>(storage: &Storage<T>, slot: usize, batch: usize) -> &[u32] {
    &storage.integers(WINDOWS)[slot * batch..][..batch]
}

pub(super) fn batch_norm_statistics<T: Scalar>(storage: &mut Storage<T>, op: &BatchNormStatistics, slot: usize) {
    let (width, tokens) = (op.width, op.tokens);
    let mut stats = storage.take_floats(op.stats);
    let mut state = storage.take_floats(STATE);
    let input = storage.floats(op.input);
    let windows = windows(storage, slot, op.batch);
    let there = |row: usize| windows[row / tokens] != NO_WINDOW;
    let count = windows.iter().filter(|window| **window != NO_WINDOW).count() * tokens;
    let divisor = T::from_f32(count.max(1) as f32);
    let row = |n: usize| &input[n * width..][..width];
    let mut mean = partial_sums(
        op.batch * tokens,
        TILE,
        width,
        #[inline(always)]
        |rows, sums| {
            for n in rows.filter(|n| there(*n)) {
                for (sum, x) in sums.iter_mut().zip(row(n)) {
                    *sum += *x;
                }
            }
        },
    );
    mean.iter_mut().for_each(|sum| *sum = *sum / divisor);
    let squares = partial_sums(
        op.batch * tokens,
        TILE,
        width,
        #[inline(always)]
        |rows, sums: &mut [T]| {
            for n in rows.filter(|n| there(*n)) {
                for ((sum, x), mean) in sums.iter_mut().zip(row(n)).zip(&mean) {
                    *sum += (*x - *mean) * (*x - *mean);
                }
            }
        },
    );
    stats[..width].copy_from_slice(&mean);
    for (word, square) in stats[width..].iter_mut().zip(&squares) {
        *word = *square / divisor;
    }
    stats[2 * width] = T::from_f32(count as f32);
    if storage.step(slot).active != 0 && count > 0 {
        let running = &mut state[op.running..][..2 * width + 2];
        let momentum = T::from_f64(MOMENTUM);
        let sample = T::from_f32((count.max(2) - 1) as f32);
        for d in 0..width {
            running[d] += momentum * (stats[d] - running[d]);
            running[width + d] += momentum * (squares[d] / sample - running[width + d]);
        }
        running[2 * width] += T::ONE;
        if running[2 * width] == T::from_f32(COUNT_BASE as f32) {
            running[2 * width] = T::ZERO;
            running[2 * width + 1] += T::ONE;
        }
    }
    storage.put_floats(op.stats, stats);
    storage.put_floats(STATE, state);
}

/// 1 / √(variance + 1e-5) of each feature.
fn inverse_deviations<T: Scalar>(variance: &[T]) -> Vec<T> {
    variance.iter().map(|variance| T::ONE / (*variance + T::from_f64(NORM_EPSILON)).sqrt()).collect()
}

pub(super) fn batch_norm_forward<T: Scalar>(storage: &mut Storage<T>, op: &BatchNormForward) {
    let width = op.width;
    let mut output = storage.take_floats(op.output);
    each(tiles(&mut output, op.count, width, TILE), &|task, output| {
        let first = task * TILE;
        let input = &storage.floats(op.input)[first * width..];
        let (mean, variance) = storage.floats(op.stats)[op.mean..][..2 * width].split_at(width);
        let inverse = inverse_deviations(variance);
        let params = storage.floats(PARAMS);
        let (weight, bias) = (&params[op.affine.weight..][..width], &params[op.affine.bias..][..width]);
        T::vectorized(
            #[inline(always)]
            || {
                for (output, input) in output.chunks_mut(width).zip(input.chunks(width)) {
                    let (output, input, inverse) = (&mut output[..width], &input[..width], &inverse[..width]);
                    let (mean, weight, bias) = (&mean[..width], &weight[..width], &bias[..width]);
                    for d in 0..width {
                        output[d] = (input[d] - mean[d]) * inverse[d] * weight[d] + bias[d];
                    }
                }
            },
        );
    });
    storage.put_floats(op.output, output);
}

pub(super) fn batch_norm_backward_weight<T: Scalar>(storage: &mut Storage<T>, op: &BatchNormBackwardWeight) {
    let width = op.width;
    let mut grads = storage.take_floats(GRADS);
    let (input, d_output) = (storage.floats(op.input), storage.floats(op.d_output));
    let (mean, variance) = storage.floats(op.stats)[..2 * width].split_at(width);
    let inverse = inverse_deviations(variance);
    let sums = partial_sums(
        op.count,
        TILE,
        2 * width,
        #[inline(always)]
        |rows, sums: &mut [T]| {
            let (d_weight, d_bias) = sums.split_at_mut(width);
            let (d_bias, inverse, mean) = (&mut d_bias[..width], &inverse[..width], &mean[..width]);
            for n in rows {
                let (x, d) = (&input[n * width..][..width], &d_output[n * width..][..width]);
                for j in 0..width {
                    d_weight[j] += d[j] * ((x[j] - mean[j]) * inverse[j]);
                    d_bias[j] += d[j];
                }
            }
        },
    );
    grads[op.d_affine.weight..][..width].copy_from_slice(&sums[..width]);
    grads[op.d_affine.bias..][..width].copy_from_slice(&sums[width..]);
    storage.put_floats(GRADS, grads);
}

pub(super) fn batch_norm_backward_input<T: Scalar>(storage: &mut Storage<T>, op: &BatchNormBackwardInput, slot: usize) {
    let (width, count) = (op.width, op.batch * op.tokens);
    let mut d_input = storage.take_floats(op.d_input);
    each(tiles(&mut d_input, count, width, TILE), &|task, d_input| {
        let first = task * TILE;
        let windows = windows(storage, slot, op.batch);
        let (input, d_output) = (storage.floats(op.input), storage.floats(op.d_output));
        let skip = op.skip.map(|skip| storage.floats(skip));
        let stats = storage.floats(op.stats);
        let (mean, inverse) = (&stats[..width], inverse_deviations(&stats[width..2 * width]));
        let weight = &storage.floats(PARAMS)[op.affine.weight..][..width];
        let grads = storage.floats(GRADS);
        let (d_weight, d_bias) = (&grads[op.affine.weight..][..width], &grads[op.affine.bias..][..width]);
        let counted = stats[2 * width];
        T::vectorized(
            #[inline(always)]
            || {
                for (i, d_input) in d_input.chunks_mut(width).enumerate() {
                    let n = first + i;
                    match skip {
                        Some(skip) => d_input.copy_from_slice(&skip[n * width..][..width]),
                        None => d_input.fill(T::ZERO),
                    }
                    if windows[n / op.tokens] == NO_WINDOW {
                        continue;
                    }
                    let (x, d) = (&input[n * width..][..width], &d_output[n * width..][..width]);
                    let (d_input, inverse, mean) = (&mut d_input[..width], &inverse[..width], &mean[..width]);
                    let (weight, d_weight, d_bias) = (&weight[..width], &d_weight[..width], &d_bias[..width]);
                    for j in 0..width {
                        let normal = (x[j] - mean[j]) * inverse[j];
                        let centred = d[j] - (d_bias[j] + normal * d_weight[j]) / counted;
                        d_input[j] += weight[j] * inverse[j] * centred;
                    }
                }
            },
        );
    });
    storage.put_floats(op.d_input, d_input);
}
