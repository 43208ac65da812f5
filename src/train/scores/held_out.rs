//! A line about series that nothing was learned from.

use crate::data::{Dataset, SplitName, grouped};
use crate::error::Text;
use crate::train::scores::Prediction;
use crate::train::scores::baselines::{repeat_last, seasonal_naive};

/// Mean absolute errors of their windows, in the data's units, and those of the baselines; over several replicas, of each.
pub(super) fn line(dataset: &Dataset, forecasts: &[Prediction]) -> Text {
    let held: std::collections::BTreeSet<usize> =
        dataset.held_out.iter().map(|window| dataset.series_of(*window as usize + dataset.lookback)).collect();
    let models: Vec<String> = forecasts.iter().map(|one| words(mae(dataset, &one.point()))).collect();
    let part = SplitName::HeldOut;
    let [naive, last] =
        [seasonal_naive(dataset, part), repeat_last(dataset, part)].map(|one| words(mae(dataset, &one)));
    format!(
        "held-back series ({} of {}): MAE {}, seasonal naive {naive}, repeat last {last}",
        grouped(held.len()),
        grouped(dataset.series.len()),
        models.join(", ")
    )
    .into()
}

/// By target.
fn mae(dataset: &Dataset, forecasts: &[f32]) -> Vec<f64> {
    let (horizon, targets) = (dataset.horizon, dataset.targets());
    let mut sums = vec![(0.0, 0usize); targets];
    for (window, forecast) in dataset.held_out.iter().zip(forecasts.chunks_exact(horizon * targets)) {
        let origin = *window as usize + dataset.lookback;
        let scalers = &dataset.series[dataset.series_of(origin)].scalers;
        for (i, forecast) in forecast.iter().enumerate() {
            let truth = dataset.raw_targets[origin * targets + i];
            if !truth.is_nan() {
                let (sum, count) = &mut sums[i % targets];
                *sum += (scalers[i % targets].unscale_forecast(*forecast) - truth).abs();
                *count += 1;
            }
        }
    }
    sums.into_iter().map(|(sum, count)| sum / count as f64).collect()
}

fn words(errors: Vec<f64>) -> String {
    errors.iter().map(|error| format!("{error:.4}")).collect::<Vec<_>>().join(" / ")
}
