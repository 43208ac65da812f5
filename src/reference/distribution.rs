//! scale_gather, quantile_loss, likelihood_loss and distribution_store.

use crate::program::constants::{DISPERSION_FLOOR, MEAN_FLOOR, SCALE_FLOOR};
use crate::program::op::{Distribution, DistributionStore, LikelihoodLoss, QuantileLoss, ScaleGather};
use crate::program::tensor::{LOSSES, NO_WINDOW, PREDICTIONS, SCALES, SERIES_STARTS, WINDOWS};

use super::forecast::{Forecasts, Origin};
use super::gamma::{digamma_rise, ln_gamma_rise};
use super::link::softplus;
use super::loss::summed;
use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn scale_gather<T: Scalar>(storage: &mut Storage<T>, op: &ScaleGather, slot: usize) {
    let mut output = storage.take_floats(op.output);
    let stats = op.stats.map(|stats| storage.floats(stats));
    let (starts, scales) = (storage.integers(SERIES_STARTS), storage.floats(SCALES));
    let windows = &storage.integers(WINDOWS)[slot * op.batch..][..op.batch];
    for (place, own) in output.chunks_exact_mut(4).enumerate().take(op.batch * op.targets) {
        let (window, target) = (windows[place / op.targets], place % op.targets);
        let (shift, scale) = stats.map_or((T::ZERO, T::ONE), |stats| (stats[2 * place], stats[2 * place + 1]));
        let series = starts.partition_point(|start| *start <= window).max(1) - 1;
        let scaler = &scales[2 * (series * op.targets + target)..][..2];
        let [deviation, mean] = if window == NO_WINDOW { [T::ZERO; 2] } else { [scaler[0], scaler[1]] };
        own.copy_from_slice(&[shift, scale, deviation, mean]);
    }
    storage.put_floats(op.output, output);
}

pub(super) fn quantile_loss<T: Scalar>(storage: &mut Storage<T>, op: &QuantileLoss, slot: usize) {
    let mut losses = storage.take_floats(LOSSES);
    let mut d_head = storage.take_floats(op.d_head);
    let forecasts = Forecasts::new(storage, &op.forecast);
    let levels = storage.floats(op.levels);
    let (target, weight) = (storage.floats(op.target), storage.floats(op.weight));
    let inv_count = T::from_f32(storage.step(slot).inv_target_count);
    let middle = op.forecast.outputs / 2;
    let share = T::from_f32(2.0) / T::from_f32(op.forecast.outputs as f32);
    let total = summed(op.forecast.elements(), |i| {
        let origin = forecasts.origin(i);
        let scale = share * inv_count * weight[i];
        let (unit, median) = (forecasts.unit(origin), forecasts.location(origin));
        let pinball = |level: T, location: T| {
            let bounded = forecasts.bounded(origin, location);
            let (loss, slope) = pinball(level, target[i] - bounded.value);
            (loss, scale * slope * bounded.slope)
        };
        let (mut loss, mut slope) = pinball(levels[middle], median);
        // Away from the median, below it and then above: a raw output moves its quantile and all beyond it.
        for above in [false, true] {
            let direction = if above { unit } else { -unit };
            let raw = |step: usize| if above { middle + step } else { middle - 1 - step };
            let mut location = median;
            for j in (0..middle).map(raw) {
                location += direction * softplus(forecasts.raw(origin, j));
                let (own, d) = pinball(levels[if above { j + 1 } else { j }], location);
                loss += own;
                d_head[forecasts.raw_word(origin, j)] = d;
            }
            let mut beyond = T::ZERO;
            for j in (0..middle).rev().map(raw) {
                let word = forecasts.raw_word(origin, j);
                beyond += d_head[word];
                d_head[word] = direction * forecasts.raw(origin, j).sigmoid() * beyond;
            }
            slope += beyond;
        }
        d_head[origin.head] = forecasts.d_head(origin, slope);
        weight[i] * share * loss
    });
    losses[slot] = total * inv_count;
    storage.put_floats(op.d_head, d_head);
    storage.put_floats(LOSSES, losses);
}

/// The loss of a quantile, and its slope by it, which is 0 where there is no error; NaN stays NaN.
fn pinball<T: Scalar>(level: T, error: T) -> (T, T) {
    let over = level - T::ONE;
    if error > T::ZERO {
        (level * error, -level)
    } else if error < T::ZERO {
        (over * error, -over)
    } else {
        (over * error, error)
    }
}

pub(super) fn likelihood_loss<T: Scalar>(storage: &mut Storage<T>, op: &LikelihoodLoss, slot: usize) {
    let mut losses = storage.take_floats(LOSSES);
    let mut d_head = storage.take_floats(op.d_head);
    let forecasts = Forecasts::new(storage, &op.forecast);
    let (target, weight) = (storage.floats(op.target), storage.floats(op.weight));
    let inv_count = T::from_f32(storage.step(slot).inv_target_count);
    let total = summed(op.forecast.elements(), |i| {
        let origin = forecasts.origin(i);
        let term = term(op.distribution, &forecasts, origin, target[i]);
        let scale = inv_count * weight[i];
        d_head[origin.head] = forecasts.d_head(origin, scale * term.d_location);
        for j in 0..op.forecast.outputs - 1 {
            d_head[forecasts.raw_word(origin, j)] = scale * term.d_raw[j];
        }
        weight[i] * term.loss
    });
    losses[slot] = total * inv_count;
    storage.put_floats(op.d_head, d_head);
    storage.put_floats(LOSSES, losses);
}

pub(super) fn distribution_store<T: Scalar>(storage: &mut Storage<T>, op: &DistributionStore, slot: usize) {
    let mut predictions = storage.take_floats(PREDICTIONS);
    let forecasts = Forecasts::new(storage, &op.forecast);
    let (words, outputs) = (op.forecast.elements(), op.forecast.outputs);
    for (i, own) in predictions[slot * words * outputs..][..words * outputs].chunks_exact_mut(outputs).enumerate() {
        let origin = forecasts.origin(i);
        let (location, unit) = (forecasts.location(origin), forecasts.unit(origin));
        match op.distribution {
            Some(Distribution::Poisson) => own[0] = mean(&forecasts, origin).0,
            Some(Distribution::NegativeBinomial) => {
                own[0] = mean(&forecasts, origin).0;
                own[1] = dispersion(forecasts.raw(origin, 0));
            }
            Some(Distribution::StudentT) => {
                own[0] = location;
                own[1] = scale(unit, forecasts.raw(origin, 0));
                own[2] = degrees_of_freedom(forecasts.raw(origin, 1));
            }
            None => {
                let middle = outputs / 2;
                own[middle] = forecasts.bounded(origin, location).value;
                let (mut above, mut below) = (location, location);
                for step in 0..middle {
                    above += unit * softplus(forecasts.raw(origin, middle + step));
                    own[middle + step + 1] = forecasts.bounded(origin, above).value;
                    below += -(unit * softplus(forecasts.raw(origin, middle - 1 - step)));
                    own[middle - 1 - step] = forecasts.bounded(origin, below).value;
                }
            }
        }
    }
    storage.put_floats(PREDICTIONS, predictions);
}

/// −ln p of a value, and its derivatives.
struct Term<T> {
    loss: T,
    d_location: T,
    d_raw: [T; 2],
}

fn term<T: Scalar>(distribution: Distribution, forecasts: &Forecasts<T>, origin: Origin, target: T) -> Term<T> {
    let raw = |j| forecasts.raw(origin, j);
    if distribution == Distribution::StudentT {
        let unit = forecasts.unit(origin);
        let error = forecasts.location(origin) - target;
        let (scale, freedom) = (scale(unit, raw(0)), degrees_of_freedom(raw(1)));
        return student_t(error, (scale, unit * raw(0).sigmoid()), (freedom, raw(1).sigmoid()));
    }
    let deviation = forecasts.deviation(origin);
    if deviation == T::ZERO {
        return Term { loss: T::ZERO, d_location: T::ZERO, d_raw: [T::ZERO; 2] };
    }
    let (share, slope) = mean(forecasts, origin);
    let (y, mu, d_mu) = (deviation * target, deviation * share, deviation * slope);
    match distribution {
        Distribution::NegativeBinomial => negative_binomial(y, (mu, d_mu), (dispersion(raw(0)), raw(0).sigmoid())),
        _ => poisson(y, mu, d_mu),
    }
}

fn poisson<T: Scalar>(y: T, mu: T, d_mu: T) -> Term<T> {
    let loss = mu - y * mu.ln() + ln_gamma_rise(T::ONE, y);
    Term { loss, d_location: (T::ONE - y / mu) * d_mu, d_raw: [T::ZERO; 2] }
}

/// By r = 1/α, the number of failures: −ln p = ln Γ(y + 1) − (ln Γ(y + r) − ln Γ(r)) + r·ln(1 + μ/r) + y·(ln(r + μ) − ln μ).
fn negative_binomial<T: Scalar>(y: T, (mu, d_mu): (T, T), (alpha, d_alpha): (T, T)) -> Term<T> {
    let r = T::ONE / alpha;
    let growth = (mu / r).ln_1p();
    let loss = ln_gamma_rise(T::ONE, y) - ln_gamma_rise(r, y) + r * growth + y * ((r + mu).ln() - mu.ln());
    let by_mu = (mu - y) / (mu * (T::ONE + alpha * mu));
    let by_r = growth - digamma_rise(r, y) + (y - mu) / (r + mu);
    Term { loss, d_location: by_mu * d_mu, d_raw: [-(by_r * r * r * d_alpha), T::ZERO] }
}

/// −ln p = ln Γ(ν/2) − ln Γ((ν + 1)/2) + ½·ln(ν·π) + ln σ + (ν + 1)/2 · ln(1 + z²/ν), z = error / σ.
fn student_t<T: Scalar>(error: T, (scale, d_scale): (T, T), (freedom, d_freedom): (T, T)) -> Term<T> {
    let half = T::from_f32(0.5);
    let z = error / scale;
    let (square, more) = (z * z, freedom + T::ONE);
    let spread = (square / freedom).ln_1p();
    let pi = T::from_f64(std::f64::consts::PI);
    let loss = half * (freedom * pi).ln() + scale.ln() + half * more * spread - ln_gamma_rise(half * freedom, half);
    let weight = more / (freedom + square);
    let by_freedom =
        half * (T::ONE / freedom - digamma_rise(half * freedom, half) + spread - weight * square / freedom);
    Term {
        loss,
        d_location: weight * z / scale,
        d_raw: [(T::ONE - weight * square) / scale * d_scale, by_freedom * d_freedom],
    }
}

/// The mean of counts on the series' scale, and its derivative by the location.
fn mean<T: Scalar>(forecasts: &Forecasts<T>, origin: Origin) -> (T, T) {
    let bounded = forecasts.bounded(origin, forecasts.location(origin));
    let floor = if forecasts.deviation(origin) == T::ZERO { T::ZERO } else { T::from_f32(MEAN_FLOOR) };
    (bounded.value + floor, bounded.slope)
}

/// α
fn dispersion<T: Scalar>(raw: T) -> T {
    softplus(raw) + T::from_f32(DISPERSION_FLOOR)
}

/// σ
fn scale<T: Scalar>(unit: T, raw: T) -> T {
    unit * (softplus(raw) + T::from_f32(SCALE_FLOOR))
}

/// ν
fn degrees_of_freedom<T: Scalar>(raw: T) -> T {
    T::from_f32(2.0) + softplus(raw)
}
