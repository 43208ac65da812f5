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
    tiles(&mut output, op.elements, 1, TILE).enumerate().for_each(|(task, output)| {
        let first = task * TILE;
        let drops = Drops::new(&storage.step(slot), Chance::Hidden, op.site);
        let input = &storage.floats(op.input)[first..][..output.len()];
        vectorized(
            #[inline(always)]
            || {
                match op.kind {
                    FeedForward::Gelu => apply(output, input, input, gelu),
                    FeedForward::Relu => apply(output, input, input, relu),
                }
                drops.apply(op.first + first, output);
            },
        );
    });
    storage.put_floats(op.output, output);
}

pub fn activation_backward<T: Scalar>(storage: &mut Storage<T>, op: &ActivationBackward, slot: usize) {
    let mut d_input = storage.take_floats(op.d_input);
    tiles(&mut d_input, op.elements, 1, TILE).enumerate().for_each(|(task, d_input)| {
        let first = task * TILE;
        let drops = Drops::new(&storage.step(slot), Chance::Hidden, op.site);
        let input = &storage.floats(op.input)[first..][..d_input.len()];
        let d_output = &storage.floats(op.d_output)[first..][..d_input.len()];
        vectorized(
            #[inline(always)]
            || {
                match op.kind {
                    FeedForward::Gelu => apply(d_input, input, d_output, gelu_backward),
                    FeedForward::Relu => apply(d_input, input, d_output, relu),
                }
                drops.apply(op.first + first, d_input);
            },
        );
    });
    storage.put_floats(op.d_input, d_input);
}

/// `y = f(x, z)` of each element. A plain loop: an iterator's `for_each` is not inlined, and left without wide vectors.
#[inline(always)]
fn apply<T: Scalar>(y: &mut [T], x: &[T], z: &[T], f: impl Fn(T, T) -> T) {
    for ((y, x), z) in y.iter_mut().zip(x).zip(z) {
        *y = f(*x, *z);
    }
}

/// `value` where x > 0; NaN passes through.
#[inline(always)]
fn relu<T: Scalar>(x: T, value: T) -> T {
    if x <= T::ZERO { T::ZERO } else { value }
}

/// x·Φ(x)
#[inline(always)]
fn gelu<T: Scalar>(x: T, _: T) -> T {
    x * x.normal().0
}

/// (Φ(x) + x·φ(x))·d
#[inline(always)]
fn gelu_backward<T: Scalar>(x: T, d: T) -> T {
    let (cdf, density) = x.normal();
    d * (cdf + x * density)
}
