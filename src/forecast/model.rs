//! A trained model as its run left it: the weights, how they read data, the data that they were trained on, and engines to run
//! them on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::table::model_name;
use super::{Combine, Forecaster, Level};
use crate::config::{Config, Settings};
use crate::data::{Bounds, Content, Cutoff, DataOptions, Dataset, Own, Scaler, Series, Source, Step, few, grouped};
use crate::engine::Engine;
use crate::error::{Error, Place, Result, Text};
use crate::files::same_file;
use crate::gpu::Choice;
use crate::program::Program;
use crate::runs::{Engines, Say};
use crate::train::loss::Loss;
use crate::train::weights::header::DataHeader;

/// What is asked of a trained model.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelOptions {
    /// A run folder, or a weights file.
    pub checkpoint: PathBuf,
    /// The training data, where it has moved.
    pub train_data: Option<Source>,
    /// How several replicas forecast together; `None`: the best alone.
    pub ensemble: Option<Combine>,
    /// Of intervals, empty for none: one that cannot be had is an error. `None`: 80 and 95 per cent, as far as they can be had.
    pub levels: Option<Vec<Level>>,
    /// Whether the quantiles of a model that forecasts them, or a distribution, are calibrated.
    pub conformal: bool,
    /// Of the forecasts' columns; `None`: the model's name.
    pub alias: Option<String>,
    /// Where it is computed.
    pub device: Choice,
    /// Threads of the CPU engine; `None`: one per core.
    pub threads: Option<usize>,
}

impl ModelOptions {
    /// A model as its run left it.
    pub fn new(checkpoint: impl Into<PathBuf>) -> ModelOptions {
        ModelOptions {
            checkpoint: checkpoint.into(),
            train_data: None,
            ensemble: None,
            levels: None,
            conformal: false,
            alias: None,
            device: Choice::default(),
            threads: None,
        }
    }
}

/// Other data than the run's own, and how it is read where that differs.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// `None`: the run's own data.
    pub source: Option<Source>,
    /// Options of [`config::DATA`](crate::config::DATA).
    pub settings: Settings,
}

/// Data that is named in place of the run's own.
pub(super) struct Named {
    content: Content<'static>,
    /// What of it is the training data; `None` if it is other data.
    own: Option<Own>,
}

impl Named {
    /// Whether it is the training data, and nothing more.
    pub(super) fn is_own(&self) -> bool {
        self.own.as_ref().map(Own::len) == Some(self.content.len())
    }

    /// Whether it is the training data and rows after it.
    pub(super) fn continues(&self) -> bool {
        self.own.is_some() && !self.is_own()
    }
}

/// A trained model.
pub struct TrainedModel {
    /// The weights.
    pub forecaster: Forecaster,
    /// How its run was configured.
    pub config: Config,
    /// Of intervals; empty for none.
    pub levels: Vec<Level>,
    /// Whether these were asked for, so that one that cannot be had is an error.
    pub(super) strict: bool,
    /// Whether intervals are calibrated: those of a model of points are.
    pub(super) conformal: bool,
    /// Bounds of the forecasts.
    pub(super) bounds: Option<Bounds>,
    /// Whether it forecasts counts.
    pub(super) counts: bool,
    /// Of the forecasts' columns.
    pub alias: String,
    engines: RefCell<Engines>,
    say: Say,
}

impl TrainedModel {
    /// Opens a model. `say` hears what was decided, of it and of the data that it reads.
    ///
    /// # Errors
    /// A file that holds no model; a device that is not there.
    pub fn open(options: ModelOptions, say: &Say) -> Result<TrainedModel> {
        let forecaster = Forecaster::open(&options.checkpoint, options.ensemble.unwrap_or_default())?;
        let model = forecaster.model();
        let mut config = Config::of_run(model)?;
        if let Some(source) = options.train_data {
            config.data.source = source;
        }
        let line = match (forecaster.replicas, options.ensemble) {
            (1, Some(_)) => Some(format!(
                "‹ensemble› changes nothing: {} holds one replica; of a run of several, name the folder",
                model.file.display()
            )),
            (replicas, None) if replicas > 1 => Some(format!(
                "the best of {replicas} replicas on validation forecasts; ‹ensemble mean› or median combines all"
            )),
            _ => None,
        };
        line.into_iter().for_each(|line| say(&line.into()));
        let engines = Engines::open(&options.device, options.threads, say)?.into();
        let alias = options.alias.unwrap_or_else(|| model_name(model.model.kind).into());
        let (strict, say) = (options.levels.is_some(), say.clone());
        let (loss, quantiles) = model.header.model.loss()?;
        let (bounds, probabilistic) = (model.header.model.bounds()?, loss.is_probabilistic());
        if options.conformal && !probabilistic {
            say(&"‹conformal› changes nothing: the intervals of a model of points are always calibrated".into());
        }
        let own = (loss == Loss::Quantile).then(|| Level::of_quantiles(quantiles.percents()));
        let levels = match (options.levels, &own) {
            (Some(levels), Some(own)) => match levels.iter().find(|level| !own.contains(level)) {
                Some(level) => return Err(unknown_level(*level, own)),
                None => levels,
            },
            (Some(levels), None) => levels,
            (None, Some(own)) => own.clone(),
            (None, None) => Level::USUAL.to_vec(),
        };
        let (conformal, counts) = (options.conformal || !probabilistic, loss.is_of_counts());
        Ok(TrainedModel { forecaster, config, levels, strict, conformal, bounds, counts, alias, engines, say })
    }

    /// Tells a line.
    pub(super) fn say(&self, line: impl Into<Text>) {
        (self.say)(&line.into());
    }

    /// Rejects files to write that are read: the weights file, or data. Each has the name of its option.
    ///
    /// # Errors
    /// Names the option and the file.
    pub fn check_outputs(&self, files: &[(&str, &Path)], reading: &Reading) -> Result<()> {
        let file = |source: &Source| match source {
            Source::File(file) => Some(file.clone()),
            Source::Embedded => None,
        };
        let other = reading.source.as_ref().and_then(file);
        let read = [Some(self.forecaster.model().file.clone()), other, file(&self.config.data.source)];
        for (option, file) in files {
            if read.iter().flatten().any(|read| same_file(file, read)) {
                let problem = format!("{} is a file that is read", file.display());
                return Err(Error::config(*option, problem, "choose another"));
            }
        }
        Ok(())
    }

    /// Makes an engine on the device.
    ///
    /// # Errors
    /// Where the device does not hold the program.
    pub fn engine(&self, program: Program) -> Result<Box<dyn Engine>> {
        self.engines.borrow_mut().make(&program, None).map(|(engine, _)| engine)
    }

    /// Reads the data that is named in place of the run's own, if one is named.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn named(&self, reading: &Reading) -> Result<Option<Named>> {
        let Some(source) = &reading.source else { return Ok(None) };
        let content = Content::read(source)?;
        let DataHeader { fingerprint, lines, .. } = &self.forecaster.model().header.data;
        let own = content.own(fingerprint, lines, &self.config.data);
        Ok(Some(Named { content, own }))
    }

    /// The data of the run, split and scaled as it was. Where data is `named` that is the run's, or continues it, it is read from
    /// there.
    ///
    /// # Errors
    /// Where it is not there, or has changed. `needed_for` ends the advice.
    pub(super) fn training_data(&self, named: Option<&Named>, needed_for: &str) -> Result<Dataset> {
        let header = &self.forecaster.model().header;
        let help = format!("‹train-data› names the file as it was; {needed_for}");
        let place = Place::of(self.config.data.source.to_string());
        let changed = |problem: String| Error::data(place, problem, help.as_str());
        let own = named.and_then(|named| Some(named.content.part(Some(named.own.as_ref()?))));
        let (data, closed) = (self.kept(&self.config.data), header.data.holidays());
        let dataset = match own {
            Some(own) => data.load_content(own, None, Some(&closed)),
            None => {
                self.check_own()?;
                data.load_closed(&closed)
            }
        };
        // One help, for the option that is meant here.
        let dataset = dataset.map_err(|error| error.with_help(help.as_str()))?;
        if dataset.fingerprint != header.data.fingerprint {
            return Err(changed("has changed since the model was trained on it".into()));
        }
        let scalers: HashMap<&str, &Vec<Scaler>> =
            header.data.series.iter().map(|one| (one.id.as_str(), &one.scalers)).collect();
        let same = |series: &&Series| scalers.get(series.id.as_str()) == Some(&&series.scalers);
        if let Some(other) = dataset.series.iter().find(|series| !same(series)) {
            return Err(changed(format!("series `{}` is scaled otherwise than in training", other.id)));
        }
        Ok(dataset)
    }

    /// How its run's data is read: days without rows are those that the model keeps.
    pub(super) fn kept(&self, own: &DataOptions) -> DataOptions {
        let keeps = !self.forecaster.model().header.data.holidays.is_empty();
        DataOptions { holidays: own.holidays.clone().filter(|_| !keeps), ..own.clone() }
    }

    /// Every row of a file, as the model reads it; of the run's own where none is named. `named` is the content of the one that is.
    ///
    /// # Errors
    /// Data that cannot be read, lacks the model's columns, or whose rows are another interval apart.
    pub(super) fn data(&self, reading: &Reading, named: Option<&Named>) -> Result<Dataset> {
        let (own, model) = (&self.config.data, self.forecaster.model());
        if reading.source.is_none() {
            self.check_own()?;
        }
        let mut data =
            DataOptions { split: None, test_size: None, val_size: None, calibration: None, ..self.kept(own) };
        if let Some(source) = &reading.source {
            // Another file may be written otherwise.
            data = DataOptions {
                source: source.clone(),
                delimiter: None,
                decimal: None,
                thousands: None,
                time_format: None,
                ..data
            };
        }
        let mut config = Config { data, ..Config::default() };
        config.apply(&reading.settings)?;
        let fitted = model.fitted(own);
        let dataset = match named {
            Some(Named { content, .. }) => {
                let closed = Some(&fitted.holidays);
                config.data.load_content(content.part(None), Some(&fitted), closed)?
            }
            None => config.data.load_fitted(&fitted)?,
        };
        dataset.notices.iter().for_each(|line| (self.say)(line));
        let (then, now) = (&model.header.data.step, dataset.step());
        if then.parse::<Step>().is_ok_and(|then| then != now) {
            let problem = format!("rows are {now} apart, and those that the model was trained on {then}");
            if config.data.freq.is_none() {
                let help = "give such data, or the interval with ‹freq›";
                return Err(Error::data(Place::of(config.data.source.to_string()), problem, help));
            }
            self.say(format!("{problem}: the forecasts may mean nothing"));
        } else if let Some(line) = fitted.other_calendars(&dataset) {
            self.say(line);
        }
        Ok(dataset)
    }

    /// Takes what is known of rows to come from a file.
    pub(super) fn read_plan(&self, data: &mut Dataset, plan: &Source) -> Result<()> {
        let fitted = self.forecaster.model().fitted(&self.config.data);
        data.read_plan(plan, &fitted)?.iter().for_each(|line| (self.say)(line));
        Ok(())
    }

    /// Rejects data of the run that can no longer be read.
    fn check_own(&self) -> Result<()> {
        if !self.config.data.source.is_stdin() {
            return Ok(());
        }
        let help = "‹data› names other data to forecast, ‹train-data› a file of the training data";
        Err(Error::config("data", "the model was trained on the standard input, which is gone", help))
    }

    /// Whether this is the data that the model was trained on.
    pub fn is_own(&self, dataset: &Dataset) -> bool {
        dataset.fingerprint == self.forecaster.model().header.data.fingerprint
    }

    /// Tells of forecasts of rows of the training data that the model learned from, or that chose among its weights.
    pub(super) fn tell_known_rows(&self, data: &Dataset, cutoffs: &[Cutoff]) {
        let mut counts = [0; 2];
        let DataHeader { series: all, padding, .. } = &self.forecaster.model().header.data;
        let by_id: HashMap<&str, usize> = all.iter().enumerate().map(|(index, one)| (one.id.as_str(), index)).collect();
        for cutoff in cutoffs {
            let series = &data.series[cutoff.series];
            let Some(index) = by_id.get(series.id.as_str()).copied() else { continue };
            // Borders count over all series, one after the other.
            let start = index.checked_sub(1).map_or(0, |before| all[before].borders[2]).saturating_add(*padding);
            let first = start.saturating_add(cutoff.row + 1 - series.rows.start);
            let [trained, chose, _] = all[index].borders;
            counts[0] += usize::from(first < trained);
            counts[1] += usize::from((trained..chose).contains(&first));
        }
        let [trained, chose] = counts;
        if trained + chose > 0 {
            self.say(format!(
                "of {} series, {trained} are forecast in rows that the model was trained on and {chose} in validation rows: \
                 such forecasts and their intervals say nothing about future rows",
                cutoffs.len()
            ));
        }
    }

    /// Tells which series take part in fewer folds than there are.
    pub(super) fn tell_absent(&self, data: &Dataset, folds: &[Vec<u32>]) {
        let mut parts = vec![0; data.series.len()];
        for window in folds.iter().flatten() {
            parts[data.series_of(*window as usize + data.lookback)] += 1;
        }
        let absent: Vec<usize> = (0..parts.len()).filter(|series| parts[*series] < folds.len()).collect();
        if !absent.is_empty() {
            let names = absent.iter().map(|series| format!("`{}` {}", data.series[*series].id, parts[*series]));
            let (count, all) = (grouped(absent.len()), grouped(parts.len()));
            let names = few(absent.len(), names);
            self.say(format!("{count} of {all} series take part in fewer than {} folds: {names}", folds.len()));
        }
    }

    /// Tells of times to come that another calendar, which the rows fit nearly as well, would give otherwise.
    pub(super) fn tell_guess(&self, data: &Dataset, ahead: &Dataset, rows: usize) -> Result<()> {
        let Some(rival) = &data.rival else { return Ok(()) };
        let usual = |window: &usize| ahead.series[*window].calendar == data.calendar;
        for window in (0..ahead.series.len()).filter(usual) {
            let (seen, own) = ahead.seen_and_to_come(window);
            // Dates of the data's rows to come are no guess.
            let dated = ahead.dated(window, rows);
            let last = dated.checked_sub(1).map_or(seen[seen.len() - 1], |row| own[row]);
            let (own, rows) = (&own[dated..], rows - dated);
            let other = rival.next(last, rows)?;
            if let Some(row) = (0..rows).find(|row| own[*row].instant != other[*row].instant) {
                let (own, other) = (data.time_form.text(own[row]), data.time_form.text(other[row]));
                self.say(format!(
                    "the times of the forecasts are a guess: {own} by a step of {}, but {other} by one of {}, which the rows fit \
                     nearly as well; ‹freq {}› or ‹freq {rival}› decides",
                    data.calendar.words(),
                    rival.words(),
                    data.calendar
                ));
                return Ok(());
            }
        }
        Ok(())
    }
}

/// For a level between whose ends the model has no quantiles.
fn unknown_level(level: Level, own: &[Level]) -> Error {
    let words: Vec<String> = own.iter().map(Level::to_string).collect();
    let has = if own.is_empty() { "the median alone".into() } else { format!("those of {}", words.join(", ")) };
    let problem = format!("the model forecasts no interval of {level} %, but {has}");
    Error::config("levels", problem, "choose among them, or train with the quantiles at its ends")
}
