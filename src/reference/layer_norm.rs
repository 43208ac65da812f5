//! layer_norm_forward, layer_norm_backward_weight, layer_norm_backward_input.

use crate::program::constants::NORM_EPSILON;
use crate::program::op::{LayerNormBackwardInput, LayerNormBackwardWeight, LayerNormForward};
use crate::program::tensor::{GRADS, PARAMS};

use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, partial_sums, tiles};
use super::vector::{PADDING, Vectorized, Vectors, sum};

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
        T::over_vectors(Forward { width, divisor, input, weight, bias, output, stats });
    });
    storage.put_floats(op.output, output);
    storage.put_floats(op.stats, stats);
}

/// Words from i on.
#[inline(always)]
fn words<S: Vectors>(simd: S, words: &[S::T], i: usize, lanes: usize) -> S::V {
    simd.load_some(&words[i..][..lanes])
}

/// x̂
#[inline(always)]
fn normal<S: Vectors>(simd: S, x: S::V, mean: S::T, inverse: S::T) -> S::V {
    simd.mul(simd.sub(x, simd.splat(mean)), simd.splat(inverse))
}

/// A tile's rows.
struct Forward<'a, T> {
    width: usize,
    divisor: T,
    input: &'a [T],
    weight: &'a [T],
    bias: &'a [T],
    output: &'a mut [T],
    stats: &'a mut [T],
}

impl<T: Scalar> Vectorized<T> for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Vectors<T = T>>(self, simd: S) {
        let Forward { width, divisor, weight, bias, .. } = self;
        let rows = self.output.chunks_mut(width).zip(self.input.chunks(width)).zip(self.stats.chunks_mut(2));
        for ((output, x), stats) in rows {
            let mean = sum(
                simd,
                width,
                #[inline(always)]
                |i, lanes| words(simd, x, i, lanes),
            ) / divisor;
            let means = simd.splat(mean);
            let variance = sum(
                simd,
                width,
                #[inline(always)]
                |i, lanes| {
                    // Lanes behind the row's end are no terms.
                    let means = if lanes == S::LANES { means } else { simd.load_some(&[mean; PADDING][..lanes]) };
                    let centred = simd.sub(words(simd, x, i, lanes), means);
                    simd.mul(centred, centred)
                },
            ) / divisor;
            let inverse = T::ONE / (variance + T::from_f64(NORM_EPSILON)).sqrt();
            for i in (0..width).step_by(S::LANES) {
                let lanes = S::LANES.min(width - i);
                let normal = normal(simd, words(simd, x, i, lanes), mean, inverse);
                let scaled = simd.mul(normal, words(simd, weight, i, lanes));
                simd.store_some(simd.add(scaled, words(simd, bias, i, lanes)), &mut output[i..][..lanes]);
            }
            stats[0] = mean;
            stats[1] = inverse;
        }
    }
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
        T::over_vectors(BackwardInput {
            width,
            divisor,
            input: &input[first * width..],
            d_output: &d_output[first * width..],
            stats: &stats[2 * first..],
            skip: skip.map(|skip| &skip[first * width..]),
            weight,
            d_input,
        });
    });
    storage.put_floats(op.d_input, d_input);
}

/// A tile's rows.
struct BackwardInput<'a, T> {
    width: usize,
    divisor: T,
    input: &'a [T],
    d_output: &'a [T],
    stats: &'a [T],
    skip: Option<&'a [T]>,
    weight: &'a [T],
    d_input: &'a mut [T],
}

impl<T: Scalar> Vectorized<T> for BackwardInput<'_, T> {
    #[inline(always)]
    fn run<S: Vectors<T = T>>(self, simd: S) {
        let BackwardInput { width, divisor, weight, .. } = self;
        for (n, d_input) in self.d_input.chunks_mut(width).enumerate() {
            let (mean, inverse) = (self.stats[2 * n], self.stats[2 * n + 1]);
            let (x, d) = (&self.input[n * width..][..width], &self.d_output[n * width..][..width]);
            let mean_g = sum(
                simd,
                width,
                #[inline(always)]
                |i, lanes| simd.mul(words(simd, d, i, lanes), words(simd, weight, i, lanes)),
            ) / divisor;
            let mean_gx = sum(
                simd,
                width,
                #[inline(always)]
                |i, lanes| {
                    let gradient = simd.mul(words(simd, d, i, lanes), words(simd, weight, i, lanes));
                    simd.mul(gradient, normal(simd, words(simd, x, i, lanes), mean, inverse))
                },
            ) / divisor;
            for i in (0..width).step_by(S::LANES) {
                let lanes = S::LANES.min(width - i);
                let gradient = simd.mul(words(simd, d, i, lanes), words(simd, weight, i, lanes));
                let normal = normal(simd, words(simd, x, i, lanes), mean, inverse);
                let along = simd.mul(normal, simd.splat(mean_gx));
                let centred = simd.sub(simd.sub(gradient, simd.splat(mean_g)), along);
                let mut word = simd.mul(centred, simd.splat(inverse));
                if let Some(skip) = self.skip {
                    word = simd.add(word, words(simd, skip, n * width + i, lanes));
                }
                simd.store_some(word, &mut d_input[i..][..lanes]);
            }
        }
    }
}
