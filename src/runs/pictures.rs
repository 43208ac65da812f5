//! What a run's two pictures show.

use crate::data::{Dataset, SplitName, TimeKind};
use crate::error::Result;
use crate::models::ModelKind;
use crate::train::plot::{ForecastPlot, Line, TrainingPlot, TrainingPoint, forecast_svg, training_svg};
use crate::train::scores::baselines::BaselineForecasts;
use crate::train::scores::metrics::decimals;
use crate::train::{EpochRow, Summary};
use chrono::DateTime;

/// Rows of the forecast's stretch, unless windows are longer.
const ROWS: usize = 200;

/// A replica's pictures, each with its file's name; there is no picture of a forecast where there are no test windows.
pub(super) fn of_replica(
    dataset: &Dataset,
    summary: &Summary,
    history: &[EpochRow],
    replica: usize,
    model: &[f32],
    baselines: &BaselineForecasts,
) -> Result<[(&'static str, Option<String>); 2]> {
    let plot = (!dataset.test.is_empty()).then(|| forecast(dataset, summary, model, baselines));
    let forecast = plot.as_ref().map(forecast_svg).transpose()?;
    let training = training_svg(&training(summary, history, replica))?;
    Ok([("forecast.svg", forecast), ("training.svg", Some(training))])
}

/// The last test rows of the series with the most test windows: its first target, forecast afresh at the end of each
/// forecast.
fn forecast(dataset: &Dataset, summary: &Summary, model: &[f32], baselines: &BaselineForecasts) -> ForecastPlot {
    let stretch = Stretch::last_test_rows(dataset);
    let series = &dataset.series[stretch.series];
    let rows = stretch.from..stretch.to;
    let timed = !matches!(dataset.time_kind, TimeKind::RowNumbers);
    let times = rows.clone().filter(|_| timed).filter_map(|row| {
        let stamp = series.timestamps[row - series.rows.start];
        let micros = stamp.instant.saturating_add(i64::from(stamp.offset) * 1_000_000);
        DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc())
    });
    let mae = |metrics: &crate::train::scores::metrics::Metrics| {
        let score = metrics.per_series.get(stretch.series * dataset.targets()).map_or(f64::NAN, |score| score.mae);
        format!("MAE {score:.*}", decimals([score].into_iter()))
    };
    let line = |name: &str, metrics, values: &[f32]| Line {
        name: format!("{name} · {}", mae(metrics)),
        windows: stretch.lines(dataset, values),
    };
    let target = &dataset.target_names()[0];
    let whose = if series.id.is_empty() { dataset.name.clone() } else { format!("{} {}", dataset.name, series.id) };
    let kind = summary.model.kind.to_uppercase();
    let ahead = match dataset.horizon {
        1 => "1 row ahead".to_string(),
        horizon => format!("{horizon} rows ahead, a fresh one every {horizon} rows"),
    };
    let scored = &summary.baselines;
    ForecastPlot {
        title: format!("{whose}: {target}, test forecasts {ahead}"),
        unit: target.clone(),
        times: times.collect(),
        truth: rows.map(|row| dataset.raw_targets[row * dataset.targets()]).collect(),
        model: line(&kind, &summary.best.test, model),
        baselines: vec![
            line("repeat last", &scored.repeat_last, &baselines.repeat_last),
            line("seasonal naive", &scored.seasonal_naive, &baselines.seasonal_naive),
            line("ridge", &scored.ridge, &baselines.ridge),
        ],
    }
}

/// Rows `from..to` of a series, and the test windows whose forecasts tile them.
struct Stretch {
    series: usize,
    from: usize,
    to: usize,
    /// Indices of test windows, by time.
    windows: Vec<usize>,
}

impl Stretch {
    fn last_test_rows(dataset: &Dataset) -> Stretch {
        let windows = dataset.windows(SplitName::Test);
        let of = |window: usize| dataset.series_of(windows[window] as usize + dataset.lookback);
        let mut counts = vec![0usize; dataset.series.len()];
        (0..windows.len()).for_each(|window| counts[of(window)] += 1);
        // The first series of the most windows.
        let series = (0..counts.len()).rev().max_by_key(|&series| counts[series]).unwrap_or(0);
        let own: Vec<usize> = (0..windows.len()).filter(|&window| of(window) == series).collect();
        let origin = |window: usize| windows[window] as usize + dataset.lookback;
        let to = own.last().map_or(0, |&window| origin(window) + dataset.horizon);
        let from = to.saturating_sub(ROWS.max(3 * dataset.horizon)).max(dataset.series[series].rows.start);
        let mut tiles: Vec<usize> = Vec::new();
        for &window in own.iter().rev() {
            let next = tiles.last().map_or(to, |&next| origin(next));
            if origin(window) + dataset.horizon <= next && origin(window) >= from {
                tiles.push(window);
            }
        }
        tiles.reverse();
        Stretch { series, from, to, windows: tiles }
    }

    /// The first target's forecasts in the data's units. Those of a single row join into one line.
    fn lines(&self, dataset: &Dataset, forecasts: &[f32]) -> Vec<(usize, Vec<f64>)> {
        let outputs = dataset.horizon * dataset.targets();
        let mut lines: Vec<(usize, Vec<f64>)> = Vec::new();
        for &window in &self.windows {
            let start = dataset.test[window] as usize + dataset.lookback - self.from;
            let values = forecasts[window * outputs..][..outputs].iter().step_by(dataset.targets());
            let values = values.map(|&value| dataset.unscale(self.series, 0, value.into()));
            match lines.last_mut() {
                Some((first, line)) if dataset.horizon == 1 && *first + line.len() == start => line.extend(values),
                _ => lines.push((start, values.collect())),
            }
        }
        lines
    }
}

/// The training of one replica, whose summary this is.
fn training(summary: &Summary, history: &[EpochRow], replica: usize) -> TrainingPlot {
    let model = &summary.model;
    let epochs = history.iter().filter_map(|row| {
        let state = row.replicas.get(replica)?;
        Some(TrainingPoint {
            step: row.step as u64,
            train_loss: state.train_loss,
            validation_loss: state.validation_loss,
            sparsity: state.sparsity,
        })
    });
    let linear = model.kind.parse().is_ok_and(ModelKind::is_linear);
    let units = if linear { String::new() } else { format!(", hidden {}", model.hidden) };
    TrainingPlot {
        title: format!(
            "{}{units}, regularizer {}, seed {}: loss and sparsity",
            model.kind.to_uppercase(),
            model.regularizer,
            summary.best.seed
        ),
        epochs: epochs.collect(),
        kept: summary.best.best_epoch,
    }
}
