//! What `forecast` and `evaluate` begin with: the model, the data it was trained on, the data it reads now.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use microglia::config::Config;
use microglia::data::options::{Source, parse_list};
use microglia::data::{Cutoff, DataOptions, Dataset, Freq, SplitName};
use microglia::engine::Engine;
use microglia::error::{Error, Place};
use microglia::files::{is_no_file, replace};
use microglia::forecast::backtest::calibrates;
use microglia::forecast::table::model_name;
use microglia::forecast::{Calibration, Forecaster, Level, non_overlapping};
use microglia::program::Program;
use microglia::runs::Engines;

use super::forecast_args::ModelArgs;
use super::{say, say_text, teller};

/// A model, and how its run was configured.
pub struct Trained {
    pub forecaster: Forecaster,
    pub config: Config,
    pub levels: Vec<Level>,
    /// Of the forecasts' columns.
    pub alias: String,
    pub freq: Option<Freq>,
    engines: RefCell<Engines>,
}

/// Percentages where none are asked for.
const LEVELS: &str = "80,95";

impl Trained {
    pub fn open(args: &ModelArgs) -> Result<Trained> {
        let combine = args.ensemble.as_deref().map_or(Ok(Default::default()), str::parse)?;
        let levels = levels(args.levels.as_deref())?;
        let freq = args.reading.freq.as_deref().map(str::parse).transpose()?;
        let forecaster = Forecaster::open(&args.checkpoint, combine)?;
        let model = forecaster.model();
        let mut config = Config::of_run(model)?;
        if let Some(text) = &args.train_data {
            config.data.source = text.parse()?;
        }
        match (forecaster.replicas, args.ensemble.is_some()) {
            (1, true) => say(&format!(
                "--ensemble changes nothing: {} holds one replica; of a run of several, name the folder",
                forecaster.model().file.display()
            )),
            (replicas, false) if replicas > 1 => say(&format!(
                "the best of {replicas} replicas on validation forecasts; --ensemble mean or median combines all"
            )),
            _ => {}
        }
        let mut on = Config::default();
        on.apply(&args.device.0)?;
        let engines = Engines::open(&on.device, on.threads, &teller())?.into();
        let alias = args.alias.clone().unwrap_or_else(|| model_name(model.model.kind).into());
        Ok(Trained { forecaster, config, levels, alias, freq, engines })
    }

    /// Refuses to write over what is read: the weights file, or data.
    pub fn refuse_read(&self, files: &[(&str, &Path)], data: Option<&str>) -> Result<()> {
        let own = match &self.config.data.source {
            Source::File(file) => Some(file.as_path()),
            Source::Embedded => None,
        };
        let read = [Some(self.forecaster.model().file.as_path()), data.map(Path::new), own];
        for (option, file) in files {
            if read.into_iter().flatten().any(|read| same_file(file, read)) {
                bail!("--{option} {}: is a file that is read\n  help: choose another", file.display());
            }
        }
        Ok(())
    }

    /// Makes engines where `--device` says.
    pub fn engine(&self, program: Program) -> microglia::Result<Box<dyn Engine>> {
        self.engines.borrow_mut().make(&program, None).map(|(engine, _)| engine)
    }

    /// The data of the run, split and scaled as it was.
    ///
    /// # Errors
    /// Where it is not there, or has changed.
    pub fn training_data(&self, needed_for: &str) -> Result<Dataset> {
        let (header, data) = (&self.forecaster.model().header, &self.config.data);
        let help = format!("‹train-data› names the file as it was; {needed_for}");
        let changed = |problem: String| Error::data(Place::of(data.source.to_string()), problem, help.as_str());
        let dataset = match data.load() {
            Ok(dataset) => dataset,
            // One help, for the option that is meant here.
            Err(error) => {
                return Err(anyhow!(error.with_help(help.as_str())).context("the data that the model was trained on"));
            }
        };
        if dataset.fingerprint != header.data.fingerprint {
            return Err(changed("has changed since the model was trained on it".into()).into());
        }
        let scalers = |series: &str| header.data.series.iter().find(|one| one.id == series).map(|one| &one.scalers);
        if let Some(other) = dataset.series.iter().find(|series| scalers(&series.id) != Some(&series.scalers)) {
            return Err(changed(format!("series `{}` is scaled otherwise than in training", other.id)).into());
        }
        Ok(dataset)
    }

    /// Every row of a file, as the model reads it; of the run's own where none is named.
    pub fn data(&self, args: &ModelArgs) -> Result<Dataset> {
        let (own, reading) = (&self.config.data, &args.reading);
        let model = self.forecaster.model();
        let mut options = DataOptions { split: None, calibration: None, ..own.clone() };
        if let Some(text) = &args.data {
            options.source = text.parse()?;
            // Another file may be written otherwise.
            (options.delimiter, options.decimal) = (None, None);
        }
        let mut read = Config::default();
        read.data = options;
        read.apply(&reading.options.0)?;
        let options = read.data;
        let fitted = model.fitted(own.scale.unwrap_or_default(), self.freq.map(Freq::step));
        let dataset = options.load_fitted(&fitted)?;
        dataset.notices.iter().for_each(say_text);
        if let Some(freq) = self.freq {
            freq.check(dataset.time_kind)?;
        }
        let (then, now) = (&model.header.data.step, dataset.step.to_string());
        if !then.is_empty() && *then != now {
            let problem = format!("rows are {now} apart, and those that the model was trained on {then}");
            if self.freq.is_none() {
                bail!("{}: {problem}\n  help: give such data, or the interval with --freq", options.source);
            }
            say(&format!("{problem}: the forecasts may mean nothing"));
        }
        Ok(dataset)
    }

    /// Whether this is the data that the model was trained on.
    pub fn is_own(&self, dataset: &Dataset) -> bool {
        dataset.fingerprint == self.forecaster.model().header.data.fingerprint
    }

    /// A line for forecasts of rows of the training data that the model learned from, or that chose among its weights.
    pub fn known_rows(&self, data: &Dataset, cutoffs: &[Cutoff]) -> Option<String> {
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
        (trained + chose > 0).then(|| {
            format!(
                "of {} series, {trained} are forecast in rows that the model was trained on and {chose} in validation rows: \
                 such forecasts and their intervals tell nothing of rows to come",
                cutoffs.len()
            )
        })
    }

    /// Intervals by the training data's windows that calibrate, and how its test windows fare, with a line for each.
    pub fn calibrate(&self, training: &Dataset) -> Result<Calibrated> {
        let part = calibrates(training);
        let lists = [training.windows(part), training.windows(SplitName::Test)];
        let mut open = |program| self.engine(program);
        let mut predicted = self.forecaster.predict_windows(training, &lists, &mut open)?;
        let test = predicted.pop().map_or(Vec::new(), |predicted| predicted.values);
        let own = predicted.pop().map_or(Vec::new(), |predicted| predicted.values);
        let calibration = Calibration::new(training, lists[0], &own, &self.levels)?;
        let note = note(training, part, &calibration);
        Ok(Calibrated { calibration, test, note })
    }
}

/// Intervals, and the test forecasts of the same models.
pub struct Calibrated {
    pub calibration: Calibration,
    pub test: Vec<f32>,
    pub note: String,
}

/// What intervals were calibrated on.
pub fn note(dataset: &Dataset, part: SplitName, calibration: &Calibration) -> String {
    let windows = dataset.windows(part);
    let on = match part {
        SplitName::Calibration => "the rows that --calibration kept from the choice of the epoch",
        _ => "the validation rows, on which the epoch was chosen: they may be too narrow (train --calibration)",
    };
    format!(
        "intervals: calibrated on {on}; {} residuals or more at each step of each series, of {} windows, {} of which do not overlap",
        calibration.fewest,
        windows.len(),
        non_overlapping(dataset, windows)
    )
}

fn levels(text: Option<&str>) -> Result<Vec<Level>> {
    let text = text.unwrap_or(LEVELS);
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let mut levels: Vec<Level> = parse_list(text).iter().map(|text| text.parse()).collect::<microglia::Result<_>>()?;
    levels.sort_by(|a, b| a.percent().total_cmp(&b.percent()));
    levels.dedup();
    if levels.is_empty() {
        bail!("--levels: no level is given\n  help: percentages, as in 80,95, or none");
    }
    Ok(levels)
}

/// Whether two names are of one file that is there.
pub fn same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Refuses, before anything is computed, files that may not be replaced.
pub fn check_unused(files: &[(&str, &Path)], overwrite: bool) -> Result<()> {
    for (index, (option, file)) in files.iter().enumerate() {
        if file.is_dir() {
            bail!("--{option} {}: is a folder\n  help: name a file in it", file.display());
        }
        if is_no_file(file) {
            bail!("--{option} {}: is a device or a pipe\n  help: name a file", file.display());
        }
        if file.exists() && !overwrite {
            bail!(
                "--{option} {}: is there already\n  help: choose another, or replace it with --overwrite",
                file.display()
            );
        }
        // Without `./`; no file need be there yet.
        let place = std::path::absolute(file).ok();
        if files[..index].iter().any(|(_, other)| std::path::absolute(other).ok() == place) {
            bail!("--{option} {}: another option names the same file\n  help: choose another", file.display());
        }
    }
    Ok(())
}

/// Writes a whole file, and its folder where that is not there.
pub fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(microglia::Error::io(folder, "name a place that can be written to"))?;
    }
    Ok(replace(file, bytes)?)
}

/// `NAME.csv` and `NAME.svg`, by the name of either, or both in a folder.
pub fn outputs(out: &Path) -> (PathBuf, PathBuf) {
    let ends =
        |wanted: &str| out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted)) && !out.is_dir();
    if ends("csv") {
        return (out.to_path_buf(), out.with_extension("svg"));
    }
    if ends("svg") {
        return (out.with_extension("csv"), out.to_path_buf());
    }
    (out.join("forecast.csv"), out.join("forecast.svg"))
}
