//! What `auto` leaves to the validation rows: the candidates train side by side for the first steps, and the best one's models go
//! on, bit for bit as if they had been trained alone.
//!
//! Candidates of one program are replicas of one run: their step tables say how windows are normalised, and each has the ridge of
//! its own windows to start from. Those of another program, with or without a linear path, train after them. After each heat a
//! candidate that is far behind the best rests. Test rows are not read.

use std::ops::Range;

use super::length::Length;
use super::options::TrainOptions;
use super::plan::Plan;
use super::run::choice::{losses_of, path_alone};
use super::run::observer::{Observer, Progress};
use super::run::state::RunState;
use super::run::{Make, run_until};
use crate::data::{Dataset, counted};
use crate::engine::Engine;
use crate::error::{Result, Text};
use crate::models::{LinearPath, ModelKind};
use crate::program::op::InstanceNorm;

/// The word of an option that is left to the validation rows.
pub const AUTO: &str = "auto";

/// Steps that candidates train side by side: at most so many, and one in so many of the shortest run, which its patience ends.
const TRIAL_STEPS: usize = 100;
const ONE_IN: usize = 6;
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

    /// The steps after which candidates are compared: half of the trial, and all of it.
    pub fn heats(&self, dataset: &Dataset) -> [usize; 2] {
        let windows = dataset.train.len();
        let Length { epochs, patience } = self.length(windows);
        let shortest = if patience == 0 { epochs } else { epochs.min(patience) } * windows.div_ceil(self.batch.max(1));
        let steps = (shortest / ONE_IN).clamp(2, TRIAL_STEPS);
        [steps / 2, steps]
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
/// As [`Plan::new`] for a candidate that does not fit the model, and as [`run_from`](super::run::run_from).
pub fn choose(
    dataset: &Dataset,
    options: &TrainOptions,
    make: &mut Make,
    observer: &mut dyn Observer,
) -> Result<Option<Chosen>> {
    let candidates = options.candidates();
    let groups: Vec<&[Candidate]> = candidates.chunk_by(|a, b| a.linear_path == b.linear_path).collect();
    let mut heats = options.heats(dataset).map(|until| Heat { until, best: f64::INFINITY });
    let mut steps = 0;
    let mut found: Vec<(Candidate, f64, RunState)> = Vec::new();
    for group in groups {
        let plan = Plan::of_candidates(dataset, options, group)?;
        let mut engine = make(&plan.program)?;
        let trial = Trial { dataset, plan: &plan, seeds: options.replicas, engine: engine.as_mut(), observer };
        let Some((state, scores)) = trial.run(&mut heats)? else { return Ok(None) };
        steps = steps.max(state.step(plan.steps_per_epoch));
        for (i, (candidate, score)) in group.iter().zip(scores).enumerate() {
            found.push((*candidate, score, state.of_replicas(own(i, options.replicas))));
        }
    }
    // The first of equals; a candidate that diverged is worse than any.
    let best = (0..found.len()).min_by(|a, b| found[*a].1.total_cmp(&found[*b].1)).unwrap_or(0);
    let scores: Vec<String> =
        found.iter().map(|(one, loss, _)| format!("{} {loss:.5}", one.words(options.auto))).collect();
    let (winner, _, mut state) = found.swap_remove(best);
    let line = format!(
        "{} chosen on validation {} after {}: {}",
        winner.words(options.auto),
        options.loss,
        counted(steps, "step"),
        scores.join(", ")
    );
    state.notices = vec![line.into()];
    let starts_alone = state.replicas[0].best.filter(|best| best.1 == 0 && options.model.kind != ModelKind::Ridge);
    state.notices.extend(starts_alone.map(|best| path_alone(best.0)));
    for (r, replica) in state.replicas.iter().enumerate() {
        if let Some(what) = &replica.diverged {
            state.notices.push(format!("replica {r} (seed {}) stopped: {what}", replica.seed).into());
        }
    }
    state.notices.iter().for_each(|line| observer.notice(line));
    state.history.iter().for_each(|row| observer.epoch(row));
    Ok(Some(Chosen { options: options.with(winner), state }))
}

/// A number of steps after which candidates are compared, and the best one's score then.
struct Heat {
    until: usize,
    best: f64,
}

/// The candidates of one program.
struct Trial<'a> {
    dataset: &'a Dataset,
    plan: &'a Plan,
    /// Replicas of each candidate.
    seeds: usize,
    engine: &'a mut dyn Engine,
    observer: &'a mut dyn Observer,
}

impl Trial<'_> {
    /// Trains them. Where they stand, and each one's score: the mean over its seeds of their best validation losses; `None` where the
    /// observer interrupted.
    fn run(self, heats: &mut [Heat]) -> Result<Option<(RunState, Vec<f64>)>> {
        let Trial { dataset, plan, seeds, engine, observer } = self;
        let mut least = vec![f64::INFINITY; plan.members.len()];
        let mut quiet = Quiet(observer);
        let (mut state, mut scores) = (None, Vec::new());
        for heat in heats {
            let mut now = run_until(dataset, plan, engine, &mut quiet, state, None, heat.until)?.end;
            let Some(losses) = losses(dataset, plan, engine, &quiet, &now)? else { return Ok(None) };
            for (r, least) in least.iter_mut().enumerate() {
                let known = [Some(losses[r]), now.replicas[r].best.map(|best| best.0)];
                *least = known.into_iter().flatten().filter(|loss| loss.is_finite()).fold(*least, f64::min);
            }
            scores = least.chunks_exact(seeds).map(|own| own.iter().sum::<f64>() / seeds as f64).collect();
            heat.best = scores.iter().copied().fold(heat.best, f64::min);
            for (i, _) in scores.iter().enumerate().filter(|(_, score)| **score > FAR_BEHIND * heat.best) {
                now.drop_replicas(own(i, seeds));
            }
            let over = now.ended.is_some();
            state = Some(now);
            if over {
                break;
            }
        }
        Ok(state.map(|state| (state, scores)))
    }
}

/// The validation losses of the replicas that train, as they stand; `None` where the observer interrupted.
fn losses(
    dataset: &Dataset,
    plan: &Plan,
    engine: &mut dyn Engine,
    observer: &Quiet,
    state: &RunState,
) -> Result<Option<Vec<f64>>> {
    if observer.interrupted() {
        return Ok(None);
    }
    // An epoch that is over has told them.
    if let Some(row) = state.history.last().filter(|_| state.done == 0 || state.ended.is_some()) {
        return Ok(Some(row.replicas.iter().map(|replica| replica.validation_loss).collect()));
    }
    let active: Vec<bool> = state.replicas.iter().map(|replica| replica.active).collect();
    losses_of(engine, plan, dataset, &dataset.validation, &active, &|| observer.interrupted())
}

/// The replicas of a program's i-th candidate.
fn own(i: usize, seeds: usize) -> Range<usize> {
    i * seeds..(i + 1) * seeds
}

/// Passes on the steps alone: what is told of epochs is told once a candidate is chosen.
struct Quiet<'a>(&'a mut dyn Observer);

impl Observer for Quiet<'_> {
    fn progress(&mut self, progress: &Progress) {
        self.0.progress(progress);
    }

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}
