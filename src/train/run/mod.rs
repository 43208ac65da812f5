//! The training loop: epochs of steps, validation, early stopping, one engine, R replicas.

pub(super) mod choice;
mod compacting;
mod divergence;
pub mod observer;
pub(super) mod snapshot;
pub mod state;
pub mod step_table;
mod steps;
pub(super) mod trained;

use std::borrow::Cow;
use std::time::Instant;

use super::loss::{link, linked};
use super::options::Regularizer;
use super::plan::{Keep, Plan, fill};
use super::scores::baselines::Ridge;
use super::scores::predict::pass_until;
use super::shrink::Shrink;
use super::weights;
use super::weights::checkpoints::Checkpoints;
use super::weights::header::DeviceHeader;
pub use compacting::run_compacting;
use observer::Observer;
use snapshot::Snapshot;
use state::{Mean, ReplicaRows, RunState};
use trained::{Status, Trained};

use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::Result;
use crate::models::LINEAR_PATH_FUTURE;
use crate::program::Program;
use crate::program::op::InstanceNorm;
use crate::program::tensor::*;

/// Makes an engine for a program.
pub type Make<'a> = dyn FnMut(&Program) -> Result<Box<dyn Engine>> + 'a;

/// Trains the plan's program, which `engine` must have been made for, on the data set that the plan was made of. The kept
/// weights are then in the engine. A run that `observer` interrupts, or that diverges, ends as any other: its
/// [`Status`] says so.
///
/// # Errors
/// [`Error::Checkpoint`](crate::Error::Checkpoint) or [`Error::Io`](crate::Error::Io) of the weights to start from;
/// [`Error::Device`](crate::Error::Device) where the device fails.
pub fn run(dataset: &Dataset, plan: &Plan, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<Trained> {
    run_from(dataset, plan, engine, observer, None, None)
}

/// Continues a run from a state; the result is bit-identical to that of an uninterrupted run. Writes checkpoints if the plan
/// keeps [`Keep::Selected`].
///
/// If a checkpoint cannot be written, a notice says so and the run continues; only for the first it is an error.
pub fn run_from(
    dataset: &Dataset,
    plan: &Plan,
    engine: &mut dyn Engine,
    observer: &mut dyn Observer,
    from: Option<RunState>,
    checkpoints: Option<&mut Checkpoints>,
) -> Result<Trained> {
    let mut run = Run::new(dataset, plan, engine, from)?;
    run.checkpoints = checkpoints;
    run.whole(observer)
}

/// The same up to a step, and no further: then the run is interrupted, and the engine holds the weights of that step.
pub(crate) fn run_until(
    dataset: &Dataset,
    plan: &Plan,
    engine: &mut dyn Engine,
    observer: &mut dyn Observer,
    from: Option<RunState>,
    checkpoints: Option<&mut Checkpoints>,
    step: usize,
) -> Result<Trained> {
    let mut run = Run::new(dataset, plan, engine, from)?;
    run.checkpoints = checkpoints;
    run.until = Some(step);
    run.whole(observer)
}

/// Writes the checkpoint of a run that has not begun, where any is kept.
///
/// # Errors
/// Where it cannot be written, or the device fails.
pub fn begin(dataset: &Dataset, plan: &Plan, engine: &mut dyn Engine, checkpoints: &mut Checkpoints) -> Result<()> {
    let mut run = Run::new(dataset, plan, engine, None)?;
    run.checkpoints = Some(checkpoints).filter(|checkpoints| checkpoints.periodic());
    run.save()
}

/// Fills the engine and writes the tables of as many steps as they hold, from the first epoch that prunes on, or the first;
/// says which of them prune.
pub fn stage(dataset: &Dataset, plan: &Plan, engine: &mut dyn Engine) -> Result<Vec<bool>> {
    let mut run = Run::new(dataset, plan, engine, None)?;
    let epoch = plan.members.iter().filter_map(|own| own.prune.as_ref().map(|prune| prune.warmup)).min().unwrap_or(1);
    let count = plan.program.slots.min(plan.steps_per_epoch);
    let orders: Vec<Vec<u32>> = plan.members.iter().map(|own| run.order(own.member.seed, epoch)).collect();
    let chunk: Vec<&[u32]> = orders.iter().map(|order| &order[..order.len().min(count * plan.options.batch)]).collect();
    run.load(epoch, (epoch - 1) * plan.steps_per_epoch, count, &chunk)
}

struct Run<'a> {
    dataset: &'a Dataset,
    plan: &'a Plan,
    engine: &'a mut dyn Engine,
    state: RunState,
    common: Vec<Option<Snapshot>>,
    checkpoints: Option<&'a mut Checkpoints>,
    /// When this process began to train, and how long others had before.
    started: Instant,
    seconds_before: f64,
    /// Steps between two looks at the observer.
    group: usize,
    /// The step after which it is interrupted.
    until: Option<usize>,
    /// Whether it may end for a smaller network to go on.
    compacts: bool,
}

/// How the epochs of a network end.
enum Ended {
    With(Status),
    /// It has not ended: a smaller one goes on.
    Smaller(Box<Shrink>),
}

/// Why steps were left for later.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pause {
    Interrupted,
    /// A checkpoint is due.
    Due,
}

impl<'a> Run<'a> {
    /// Fills the engine: data, and weights and masks, from where a run stood, or as they start.
    fn new(dataset: &'a Dataset, plan: &'a Plan, engine: &'a mut dyn Engine, from: Option<RunState>) -> Result<Self> {
        fill(dataset, plan.options.loss, engine)?;
        engine.rest(&vec![false; plan.members.len()])?;
        let common = vec![None; plan.members.len()];
        let state = match from {
            Some(mut state) => {
                state.check_for(plan)?;
                let steps = state.step(plan.steps_per_epoch) as u64;
                if state.ended == Some(Status::MaxSteps) && plan.options.max_steps.is_some_and(|max| max > steps) {
                    state.reopen();
                }
                for (r, rows) in std::mem::take(&mut state.rows).into_iter().enumerate() {
                    rows.write(engine, r)?;
                }
                state
            }
            None => {
                start(dataset, plan, engine)?;
                RunState::new(plan.members.iter().map(|own| own.member.seed))
            }
        };
        let seconds_before = state.seconds;
        Ok(Run {
            dataset,
            plan,
            engine,
            state,
            common,
            checkpoints: None,
            started: Instant::now(),
            seconds_before,
            group: 1,
            until: None,
            compacts: false,
        })
    }

    /// Trains from where it stands to its end.
    fn whole(mut self, observer: &mut dyn Observer) -> Result<Trained> {
        match self.epochs(observer)? {
            Ended::With(status) => self.end(status, observer),
            Ended::Smaller(_) => unreachable!("only a run that compacts goes on in a smaller network"),
        }
    }

    /// Trains epochs until the run is over, or a smaller network is to go on.
    fn epochs(&mut self, observer: &mut dyn Observer) -> Result<Ended> {
        let started = self.score_start(observer)?;
        if self.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.periodic()) {
            self.save()?;
        }
        let mut status = self.state.ended.or(started);
        while status.is_none() {
            if !self.plan.trains()
                || self.state.epoch > self.plan.length.epochs
                || self.state.replicas.iter().all(|replica| !replica.active)
            {
                status = Some(Status::Done);
            } else if observer.interrupted() || self.is_far_enough() {
                self.save_or_tell(observer);
                status = Some(Status::Interrupted);
            } else if let Some(smaller) = self.smaller()? {
                return Ok(Ended::Smaller(Box::new(smaller)));
            } else {
                status = self.epoch(observer)?;
            }
        }
        Ok(Ended::With(status.unwrap_or(Status::Done)))
    }

    /// Ends: keeps what is to be kept.
    fn end(mut self, mut status: Status, observer: &mut dyn Observer) -> Result<Trained> {
        if status != Status::Interrupted {
            self.save_or_tell(observer);
        }
        self.state.seconds = self.seconds();
        let (end, last) = match self.plan.keep {
            Keep::Selected => (self.capture()?, Vec::new()),
            Keep::Three { .. } => (self.state.clone_host(), self.snapshots()?),
        };
        self.judge()?;
        if self.state.replicas.iter().all(|replica| replica.diverged.is_some()) {
            status = Status::Diverged;
        }
        self.engine.rest(&vec![false; self.state.replicas.len()])?;
        self.keep(status)?;
        let state = self.state;
        Ok(Trained {
            status,
            windows_per_second: state.windows as f64 / state.step_seconds.max(1e-9),
            replicas: state.replicas,
            common: self.common,
            last,
            history: state.history,
            seconds: end.seconds,
            end,
            notices: state.notices,
        })
    }

    /// Whether it stands at the step after which it is interrupted.
    fn is_far_enough(&self) -> bool {
        self.until.is_some_and(|step| self.state.step(self.plan.steps_per_epoch) >= step)
    }

    /// Wall seconds of the run so far.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Where the run stands, with the rows of the device.
    fn capture(&mut self) -> Result<RunState> {
        self.state.seconds = self.seconds();
        let rows = (0..self.state.replicas.len()).map(|r| ReplicaRows::read(self.engine, r)).collect::<Result<_>>()?;
        Ok(RunState { rows, ..self.state.clone() })
    }

    /// Writes a checkpoint, where any are kept, unless the newest one stands here.
    fn save(&mut self) -> Result<()> {
        if self.checkpoints.as_ref().is_none_or(|checkpoints| checkpoints.stands(&self.state)) {
            return Ok(());
        }
        let state = self.capture()?;
        let Some(checkpoints) = &mut self.checkpoints else { return Ok(()) };
        checkpoints.save(self.dataset, self.plan, &DeviceHeader::of(self.engine), &state)
    }

    /// The same, where a failure costs no more than the checkpoint.
    fn save_or_tell(&mut self, observer: &mut dyn Observer) {
        if let Err(error) = self.save() {
            observer.notice(&format!("no checkpoint was written; the one before is whole: {error}").into());
        }
    }

    /// Trains and validates one epoch, or what is left of it; says why if the run must end. An interrupted epoch leaves no
    /// row.
    fn epoch(&mut self, observer: &mut dyn Observer) -> Result<Option<Status>> {
        let (started, seconds_before) = (Instant::now(), self.state.epoch_seconds);
        let seconds = || seconds_before + started.elapsed().as_secs_f64();
        let (slots, batch) = (self.plan.program.slots, self.plan.options.batch);
        let (epoch, all) = (self.state.epoch, self.plan.steps_per_epoch);
        let seeds: Vec<u32> = self.state.replicas.iter().map(|replica| replica.seed).collect();
        let orders: Vec<Vec<u32>> = seeds.into_iter().map(|seed| self.order(seed, epoch)).collect();
        for replica in self.state.replicas.iter_mut().filter(|replica| replica.active) {
            replica.epochs = epoch;
        }
        let trained: Vec<bool> = self.state.replicas.iter().map(|replica| replica.epochs == epoch).collect();
        self.engine.rest(&trained.iter().map(|trained| !trained).collect::<Vec<_>>())?;
        let first_step = (epoch - 1) * all;
        let mut ended = None;
        while self.state.done < all && ended.is_none() && self.state.replicas.iter().any(|replica| replica.active) {
            let done = self.state.done;
            // Divergence is looked for where the tables end, so they end at the same steps however often a run stops.
            let mut table = all.min((done / slots + 1) * slots);
            if let Some(max) = self.plan.options.max_steps {
                table = table.min((max as usize).saturating_sub(first_step)).max(done);
            }
            let end = self.until.map_or(table, |step| table.min(step.saturating_sub(first_step)).max(done));
            let chunk: Vec<&[u32]> =
                orders.iter().map(|order| &order[done * batch..order.len().min(end * batch)]).collect();
            let (ran, pause) = self.steps(epoch, first_step + done, end - done, &chunk, observer)?;
            self.collect(first_step + done, ran, &chunk)?;
            self.state.done += ran;
            self.state.epoch_seconds = seconds();
            if self.state.done == table {
                self.judge()?;
            }
            if pause.is_some() {
                self.save_or_tell(observer);
            }
            if pause == Some(Pause::Interrupted) {
                return Ok(Some(Status::Interrupted));
            }
            if self.plan.options.max_steps == Some((first_step + self.state.done) as u64) {
                ended = Some(Status::MaxSteps);
            } else if self.state.done < all && self.is_far_enough() {
                self.save_or_tell(observer);
                return Ok(Some(Status::Interrupted));
            }
        }
        let windows = &self.dataset.validation;
        let stop = || observer.interrupted();
        let Some(forecasts) = pass_until(self.engine, self.plan, &trained, windows, None, &stop)? else {
            self.save_or_tell(observer);
            return Ok(Some(Status::Interrupted));
        };
        let row = self.validate(seconds(), &trained, &forecasts)?;
        observer.epoch(&row);
        self.state.history.push(row);
        self.state.ended = ended;
        if ended.is_none() {
            (self.state.epoch, self.state.done) = (epoch + 1, 0);
            self.state.losses.fill(Mean::default());
            self.state.epoch_seconds = 0.0;
        }
        Ok(ended)
    }
}

/// Each replica's weights, state and mask as they start.
fn start(dataset: &Dataset, plan: &Plan, engine: &mut dyn Engine) -> Result<()> {
    let (options, layout, state) = (&plan.options, &plan.program.params, &plan.program.state);
    let loaded = options.init.as_ref().map(|file| weights::load(file, &options.model, layout, state)).transpose()?;
    let mask = layout.full_mask();
    let ridge = options.model.ridge_weights().filter(|_| loaded.is_none());
    // The map is one of what the network reads.
    let linked = match (dataset.resolved.bounds.map(link), ridge) {
        (Some(link), Some(_)) => Cow::Owned(linked(dataset, link)),
        _ => Cow::Borrowed(dataset),
    };
    let mut fitted: Vec<(Option<InstanceNorm>, Ridge)> = Vec::new();
    for (r, own) in plan.members.iter().enumerate() {
        let (mut params, state) = loaded.clone().unwrap_or_else(|| (layout.initial(own.member.seed), state.initial()));
        if let Some(names) = ridge {
            let norm = own.instance_norm;
            let known = fitted.iter().position(|(of, _)| *of == norm).unwrap_or_else(|| {
                fitted.push((norm, Ridge::of_norm(&linked, norm)));
                fitted.len() - 1
            });
            let (weight, bias) = fitted[known].1.layer(dataset.lookback);
            for (name, values) in [(names.0, &weight), (names.1, &bias)] {
                let offset = layout.get(name).expect("the model declares it").offset;
                params[offset..][..values.len()].copy_from_slice(values);
            }
            if let Some(weight) = layout.get(LINEAR_PATH_FUTURE.0) {
                let own = fitted[known].1.future_layer();
                params[weight.range()].chunks_exact_mut(own.len()).for_each(|target| target.copy_from_slice(&own));
                params[layout.get(LINEAR_PATH_FUTURE.1).expect("beside the weight").range()].fill(0.0);
            }
        }
        engine.write_f32(PARAMS, r, &params)?;
        engine.write_f32(STATE, r, &state)?;
        engine.write_u32(MASK, r, &mask)?;
    }
    Ok(())
}

/// The passes to average at the final scoring.
pub fn mc_passes(plan: &Plan) -> Option<usize> {
    plan.options.regularizers.has(Regularizer::McDropout).then_some(plan.options.mc_passes)
}
