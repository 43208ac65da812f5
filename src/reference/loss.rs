//! loss_forward, loss_backward: the mean over observed target values.

use crate::program::op::{LossBackward, LossForward, LossKind};
use crate::program::tensor::LOSSES;

use super::scalar::Scalar;
use super::storage::Storage;

/// Terms summed before the sums are summed: keeps the rounding error of a large batch small.
const BLOCK: usize = 256;

pub fn loss_forward<T: Scalar>(storage: &mut Storage<T>, op: &LossForward, slot: usize) {
    let mut losses = storage.take_floats(LOSSES);
    let prediction = &storage.floats(op.prediction)[..op.elements];
    let target = storage.floats(op.target);
    let weight = storage.floats(op.weight);
    let mut total = T::ZERO;
    for first in (0..op.elements).step_by(BLOCK) {
        let mut sum = T::ZERO;
        for i in first..(first + BLOCK).min(op.elements) {
            sum += weight[i] * value(op.kind, prediction[i] - target[i]);
        }
        total += sum;
    }
    losses[slot] = total * T::from_f32(storage.step(slot).inv_target_count);
    storage.put_floats(LOSSES, losses);
}

pub fn loss_backward<T: Scalar>(storage: &mut Storage<T>, op: &LossBackward, slot: usize) {
    let mut d_prediction = storage.take_floats(op.d_prediction);
    let prediction = storage.floats(op.prediction);
    let target = storage.floats(op.target);
    let weight = storage.floats(op.weight);
    let inv_count = T::from_f32(storage.step(slot).inv_target_count);
    for (i, word) in d_prediction[..op.elements].iter_mut().enumerate() {
        *word = inv_count * weight[i] * derivative(op.kind, prediction[i] - target[i]);
    }
    storage.put_floats(op.d_prediction, d_prediction);
}

fn value<T: Scalar>(kind: LossKind, error: T) -> T {
    let half = T::from_f32(0.5);
    match kind {
        LossKind::Mse => error * error,
        LossKind::Mae => error.abs(),
        LossKind::Huber if error.abs() <= T::ONE => half * error * error,
        LossKind::Huber => error.abs() - half,
    }
}

fn derivative<T: Scalar>(kind: LossKind, error: T) -> T {
    match kind {
        LossKind::Mse => error + error,
        LossKind::Huber if error.abs() <= T::ONE => error,
        LossKind::Mae | LossKind::Huber => sign(error),
    }
}

/// −1, 0 or 1; NaN stays NaN.
fn sign<T: Scalar>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        x
    }
}
