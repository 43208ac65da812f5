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
    let forecasts = Forecasts::new(storage, &op.forecast);
    let target = storage.floats(op.target);
    let weight = storage.floats(op.weight);
    let inv_count = T::from_f32(storage.step(slot).inv_target_count);
    let total = summed(op.forecast.elements(), |i| {
        let origin = forecasts.origin(i);
        let bounded = forecasts.bounded(origin, forecasts.location(origin));
        let error = bounded.value - target[i];
        let (value, derivative) = match op.kind {
            LossKind::Smape => {
                let units = |scaled| forecasts.in_deviations(origin, scaled);
                relative(error, units(bounded.value), units(target[i]))
            }
            kind => (value(kind, error), derivative(kind, error)),
        };
        let slope = inv_count * weight[i] * derivative;
        d_head[origin.head] = forecasts.d_head(origin, slope * bounded.slope);
        weight[i] * value
    });
    losses[slot] = total * inv_count;
    storage.put_floats(op.d_head, d_head);
    storage.put_floats(LOSSES, losses);
}

/// Σ term(i) over `0..count`, in blocks.
pub(super) fn summed<T: Scalar>(count: usize, mut term: impl FnMut(usize) -> T) -> T {
    let mut total = T::ZERO;
    for first in (0..count).step_by(BLOCK) {
        let mut sum = T::ZERO;
        for i in first..(first + BLOCK).min(count) {
            sum += term(i);
        }
        total += sum;
    }
    total
}

fn value<T: Scalar>(kind: LossKind, error: T) -> T {
    let (half, delta) = (T::from_f32(0.5), T::from_f32(kind.delta()));
    match kind {
        LossKind::Mse => error * error,
        LossKind::Huber { .. } if error.abs() <= delta => half * error * error,
        LossKind::Huber { .. } => delta * (error.abs() - half * delta),
        LossKind::Mae | LossKind::Smape => error.abs(),
    }
}

fn derivative<T: Scalar>(kind: LossKind, error: T) -> T {
    let delta = T::from_f32(kind.delta());
    match kind {
        LossKind::Mse => error + error,
        LossKind::Huber { .. } if error.abs() <= delta => error,
        LossKind::Huber { .. } => delta * sign(error),
        LossKind::Mae | LossKind::Smape => sign(error),
    }
}

/// |e| / (|y| + |f|), and its derivative by f.
fn relative<T: Scalar>(error: T, forecast: T, truth: T) -> (T, T) {
    let size = forecast.abs() + truth.abs();
    if size == T::ZERO {
        return (T::ZERO, T::ZERO);
    }
    let value = error.abs() / size;
    (value, (sign(error) - value * sign(forecast)) / size)
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
