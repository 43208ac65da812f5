//! How far forecasts are from what was observed: means over scored values, summed in f64.

use serde::Serialize;

use super::intervals::IntervalScores;
use crate::data::{Dataset, SplitName, Transform};

/// What each scored value weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// The same.
    Equal,
    /// What its row does, by [`DataOptions::weight`](crate::data::DataOptions::weight).
    Rows,
}

impl Weighting {
    /// Of a row's values.
    pub fn of(self, dataset: &Dataset, row: usize) -> f64 {
        match self {
            Weighting::Equal => 1.0,
            Weighting::Rows => dataset.weight(row),
        }
    }
}

/// Errors on values scaled by the training rows, as the literature quotes them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scaled {
    /// Mean absolute error.
    pub mae: f64,
    /// Mean squared error.
    pub mse: f64,
}

/// The score of one part of a data set.
///
/// Every mean is taken over scored values: those of window, step and target that were observed. It is not a mean of batches,
/// so it does not depend on a batch size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Mean absolute error in the data's units; `None` with several targets, whose units differ.
    pub mae: Option<f64>,
    /// Mean squared error in the data's units squared; `None` with several targets.
    pub mse: Option<f64>,
    /// The root of `mse`.
    pub rmse: Option<f64>,
    /// Mean over series and targets of MAE / mean |y_t − y_{t−M}| of training; `None` if none of them has one.
    pub mase: Option<f64>,
    /// Over all targets.
    pub scaled: Scaled,
    /// How much was scored.
    pub counts: Counts,
    /// Each target over all series. A summary writes few of them; `scores.csv` holds all.
    #[serde(skip_serializing_if = "many")]
    pub per_target: Vec<SeriesScore>,
    /// Each series and target, series by series. They are not part of a summary, but of `scores.csv`.
    #[serde(skip)]
    pub per_series: Vec<SeriesScore>,
    /// What intervals are worth, where the model forecasts quantiles or a distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<IntervalScores>,
    /// The mean of ln p over scored values, where the model forecasts a distribution: of counts as they are, else of scaled values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// How the scores of `per_series` are spread; `None` if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_series: Option<BySeries>,
    /// The same with each value weighted by its row, if rows have weights; MASE is the mean over series of weighted errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Box<Metrics>>,
}

impl Metrics {
    /// Those that choices are made by: weighted by row, where rows have weights.
    pub fn deciding(&self) -> &Metrics {
        self.weighted.as_deref().unwrap_or(self)
    }

    /// Sets what intervals are worth, by weighting, here and in the scores that are weighted by row.
    pub fn set_intervals(&mut self, of: impl Fn(Weighting) -> Option<IntervalScores>) {
        if let Some(weighted) = &mut self.weighted {
            weighted.intervals = of(Weighting::Rows);
        }
        self.intervals = of(Weighting::Equal);
    }

    /// Likewise the mean of ln p.
    pub fn set_log_likelihood(&mut self, of: impl Fn(Weighting) -> f64) {
        if let Some(weighted) = &mut self.weighted {
            weighted.log_likelihood = Some(of(Weighting::Rows));
        }
        self.log_likelihood = Some(of(Weighting::Equal));
    }
}

/// Scores by target that a summary or a report shows, at most.
pub const MOST_SHOWN: usize = 20;

fn many(scores: &[SeriesScore]) -> bool {
    scores.len() > MOST_SHOWN
}

/// How scores are spread over series and targets; `None` where no series has one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BySeries {
    /// Of [`SeriesScore::mae`].
    pub mae: Option<Quantiles>,
    /// Of [`SeriesScore::mase`].
    pub mase: Option<Quantiles>,
    /// Of [`Scaled::mae`].
    pub scaled_mae: Option<Quantiles>,
}

/// Some of the values of a list in rising order: those at the given shares of it, rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// Values of the list.
    pub count: usize,
    /// The least.
    pub min: f64,
    /// Of a quarter.
    pub q25: f64,
    /// Of a half.
    pub median: f64,
    /// Of three quarters.
    pub q75: f64,
    /// The greatest.
    pub max: f64,
}

impl BySeries {
    fn of(scores: &[SeriesScore]) -> Option<BySeries> {
        let of = |value: fn(&SeriesScore) -> Option<f64>| Quantiles::of(scores.iter().filter_map(value).collect());
        (scores.len() > 1).then(|| BySeries {
            mae: of(|score| Some(score.mae)),
            mase: of(|score| score.mase),
            scaled_mae: of(|score| Some(score.scaled.mae)),
        })
    }
}

impl Quantiles {
    /// Of the finite values; `None` if there are none.
    fn of(mut values: Vec<f64>) -> Option<Quantiles> {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |quarters: usize| values[last * quarters / 4];
        Some(Quantiles { count: values.len(), min: at(0), q25: at(1), median: at(2), q75: at(3), max: at(4) })
    }
}

/// How much was scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Windows of the part.
    pub windows: usize,
    /// Values of window × step × target that were observed, and so scored.
    pub scored: usize,
    /// Those that were missing, and so masked.
    pub masked: usize,
    /// Series × targets that have no MASE: constant over a season in training, or nothing of them scored.
    pub without_mase: usize,
}

/// The score of one target, over all series or in one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesScore {
    /// The series' id; absent in scores over all series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Its name.
    pub target: String,
    /// Mean absolute error in the data's units. NaN (`null` in JSON) if nothing was scored.
    pub mae: f64,
    /// Mean squared error in the data's units squared; NaN if nothing was scored.
    pub mse: f64,
    /// The root of `mse`.
    pub rmse: f64,
    /// As [`Metrics::mase`].
    pub mase: Option<f64>,
    /// Of scaled values.
    pub scaled: Scaled,
    /// Values scored.
    pub scored: usize,
}

/// Sums of errors, in units and scaled.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: usize,
    /// Of all values: their count, if all weigh the same.
    weight: f64,
    absolute: f64,
    square: f64,
    scaled_absolute: f64,
    scaled_square: f64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.count += other.count;
        self.weight += other.weight;
        self.absolute += other.absolute;
        self.square += other.square;
        self.scaled_absolute += other.scaled_absolute;
        self.scaled_square += other.scaled_square;
    }

    fn scaled(&self) -> Scaled {
        Scaled { mae: self.scaled_absolute / self.weight, mse: self.scaled_square / self.weight }
    }

    fn score(&self, series: Option<String>, target: &str, mase: Option<f64>) -> SeriesScore {
        let (mae, mse) = (self.absolute / self.weight, self.square / self.weight);
        SeriesScore {
            series,
            target: target.into(),
            mae,
            mse,
            rmse: mse.sqrt(),
            mase,
            scaled: self.scaled(),
            scored: self.count,
        }
    }
}

/// Scores forecasts `[windows, horizon, targets]`, scaled, in the order of `dataset.windows(split)`.
///
/// # Panics
/// If the length is another.
pub fn score(dataset: &Dataset, split: SplitName, predictions: &[f32]) -> Metrics {
    let of = |weighting| score_weighting(dataset, split, predictions, weighting);
    let weighted = (!dataset.weights.is_empty()).then(|| Box::new(of(Weighting::Rows)));
    Metrics { weighted, ..of(Weighting::Equal) }
}

fn score_weighting(dataset: &Dataset, split: SplitName, predictions: &[f32], weighting: Weighting) -> Metrics {
    let (windows, horizon, targets) = (dataset.windows(split), dataset.horizon, dataset.targets());
    assert_eq!(predictions.len(), windows.len() * horizon * targets, "predictions: windows × horizon × targets");
    // [series, targets], over scaled values: within a cell the units are a constant factor, unless targets are transformed.
    let mut cells = vec![Sums::default(); dataset.series.len() * targets];
    for (window, forecast) in windows.iter().zip(predictions.chunks_exact(horizon * targets)) {
        let origin = *window as usize + dataset.lookback;
        let series = dataset.series_of(origin);
        let truth = &dataset.raw_targets[origin * targets..(origin + horizon) * targets];
        for (i, (raw, predicted)) in truth.iter().zip(forecast).enumerate() {
            if raw.is_nan() {
                continue;
            }
            let target = i % targets;
            let scaler = &dataset.series[series].scalers[target];
            let truth = scaler.scale(*raw);
            let error = f64::from(*predicted) - truth;
            let cell = &mut cells[series * targets + target];
            let weight = weighting.of(dataset, origin + i / targets);
            if scaler.transform != Transform::None {
                let error = scaler.error(f64::from(*predicted), truth);
                cell.absolute += weight * error.abs();
                cell.square += weight * (error * error);
            }
            cell.count += 1;
            cell.weight += weight;
            cell.scaled_absolute += weight * error.abs();
            cell.scaled_square += weight * (error * error);
        }
    }
    for (i, cell) in cells.iter_mut().enumerate() {
        let scaler = &dataset.series[i / targets].scalers[i % targets];
        if scaler.transform == Transform::None {
            cell.absolute = cell.scaled_absolute * scaler.std;
            cell.square = cell.scaled_square * scaler.std * scaler.std;
        }
    }

    let mase = |cell: usize| {
        let denominator = dataset.series[cell / targets].mase_denominators[cell % targets]?;
        (cells[cell].weight > 0.0).then(|| cells[cell].absolute / cells[cell].weight / denominator)
    };
    let mean_mase = |of: &mut dyn Iterator<Item = usize>| {
        let (count, sum) = of.filter_map(mase).fold((0usize, 0.0), |(count, sum), mase| (count + 1, sum + mase));
        (count > 0).then(|| sum / count as f64)
    };
    let sum = |of: &mut dyn Iterator<Item = usize>| {
        of.fold(Sums::default(), |mut sum, cell| {
            sum.add(cells[cell]);
            sum
        })
    };
    let names = dataset.target_names();
    let per_series: Vec<SeriesScore> = (0..cells.len())
        .map(|cell| {
            cells[cell].score(Some(dataset.series[cell / targets].id.clone()), &names[cell % targets], mase(cell))
        })
        .collect();
    let per_target: Vec<SeriesScore> = (0..targets)
        .map(|target| {
            let mut of = (target..cells.len()).step_by(targets);
            sum(&mut of.clone()).score(None, &names[target], mean_mase(&mut of))
        })
        .collect();
    let total = sum(&mut (0..cells.len()));
    let single = (targets == 1).then(|| &per_target[0]);
    Metrics {
        mae: single.map(|score| score.mae),
        mse: single.map(|score| score.mse),
        rmse: single.map(|score| score.rmse),
        mase: mean_mase(&mut (0..cells.len())),
        scaled: total.scaled(),
        counts: Counts {
            windows: windows.len(),
            scored: total.count,
            masked: predictions.len() - total.count,
            without_mase: (0..cells.len()).filter(|cell| mase(*cell).is_none()).count(),
        },
        per_target,
        intervals: None,
        log_likelihood: None,
        by_series: BySeries::of(&per_series),
        weighted: None,
        per_series,
    }
}

/// Decimals after the point that show at least four digits of every value.
pub fn decimals(values: impl Iterator<Item = f64>) -> usize {
    let smallest = values.map(f64::abs).filter(|v| v.is_finite() && *v > 0.0).fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { (3.0 - smallest.log10().floor()).clamp(0.0, 6.0) as usize } else { 1 }
}
