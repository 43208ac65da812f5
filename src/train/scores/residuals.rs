//! Absolute residuals of forecasts, of which intervals are made.

use crate::data::{Dataset, SplitName};

/// The part whose windows calibrate intervals: the rows held out for them, else the validation rows.
pub fn calibrates(dataset: &Dataset) -> SplitName {
    if dataset.calibration.is_empty() { SplitName::Validation } else { SplitName::Calibration }
}

/// By series, `[targets, horizon]`: residuals in rising order.
pub type Residuals = Vec<Vec<Vec<f64>>>;

/// Residuals of windows' forecasts `[windows, horizon, targets]`, on each series' scale. `residual` takes a value's place there and the
/// observed value.
pub fn residuals(dataset: &Dataset, windows: &[u32], residual: impl Fn(usize, f64) -> f64) -> Residuals {
    let (horizon, targets) = (dataset.horizon, dataset.targets());
    let outputs = horizon * targets;
    let mut residuals = vec![vec![Vec::new(); outputs]; dataset.series.len()];
    for (index, window) in windows.iter().enumerate() {
        let origin = *window as usize + dataset.lookback;
        let series = dataset.series_of(origin);
        for i in 0..outputs {
            let (step, target) = (i / targets, i % targets);
            if let Some(truth) = scaled_truth(dataset, series, origin + step, target) {
                residuals[series][target * horizon + step].push(residual(index * outputs + i, truth));
            }
        }
    }
    residuals.iter_mut().flatten().for_each(|one| one.sort_by(f64::total_cmp));
    residuals
}

/// An observed target on its series' scale.
pub fn scaled_truth(dataset: &Dataset, series: usize, row: usize, target: usize) -> Option<f64> {
    let raw = dataset.raw_targets[row * dataset.targets() + target];
    (!raw.is_nan()).then(|| dataset.series[series].scalers[target].scale(raw))
}
