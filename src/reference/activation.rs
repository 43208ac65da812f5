//! activation_forward, activation_backward: elementwise, with dropout.

use rayon::prelude::*;

use crate::program::op::{ActivationBackward, ActivationForward, Chance, FeedForward};

use super::dropout::Drops;
use super::scalar::{Scalar, vectorized};
use super::storage::{Storage, tiles};

/// Words per task.
const TILE: usize = 16_384;

pub fn activation_forward<T: Scalar>(storage: &mut Storage<T>, op: &ActivationForward, slot: usize) {
    let mut output = storage.take_floats(op.output);
    let per_replica = op.elements.div_ceil(TILE);
    tiles(&mut output, storage.row(op.output), op.elements, 1, TILE).into_par_iter().enumerate().for_each(
        |(task, output)| {
            let (r, first) = (task / per_replica, task % per_replica * TILE);
            let drops = Drops::new(&storage.step(r, slot), Chance::Hidden, op.site);
            let input = &storage.float_row(op.input, r)[first..][..output.len()];
            vectorized(
                #[inline(always)]
                || {
                    let pairs = output.iter_mut().zip(input);
                    match op.kind {
                        FeedForward::Gelu => pairs.for_each(|(y, x)| *y = *x * x.normal_cdf()),
                        FeedForward::Relu => pairs.for_each(|(y, x)| *y = relu(*x, *x)),
                    }
                    drops.apply(op.first + first, output);
                },
            );
        },
    );
    storage.put_floats(op.output, output);
}

pub fn activation_backward<T: Scalar>(storage: &mut Storage<T>, op: &ActivationBackward, slot: usize) {
    let mut d_input = storage.take_floats(op.d_input);
    let per_replica = op.elements.div_ceil(TILE);
    tiles(&mut d_input, storage.row(op.d_input), op.elements, 1, TILE).into_par_iter().enumerate().for_each(
        |(task, d_input)| {
            let (r, first) = (task / per_replica, task % per_replica * TILE);
            let drops = Drops::new(&storage.step(r, slot), Chance::Hidden, op.site);
            let input = &storage.float_row(op.input, r)[first..][..d_input.len()];
            let d_output = &storage.float_row(op.d_output, r)[first..][..d_input.len()];
            vectorized(
                #[inline(always)]
                || {
                    let triples = d_input.iter_mut().zip(input).zip(d_output);
                    match op.kind {
                        FeedForward::Gelu => triples.for_each(|((d_x, x), d)| *d_x = *d * gelu_slope(*x)),
                        FeedForward::Relu => triples.for_each(|((d_x, x), d)| *d_x = relu(*x, *d)),
                    }
                    drops.apply(op.first + first, d_input);
                },
            );
        },
    );
    storage.put_floats(op.d_input, d_input);
}

/// `value` where x > 0; NaN passes through.
#[inline(always)]
fn relu<T: Scalar>(x: T, value: T) -> T {
    if x <= T::ZERO { T::ZERO } else { value }
}

/// Φ(x) + x·φ(x)
#[inline(always)]
fn gelu_slope<T: Scalar>(x: T) -> T {
    // 1 / √(2π)
    let density = (T::from_f64(-0.5) * x * x).exp() * T::from_f64(0.398_942_280_401_432_7);
    x.normal_cdf() + x * density
}
