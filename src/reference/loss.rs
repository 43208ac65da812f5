//! loss: the mean over observed target values, and the gradient of the head's output.

use crate::program::op::{Loss, LossKind};
use crate::program::tensor::LOSSES;

use super::forecast::Forecasts;
use super::scalar::Scalar;
use super::storage::Storage;

/// Terms summed before the sums are summed: keeps the rounding error of a large batch small.
const BLOCK: usize = 256;

pub(super) fn loss<T: Scalar>(storage: &mut Storage<T>, op: &Loss, slot: usize) {
    let mut losses = storage.take_floats(LOSSES);
    let mut d_head = storage.take_floats(op.d_head);
    let (words, forecasts) = (op.forecast.elements(), Forecasts::new(storage, &op.forecast));
    let target = storage.floats(op.target);
    let weight = storage.floats(op.weight);
    let inv_count = T::from_f32(storage.step(slot).inv_target_count);
    let mut total = T::ZERO;
    for first in (0..words).step_by(BLOCK) {
        let mut sum = T::ZERO;
        for i in first..(first + BLOCK).min(words) {
            let origin = forecasts.origin(i);
            let error = forecasts.value(origin) - target[i];
            sum += weight[i] * value(op.kind, error);
            let slope = inv_count * weight[i] * derivative(op.kind, error);
            d_head[origin.head] = forecasts.d_head(origin, slope);
        }
        total += sum;
    }
    losses[slot] = total * inv_count;
    storage.put_floats(op.d_head, d_head);
    storage.put_floats(LOSSES, losses);
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
