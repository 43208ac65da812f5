//! Scalers, fitted on observed training rows only.

use std::ops::Range;

use super::bounds::{Bounds, Transform};
use super::frame::Frame;
use super::options::{DataOptions, Scale};
use super::series::RawSeries;
use crate::error::{Error, Place, Result};

/// `scaled = (raw − mean) / std`, in f64; of targets that are [transformed](Transform), of the transformed value.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Scaler {
    /// In the data's units; of bounded targets, the lower end of the link, or the only one.
    pub mean: f64,
    /// Population standard deviation, in the data's units; 1 for a constant column. Of bounded targets, the mean distance to the bound,
    /// or the distance between both ends of the link.
    pub std: f64,
    /// Whether all values that it was fitted to lie at a bound: nothing is known of their size.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_bound: bool,
    /// The mean of those values, scaled, where it is not 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub center: f64,
    /// How targets are transformed before.
    #[serde(default, skip_serializing_if = "Transform::is_none")]
    pub transform: Transform,
}

/// How many times what values span a link between two bounds reaches beyond them.
const REACH: f64 = 2.0;

impl Scaler {
    /// Of values without bounds and transform.
    #[must_use]
    pub const fn new(mean: f64, std: f64) -> Scaler {
        Scaler { mean, std, at_bound: false, center: 0.0, transform: Transform::None }
    }

    /// From the data's units to scaled units.
    #[must_use]
    pub fn scale(&self, raw: f64) -> f64 {
        (self.transform.apply(raw) - self.mean) / self.std
    }

    /// Back into the data's units.
    #[must_use]
    pub fn unscale(&self, scaled: f64) -> f64 {
        self.transform.undo(scaled * self.std + self.mean)
    }

    /// Whether it can be inverted: its numbers are finite, and the deviation is above 0.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.mean.is_finite() && self.std.is_finite() && self.std > 0.0 && self.center.is_finite()
    }

    /// As [`Scaler::unscale`], for a forecast, which is known to 32 bits: exactly 0 if it is 0 to that precision, for errors
    /// relative to a value's size.
    #[must_use]
    pub fn unscale_forecast(&self, scaled: f32) -> f64 {
        let rounding = f64::from(scaled).abs() * f64::from(f32::EPSILON) * self.std;
        let value = self.unscale(scaled.into());
        if value.abs() <= rounding { 0.0 } else { value }
    }

    /// The error of a forecast in the data's units, where both are scaled.
    #[must_use]
    pub fn error(&self, scaled: f64, truth: f64) -> f64 {
        match self.transform {
            Transform::None => (scaled - truth) * self.std,
            _ => self.unscale(scaled) - self.unscale(truth),
        }
    }

    /// The mean of the values that it was fitted to, in the data's units; of transformed targets, that of the transformed values.
    pub(super) fn usual(&self) -> f64 {
        self.unscale(self.center)
    }

    /// Of targets within bounds: the ends of the link lie at 0, or at 0 and 1, for all series.
    fn within(bounds: Bounds, values: impl Iterator<Item = f64> + Clone) -> Option<Scaler> {
        let plain = Scaler::fit(values.clone())?;
        let scaler = match (bounds.low, bounds.high) {
            (Some(low), Some(high)) => Scaler::between(low, high, values),
            (Some(bound), None) | (None, Some(bound)) => Scaler::new(bound, (plain.mean - bound).abs()),
            (None, None) => return Some(plain),
        };
        match scaler.std > 0.0 {
            true => Some(Scaler { center: scaler.scale(plain.mean), ..scaler }),
            false => Some(Scaler { std: 1.0, at_bound: true, ..scaler }),
        }
    }

    /// Of a link between two bounds. Its ends are those, but no further from the values than [`REACH`] times what they span: of a wider
    /// range they would be a small part, where the link is flat. A deviation of 0 if all values lie at one bound.
    fn between(low: f64, high: f64, values: impl Iterator<Item = f64>) -> Scaler {
        let ends = |(least, most): (f64, f64), value: f64| (least.min(value), most.max(value));
        let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        // Equal values span nothing: the nearer bound says what is far.
        let span = if most > least { most - least } else { (least - low).min(high - most) };
        let (from, to) = (low.max(least - REACH * span), high.min(most + REACH * span));
        Scaler::new(from, to - from)
    }

    /// `None` if there is no value.
    fn fit(values: impl Iterator<Item = f64> + Clone) -> Option<Scaler> {
        // Distances to the first value: far from 0, a sum of the values would lose what they differ by.
        let first = values.clone().next()?;
        let (mut count, mut sum, mut low, mut high) = (0usize, Sum::default(), f64::INFINITY, f64::NEG_INFINITY);
        for value in values.clone() {
            count += 1;
            sum.add(value - first);
            (low, high) = (low.min(value), high.max(value));
        }
        // The mean of equal values need not round to that value, so constancy is tested, not std == 0.
        if low == high {
            return Some(Scaler::new(low, 1.0));
        }
        let count = count as f64;
        let mean = first + sum.value() / count;
        // The mean is rounded: what that moves all distances by is taken out of their squares (Chan, Golub and LeVeque 1983).
        let [mut distances, mut squares] = [Sum::default(), Sum::default()];
        for value in values {
            distances.add(value - mean);
            squares.add((value - mean) * (value - mean));
        }
        let variance = (squares.value() - distances.value() * distances.value() / count).max(0.0) / count;
        Some(Scaler::new(mean, variance.sqrt()))
    }
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// A sum that keeps what its roundings lose (Neumaier 1974): of ten million values, naive sums lose five digits.
#[derive(Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { self.sum - sum + value } else { value - sum + self.sum };
        self.sum = sum;
    }

    fn value(&self) -> f64 {
        self.sum + self.lost
    }
}

/// A scaler per series and column, from the rows `train[series]`; of a series, the column that has no value there. A column that is
/// constant per series has one scaler, of the series' values, and codes are not scaled.
///
/// # Errors
/// Unless each series has a scaler of its own, a column without a single observed value in any of these rows.
pub(crate) fn fit(
    frame: &Frame,
    series: &[RawSeries],
    (scale, options): (Scale, &DataOptions),
    train: &[Range<usize>],
) -> Result<Vec<Result<Vec<Scaler>, usize>>> {
    let (width, targets) = (frame.columns.values(), frame.columns.targets());
    let transform = options.transform.unwrap_or_default();
    let bounds = options.bounds.map(|bounds| bounds.transformed(transform));
    let fitted = |column: usize, values: &mut dyn Iterator<Item = f64>| -> Option<Scaler> {
        if column >= targets || bounds.is_none() && transform.is_none() {
            let values: Vec<f64> = values.collect();
            return Scaler::fit(values.iter().copied());
        }
        let values: Vec<f64> = values.map(|value| transform.apply(value)).collect();
        let scaler = match bounds {
            Some(bounds) => Scaler::within(bounds, values.iter().copied()),
            None => Scaler::fit(values.iter().copied()),
        };
        scaler.map(|scaler| Scaler { transform, ..scaler })
    };
    let shared = |column: usize| -> Option<Scaler> {
        if frame.columns.categories().contains(&column) {
            return Some(Scaler::new(0.0, 1.0));
        }
        let first = |one: &RawSeries, rows: &Range<usize>| rows.clone().next().map(|row| one.value(row, column));
        let own = series.iter().zip(train).filter_map(|(one, rows)| first(one, rows)).filter(|value| !value.is_nan());
        frame.columns.is_static(column).then(|| Scaler::fit(own.collect::<Vec<_>>().into_iter())).flatten()
    };
    let shared: Vec<Option<Scaler>> = (0..width).map(shared).collect();
    let observed = |one: usize, column: usize| {
        train[one].clone().map(move |row| series[one].value(row, column)).filter(|value| !value.is_nan())
    };
    match scale {
        Scale::Series => {
            let fit = |one: usize| {
                let of =
                    |column: usize| shared[column].or_else(|| fitted(column, &mut observed(one, column))).ok_or(column);
                (0..width).map(of).collect()
            };
            Ok((0..series.len()).map(fit).collect())
        }
        Scale::Global | Scale::Window => {
            let fit = |column| {
                let mut all = (0..series.len()).flat_map(|one| observed(one, column));
                shared[column].or_else(|| fitted(column, &mut all)).ok_or_else(|| {
                    let place = Place { column: Some(frame.name(column).into()), ..frame.file() };
                    let help = "leave the column out, move the borders with ‹split›, or check ‹missing-values›";
                    Error::data(place, "no value in the training rows", help)
                })
            };
            let pooled: Vec<Scaler> = (0..width).map(fit).collect::<Result<_>>()?;
            // One that saw nothing but a bound stays there, whatever the others are: the one at which their scale begins.
            let flat = |one: usize, column: usize, pooled: &Scaler| {
                let own: Vec<f64> = observed(one, column).map(|value| transform.apply(value)).collect();
                let within = bounds.and_then(|bounds| Scaler::within(bounds, own.iter().copied()));
                column < targets && within.is_some_and(|scaler| scaler.at_bound && scaler.mean == pooled.mean)
            };
            let of = |one: usize| {
                let scalers = pooled.iter().enumerate();
                Ok(scalers.map(|(column, scaler)| Scaler { at_bound: flat(one, column, scaler), ..*scaler }).collect())
            };
            Ok((0..series.len()).map(of).collect())
        }
    }
}
