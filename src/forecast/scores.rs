//! Errors of forecasts, by fold, series, target and step of the horizon.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Intervals;
use crate::data::Dataset;
use crate::train::scores::intervals::{Forecasted, IntervalScores, IntervalSums};

/// Where a value was forecast; all count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScoreKey {
    /// The fold of the backtest.
    pub fold: usize,
    /// The series' index in the data set.
    pub series: usize,
    /// The target's index.
    pub target: usize,
    /// The row of the horizon.
    pub step: usize,
}

/// Sums of errors of one forecaster at one place.
#[derive(Debug, Clone, Default)]
struct Sums {
    count: usize,
    /// Of all values: their count, if all weigh the same.
    weight: f64,
    absolute: f64,
    square: f64,
    scaled_absolute: f64,
    scaled_square: f64,
    relative: f64,
    /// Values that are 0, which have no relative error.
    zeros: usize,
    /// The weight of the others.
    nonzero: f64,
    symmetric: f64,
    /// Of ln p, and the weight of the values that have one.
    log_likelihood: f64,
    likely: f64,
    intervals: IntervalSums,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.add_times(1.0, other);
    }

    /// Adds the sums of other values, which weigh so much each.
    fn add_times(&mut self, times: f64, other: &Sums) {
        self.count += other.count;
        self.zeros += other.zeros;
        let pairs = [
            (&mut self.weight, other.weight),
            (&mut self.nonzero, other.nonzero),
            (&mut self.absolute, other.absolute),
            (&mut self.square, other.square),
            (&mut self.scaled_absolute, other.scaled_absolute),
            (&mut self.scaled_square, other.scaled_square),
            (&mut self.relative, other.relative),
            (&mut self.symmetric, other.symmetric),
            (&mut self.log_likelihood, other.log_likelihood),
            (&mut self.likely, other.likely),
        ];
        pairs.into_iter().for_each(|(sum, part)| *sum += times * part);
        self.intervals.add_times(times, &other.intervals);
    }
}

/// Of one forecaster. Means run over observed values, each as often as a window forecasts it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The forecaster's name: the model's or a baseline's.
    pub model: String,
    /// Values scored.
    pub values: usize,
    /// Mean absolute error in the data's units; `None` over several targets, whose units differ.
    pub mae: Option<f64>,
    /// The root of `mse`.
    pub rmse: Option<f64>,
    /// Mean squared error in the data's units squared; `None` over several targets.
    pub mse: Option<f64>,
    /// mean |y − ŷ| / |y|, a share, over values that are not 0; `None` if all are.
    pub mape: Option<f64>,
    /// Values that are 0, left out of `mape`.
    pub zeros: usize,
    /// mean |y − ŷ| / (|y| + |ŷ|), from 0 to 1; 0 where both are 0.
    pub smape: f64,
    /// Mean over folds, series and targets of MAE / mean |y_t − y_{t−M}| of the training rows.
    pub mase: Option<f64>,
    /// Mean absolute error on the scale of each series' training rows.
    pub scaled_mae: f64,
    /// Mean squared error on that scale.
    pub scaled_mse: f64,
    /// What its intervals are worth, where it has some.
    #[serde(flatten)]
    pub intervals: Option<IntervalScores>,
    /// The mean of ln p, where one model forecasts a distribution: of counts as they are, else of scaled values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// The same with each value weighted by its row, if rows have weights; MASE is the mean over series of weighted errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Box<Score>>,
}

/// Sums by fold, series and target, of each forecaster.
type Parts = BTreeMap<(usize, usize, usize), Vec<Sums>>;

/// Sums at each place, of each forecaster.
type Cells = BTreeMap<ScoreKey, Vec<Sums>>;

/// All places of all forecasters.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// Forecasters, the model first.
    pub models: Vec<String>,
    /// The index here of each series of the data that is added; a series that it does not hold has its own index.
    pub places: Vec<usize>,
    cells: Cells,
    /// The same with each value weighted by its row; empty if rows have no weights.
    weighted: Cells,
    /// By fold, series and target.
    denominators: BTreeMap<(usize, usize, usize), Option<f64>>,
}

impl Scores {
    /// Of these forecasters, with nothing scored yet.
    pub fn new(models: &[String]) -> Scores {
        Scores { models: models.to_vec(), ..Scores::default() }
    }

    /// Adds forecasts `[windows, horizon, targets]`, scaled, of one forecaster, with its intervals and ln p of the values where it has some.
    pub fn add(
        &mut self,
        fold: usize,
        dataset: &Dataset,
        windows: &[u32],
        model: usize,
        forecasts: &[f32],
        (intervals, log_likelihoods): (Option<&Intervals>, Option<&[f64]>),
    ) {
        let (horizon, targets) = (dataset.horizon, dataset.targets());
        for (index, window) in windows.iter().enumerate() {
            let origin = *window as usize + dataset.lookback;
            let series = dataset.series_of(origin);
            let own = &dataset.series[series];
            for i in 0..horizon * targets {
                let (step, target, at) = (i / targets, i % targets, index * horizon * targets + i);
                let truth = dataset.raw_targets[(origin + step) * targets + target];
                if truth.is_nan() {
                    continue;
                }
                let scaler = &own.scalers[target];
                let scaled = f64::from(forecasts[at]) - scaler.scale(truth);
                let value = scaler.unscale_forecast(forecasts[at]);
                let error = (value - truth).abs();
                let size = truth.abs() + value.abs();
                let mut sums = Sums {
                    count: 1,
                    weight: 1.0,
                    nonzero: if truth == 0.0 { 0.0 } else { 1.0 },
                    absolute: error,
                    square: error * error,
                    scaled_absolute: scaled.abs(),
                    scaled_square: scaled * scaled,
                    relative: if truth == 0.0 { 0.0 } else { error / truth.abs() },
                    zeros: usize::from(truth == 0.0),
                    symmetric: if size == 0.0 { 0.0 } else { error / size },
                    ..Sums::default()
                };
                if let Some(intervals) = intervals {
                    let value = Forecasted { place: at, point: forecasts[at], series: own, target, step };
                    sums.intervals = intervals.score(&value, scaler.scale(truth));
                }
                if let Some(all) = log_likelihoods {
                    (sums.log_likelihood, sums.likely) = (all[at], 1.0);
                }
                let series = self.places.get(series).copied().unwrap_or(series);
                let place = ScoreKey { fold, series, target, step };
                let models = self.models.len();
                let none = || vec![Sums::default(); models];
                self.cells.entry(place).or_insert_with(none)[model].add(&sums);
                if !dataset.weights.is_empty() {
                    let weight = dataset.weight(origin + step);
                    self.weighted.entry(place).or_insert_with(none)[model].add_times(weight, &sums);
                }
                self.denominators.entry((fold, series, target)).or_insert(own.mase_denominators[target]);
            }
        }
    }

    /// The scores of all forecasters over places of one key, in the keys' order.
    pub fn by<K: Ord>(&self, key: impl Fn(ScoreKey) -> K) -> Vec<(K, Vec<Score>)> {
        let mut all = self.of_cells(&self.cells, &key);
        for ((_, scores), (_, weighted)) in all.iter_mut().zip(self.of_cells(&self.weighted, &key)) {
            scores.iter_mut().zip(weighted).for_each(|(score, weighted)| score.weighted = Some(Box::new(weighted)));
        }
        all
    }

    fn of_cells<K: Ord>(&self, cells: &Cells, key: impl Fn(ScoreKey) -> K) -> Vec<(K, Vec<Score>)> {
        let mut groups: BTreeMap<K, Parts> = BTreeMap::new();
        for (place, cell) in cells {
            let parts = groups.entry(key(*place)).or_default();
            let part = parts.entry((place.fold, place.series, place.target));
            let part = part.or_insert_with(|| vec![Sums::default(); self.models.len()]);
            part.iter_mut().zip(cell).for_each(|(sum, other)| sum.add(other));
        }
        let score = |parts: &Parts, model: usize| {
            let mut total = Sums::default();
            let mut ratios = Vec::new();
            for (part, sums) in parts {
                let own = &sums[model];
                total.add(own);
                if let Some(denominator) = self.denominators[part].filter(|_| own.weight > 0.0) {
                    ratios.push(own.absolute / own.weight / denominator);
                }
            }
            let first = parts.keys().next().map(|part| part.2);
            let single = parts.keys().all(|part| Some(part.2) == first);
            self.score(model, &total, single, &ratios)
        };
        let scored =
            |(key, parts): (K, Parts)| (key, (0..self.models.len()).map(|model| score(&parts, model)).collect());
        groups.into_iter().map(scored).collect()
    }

    /// The scores over everything; empty if nothing was scored.
    pub fn total(&self) -> Vec<Score> {
        self.by(|_| ()).pop().map_or(Vec::new(), |(_, scores)| scores)
    }

    fn score(&self, model: usize, sums: &Sums, single: bool, ratios: &[f64]) -> Score {
        let count = sums.weight;
        let unit = |sum: f64| single.then_some(sum / count);
        Score {
            model: self.models[model].clone(),
            values: sums.count,
            mae: unit(sums.absolute),
            rmse: unit(sums.square).map(f64::sqrt),
            mse: unit(sums.square),
            mape: (sums.nonzero > 0.0).then(|| sums.relative / sums.nonzero),
            zeros: sums.zeros,
            smape: sums.symmetric / count,
            mase: (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64),
            scaled_mae: sums.scaled_absolute / count,
            scaled_mse: sums.scaled_square / count,
            intervals: sums.intervals.scores(single),
            log_likelihood: (sums.likely > 0.0).then(|| sums.log_likelihood / sums.likely),
            weighted: None,
        }
    }
}
