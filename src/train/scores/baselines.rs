//! Baselines: repeat-last, seasonal-naive and a linear map, on exactly the model's windows.

use serde::Serialize;

use crate::data::{Dataset, SplitName};
use crate::train::scores::intervals::{Intervals, interval_scores};
use crate::train::scores::metrics::{Metrics, score};
use crate::train::scores::residuals::calibrates;
pub use crate::train::scores::ridge::{Ridge, ridge};
use crate::train::scores::{Calibration, Level};

/// The baselines' scores on the test windows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baselines {
    /// The last value seen, repeated.
    pub repeat_last: Metrics,
    /// The value of a season before.
    pub seasonal_naive: Metrics,
    /// A linear model of the window, fitted with an L2 penalty.
    pub ridge: Metrics,
    /// λ of the ridge, by validation MSE.
    pub ridge_lambda: f64,
    /// The ridge on the validation windows.
    pub ridge_validation: Metrics,
}

/// Forecasts and scores all baselines on the test windows.
pub fn baselines(dataset: &Dataset) -> Baselines {
    BaselineForecasts::of_test(dataset, false).score(dataset, &[])
}

/// The baselines' forecasts of the test windows, `[windows, horizon, targets]`, scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineForecasts {
    /// The last value seen, repeated.
    pub repeat_last: Vec<f32>,
    /// The value of a season before.
    pub seasonal_naive: Vec<f32>,
    /// A linear model of the window, fitted with an L2 penalty.
    pub ridge: Vec<f32>,
    /// λ of the ridge, by validation MSE.
    pub ridge_lambda: f64,
    /// The ridge's forecasts of the validation windows, likewise.
    pub ridge_validation: Vec<f32>,
    /// Those of all three, in this order, of the windows that calibrate intervals; empty unless they were asked for.
    pub calibrating: Vec<Vec<f32>>,
}

impl BaselineForecasts {
    /// Forecasts of the test windows.
    ///
    /// If there are neither test nor validation windows, nothing is fitted, and λ is not a number. With `intervals`, those of the windows
    /// that calibrate are made too.
    pub fn of_test(dataset: &Dataset, intervals: bool) -> Self {
        if dataset.test.is_empty() && dataset.validation.is_empty() {
            let [repeat_last, seasonal_naive, ridge] = [const { Vec::new() }; 3];
            return BaselineForecasts {
                repeat_last,
                seasonal_naive,
                ridge,
                ridge_lambda: f64::NAN,
                ridge_validation: Vec::new(),
                calibrating: Vec::new(),
            };
        }
        let ridge = Ridge::fit(dataset);
        let part = calibrates(dataset);
        let calibrating = match intervals {
            true => vec![repeat_last(dataset, part), seasonal_naive(dataset, part), ridge.forecast(dataset, part)],
            false => Vec::new(),
        };
        BaselineForecasts {
            repeat_last: repeat_last(dataset, SplitName::Test),
            seasonal_naive: seasonal_naive(dataset, SplitName::Test),
            ridge: ridge.forecast(dataset, SplitName::Test),
            ridge_lambda: ridge.lambda(),
            ridge_validation: ridge.forecast(dataset, SplitName::Validation),
            calibrating,
        }
    }

    /// Scores on the test windows, as a model's; and of their intervals at these levels, if the windows that calibrate were forecast.
    pub fn score(&self, dataset: &Dataset, levels: &[Level]) -> Baselines {
        let own = dataset.windows(calibrates(dataset));
        let test = |predictions: &[f32], place: usize| {
            let mut metrics = score(dataset, SplitName::Test, predictions);
            let calibrating = self.calibrating.get(place).filter(|_| !levels.is_empty() && !own.is_empty());
            if let Some(calibrating) = calibrating {
                let calibration = Calibration::new(dataset, own, calibrating, None, levels);
                let intervals = Intervals::around(&calibration, dataset.resolved.bounds);
                metrics.set_intervals(|weighting| {
                    interval_scores(dataset, SplitName::Test, predictions, &intervals, weighting)
                });
            }
            metrics
        };
        Baselines {
            repeat_last: test(&self.repeat_last, 0),
            seasonal_naive: test(&self.seasonal_naive, 1),
            ridge: test(&self.ridge, 2),
            ridge_lambda: self.ridge_lambda,
            ridge_validation: score(dataset, SplitName::Validation, &self.ridge_validation),
        }
    }
}

/// Each target's value in the window's last input row, for every step. A missing value is the imputed one.
/// → `[windows, horizon, targets]`, scaled.
pub fn repeat_last(dataset: &Dataset, split: SplitName) -> Vec<f32> {
    forecast(dataset, split, |origin, _, target| scaled(dataset, origin - 1, target))
}

/// The last `season` values before the forecast, repeated; they may lie before the look-back. Where the series' first
/// row is later than that, or no value was seen or imputed there, the last input value stands in.
/// → `[windows, horizon, targets]`, scaled.
pub fn seasonal_naive(dataset: &Dataset, split: SplitName) -> Vec<f32> {
    forecast(dataset, split, |origin, step, target| {
        let series = &dataset.series[dataset.series_of(origin)];
        let row = (origin + step % series.season).checked_sub(series.season);
        let row = row.filter(|row| *row >= series.rows.start && dataset.is_known(*row, target)).unwrap_or(origin - 1);
        scaled(dataset, row, target)
    })
}

fn scaled(dataset: &Dataset, row: usize, target: usize) -> f32 {
    dataset.values[row * dataset.channels() + target]
}

/// `value` takes the first forecast row, the step from 0 and the target.
fn forecast(dataset: &Dataset, split: SplitName, value: impl Fn(usize, usize, usize) -> f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(dataset.windows(split).len() * dataset.horizon * dataset.targets());
    for window in dataset.windows(split) {
        let origin = *window as usize + dataset.lookback;
        for step in 0..dataset.horizon {
            out.extend((0..dataset.targets()).map(|target| value(origin, step, target)));
        }
    }
    out
}
