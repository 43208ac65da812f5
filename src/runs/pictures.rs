//! What a run's two pictures show.

use crate::data::{Dataset, SplitName, TimeKind};
use crate::error::Result;
use crate::models::ModelKind;
use crate::train::plot::{Band, ForecastPlot, Line, TrainingPlot, TrainingPoint, forecast_svg, training_svg};
use crate::train::scores::Prediction;
use crate::train::scores::baselines::BaselineForecasts;
use crate::train::scores::intervals::{Forecasted, Intervals, own_ends};
use crate::train::scores::metrics::decimals;
use crate::train::{EpochRow, Plan, Summary};
use chrono::DateTime;

/// Rows of the forecast's stretch, unless windows are longer.
const ROWS: usize = 200;

/// A replica's pictures, each with its file's name; there is no picture of a forecast where there are no test windows.
pub(super) fn of_replica(
    dataset: &Dataset,
    summary: &Summary,
    history: &[EpochRow],
    replica: usize,
    (plan, model): (&Plan, &Prediction),
    baselines: &BaselineForecasts,
) -> Result<[(&'static str, Option<String>); 2]> {
    let plot = (!dataset.test.is_empty()).then(|| forecast(dataset, summary, (plan, model), baselines));
    let forecast = plot.as_ref().map(forecast_svg).transpose()?;
    let training = training_svg(&training(summary, history, replica))?;
    Ok([("forecast.svg", forecast), ("training.svg", Some(training))])
}

/// The last test rows of the series with the most test windows: its first target, forecast afresh at the end of each
/// forecast; with the model's intervals where it forecasts some.
fn forecast(
    dataset: &Dataset,
    summary: &Summary,
    (plan, model): (&Plan, &Prediction),
    baselines: &BaselineForecasts,
) -> ForecastPlot {
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
        model: line(&kind, &summary.best.test, &model.point()),
        baselines: vec![
            line("repeat last", &scored.repeat_last, &baselines.repeat_last),
            line("seasonal naive", &scored.seasonal_naive, &baselines.seasonal_naive),
            line("ridge", &scored.ridge, &baselines.ridge),
        ],
        levels: plan.scored_levels().iter().map(ToString::to_string).collect(),
        bands: stretch.bands(dataset, plan, model),
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
        for tiles in self.joined(dataset) {
            let of = |window: &usize| {
                let values = forecasts[window * outputs..][..outputs].iter().step_by(dataset.targets());
                values.map(|&value| dataset.unscale(self.series, 0, value.into()))
            };
            lines.push((self.start(dataset, tiles[0]), tiles.iter().flat_map(of).collect()));
        }
        lines
    }

    /// By line and level, the ends of the intervals that a model forecasts; none of a model of points.
    fn bands(&self, dataset: &Dataset, plan: &Plan, model: &Prediction) -> Vec<Vec<Band>> {
        let levels = plan.scored_levels();
        if levels.is_empty() {
            return Vec::new();
        }
        let (horizon, targets) = (dataset.horizon, dataset.targets());
        let (series, words) = (&dataset.series[self.series], horizon * targets * model.outputs());
        let (bounds, counts) = (dataset.resolved.bounds, plan.options.loss.is_of_counts());
        let of = |tiles: Vec<usize>| {
            let windows: Vec<u32> = tiles.iter().map(|window| dataset.test[*window]).collect();
            let values = tiles.iter().flat_map(|window| &model.values()[window * words..][..words]).copied();
            let own = own_ends(dataset, &plan.objective(), &windows, &plan.prediction(values.collect()), &levels);
            let intervals = Intervals { levels: &levels, own: Some(&own), calibration: None, bounds, counts };
            let ends = |level: usize| {
                let of = |row: usize| {
                    let (place, step) = (row * targets, row % horizon);
                    let at = Forecasted { place, point: 0.0, series, target: 0, step };
                    let (low, high) = intervals.ends(&at, level);
                    (intervals.in_units(low, at.scaler()), intervals.in_units(high, at.scaler()))
                };
                (0..tiles.len() * horizon).map(of).unzip()
            };
            (0..levels.len()).map(ends).collect()
        };
        self.joined(dataset).into_iter().map(of).collect()
    }

    /// The windows by line: each its own, but those of a single row are one as long as they follow one another.
    fn joined(&self, dataset: &Dataset) -> Vec<Vec<usize>> {
        let follows = |one: &usize, next: &usize| {
            dataset.horizon == 1 && self.start(dataset, *one) + 1 == self.start(dataset, *next)
        };
        self.windows.chunk_by(follows).map(<[usize]>::to_vec).collect()
    }

    /// The row of the stretch that a window forecasts first.
    fn start(&self, dataset: &Dataset, window: usize) -> usize {
        dataset.test[window] as usize + dataset.lookback - self.from
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
