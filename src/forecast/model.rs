//! A trained model: a run, or several that forecast together, and engines to run them on.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

use super::run::{Named, Run};
use super::table::model_name;
use super::together::Share;
use super::views::Views;
use super::{Combine, Level};
use crate::config::Settings;
use crate::data::{Bounds, Cutoff, Dataset, Role, Source, few, grouped};
use crate::engine::Engine;
use crate::error::{Error, Result, Text};
use crate::files::check_apart;
use crate::gpu::Choice;
use crate::program::Program;
use crate::runs::{Engines, Say};

/// What is asked of a trained model.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ModelOptions {
    /// Run folders or weights files, at least one.
    pub checkpoints: Vec<PathBuf>,
    /// The training data, where it has moved.
    pub train_data: Option<Source>,
    /// How several replicas, or several runs, forecast together; `None`: the best replica alone, or the mean of the runs.
    pub ensemble: Option<Combine>,
    /// Of intervals, empty for none: one that cannot be had is an error. `None`: those between a model's quantiles, else 80 and 95 per
    /// cent, as far as they can be had; to be `scored`, a distribution has those by which training scores it.
    pub levels: Option<Vec<Level>>,
    /// Whether its forecasts are to be scored, and not to be read.
    pub scored: bool,
    /// Whether the quantiles of a model that forecasts them, or a distribution, are calibrated.
    pub conformal: bool,
    /// Of the forecasts' columns; `None`: the model's name, or `Ensemble` of several runs.
    pub alias: Option<String>,
    /// Where it is computed.
    pub device: Choice,
    /// Threads of the CPU engine; `None`: one per core.
    pub threads: Option<usize>,
}

impl ModelOptions {
    /// A model as its run left it.
    pub fn new(checkpoint: impl Into<PathBuf>) -> ModelOptions {
        ModelOptions { checkpoints: vec![checkpoint.into()], ..ModelOptions::default() }
    }

    /// How forecasts are combined.
    ///
    /// # Errors
    /// What makes no sense of one run, or of several; the standard input, which only one run could read.
    fn combine(&self) -> Result<Combine> {
        let several = self.checkpoints.len() > 1;
        if several && self.train_data.as_ref().is_some_and(Source::is_stdin) {
            let problem = format!("the standard input is read once, and {} runs read it", self.checkpoints.len());
            return Err(Error::config("train-data", problem, "name a file"));
        }
        match self.ensemble {
            _ if self.checkpoints.is_empty() => {
                Err(Error::config("checkpoint", "no run is named", "name a run folder, or a weights file"))
            }
            Some(Combine::Best) if several => {
                let problem = "best is the best replica of one run, and several runs are named";
                Err(Error::config("ensemble", problem, "choose mean, median or validation, or name one run"))
            }
            Some(Combine::Validation) if !several => {
                let problem = "validation weighs several runs, and one is named";
                Err(Error::config("ensemble", problem, "name more with ‹checkpoint›, or choose mean or median"))
            }
            Some(combine) => Ok(combine),
            None => Ok(if several { Combine::Mean } else { Combine::Best }),
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

/// A trained model: a run, or several that forecast together.
pub struct TrainedModel {
    /// At least one. All read the data in their own way; forecasts are on the scale of the first.
    pub runs: Vec<Run>,
    /// How several runs become one forecast.
    pub combine: Combine,
    /// What each of them weighs, once that is known.
    pub(super) shares: OnceCell<Vec<Share>>,
    /// Of intervals; empty for none.
    pub levels: Vec<Level>,
    /// Those by which it is scored where it forecasts quantiles or a distribution.
    pub(super) own_levels: Vec<Level>,
    /// Whether these were asked for, so that one that cannot be had is an error.
    pub(super) strict: bool,
    /// Whether it forecasts quantiles or a distribution: all of its runs do.
    pub(super) probabilistic: bool,
    /// Whether intervals are calibrated: those of a model of points are.
    pub(super) conformal: bool,
    /// Bounds of the forecasts.
    pub(super) bounds: Option<Bounds>,
    /// Whether it forecasts counts.
    pub(super) counts: bool,
    /// Of the forecasts' columns.
    pub alias: String,
    /// Whether the file of the training data is named.
    pub(super) names_training: bool,
    engines: RefCell<Engines>,
    say: Say,
}

impl TrainedModel {
    /// Opens a model. `say` hears what was decided, of it and of the data that it reads.
    ///
    /// # Errors
    /// A file that holds no model; runs that do not forecast the same values; a device that is not there.
    pub fn open(options: ModelOptions, say: &Say) -> Result<TrainedModel> {
        let combine = options.combine()?;
        let train_data = options.train_data.as_ref();
        // Runs are weighed, not their replicas.
        let of_replicas = if combine == Combine::Validation { Combine::Mean } else { combine };
        let open = |path: &PathBuf| Run::open(path, of_replicas, train_data);
        let runs: Vec<Run> = options.checkpoints.iter().map(open).collect::<Result<_>>()?;
        for (place, run) in runs.iter().enumerate() {
            runs[..place].iter().try_for_each(|before| before.check_same(run))?;
        }
        let line = match (&runs[..], options.ensemble) {
            ([one], Some(_)) if one.forecaster.replicas == 1 => Some(format!(
                "‹ensemble› changes nothing: {} holds one replica; of a run of several, name the folder",
                one.model().file.display()
            )),
            ([one], None) if one.forecaster.replicas > 1 => Some(format!(
                "the best of {} replicas on validation forecasts; ‹ensemble mean› or median combines all",
                one.forecaster.replicas
            )),
            ([_], _) => None,
            _ => {
                let words: Vec<String> = runs.iter().map(Run::words).collect();
                Some(format!("an ensemble of {} runs (‹ensemble {combine}›): {}", runs.len(), words.join("; ")))
            }
        };
        line.into_iter().for_each(|line| say(&line.into()));
        let engines = Engines::open(&options.device, options.threads, say)?.into();
        let usual = if runs.len() > 1 { "Ensemble" } else { model_name(runs[0].model().model.kind) };
        let alias = options.alias.unwrap_or_else(|| usual.into());
        let (strict, say) = (options.levels.is_some(), say.clone());
        let losses = runs.iter().map(|run| Ok(run.model().header.model.loss()?.0)).collect::<Result<Vec<_>>>()?;
        let probabilistic = losses.iter().all(|loss| loss.is_probabilistic());
        let bounds = runs.iter().map(|run| run.model().header.model.bounds()).collect::<Result<Vec<_>>>()?;
        let bounds = bounds[0].filter(|own| bounds.iter().all(|other| *other == Some(*own)));
        if options.conformal && !probabilistic {
            let line = match runs.len() {
                1 => "‹conformal› changes nothing: the intervals of a model of points are always calibrated",
                _ => {
                    "‹conformal› changes nothing: the intervals of an ensemble with a model of points are always calibrated"
                }
            };
            say(&line.into());
        }
        // The intervals that lie between quantiles of every run that forecasts some.
        let mut between: Option<Vec<Level>> = None;
        for run in runs.iter().filter(|_| probabilistic) {
            let Some(own) = run.quantile_levels()? else { continue };
            match options.levels.iter().flatten().find(|level| !own.contains(level)) {
                Some(level) => return Err(unknown_level(*level, &own, &run.model().file)),
                None => between.get_or_insert_with(|| own.clone()).retain(|level| own.contains(level)),
            }
        }
        let usual = if options.scored && probabilistic { Level::SCORED.as_slice() } else { &Level::USUAL };
        let levels = options.levels.or_else(|| between.clone()).unwrap_or_else(|| usual.to_vec());
        let own_levels = between.unwrap_or_else(|| Level::SCORED.to_vec());
        let (conformal, shares) = (options.conformal || !probabilistic, OnceCell::new());
        let counts = losses.iter().all(|loss| loss.is_of_counts());
        if counts && runs.iter().map(|run| run.forecaster.members.len()).sum::<usize>() > 1 {
            let line = "forecasts of counts are means, and the intervals of several models end at averages: neither need be whole";
            say(&line.into());
        }
        Ok(TrainedModel {
            runs,
            combine,
            shares,
            levels,
            own_levels,
            strict,
            probabilistic,
            conformal,
            bounds,
            counts,
            alias,
            names_training: options.train_data.is_some(),
            engines,
            say,
        })
    }

    /// Its run, or the first of several.
    pub fn first(&self) -> &Run {
        &self.runs[0]
    }

    /// Rows that it forecasts.
    pub fn horizon(&self) -> usize {
        self.first().model().header.model.horizon
    }

    /// Models that forecast together.
    pub fn members(&self) -> usize {
        self.runs.iter().map(|run| run.forecaster.members.len()).sum()
    }

    /// Tells a line.
    pub(super) fn say(&self, line: impl Into<Text>) {
        (self.say)(&line.into());
    }

    /// Rejects files to write that are read: the runs' own, data, lists of days, a plan. Each has the name of its option.
    ///
    /// # Errors
    /// Names both by their options.
    pub fn check_outputs(&self, files: &[(&str, &Path)], reading: &Reading, future: Option<&Source>) -> Result<()> {
        let own = self.runs.iter().flat_map(|run| run.inputs());
        let named = |option: &str, file: Option<&Path>| file.map(|file| (option.to_string(), file.to_path_buf()));
        let data = named("data", reading.source.as_ref().and_then(Source::file));
        let holidays = named("holidays", reading.settings.get("holidays").map(Path::new));
        let plan = named("future", future.and_then(Source::file));
        let written = files.iter().map(|(option, file)| (*option, file.to_path_buf()));
        check_apart(written, own.chain(data).chain(holidays).chain(plan))
    }

    /// Reads the data that is named in place of the runs' own, if some is named.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn named(&self, reading: &Reading) -> Result<Option<Named>> {
        self.first().named(reading)
    }

    /// The data of the runs, as [`Run::training_data`].
    ///
    /// # Errors
    /// Where it is not there, or has changed.
    pub(super) fn training_data(&self, named: Option<&Named>, needed_for: &str) -> Result<Views> {
        let own = |run: &Run| run.training_data(named, needed_for);
        self.runs.iter().map(own).collect::<Result<_>>().map(Views::new)
    }

    /// Every row of a file as each run reads it, to be `scored` or not, as [`Run::data`]. What is said of it is said once.
    ///
    /// # Errors
    /// Data that a run cannot read.
    pub(super) fn data(&self, reading: &Reading, named: Option<&Named>, scored: bool) -> Result<Vec<Dataset>> {
        let mut told: Vec<Text> = Vec::new();
        let mut all = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let (data, lines) = run.data(reading, named, scored)?;
            all.push(data);
            told.extend(lines.into_iter().filter(|line| !told.contains(line)).collect::<Vec<_>>());
        }
        told.into_iter().for_each(|line| self.say(line));
        Ok(all)
    }

    /// Takes what is known of rows to come from a file, for the runs that read it.
    ///
    /// # Errors
    /// A file that cannot be read, or none of the runs reads it.
    pub(super) fn read_plan(&self, all: &mut [Dataset], plan: &Source) -> Result<()> {
        let mut reads: Vec<usize> =
            (0..all.len()).filter(|run| !all[*run].columns.with_role(Role::FutureCovariate).is_empty()).collect();
        if reads.is_empty() {
            // It says that it was trained without.
            reads.push(0);
        }
        if reads.len() > 1 && plan.is_stdin() {
            let problem = format!("the standard input is read once, and {} runs read it", reads.len());
            return Err(Error::config("future", problem, "name a file"));
        }
        let mut told: Vec<Text> = Vec::new();
        for run in reads {
            let lines = self.runs[run].read_plan(&mut all[run], plan)?;
            told.extend(lines.into_iter().filter(|line| !told.contains(line)).collect::<Vec<_>>());
        }
        told.into_iter().for_each(|line| self.say(line));
        Ok(())
    }

    /// Makes an engine on the device.
    ///
    /// # Errors
    /// Where the device does not hold the program.
    pub fn engine(&self, program: Program) -> Result<Box<dyn Engine>> {
        self.engines.borrow_mut().make(&program, None).map(|(engine, _)| engine)
    }

    /// Tells of forecasts of rows that a run learned from, or that chose among its weights.
    pub(super) fn tell_known_rows(&self, all: &[Dataset], cutoffs: &[Vec<Cutoff>]) {
        let mut told = Vec::new();
        for ((run, data), cutoffs) in self.runs.iter().zip(all).zip(cutoffs) {
            told.extend(run.known_rows(data, cutoffs).filter(|line| !told.contains(line)));
        }
        told.into_iter().for_each(|line| self.say(line));
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

    /// Tells of times to come that another calendar, which the rows fit nearly as well, would give otherwise: the best such one.
    pub(super) fn tell_guess(&self, data: &Dataset, ahead: &Dataset, rows: usize) -> Result<()> {
        let usual = |window: &usize| ahead.series[*window].calendar == data.calendar;
        for rival in &data.rivals {
            for window in (0..ahead.series.len()).filter(usual) {
                let (seen, own) = ahead.seen_and_to_come(window);
                // Dates of the data's rows to come are no guess.
                let dated = ahead.dated(window, rows);
                let last = dated.checked_sub(1).map_or(seen[seen.len() - 1], |row| own[row]);
                let (own, rows) = (&own[dated..], rows - dated);
                let other = rival.next(last, rows)?;
                let Some(row) = (0..rows).find(|row| own[*row].instant != other[*row].instant) else { continue };
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

/// For a level between whose ends the model of a file has no quantiles.
fn unknown_level(level: Level, own: &[Level], file: &Path) -> Error {
    let words: Vec<String> = own.iter().map(Level::to_string).collect();
    let has = if own.is_empty() { "the median alone".into() } else { format!("those of {}", words.join(", ")) };
    let problem = format!("the model of {} forecasts no interval of {level} %, but {has}", file.display());
    Error::config("levels", problem, "choose among them, or train with the quantiles at its ends")
}
