//! prediction_store: forecasts into their slot; and how a head's output becomes a forecast, as the loss reads it too.

use crate::program::constants::REVIN_EPSILON;
use crate::program::op::{Affine, Forecast, PredictionStore};
use crate::program::tensor::{PARAMS, PREDICTIONS};

use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn prediction_store<T: Scalar>(storage: &mut Storage<T>, op: &PredictionStore, slot: usize) {
    let mut predictions = storage.take_floats(PREDICTIONS);
    let words = op.forecast.elements();
    let forecasts = Forecasts::new(storage, &op.forecast);
    for (i, prediction) in predictions[slot * words..][..words].iter_mut().enumerate() {
        *prediction = forecasts.value(forecasts.origin(i));
    }
    storage.put_floats(PREDICTIONS, predictions);
}

/// A head's outputs, read as forecasts.
pub(super) struct Forecasts<'a, T> {
    op: &'a Forecast,
    head: &'a [T],
    /// Empty without statistics.
    stats: &'a [T],
    params: &'a [T],
}

/// Where a forecast `[B, Z, K]` comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    /// Word of the head's output.
    pub head: usize,
    /// Which window and target: its statistics' place.
    series: usize,
    target: usize,
}

impl<'a, T: Scalar> Forecasts<'a, T> {
    pub(super) fn new(storage: &'a Storage<T>, op: &'a Forecast) -> Self {
        let stats = op.stats().map_or(&[][..], |stats| storage.floats(stats));
        Forecasts { op, head: storage.floats(op.head), stats, params: storage.floats(PARAMS) }
    }

    pub(super) fn origin(&self, i: usize) -> Origin {
        let Forecast { horizon, targets, by_channel, .. } = *self.op;
        let (b, z, target) = (i / (horizon * targets), i / targets % horizon, i % targets);
        let series = b * targets + target;
        Origin { head: if by_channel { series * horizon + z } else { i }, series, target }
    }

    pub(super) fn value(&self, origin: Origin) -> T {
        let head = self.head[origin.head];
        let Some(scale) = self.op.scale else { return head };
        let value = match scale.affine {
            Some(affine) => {
                let (weight, bias) = scale_and_shift(self.params, affine, origin.target);
                (head - bias) / divisor(weight)
            }
            None => head,
        };
        value * self.stats[2 * origin.series + 1] + self.stats[2 * origin.series]
    }

    /// A forecast's gradient as that of the head's output.
    pub(super) fn d_head(&self, origin: Origin, d_forecast: T) -> T {
        let Some(scale) = self.op.scale else { return d_forecast };
        let d = d_forecast * self.stats[2 * origin.series + 1];
        match scale.affine {
            Some(affine) => d / divisor(scale_and_shift(self.params, affine, origin.target).0),
            None => d,
        }
    }
}

/// One channel's weight and bias.
pub(super) fn scale_and_shift<T: Scalar>(params: &[T], affine: Affine, k: usize) -> (T, T) {
    (params[affine.weight + k], params[affine.bias + k])
}

/// What the denormalisation divides by, as the authors of RevIN keep it from 0.
pub(super) fn divisor<T: Scalar>(weight: T) -> T {
    weight + T::from_f32(REVIN_EPSILON)
}
