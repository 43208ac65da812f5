//! A study from its first cell to its last: prepared, run cell by cell, resumed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::cell::{self, Done, Open, bytes, per_run, run_cell, runs};
use super::folder::Folder;
use super::grid::{Cell, Shard, cells};
use super::results::Results;
use super::study::Study;
use super::{FILES, PREDICTIONS, report, rows_per_cell};
use crate::error::{Error, Result};
use crate::train::checkpoint::replace;
use crate::train::{Observer, Plan, Progress};

/// A cell before it runs.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub cell: Cell,
    pub windows: [usize; 3],
    /// Models trained.
    pub trainings: usize,
    /// Replicas of its runs, one after another.
    pub runs: Vec<usize>,
    /// Bytes of the tensors of its largest run: replicas · each + shared.
    pub replica_bytes: u64,
    pub shared_bytes: u64,
    /// Weights · windows · epochs · rows, about what its time is proportional to.
    pub work: f64,
    pub lines: Vec<String>,
}

/// A study whose data was read and whose cells all can run.
#[derive(Debug)]
pub struct Preparation {
    pub cells: Vec<Prepared>,
    /// SHA-256 of each data set's file.
    pub fingerprints: BTreeMap<String, String>,
}

/// Reads every cell's data, so that what is refused is refused before anything is trained.
pub fn prepare(study: &Study, shard: Option<Shard>) -> Result<Preparation> {
    let mut all = cells(study);
    if let Some(shard) = shard {
        all = shard.of(all);
    }
    let settings = study.settings()?;
    let (mut prepared, mut fingerprints) = (Vec::new(), BTreeMap::new());
    for cell in all {
        let dataset = cell::dataset(study, &cell).map_err(|error| within(&cell, error))?;
        fingerprints.insert(cell.data.clone(), dataset.fingerprint.clone());
        let (list, lines) = runs(study, &cell, &settings, &dataset)?;
        let mut one = Prepared {
            windows: [dataset.train.len(), dataset.validation.len(), dataset.test.len()],
            trainings: 0,
            runs: Vec::new(),
            replica_bytes: 0,
            shared_bytes: 0,
            work: 0.0,
            lines,
            cell,
        };
        for run in &list {
            let plan = Plan::of(&dataset, &run.options, run.trainings.members.clone())?;
            let (members, each) = (run.trainings.members.len(), per_run(&dataset, run)?);
            one.trainings += members;
            one.runs.extend((0..members).step_by(each).map(|first| each.min(members - first)));
            let (own, shared) = bytes(&plan.program);
            one.replica_bytes = one.replica_bytes.max(own);
            one.shared_bytes = one.shared_bytes.max(shared);
            let steps = (dataset.train.len() * study.epochs) as f64 * dataset.lookback as f64;
            one.work += members as f64 * steps * plan.program.params.total() as f64;
        }
        prepared.push(one);
    }
    // A part of a study must know all of its data.
    for cell in cells(study) {
        if !fingerprints.contains_key(&cell.data) {
            let dataset = cell::dataset(study, &cell).map_err(|error| within(&cell, error))?;
            fingerprints.insert(cell.data.clone(), dataset.fingerprint);
        }
    }
    Ok(Preparation { cells: prepared, fingerprints })
}

fn within(cell: &Cell, error: Error) -> Error {
    match error {
        Error::Config { key, problem, help } => {
            Error::Config { key, problem: format!("cell {}: {problem}", cell.id()), help }
        }
        other => other,
    }
}

/// Told of a study's progress, and asked whether to stop.
pub trait StudyObserver {
    fn line(&mut self, line: &str);
    /// Cells done of all, the part done of this one, and the seconds left of the whole, where they can be told.
    fn progress(&mut self, done: usize, all: usize, part: f64, seconds_left: Option<f64>);
    fn interrupted(&self) -> bool;
}

/// How a study ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Cells that were there already.
    pub found: usize,
    pub done: usize,
    pub all: usize,
    pub interrupted: bool,
    /// Cells of which no model stayed finite.
    pub failed: Vec<String>,
}

/// Runs what is not done yet.
pub fn run_study(
    study: &Study,
    preparation: &Preparation,
    out: &Path,
    save_predictions: bool,
    open: &mut Open,
    observer: &mut dyn StudyObserver,
) -> Result<Ended> {
    let folder = Folder::open(out, study, &preparation.fingerprints, &report::analysis_plan(study)?)?;
    let grid = cells(study);
    let mut results = Results::open(out, &grid, rows_per_cell(study)?)?;
    let todo: Vec<&Prepared> = preparation.cells.iter().filter(|one| !results.holds(&one.cell)).collect();
    let all = preparation.cells.len();
    let mut ended = Ended { found: all - todo.len(), done: 0, all, interrupted: false, failed: Vec::new() };
    if ended.found > 0 {
        observer.line(&format!("{} of {all} cells are done already", ended.found));
    }
    let mut clock = Clock { started: Instant::now(), total: todo.iter().map(|one| one.work).sum(), done: 0.0 };
    for one in todo {
        let place = ended.found + ended.done;
        observer.line(&format!(
            "cell {} of {all}: {}, {} models on {} windows",
            place + 1,
            one.cell.id(),
            one.trainings,
            one.windows[0]
        ));
        one.lines.iter().for_each(|line| observer.line(line));
        let begun = Instant::now();
        let run_steps: f64 = one.runs.iter().map(|replicas| *replicas as f64).sum();
        let mut inner =
            CellObserver { observer, clock: &clock, one, place, all, base: 0.0, last: 0, run: 0, run_steps };
        let Some(done) = run_cell(study, &one.cell, open, &mut inner)? else {
            ended.interrupted = true;
            break;
        };
        if save_predictions {
            predictions(&folder, &done)?;
        }
        folder.save_extras(&done.extras)?;
        let diverged = done.rows.iter().filter(|row| row.diverged()).count();
        if diverged > 0 {
            observer.line(&format!("{diverged} of {} models diverged, and rank last", done.rows.len()));
        }
        if diverged == done.rows.len() {
            ended.failed.push(one.cell.id());
        }
        results.append(&one.cell, done.rows)?;
        clock.done += one.work;
        ended.done += 1;
        let left = clock.left(0.0);
        observer.line(&format!("done in {:.1} s{}", begun.elapsed().as_secs_f64(), left_words(left)));
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

/// Seconds left, by the work done so far.
struct Clock {
    started: Instant,
    total: f64,
    done: f64,
}

impl Clock {
    fn left(&self, part: f64) -> Option<f64> {
        let done = self.done + part;
        let elapsed = self.started.elapsed().as_secs_f64();
        (done > 0.0 && elapsed > 1.0).then(|| (self.total - done).max(0.0) * elapsed / done)
    }
}

/// A cell's share of the whole.
struct CellObserver<'a> {
    observer: &'a mut dyn StudyObserver,
    clock: &'a Clock,
    one: &'a Prepared,
    place: usize,
    all: usize,
    /// Share of the cell in runs before this one.
    base: f64,
    last: usize,
    run: usize,
    run_steps: f64,
}

impl Observer for CellObserver<'_> {
    fn notice(&mut self, line: &str) {
        self.observer.line(line);
    }

    fn progress(&mut self, progress: &Progress) {
        let share = |run: usize| self.one.runs.get(run).copied().unwrap_or(0) as f64 / self.run_steps.max(1.0);
        if progress.step < self.last {
            self.base += share(self.run);
            self.run += 1;
        }
        self.last = progress.step;
        let part = (self.base + share(self.run) * progress.step as f64 / progress.steps.max(1) as f64).min(1.0);
        let left = self.clock.left(part * self.one.work);
        self.observer.progress(self.place, self.all, part, left);
    }

    fn interrupted(&self) -> bool {
        self.observer.interrupted()
    }
}

/// Per-window test forecasts of the `own` weights, in the data's units.
fn predictions(folder: &Folder, done: &Done) -> Result<PathBuf> {
    let dataset = &done.dataset;
    let outputs = dataset.horizon * dataset.targets;
    let mut text = String::from("method,setting,seed,series,origin,step,target,truth,forecast\n");
    for (row, forecasts) in done.rows.iter().zip(&done.forecasts) {
        for (window, forecast) in dataset.test.iter().zip(forecasts.chunks_exact(outputs)) {
            let origin = *window as usize + dataset.lookback;
            let series = dataset.series_of(origin);
            let id = quoted(&dataset.series[series].id);
            for (i, value) in forecast.iter().enumerate() {
                let (step, target) = (i / dataset.targets, i % dataset.targets);
                let truth = dataset.raw_targets[(origin + step) * dataset.targets + target];
                let truth = if truth.is_nan() { String::new() } else { truth.to_string() };
                let value = dataset.unscale(series, target, f64::from(*value));
                text += &format!(
                    "{},{},{},{id},{},{},{},{truth},{value}\n",
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
    let place = folder.path().join(PREDICTIONS);
    std::fs::create_dir_all(&place).map_err(Error::io(&place, FILES))?;
    let file = place.join(format!("{}.csv", done.extras.cell.id()));
    replace(&file, text.as_bytes())?;
    Ok(file)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}
