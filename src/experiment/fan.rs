//! Forecasts of a stretch of test rows by every seed: the fan of a study's ensemble.

use serde::{Deserialize, Serialize};

use crate::data::{Dataset, SplitName};

/// Rows of the stretch, unless windows are longer.
const ROWS: usize = 96;

/// Truth and forecasts over some rows of one series and its first target, in the data's units.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Fan {
    pub series: String,
    pub first: String,
    pub last: String,
    /// `None` where not observed.
    pub truth: Vec<Option<f64>>,
    /// By setting: each seed's forecasts, `None` where no forecast tiles the row.
    pub members: Vec<(String, Vec<Vec<Option<f64>>>)>,
}

impl Fan {
    pub fn add(&mut self, setting: &str, values: Vec<Option<f64>>) {
        match self.members.iter_mut().find(|(name, _)| name == setting) {
            Some((_, seeds)) => seeds.push(values),
            None => self.members.push((setting.to_string(), vec![values])),
        }
    }
}

/// Rows `from..to` of a series, and the test windows whose forecasts tile them.
pub(super) struct Stretch {
    series: usize,
    from: usize,
    to: usize,
    /// Indices of test windows.
    windows: Vec<usize>,
}

impl Stretch {
    /// The last test rows of the first series that has any, forecast afresh at the end of each forecast.
    pub(super) fn last_test_rows(dataset: &Dataset) -> Stretch {
        let windows = dataset.windows(SplitName::Test);
        let origin = |window: usize| windows[window] as usize + dataset.lookback;
        let series = if windows.is_empty() { 0 } else { dataset.series_of(origin(0)) };
        let own: Vec<usize> =
            (0..windows.len()).filter(|&window| dataset.series_of(origin(window)) == series).collect();
        let start = dataset.series[series].rows.start;
        let to = own.last().map_or(start, |&window| origin(window) + dataset.horizon);
        let from = to.saturating_sub(ROWS.max(3 * dataset.horizon)).max(start);
        let mut tiles = Vec::new();
        let mut next = to;
        for &window in own.iter().rev() {
            if origin(window) + dataset.horizon <= next && origin(window) >= from {
                tiles.push(window);
                next = origin(window);
            }
        }
        Stretch { series, from, to, windows: tiles }
    }

    /// The stretch's truth, without forecasts.
    pub(super) fn fan(&self, dataset: &Dataset) -> Fan {
        if self.from == self.to {
            return Fan::default();
        }
        let truth = |row: usize| Some(dataset.raw_targets[row * dataset.targets()]).filter(|value| value.is_finite());
        Fan {
            series: dataset.series[self.series].id.clone(),
            first: dataset.time_label(self.from),
            last: dataset.time_label(self.to - 1),
            truth: (self.from..self.to).map(truth).collect(),
            members: Vec::new(),
        }
    }

    /// One model's scaled test forecasts `[windows, O]` over the stretch.
    pub(super) fn values(&self, dataset: &Dataset, forecasts: &[f32]) -> Vec<Option<f64>> {
        let outputs = dataset.horizon * dataset.targets();
        let mut values = vec![None; self.to - self.from];
        for &window in &self.windows {
            let start = dataset.test[window] as usize + dataset.lookback - self.from;
            let row = forecasts.get(window * outputs..(window + 1) * outputs).unwrap_or_default();
            for (step, value) in row.iter().step_by(dataset.targets()).enumerate() {
                values[start + step] = Some(dataset.unscale(self.series, 0, (*value).into()));
            }
        }
        values
    }
}
