//! A study from its first cell to its last: prepared, run cell by cell, resumed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::cell::{self, CellResult, bytes, per_run, run_cell, runs};
use super::clock::{CellObserver, Clock};
use super::estimate::windows;
use super::folder::Folder;
use super::grid::{GridCell, Shard, cells};
use super::options;
use super::report;
use super::results::{Expected, Results};
use super::study::Study;
use crate::data::counted;
use crate::engine::MakeEngine;
use crate::error::{Error, Result, Text};
use crate::program::Program;
use crate::train::Plan;

/// A cell before it runs.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The cell itself.
    pub cell: GridCell,
    /// Training, validation and test windows.
    pub windows: [usize; 3],
    /// Models trained.
    pub trainings: usize,
    /// Replicas of each of its runs, in order.
    pub runs: Vec<usize>,
    /// Waves in which the device takes each run.
    pub waves: Vec<usize>,
    /// Bytes of one replica's tensors in the largest run.
    pub replica_bytes: u64,
    /// Bytes of the tensors that all replicas of that run share.
    pub shared_bytes: u64,
    /// (Weights and units) · rows · windows trained and scored. Time is about proportional to it.
    pub work: f64,
    /// The part of `work` that is training.
    pub training: f64,
    /// Lines for the user.
    pub lines: Vec<Text>,
}

/// What a unit's own arithmetic costs per row, in weights, as measured on RNNs and LSTMs of 64 units.
const UNIT: usize = 50;

/// A study whose data was read and whose cells all can run.
#[derive(Debug)]
pub struct Preparation {
    /// In the grid's order.
    pub cells: Vec<Prepared>,
    /// SHA-256 of each data set's file.
    pub fingerprints: BTreeMap<String, String>,
}

/// Reads every cell's data, so that errors come before anything is trained. `waves`: how many the device
/// needs for a program, or that it cannot run it.
pub fn prepare(study: &Study, shard: Option<Shard>, waves: &dyn Fn(&Program) -> Result<usize>) -> Result<Preparation> {
    let mut all = cells(study);
    if let Some(shard) = shard {
        all = shard.of(all);
    }
    let settings = study.settings()?;
    let (mut prepared, mut fingerprints) = (Vec::new(), BTreeMap::new());
    for cell in all {
        let dataset = cell::dataset(study, &cell).map_err(|error| within(&cell, error))?;
        fingerprints.insert(cell.data.clone(), dataset.fingerprint.clone());
        let (list, lines) = runs(study, &cell, &settings, &dataset).map_err(|error| within(&cell, error))?;
        let mut one = Prepared {
            windows: [dataset.train.len(), dataset.validation.len(), dataset.test.len()],
            trainings: 0,
            runs: Vec::new(),
            waves: Vec::new(),
            replica_bytes: 0,
            shared_bytes: 0,
            work: 0.0,
            training: 0.0,
            lines,
            cell,
        };
        for run in &list {
            let plan = Plan::of(&dataset, &run.options, run.trainings.members.clone())?;
            let (members, each) = (run.trainings.members.len(), per_run(&dataset, run)?);
            one.trainings += members;
            for chunk in run.trainings.members.chunks(each) {
                let part = Plan::of(&dataset, &run.options, chunk.to_vec())?;
                one.waves.push(waves(&part.program).map_err(|error| within(&one.cell, error))?);
                one.runs.push(chunk.len());
            }
            let (own, shared) = bytes(&plan.program);
            one.replica_bytes = one.replica_bytes.max(own);
            one.shared_bytes = one.shared_bytes.max(shared);
            let (training, scoring) = windows(study, &settings, one.windows, members);
            let costs = plan.program.params.total() + UNIT * run.options.model.width();
            one.work += (training + scoring) * (dataset.lookback * costs) as f64;
            one.training = training / (training + scoring);
        }
        prepared.push(one);
    }
    // A part of a study checks all of the study's data.
    for cell in cells(study) {
        if !fingerprints.contains_key(&cell.data) {
            let dataset = cell::dataset(study, &cell).map_err(|error| within(&cell, error))?;
            fingerprints.insert(cell.data.clone(), dataset.fingerprint);
        }
    }
    Ok(Preparation { cells: prepared, fingerprints })
}

/// An error of a cell, with the options' names as a study has them.
fn within(cell: &GridCell, error: Error) -> Error {
    let of_set = |key: &str| options::is_of_data_set(key).then(|| format!("data.{}.{key}", cell.data));
    let renamed = |text: Text| {
        text.with_options(|key| match key {
            "lookback" => Some(("lookbacks".into(), None)),
            key => of_set(key).map(|key| (key, None)),
        })
    };
    match error {
        Error::Config { key, file, problem, help } => {
            let key = match key.as_str() {
                "lookback" => "lookbacks".into(),
                key => of_set(key).unwrap_or_else(|| key.to_string()),
            };
            let problem = Text::from(format!("cell {}: ", cell.id())).and(problem);
            Error::Config { key, file, problem, help: renamed(help) }
        }
        Error::Data { place, problem, help } => Error::Data { place, problem, help: renamed(help) },
        other => other,
    }
}

/// Told of a study's progress, and asked whether to stop.
pub trait StudyObserver {
    /// A line for the user.
    fn line(&mut self, line: &Text);
    /// Cells done of all, the part done of this one, and the seconds left of the whole, where they are known.
    fn progress(&mut self, done: usize, all: usize, part: f64, seconds_left: Option<f64>);
    /// Asked between steps: true ends the study after the step.
    fn interrupted(&self) -> bool;
}

/// How a study ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Cells that were there already.
    pub found: usize,
    /// Cells run now.
    pub done: usize,
    /// Cells of the grid, or of its part.
    pub all: usize,
    /// Whether it was asked to stop before the end.
    pub interrupted: bool,
}

/// Runs the cells that are not done yet.
pub fn run_study(
    study: &Study,
    preparation: &Preparation,
    out: &Path,
    save_predictions: bool,
    open: &mut MakeEngine,
    observer: &mut dyn StudyObserver,
) -> Result<Ended> {
    let folder = Folder::open(out, study, &preparation.fingerprints, &report::analysis_plan(study)?)?;
    let expected = Expected::of(study, &preparation.fingerprints)?;
    let mut results = Results::open(folder.path(), &expected, |cell| folder.lacks_extras(cell))?;
    let all = preparation.cells.len();
    let (found, todo): (Vec<&Prepared>, Vec<&Prepared>) =
        preparation.cells.iter().partition(|one| results.holds(&one.cell));
    let mut ended = Ended { found: found.len(), done: 0, all, interrupted: false };
    if !found.is_empty() {
        observer.line(&format!("{} of {all} cells are done already", found.len()).into());
    }
    let unsaved = found.iter().filter(|one| !folder.has_predictions(&one.cell)).count();
    if save_predictions && unsaved > 0 {
        observer.line(&format!(
            "‹save-predictions›: the forecasts of {unsaved} cells done before were not kept; for them, run the study into \
             another ‹out›"
        ).into());
    }
    let mut clock = Clock::new(todo.iter().map(|one| (one.cell.model.clone(), one.work)));
    for one in todo {
        let place = ended.found + ended.done;
        let id = one.cell.id();
        observer.line(
            &format!(
                "cell {} of {all}: {id}, {} on {}",
                place + 1,
                counted(one.trainings, "model"),
                counted(one.windows[0], "window")
            )
            .into(),
        );
        one.lines.iter().for_each(|line| observer.line(line));
        let begun = Instant::now();
        let mut inner = CellObserver::new(observer, &clock, one, place, all);
        let Some(done) = run_cell(study, &one.cell, open, &mut inner)? else {
            ended.interrupted = true;
            return Ok(ended);
        };
        if save_predictions {
            folder.save_predictions(&one.cell, predictions(&done).as_bytes())?;
        }
        folder.save_extras(&done.extras)?;
        let diverged = done.rows.iter().filter(|row| row.diverged.is_some()).count();
        if diverged > 0 {
            observer
                .line(&format!("{diverged} of {} diverged, and rank last", counted(done.rows.len(), "model")).into());
        }
        results.append(&one.cell, done.rows)?;
        clock.next();
        ended.done += 1;
        observer.line(&format!("done in {:.1} s{}", begun.elapsed().as_secs_f64(), left_words(clock.left(0.0))).into());
    }
    Ok(ended)
}

fn left_words(left: Option<f64>) -> String {
    match left.map(|left| left.round() as u64) {
        Some(seconds) if seconds >= 3600 => format!(", about {} h {} min left", seconds / 3600, seconds % 3600 / 60),
        Some(seconds) if seconds >= 60 => format!(", about {} min left", seconds.div_ceil(60)),
        Some(seconds) if seconds > 0 => format!(", about {seconds} s left"),
        _ => String::new(),
    }
}

/// Per-window test forecasts of the `own` weights, in the data's units, as CSV.
fn predictions(done: &CellResult) -> String {
    let dataset = &done.dataset;
    let outputs = dataset.horizon * dataset.targets();
    let mut text = String::from("protocol,method,setting,seed,series,origin,step,target,truth,forecast\n");
    for (row, forecasts) in done.rows.iter().zip(&done.forecasts) {
        for (window, forecast) in dataset.test.iter().zip(forecasts.chunks_exact(outputs)) {
            let origin = *window as usize + dataset.lookback;
            let series = dataset.series_of(origin);
            let id = quoted(&dataset.series[series].id);
            for (i, value) in forecast.iter().enumerate() {
                let (step, target) = (i / dataset.targets(), i % dataset.targets());
                let truth = dataset.raw_targets[(origin + step) * dataset.targets() + target];
                let truth = if truth.is_nan() { String::new() } else { truth.to_string() };
                let value = dataset.unscale(series, target, f64::from(*value));
                text += &format!(
                    "{},{},{},{},{id},{},{},{},{truth},{value}\n",
                    row.protocol,
                    row.method,
                    quoted(&row.setting),
                    row.seed,
                    dataset.time_label(origin),
                    step + 1,
                    quoted(&dataset.target_names()[target]),
                );
            }
        }
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}
