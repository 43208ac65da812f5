//! What was scored: sums by fold, series, target and step, and their tables.

use std::collections::BTreeMap;

use super::forecaster::Outputs;
use super::table::{CsvWriter, Names, Predictions, unique_id};
use super::{Calibration, Intervals, Level, Score, ScoreKey, Scores, TrainedModel, apart, first_targets};
use crate::data::Dataset;
use crate::error::Result;
use crate::train::scores::intervals::IntervalScores;

/// The baselines' names in tables, and as columns of the predictions.
pub(super) const BASELINES: [(&str, &str); 3] =
    [("repeat last", "RepeatLast"), ("seasonal naive", "SeasonalNaive"), ("ridge", "Ridge")];

/// What was scored.
pub struct Evaluation {
    /// By fold, series, target and step: the model, then the baselines.
    pub scores: Scores,
    /// By fold, how many rows before the end of each series it begins; empty where there are no folds.
    pub back: Vec<usize>,
    /// The last row that the first forecast of a fold and series sees, by instant and as a time; in one fold for all windows
    /// where there are no folds.
    cutoffs: BTreeMap<(usize, usize), (i64, String)>,
    /// Names by series and target.
    pub ids: Vec<Vec<String>>,
    predictions: Option<Predictions<'static>>,
    /// The first rows that windows forecast, over all folds.
    firsts: Vec<(usize, usize)>,
    horizon: usize,
}

/// The windows of one fold, forecast.
pub(super) struct Fold<'a> {
    /// From 0; and how many rows before the end of each series it begins, where it is one of several.
    pub number: usize,
    pub back: Option<usize>,
    pub dataset: &'a Dataset,
    pub windows: &'a [u32],
    /// The model's, then the baselines'.
    pub forecasts: Vec<Outputs>,
    /// Of their intervals, where they have some that are calibrated.
    pub calibrations: &'a [Option<Calibration>],
}

impl Evaluation {
    pub(super) fn new(
        model: &TrainedModel,
        dataset: &Dataset,
        levels: &[Level],
        others: usize,
        predictions: bool,
    ) -> Result<Evaluation> {
        let columns: Vec<&'static str> = BASELINES[..others].iter().map(|names| names.1).collect();
        let predictions = match predictions {
            true => {
                let taken: Vec<&str> = ["cutoff", "y"].into_iter().chain(columns.iter().copied()).collect();
                let names = Names::new(dataset, &model.alias, levels, &taken)?;
                Some(Predictions::new(names, levels, &columns))
            }
            false => None,
        };
        let baselines = BASELINES[..others].iter().map(|names| names.0.to_string());
        let models: Vec<String> = [model.alias.clone()].into_iter().chain(baselines).collect();
        let id = |series| (0..dataset.targets()).map(|target| unique_id(dataset, series, target)).collect();
        Ok(Evaluation {
            scores: Scores::new(&models),
            back: Vec::new(),
            cutoffs: BTreeMap::new(),
            ids: (0..dataset.series.len()).map(id).collect(),
            predictions,
            firsts: Vec::new(),
            horizon: dataset.horizon,
        })
    }

    pub(super) fn add(&mut self, model: &TrainedModel, fold: Fold) {
        let Fold { number, back, dataset, windows, forecasts, calibrations } = fold;
        self.back.extend(back);
        // A model that is trained anew may leave out other series.
        let places: Vec<usize> = (0..dataset.series.len()).map(|series| self.place_of(dataset, series)).collect();
        for window in windows {
            let row = *window as usize + dataset.lookback - 1;
            let series = dataset.series_of(row);
            let own = &dataset.series[series];
            let stamp = own.timestamps[row - own.rows.start];
            let cutoff = || (stamp.instant, dataset.time_form.text(stamp));
            self.cutoffs.entry((number, places[series])).or_insert_with(cutoff);
        }
        self.firsts.extend(first_targets(dataset, windows).map(|(series, row)| (places[series], row)));
        self.scores.places = places;
        let mut intervals: Vec<Option<Intervals>> = Vec::new();
        for (one, calibration) in forecasts.iter().zip(calibrations) {
            let (own, calibration) = (one.ends.as_deref(), calibration.as_ref());
            let some = own.is_some() || calibration.is_some();
            intervals.push(some.then(|| model.intervals_of(own, calibration)));
        }
        for (place, (one, intervals)) in forecasts.iter().zip(&intervals).enumerate() {
            let more = (intervals.as_ref(), one.log_likelihoods.as_deref());
            self.scores.add(number, dataset, windows, place, &one.values, more);
        }
        let values: Vec<&[f32]> = forecasts.iter().map(|one| &one.values[..]).collect();
        if let Some(predictions) = &mut self.predictions {
            predictions.add(dataset, windows, &values, intervals[0].as_ref());
        }
    }

    /// The index of a series of a fold's data, found by its id among those that have been seen so far.
    fn place_of(&mut self, dataset: &Dataset, series: usize) -> usize {
        let names: Vec<String> = (0..dataset.targets()).map(|target| unique_id(dataset, series, target)).collect();
        if self.ids.get(series) == Some(&names) {
            return series;
        }
        self.ids.iter().position(|one| *one == names).unwrap_or_else(|| {
            self.ids.push(names);
            self.ids.len() - 1
        })
    }

    /// Whether the series of a fold were forecast from different times, because they end at different times.
    pub fn is_ragged(&self) -> bool {
        let pairs = || self.cutoffs.iter().zip(self.cutoffs.iter().skip(1));
        !self.back.is_empty() && pairs().any(|(a, b)| a.0.0 == b.0.0 && a.1.0 != b.1.0)
    }

    /// The scores of each fold. A fold is named by its origin, the last time that its forecasts see; where series end at
    /// different times, by the rows before the end of each series, and the range of the origins.
    pub fn by_fold(&self) -> Vec<(String, Vec<Score>)> {
        let ragged = self.is_ragged();
        let name = |fold: usize| {
            let of_fold = || self.cutoffs.range((fold, 0)..(fold + 1, 0)).map(|(_, cutoff)| cutoff);
            let (first, last) = (of_fold().min(), of_fold().max());
            let [first, last] = [first, last].map(|cutoff| cutoff.map_or("", |cutoff| cutoff.1.as_str()));
            match self.back.get(fold).filter(|_| ragged) {
                Some(back) => format!("{back} ({first} to {last})"),
                None => first.to_string(),
            }
        };
        self.scores.by(|place| place.fold).into_iter().map(|(fold, scores)| (name(fold), scores)).collect()
    }

    /// The scores of each origin, over the series that were forecast from it.
    pub fn by_origin(&self) -> Vec<(String, Vec<Score>)> {
        let origin = |place: ScoreKey| self.cutoffs.get(&(place.fold, place.series));
        let scored = self.scores.by(origin).into_iter();
        scored.filter_map(|(origin, scores)| Some((origin?.1.clone(), scores))).collect()
    }

    /// Windows that were scored, and how many of them do not overlap.
    pub fn windows(&self) -> (usize, usize) {
        (self.firsts.len(), apart(self.firsts.clone(), self.horizon))
    }

    /// Every window's forecast, the observed value and the baselines' forecasts, where they were asked for.
    pub fn predictions(&self) -> Option<&Predictions<'static>> {
        self.predictions.as_ref()
    }

    /// The scores of every fold, series, target and step, by forecaster, as CSV.
    ///
    /// # Errors
    /// Where a value has no form in CSV.
    pub fn table(&self, levels: &[Level]) -> Result<Vec<u8>> {
        let mut head: Vec<String> = COLUMNS.map(String::from).to_vec();
        head.extend(levels.iter().flat_map(|level| [format!("coverage-{level}"), format!("width-{level}")]));
        let all = self.scores.by(|place| place);
        if all.iter().any(|(_, models)| models.iter().any(|score| score.weighted.is_some())) {
            head.extend_from_within(FIRST_WEIGHTED..);
            let weighted = head.len() - (head.len() - FIRST_WEIGHTED) / 2;
            head[weighted..].iter_mut().for_each(|name| *name = format!("weighted_{name}"));
        }
        let mut table = CsvWriter::new(&head)?;
        for (place, models) in all {
            for score in models {
                let id = &self.ids[place.series][place.target];
                let (fold, step) = ((place.fold + 1).to_string(), (place.step + 1).to_string());
                let cutoff = self.cutoffs.get(&(place.fold, place.series)).map_or("", |cutoff| cutoff.1.as_str());
                let words = [&fold, cutoff, id, &step, &score.model];
                let mut numbers = numbers(&score, levels.len());
                if let Some(weighted) = &score.weighted {
                    numbers.extend_from_slice(&self::numbers(weighted, levels.len())[1..]);
                }
                table.row(&words, &numbers)?;
            }
        }
        table.finish()
    }
}

/// The first column that has a weighted one beside it: `mae`.
const FIRST_WEIGHTED: usize = 6;

/// Of [`Evaluation::table`], before the levels'.
const COLUMNS: [&str; 18] = [
    "fold",
    "cutoff",
    "unique_id",
    "step",
    "model",
    "values",
    "mae",
    "rmse",
    "mse",
    "mape",
    "smape",
    "mase",
    "scaled_mae",
    "scaled_mse",
    "crps",
    "wql",
    "scaled_crps",
    "log_likelihood",
];

/// The columns from `values` on; not-a-number where there is none.
fn numbers(score: &Score, levels: usize) -> Vec<f64> {
    let none = f64::NAN;
    let mut numbers = vec![
        score.values as f64,
        score.mae.unwrap_or(none),
        score.rmse.unwrap_or(none),
        score.mse.unwrap_or(none),
        score.mape.unwrap_or(none),
        score.smape,
        score.mase.unwrap_or(none),
        score.scaled_mae,
        score.scaled_mse,
    ];
    let intervals = score.intervals.as_ref();
    let own = |value: fn(&IntervalScores) -> Option<f64>| intervals.and_then(value).unwrap_or(none);
    numbers.extend([own(|own| own.crps), own(|own| own.wql), own(|own| Some(own.scaled_crps))]);
    numbers.push(score.log_likelihood.unwrap_or(none));
    let pair = |level: usize| {
        let of = |list: fn(&IntervalScores) -> &[f64]| intervals.and_then(|own| list(own).get(level)).copied();
        [of(|own| &own.coverage), of(|own| &own.width)].map(|value| value.unwrap_or(none))
    };
    numbers.extend((0..levels).flat_map(pair));
    numbers
}
