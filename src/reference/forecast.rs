//! prediction_store: forecasts into their slot; and how a head's output becomes a forecast, as the loss reads it too.

use crate::program::constants::REVIN_EPSILON;
use crate::program::op::{Affine, Forecast, PredictionStore};
use crate::program::tensor::{PARAMS, PREDICTIONS};

use super::link::{Bounded, bounded};
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
    /// Empty where nothing is known of windows.
    stats: &'a [T],
    width: usize,
    params: &'a [T],
}

/// Where a forecast `[B, Z, K]` comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    /// Word of the head's first output.
    pub head: usize,
    /// Word of its second.
    other: usize,
    /// Which window and target: what is known of them.
    series: usize,
    target: usize,
}

impl<'a, T: Scalar> Forecasts<'a, T> {
    pub(super) fn new(storage: &'a Storage<T>, op: &'a Forecast) -> Self {
        let stats = op.stats().map_or(&[][..], |stats| storage.floats(stats));
        let width = op.windows.map_or(2, |windows| windows.width());
        Forecasts { op, head: storage.floats(op.head), stats, width, params: storage.floats(PARAMS) }
    }

    pub(super) fn origin(&self, i: usize) -> Origin {
        let Forecast { horizon, targets, layout, .. } = *self.op;
        let (b, z, target) = (i / (horizon * targets), i / targets % horizon, i % targets);
        let (values, own) = (horizon * targets, z * layout.step);
        let head = b * values + own + target * layout.target;
        let before = (self.op.batch + b * (self.op.outputs - 1)) * values;
        Origin { head, other: before + own + target * layout.other_target, series: b * targets + target, target }
    }

    /// The forecast.
    pub(super) fn value(&self, origin: Origin) -> T {
        self.bounded(origin, self.location(origin)).value
    }

    /// The forecast before the link.
    pub(super) fn location(&self, origin: Origin) -> T {
        let head = self.head[origin.head];
        if !self.op.is_normalized() {
            return head;
        }
        let value = match self.op.affine() {
            Some(affine) => {
                let (weight, bias) = scale_and_shift(self.params, affine, origin.target);
                (head - bias) / divisor(weight)
            }
            None => head,
        };
        value * self.unit(origin) + self.stats[self.width * origin.series]
    }

    /// What a location becomes within bounds, and the slope there.
    pub(super) fn bounded(&self, origin: Origin, location: T) -> Bounded<T> {
        match self.op.link {
            None => Bounded { value: location, slope: T::ONE },
            Some(_) if self.deviation(origin) == T::ZERO => Bounded { value: T::ZERO, slope: T::ZERO },
            Some(link) => bounded(link, location),
        }
    }

    /// The word of one of a value's other outputs, from 0.
    pub(super) fn raw_word(&self, origin: Origin, j: usize) -> usize {
        origin.other + j * self.op.layout.other_output
    }

    /// One of a value's other outputs, from 0.
    pub(super) fn raw(&self, origin: Origin, j: usize) -> T {
        self.head[self.raw_word(origin, j)]
    }

    /// What the window was divided by; 1 if it was not.
    pub(super) fn unit(&self, origin: Origin) -> T {
        if self.op.is_normalized() { self.stats[self.width * origin.series + 1] } else { T::ONE }
    }

    /// The deviation of the window's scaler.
    pub(super) fn deviation(&self, origin: Origin) -> T {
        self.stats[self.width * origin.series + 2]
    }

    /// A value in the data's units, as a multiple of the deviation of the window's scaler; 0 without one.
    pub(super) fn in_deviations(&self, origin: Origin, scaled: T) -> T {
        let deviation = self.deviation(origin);
        if deviation == T::ZERO {
            return T::ZERO;
        }
        scaled + self.stats[self.width * origin.series + 3] / deviation
    }

    /// A location's gradient as that of the head's output.
    pub(super) fn d_head(&self, origin: Origin, d_location: T) -> T {
        if !self.op.is_normalized() {
            return d_location;
        }
        let d = d_location * self.unit(origin);
        match self.op.affine() {
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
