//! The mean loss of forecasts, as training measures it, in f64.

use super::Prediction;
use super::distribution::{log_likelihood, pinball};
use crate::data::Dataset;
use crate::program::op::{LossKind, Objective};
use crate::train::options::TrainOptions;
use crate::train::scores::metrics::Weighting;

/// The mean loss over observed target values, weighted as in training, or all alike; NaN if there are none, or none of a weight.
pub fn mean_loss(
    options: &TrainOptions,
    dataset: &Dataset,
    windows: &[u32],
    prediction: &Prediction,
    weighting: Weighting,
) -> f64 {
    let (channels, targets, horizon) = (dataset.channels(), dataset.targets(), dataset.horizon);
    let objective = options.loss.objective(&options.levels);
    let outputs = objective.outputs();
    let factors = options.loss.factors(dataset);
    let (mut sum, mut total) = (0.0, 0.0);
    for (&window, forecast) in windows.iter().zip(prediction.values().chunks(horizon * targets * outputs)) {
        let first = window as usize + dataset.lookback;
        let series = &dataset.series[dataset.series_of(first)];
        for (i, outputs) in forecast.chunks_exact(outputs).enumerate() {
            let (row, target) = (first + i / targets, i % targets);
            if dataset.observed[row * targets + target] == 0.0 {
                continue;
            }
            let (truth, scaler) = (f64::from(dataset.values[row * channels + target]), &series.scalers[target]);
            let loss = match &objective {
                Objective::Point(LossKind::Smape) => {
                    let [forecast, truth] = [f64::from(outputs[0]), truth].map(|scaled| scaler.unscale(scaled));
                    let size = forecast.abs() + truth.abs();
                    if size == 0.0 { 0.0 } else { (forecast - truth).abs() / size }
                }
                Objective::Point(kind) => elementwise(*kind, f64::from(outputs[0]) - truth),
                Objective::Quantiles(levels) => {
                    let of = |(level, quantile): (&f32, &f32)| pinball(f64::from(*level), truth - f64::from(*quantile));
                    2.0 * levels.iter().zip(outputs).map(of).sum::<f64>() / levels.len() as f64
                }
                Objective::Distribution(distribution) => -log_likelihood(*distribution, outputs, truth, scaler),
            };
            let weight = weighting.of(dataset, row);
            sum += weight * f64::from(factors[row * targets + target]) * loss;
            total += weight;
        }
    }
    sum / total
}

fn elementwise(kind: LossKind, error: f64) -> f64 {
    match kind {
        LossKind::Mse => error * error,
        LossKind::Huber { delta } => {
            let delta = f64::from(delta);
            if error.abs() <= delta { 0.5 * error * error } else { delta * (error.abs() - 0.5 * delta) }
        }
        _ => error.abs(),
    }
}
