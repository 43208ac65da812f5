//! What `auto` leaves to the validation rows: the candidates train side by side for the first epochs, and the best one's models go
//! on, bit for bit as if they had been trained alone.
//!
//! Candidates of one program are replicas of one run: their step tables say how windows are normalised, and each has the ridge of
//! its own windows to start from. Those of another program, with or without a linear path, train after them. After each epoch a
//! candidate that is far behind the best rests. Test rows are not read.

use std::ops::Range;

use super::options::TrainOptions;
use super::plan::Plan;
use super::run::observer::{EpochRow, Observer, Progress};
use super::run::run_from;
use super::run::state::RunState;
use crate::data::{Dataset, counted};
use crate::engine::Engine;
use crate::error::{Result, Text};
use crate::models::LinearPath;
use crate::program::Program;
use crate::program::op::InstanceNorm;

/// The word of an option that is left to the validation rows.
pub const AUTO: &str = "auto";

/// Steps that candidates train side by side, in whole epochs; they are at least one, and no more of a run's than this share.
const TRIAL_STEPS: usize = 100;
const MOST_OF_RUN: f64 = 0.05;
/// A candidate rests if its validation loss is more than this many times the best one's.
const FAR_BEHIND: f64 = 1.1;

/// Which options are left to the validation rows; none, unless asked for. The program asks for a recurrent model's linear path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Auto {
    /// How windows are normalised.
    pub instance_norm: bool,
    /// Whether there is a linear path, from the ridge on.
    pub linear_path: bool,
}

/// One of the choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// How windows are normalised.
    pub instance_norm: Option<InstanceNorm>,
    /// What is beside the network.
    pub linear_path: LinearPath,
}

/// What the validation rows chose.
#[derive(Debug)]
pub struct Chosen {
    /// With the choice for `auto`.
    pub options: TrainOptions,
    /// Where its models stand; its notice says what was chosen, and from which validation losses.
    pub state: RunState,
}

impl TrainOptions {
    /// What `auto` chooses from, one at least. Those of one program follow each other.
    pub fn candidates(&self) -> Vec<Candidate> {
        let Auto { instance_norm, linear_path } = self.auto;
        let norms = if instance_norm { self.model.norms() } else { vec![self.model.instance_norm] };
        let paths = if linear_path { self.model.linear_paths() } else { vec![self.model.linear_path] };
        let of_path = |linear_path| {
            let candidate = move |instance_norm: &_| Candidate { instance_norm: *instance_norm, linear_path };
            norms.iter().map(candidate)
        };
        paths.into_iter().flat_map(of_path).collect()
    }

    /// The options with the first of the choices.
    pub fn first_choice(&self) -> TrainOptions {
        self.with(self.candidates()[0])
    }

    /// The first of the choices, by the options that were left open.
    pub fn first_words(&self) -> String {
        self.candidates()[0].words(self.auto)
    }

    /// The options with one of the choices.
    pub fn with(&self, candidate: Candidate) -> TrainOptions {
        let mut options = TrainOptions { auto: Auto::default(), ..self.clone() };
        options.model.instance_norm = candidate.instance_norm;
        options.model.linear_path = candidate.linear_path;
        options
    }

    /// The epochs that candidates train side by side, 1 or more.
    pub fn trial_epochs(&self, dataset: &Dataset) -> usize {
        let steps = dataset.train.len().div_ceil(self.batch.max(1)).max(1);
        let most = (self.length(dataset.train.len()).epochs as f64 * MOST_OF_RUN).ceil() as usize;
        TRIAL_STEPS.div_ceil(steps).clamp(1, most.max(1))
    }

    /// A line that says what is yet to be chosen.
    pub fn to_choose(&self) -> Option<Text> {
        let names = [("instance-norm", self.auto.instance_norm), ("linear-path", self.auto.linear_path)];
        let names: Vec<String> = names.iter().filter(|one| one.1).map(|one| format!("‹{}›", one.0)).collect();
        let list: Vec<String> = self.candidates().iter().map(|one| one.words(self.auto)).collect();
        (list.len() > 1).then(|| format!("{} auto: trying {}", names.join(" and "), list.join(", ")).into())
    }
}

impl Candidate {
    /// The options that were left open.
    fn words(&self, auto: Auto) -> String {
        let norm = self.instance_norm.map_or("none".into(), |norm| norm.to_string());
        let path = self.linear_path.to_string();
        match (auto.instance_norm, auto.linear_path) {
            (true, false) => norm,
            (false, _) => path,
            (true, true) => format!("{norm} with linear path {path}"),
        }
    }
}

/// Trains the candidates and chooses one; `None` where the observer interrupted. `make` opens an engine for a program.
///
/// # Errors
/// As [`Plan::new`] for a candidate that does not fit the model, and as [`run_from`].
pub fn choose(
    dataset: &Dataset,
    options: &TrainOptions,
    make: &mut dyn FnMut(&Program) -> Result<Box<dyn Engine>>,
    observer: &mut dyn Observer,
) -> Result<Option<Chosen>> {
    let candidates = options.candidates();
    let groups: Vec<&[Candidate]> = candidates.chunk_by(|a, b| a.linear_path == b.linear_path).collect();
    let trial_epochs = options.trial_epochs(dataset);
    let mut leader = vec![f64::INFINITY; trial_epochs];
    let mut found: Vec<(Candidate, f64, RunState)> = Vec::new();
    for group in groups {
        let plan = Plan::of_candidates(dataset, options, group)?;
        let (mut engine, seeds) = (make(&plan.program)?, options.replicas);
        let state = trial(dataset, &plan, seeds, engine.as_mut(), observer, &mut leader)?;
        let Some(state) = state else { return Ok(None) };
        for (i, candidate) in group.iter().enumerate() {
            let own = own(i, seeds);
            found.push((*candidate, score(&state, &own), state.of_replicas(own)));
        }
    }
    // The first of equals; a candidate that diverged is worse than any.
    let best = (0..found.len()).min_by(|a, b| found[*a].1.total_cmp(&found[*b].1)).unwrap_or(0);
    let scores: Vec<String> =
        found.iter().map(|(one, loss, _)| format!("{} {loss:.5}", one.words(options.auto))).collect();
    let (winner, _, mut state) = found.swap_remove(best);
    let line = format!(
        "{} chosen on validation {}, the best of at most {}: {}",
        winner.words(options.auto),
        options.loss,
        counted(trial_epochs, "epoch"),
        scores.join(", ")
    );
    state.notices = vec![line.into()];
    for (r, replica) in state.replicas.iter().enumerate() {
        if let Some(what) = &replica.diverged {
            state.notices.push(format!("replica {r} (seed {}) stopped: {what}", replica.seed).into());
        }
    }
    state.notices.iter().for_each(|line| observer.notice(line));
    state.history.iter().for_each(|row| observer.epoch(row));
    Ok(Some(Chosen { options: options.with(winner), state }))
}

/// Trains the candidates of one program, `leader` being the best score by epoch so far; `None` where the observer interrupted.
fn trial(
    dataset: &Dataset,
    plan: &Plan,
    seeds: usize,
    engine: &mut dyn Engine,
    observer: &mut dyn Observer,
    leader: &mut [f64],
) -> Result<Option<RunState>> {
    let mut heat = Heat { observer, told: 0, until: 0 };
    let mut state = None;
    for best in leader {
        heat.until += 1;
        let mut now = run_from(dataset, plan, engine, &mut heat, state, None)?.end;
        if heat.observer.interrupted() {
            return Ok(None);
        }
        let scores: Vec<f64> = (0..now.replicas.len() / seeds).map(|i| score(&now, &own(i, seeds))).collect();
        *best = scores.iter().copied().fold(*best, f64::min);
        for (i, _) in scores.iter().enumerate().filter(|(_, score)| **score > FAR_BEHIND * *best) {
            own(i, seeds).for_each(|r| now.replicas[r].active = false);
        }
        let over = now.ended.is_some();
        state = Some(now);
        if over {
            break;
        }
    }
    Ok(state)
}

/// The replicas of a program's i-th candidate.
fn own(i: usize, seeds: usize) -> Range<usize> {
    i * seeds..(i + 1) * seeds
}

/// A candidate's validation loss: the mean over its seeds of their best epochs'. Infinite if one has none that is finite.
fn score(state: &RunState, own: &Range<usize>) -> f64 {
    let best = |r: usize| {
        let told = state.history.iter().map(|row| row.replicas[r].validation_loss).filter(|loss| loss.is_finite());
        told.chain(state.replicas[r].best.map(|best| best.0)).fold(f64::INFINITY, f64::min)
    };
    own.clone().map(best).sum::<f64>() / own.len() as f64
}

/// Stops a run after an epoch.
struct Heat<'a> {
    observer: &'a mut dyn Observer,
    told: usize,
    until: usize,
}

impl Observer for Heat<'_> {
    fn progress(&mut self, progress: &Progress) {
        self.observer.progress(progress);
    }

    fn epoch(&mut self, row: &EpochRow) {
        self.told = row.epoch;
    }

    fn interrupted(&self) -> bool {
        self.told >= self.until || self.observer.interrupted()
    }
}
