//! A trained model as its run left it: the weights, how they read data, the data that they were trained on, and engines to run
//! them on.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::backtest::calibrates;
use super::table::model_name;
use super::{Calibration, Combine, Forecaster, Level, non_overlapping};
use crate::config::{Config, Settings};
use crate::data::{Cutoff, DataOptions, Dataset, Source, SplitName, Step};
use crate::engine::Engine;
use crate::error::{Error, Place, Result, Text};
use crate::files::same_file;
use crate::gpu::Choice;
use crate::program::Program;
use crate::runs::{Engines, Say};

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
    /// Of intervals; empty for none.
    pub levels: Vec<Level>,
    /// Of the forecasts' columns; `None`: the model's name.
    pub alias: Option<String>,
    /// Where it is computed.
    pub device: Choice,
    /// Threads of the CPU engine; `None`: one per core.
    pub threads: Option<usize>,
}

impl ModelOptions {
    /// A model with intervals of 80 and 95 per cent.
    pub fn new(checkpoint: impl Into<PathBuf>) -> ModelOptions {
        let levels = ["80", "95"].iter().filter_map(|level| level.parse().ok()).collect();
        ModelOptions {
            checkpoint: checkpoint.into(),
            train_data: None,
            ensemble: None,
            levels,
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

/// A trained model.
pub struct TrainedModel {
    /// The weights.
    pub forecaster: Forecaster,
    /// How its run was configured.
    pub config: Config,
    /// Of intervals; empty for none.
    pub levels: Vec<Level>,
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
        let (levels, say) = (options.levels, say.clone());
        Ok(TrainedModel { forecaster, config, levels, alias, engines, say })
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

    /// The data of the run, split and scaled as it was.
    ///
    /// # Errors
    /// Where it is not there, or has changed. `needed_for` ends the advice.
    pub fn training_data(&self, needed_for: &str) -> Result<Dataset> {
        let (header, data) = (&self.forecaster.model().header, &self.config.data);
        let help = format!("‹train-data› names the file as it was; {needed_for}");
        let changed = |problem: String| Error::data(Place::of(data.source.to_string()), problem, help.as_str());
        // One help, for the option that is meant here.
        let dataset = data.load().map_err(|error| error.with_help(help.as_str()))?;
        if dataset.fingerprint != header.data.fingerprint {
            return Err(changed("has changed since the model was trained on it".into()));
        }
        let scalers = |series: &str| header.data.series.iter().find(|one| one.id == series).map(|one| &one.scalers);
        if let Some(other) = dataset.series.iter().find(|series| scalers(&series.id) != Some(&series.scalers)) {
            return Err(changed(format!("series `{}` is scaled otherwise than in training", other.id)));
        }
        Ok(dataset)
    }

    /// Every row of a file, as the model reads it; of the run's own where none is named.
    ///
    /// # Errors
    /// Data that cannot be read, lacks the model's columns, or whose rows are another interval apart.
    pub fn data(&self, reading: &Reading) -> Result<Dataset> {
        let (own, model) = (&self.config.data, self.forecaster.model());
        let mut data = DataOptions { split: None, calibration: None, ..own.clone() };
        if let Some(source) = &reading.source {
            // Another file may be written otherwise.
            data = DataOptions { source: source.clone(), delimiter: None, decimal: None, ..data };
        }
        let mut config = Config { data, ..Config::default() };
        config.apply(&reading.settings)?;
        let fitted = model.fitted(own.scale.unwrap_or_default());
        let dataset = config.data.load_fitted(&fitted)?;
        dataset.notices.iter().for_each(|line| (self.say)(line));
        let (then, now) = (&model.header.data.step, dataset.step());
        if then.parse::<Step>().is_ok_and(|then| then != now) {
            let problem = format!("rows are {now} apart, and those that the model was trained on {then}");
            if config.data.freq.is_none() {
                let help = "give such data, or the interval with ‹freq›";
                return Err(Error::data(Place::of(config.data.source.to_string()), problem, help));
            }
            self.say(format!("{problem}: the forecasts may mean nothing"));
        }
        Ok(dataset)
    }

    /// Whether this is the data that the model was trained on.
    pub fn is_own(&self, dataset: &Dataset) -> bool {
        dataset.fingerprint == self.forecaster.model().header.data.fingerprint
    }

    /// Tells of forecasts of rows of the training data that the model learned from, or that chose among its weights.
    pub(super) fn tell_known_rows(&self, data: &Dataset, cutoffs: &[Cutoff]) {
        let mut counts = [0; 2];
        for cutoff in cutoffs {
            let series = &data.series[cutoff.series];
            let all = &self.forecaster.model().header.data.series;
            let Some(index) = all.iter().position(|one| one.id == series.id) else { continue };
            // Borders count over all series, one after the other.
            let start = index.checked_sub(1).map_or(0, |before| all[before].borders[2]);
            let (first, [trained, chose, _]) = (start + cutoff.row + 1 - series.rows.start, all[index].borders);
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

    /// Tells of times to come that another calendar, which the rows fit nearly as well, would give otherwise.
    pub(super) fn tell_guess(&self, data: &Dataset, ahead: &Dataset, rows: usize) -> Result<()> {
        let Some(rival) = &data.rival else { return Ok(()) };
        for series in ahead.series.iter().filter(|series| series.calendar == data.calendar) {
            let (seen, own) = series.timestamps.split_at(data.lookback);
            let other = rival.next(seen[data.lookback - 1], rows)?;
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

    /// Intervals by the training data's windows that calibrate, and how its test windows fare; a line says which they are.
    ///
    /// # Errors
    /// Where there are too few windows for a level.
    pub fn calibrate(&self, training: &Dataset) -> Result<Calibrated> {
        let part = calibrates(training);
        let lists = [training.windows(part), training.windows(SplitName::Test)];
        let mut open = |program| self.engine(program);
        let mut predicted = self.forecaster.predict_windows(training, &lists, &mut open)?;
        let test = predicted.pop().map_or(Vec::new(), |predicted| predicted.values);
        let own = predicted.pop().map_or(Vec::new(), |predicted| predicted.values);
        let calibration = Calibration::new(training, lists[0], &own, &self.levels)?;
        self.say(calibrated_on(training, part, &calibration));
        Ok(Calibrated { calibration, test })
    }
}

/// Intervals, and the test forecasts of the same models.
pub struct Calibrated {
    /// Half-widths by series and step.
    pub calibration: Calibration,
    /// `[windows, horizon, targets]`, scaled.
    pub test: Vec<f32>,
}

/// What intervals were calibrated on.
pub(super) fn calibrated_on(dataset: &Dataset, part: SplitName, calibration: &Calibration) -> Text {
    let windows = dataset.windows(part);
    let on = match part {
        SplitName::Calibration => "the rows that ‹calibration› kept from the choice of the epoch",
        _ => "the validation rows, on which the epoch was chosen: they may be too narrow (‹calibration› in training)",
    };
    format!(
        "intervals: calibrated on {on}; {} residuals or more at each step of each series, of {} windows, {} of which do not overlap",
        calibration.fewest,
        windows.len(),
        non_overlapping(dataset, windows)
    )
    .into()
}
