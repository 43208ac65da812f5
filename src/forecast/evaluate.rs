//! A trained model scored beside the baselines: on a part of its data, on other data, or by rolling origins.

use std::collections::HashMap;

use super::backtest::{Refitted, folds, refit};
use super::evaluation::{BASELINES, Evaluation, Fold};
use super::forecaster::Outputs;
use super::intervals::calibrated_on;
use super::run::Named;
use super::views::Views;
use super::{Calibration, Level, Predicted, Reading, TrainedModel};
use crate::data::{Dataset, Series, SplitName, counted, grouped};
use crate::error::{Error, Place, Result};
use crate::train::scores::baselines::{Ridge, repeat_last, seasonal_naive};
use crate::train::scores::kept::WindowCount;
use crate::train::scores::residuals::calibrates;
use crate::train::{Observer, Status};

/// What is scored.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EvaluateOptions {
    /// Other data than the run's own.
    pub reading: Reading,
    /// Of the training data; `None`: the test part.
    pub part: Option<SplitName>,
    /// Origins, each of which forecasts one horizon; `None`: every window.
    pub folds: Option<usize>,
    /// Rows from one origin to the next; `None`: the horizon.
    pub step: Option<usize>,
    /// Whether a model is trained anew for each fold, on the rows before it.
    pub refit: bool,
    /// Whether every window's forecast is kept.
    pub predictions: bool,
}

/// Scores a model; `None` where `observer` interrupted a training.
///
/// # Errors
/// Data that is not there as the model was trained on it; a part without windows; a fold that does not fit.
pub fn evaluate(
    model: &TrainedModel,
    options: &EvaluateOptions,
    observer: &mut dyn Observer,
) -> Result<Option<Evaluation>> {
    if options.refit { refitted(model, options, observer) } else { as_trained(model, options).map(Some) }
}

/// The weights as they are: on a part of the training data, or on other data.
fn as_trained(model: &TrainedModel, options: &EvaluateOptions) -> Result<Evaluation> {
    let named = model.named(&options.reading)?;
    if named.as_ref().is_none_or(Named::is_own)
        && let Some((key, _)) = options.reading.settings.iter().next()
    {
        let problem = "says how another file is read, and the run's own data is read as in training";
        return Err(Error::config(key, problem, "leave it out, or name another file with ‹data›"));
    }
    let other = named.is_some();
    let help = "‹levels none›, with ‹data›, does without it, and without the ridge";
    let training = model.training_data(named.as_ref(), help);
    let foreign = match &named {
        Some(named) if !named.is_own() => Some(Views::new(model.data(&options.reading, Some(named), true)?)),
        _ => None,
    };
    let continues = named.is_some_and(|named| named.continues());
    if foreign.is_some() && options.part.is_some() {
        let problem = "parts are those of the training data, and ‹data› names another file";
        return Err(Error::config("part", problem, "leave one of them out"));
    }
    let (training, lost) = match training {
        Ok(training) => (Some(training), None),
        Err(error) if foreign.is_none() => return Err(error),
        Err(error) => {
            model.say("the training data is not there as it was: no ridge");
            (None, Some(error))
        }
    };
    let split = options.part.unwrap_or(SplitName::Test);
    let (views, own) = match (&foreign, &training) {
        (Some(foreign), _) => (foreign, false),
        (None, Some(training)) => (training, true),
        (None, None) => unreachable!("the training data is there, or another file is read"),
    };
    let dataset = views.first();
    // Of another file, they have been told.
    dataset.season_notices.iter().filter(|_| own).for_each(|line| model.say(line.clone()));
    if dataset.windows(split).is_empty() {
        return Err(no_window(views, split, own));
    }
    views.line(split).into_iter().for_each(|line| model.say(line));
    if own && split == SplitName::Train {
        model.say("the model was trained on these rows: the scores are no forecast's");
    }
    if own && other {
        model.say("‹data› is the training data: its test part is scored (‹part›)");
    }
    if let (true, Some(training)) = (continues, &training) {
        let (known, all) = (known_windows(views, training), dataset.windows(split).len());
        model.say(format!(
            "‹data› continues the training data: {} of {} forecast rows that the model was trained on or chosen by, and scores there \
             are no forecast's",
            grouped(known),
            counted(all, "window")
        ));
    }

    model.weigh(training.as_ref())?;
    let calibrated = match (&training, lost) {
        (Some(training), _) => model.intervals(Ok(training))?,
        (None, Some(lost)) => model.intervals(Err(lost))?,
        (None, None) => None,
    };
    // Of no level, the ends of a model's own intervals are none.
    let has_intervals = calibrated.is_some();
    let levels = if has_intervals { &model.levels[..] } else { &[] };
    let calibrates_here = calibrated.as_ref().is_some_and(|calibrated| calibrated.calibration.is_some());
    if own
        && calibrates_here
        && split == training.as_ref().map_or(SplitName::Test, |training| calibrates(training.first()))
    {
        model.say("the intervals were calibrated on these very rows: their coverage says nothing");
    }
    let Predicted { values, ends, log_likelihoods, .. } = model.predict(views, split, levels)?;
    let training = training.as_ref().map(Views::first);
    let ridge = training.map(Ridge::fit);
    let others = Baselines { ridge: ridge.as_ref() };
    let mut all = vec![Outputs { values, ends: ends.filter(|_| has_intervals), log_likelihoods }];
    all.extend(others.forecasts(dataset, split));
    let mut calibrations = vec![calibrated.and_then(|calibrated| calibrated.calibration)];
    calibrations.extend(others.calibrations(training, levels));

    let mut evaluation = Evaluation::new(model, dataset, levels, all.len() - 1, options.predictions)?;
    let (windows, calibrations) = (dataset.windows(split), &calibrations[..]);
    let Some(count) = options.folds else {
        evaluation.add(model, Fold { number: 0, back: None, dataset, windows, forecasts: all, calibrations });
        return Ok(evaluation);
    };
    let outputs = dataset.horizon * dataset.targets();
    let step = options.step.unwrap_or(dataset.horizon);
    let all_folds = folds(dataset, split, count, step)?;
    model.tell_absent(dataset, &all_folds);
    for (number, fold) in all_folds.into_iter().enumerate() {
        let places: Vec<usize> = fold.iter().filter_map(|window| windows.binary_search(window).ok()).collect();
        let forecasts = all.iter().map(|one| one.of_windows(&places, outputs)).collect();
        let back = Some((count - 1 - number) * step + dataset.horizon);
        evaluation.add(model, Fold { number, back, dataset, windows: &fold, forecasts, calibrations });
    }
    Ok(evaluation)
}

/// What a model is compared with.
struct Baselines<'a> {
    /// Fitted on the training data, where it is there.
    ridge: Option<&'a Ridge>,
}

impl Baselines<'_> {
    /// Their forecasts of a part, in the order of [`BASELINES`].
    fn forecasts(&self, dataset: &Dataset, split: SplitName) -> Vec<Outputs> {
        let ridge = self.ridge.map(|ridge| ridge.forecast(dataset, split));
        let all = [Some(repeat_last(dataset, split)), Some(seasonal_naive(dataset, split)), ridge];
        all.into_iter().flatten().map(Outputs::points).collect()
    }

    /// Their intervals, on the windows that calibrate the model's.
    fn calibrations(&self, training: Option<&Dataset>, levels: &[Level]) -> Vec<Option<Calibration>> {
        let part = training.map(|training| (training, calibrates(training)));
        let part = part.filter(|(training, part)| !levels.is_empty() && !training.windows(*part).is_empty());
        let Some((training, part)) = part else { return vec![None; BASELINES.len()] };
        let own = training.windows(part);
        let of = |one: Outputs| Some(Calibration::new(training, own, &one.values, None, levels));
        self.forecasts(training, part).into_iter().map(of).collect()
    }
}

/// Test windows that forecast a training or validation row of the training data of a run.
fn known_windows(views: &Views, training: &Views) -> usize {
    fn seen(series: &Series) -> Option<(&str, i64)> {
        let rows = series.parts.validation.end - series.rows.start;
        Some((series.id.as_str(), series.timestamps.get(rows.checked_sub(1)?)?.instant))
    }
    let mut known = vec![false; views.first().windows(SplitName::Test).len()];
    for (dataset, training) in views.all().iter().zip(training.all()) {
        let seen: HashMap<&str, i64> = training.series.iter().filter_map(seen).collect();
        for (window, known) in dataset.windows(SplitName::Test).iter().zip(&mut known) {
            let row = *window as usize + dataset.lookback;
            let own = &dataset.series[dataset.series_of(row)];
            let instant = own.timestamps[row - own.rows.start].instant;
            *known |= seen.get(own.id.as_str()).is_some_and(|last| instant <= *last);
        }
    }
    known.into_iter().filter(|known| *known).count()
}

fn no_window(views: &Views, split: SplitName, own: bool) -> Error {
    let dataset = views.first();
    if views.all().len() > 1 {
        let problem = format!("the runs have no {split} window in common");
        return Error::config("checkpoint", problem, "name runs of the same ‹split›, or score them one by one");
    }
    if split == SplitName::Calibration {
        return Error::config("part", "the run kept no rows for calibration", "train with ‹calibration 0.5›");
    }
    if split == SplitName::HeldOut {
        return Error::config("part", "the run held back no series", "train with ‹hold-out-series 0.2›");
    }
    if own {
        let problem = format!("the run kept no {split} rows");
        return Error::config("part", problem, "another part of the training data, or ‹data› with later rows");
    }
    let problem = format!("no window of {} rows in and {} out", dataset.lookback, dataset.horizon);
    Error::data(Place::of(dataset.resolved.source.to_string()), problem, "give a longer file")
}

/// Weights trained anew for each fold.
fn refitted(
    model: &TrainedModel,
    options: &EvaluateOptions,
    observer: &mut dyn Observer,
) -> Result<Option<Evaluation>> {
    if model.runs.len() > 1 {
        let problem = format!("trains one run anew, and {} are named", model.runs.len());
        return Err(Error::config("refit", problem, "name one run with ‹checkpoint›, or leave out ‹refit›"));
    }
    let run = model.first();
    let training = run.training_data(None, "‹refit› trains on it")?;
    training.season_notices.iter().for_each(|line| observer.notice(line));
    let (count, step) = (options.folds.unwrap_or(1), options.step.unwrap_or(training.horizon));
    let mut evaluation = Evaluation::new(model, &training, &model.levels, BASELINES.len(), options.predictions)?;
    for number in 0..count {
        let back = (count - 1 - number) * step;
        let rows = back + training.horizon;
        observer.notice(&format!("fold {} of {count}: training on the rows before the last {rows}", number + 1).into());
        let data = (&run.kept(&run.config.data), training.calendar.closed());
        let mut open = |program| model.engine(program);
        let how = (run.forecaster.combine, &model.levels[..]);
        let done = refit(data, &run.config.train, back, how, &mut open, observer)?;
        let Refitted { dataset, status, calibration, test } = done;
        if status == Status::Interrupted {
            return Ok(None);
        }
        let part = calibrates(&dataset);
        let uncalibrated = dataset.windows(part).is_empty();
        if uncalibrated && model.conformal && !model.levels.is_empty() {
            observer.notice(&"no calibrated intervals: there are no validation rows before the fold".into());
        }
        let calibration = match model.levels.is_empty() || !model.conformal || uncalibrated {
            true => None,
            false => {
                let (own, Outputs { values, ends, .. }) = (dataset.windows(part), &calibration);
                Some(Calibration::new(&dataset, own, values, ends.as_deref(), &model.levels))
            }
        };
        if let Some(calibration) = &calibration {
            let (held_out, windows) = (part == SplitName::Calibration, WindowCount::of(&dataset, part));
            observer.notice(&calibrated_on(held_out, windows, calibration));
            model.lacking(calibration)?.iter().for_each(|line| observer.notice(line));
        }
        let split = SplitName::Test;
        let ridge = Ridge::fit(&dataset);
        let others = Baselines { ridge: Some(&ridge) };
        let test = Outputs { ends: test.ends.filter(|_| !(uncalibrated && model.conformal)), ..test };
        let forecasts = [test].into_iter().chain(others.forecasts(&dataset, split)).collect();
        let calibrations: Vec<_> =
            [calibration].into_iter().chain(others.calibrations(Some(&dataset), &model.levels)).collect();
        let (windows, back, calibrations) = (dataset.windows(split), Some(rows), &calibrations[..]);
        evaluation.add(model, Fold { number, back, dataset: &dataset, windows, forecasts, calibrations });
    }
    Ok(Some(evaluation))
}
