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
    let (factors, targets) = (options.loss.factors(dataset), dataset.targets());
    let (mut sum, mut total) = (0.0, 0.0);
    each_loss(options, dataset, windows, prediction, |_, (row, target), loss| {
        let weight = weighting.of(dataset, row);
        sum += weight * f64::from(factors[row * targets + target]) * loss;
        total += weight;
    });
    sum / total
}

/// ln p of every target value, `[windows, horizon, targets]`, where the model forecasts a distribution: of counts as they are, else of
/// scaled values; NaN where there is none.
pub fn log_likelihoods(
    options: &TrainOptions,
    dataset: &Dataset,
    windows: &[u32],
    prediction: &Prediction,
) -> Option<Vec<f64>> {
    let Objective::Distribution(_) = options.loss.objective(&options.levels) else { return None };
    let mut all = vec![f64::NAN; windows.len() * dataset.horizon * dataset.targets()];
    each_loss(options, dataset, windows, prediction, |place, _, loss| all[place] = -loss);
    Some(all)
}

/// The loss of each observed target value, before any weight, with its place in `[windows, horizon, targets]`, its row and target.
fn each_loss(
    options: &TrainOptions,
    dataset: &Dataset,
    windows: &[u32],
    prediction: &Prediction,
    mut with: impl FnMut(usize, (usize, usize), f64),
) {
    let (channels, targets, horizon) = (dataset.channels(), dataset.targets(), dataset.horizon);
    let objective = options.loss.objective(&options.levels);
    let outputs = objective.outputs();
    let forecasts = prediction.values().chunks(horizon * targets * outputs);
    for (index, (&window, forecast)) in windows.iter().zip(forecasts).enumerate() {
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
            with(index * horizon * targets + i, (row, target), loss);
        }
    }
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
