//! The training loop: epochs of steps, validation, early stopping, one engine, R replicas.

use std::time::Instant;

use super::checkpoints::Checkpoints;
use super::divergence::first_non_finite;
use super::header::DeviceHeader;
use super::observer::{EpochRow, Observer, Progress, ReplicaEpoch};
use super::options::{Regularizer, Select};
use super::plan::{Keep, Plan};
use super::predict::{mean_loss, pass_until};
use super::snapshot::{KEPT, Snapshot};
use super::state::{Mean, ReplicaRows, RunState};
use super::step_table;
use super::trained::{Status, Trained};
use super::weights;
use crate::data::Dataset;
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::program::tensor::*;
use crate::program::{List, rng};

/// Wall seconds between two looks at the observer, about.
const GROUP_SECONDS: f64 = 0.1;

/// Trains the plan's program, which `engine` must have been made for.
pub fn run(dataset: &Dataset, plan: &Plan, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<Trained> {
    run_from(dataset, plan, engine, observer, None, None)
}

/// The same, from where a run stood, to the bits of the run that never stopped; and with checkpoints on the way, of a plan
/// that keeps [`Keep::Selected`].
///
/// A checkpoint that cannot be written is told as a notice, and the run goes on; but for the first, which is an error.
pub fn run_from(
    dataset: &Dataset,
    plan: &Plan,
    engine: &mut dyn Engine,
    observer: &mut dyn Observer,
    from: Option<RunState>,
    checkpoints: Option<&mut Checkpoints>,
) -> Result<Trained> {
    let fresh = from.is_none();
    let mut run = Run::new(dataset, plan, engine, from)?;
    run.checkpoints = checkpoints;
    if fresh && run.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.periodic()) {
        run.save()?;
    }
    let mut status = run.state.ended;
    while status.is_none() {
        if run.state.epoch > plan.options.epochs || run.state.replicas.iter().all(|replica| !replica.active) {
            status = Some(Status::Done);
        } else if observer.interrupted() {
            run.save_or_tell(observer);
            status = Some(Status::Interrupted);
        } else {
            status = run.epoch(observer)?;
        }
    }
    let mut status = status.unwrap_or(Status::Done);
    if status != Status::Interrupted {
        run.save_or_tell(observer);
    }
    run.state.seconds = run.seconds();
    let (end, last) = match plan.keep {
        Keep::Selected => (run.capture()?, Vec::new()),
        Keep::Three { .. } => (run.state.clone_host(), run.snapshots()?),
    };
    run.judge()?;
    if run.state.replicas.iter().all(|replica| replica.diverged.is_some()) {
        status = Status::Diverged;
    }
    run.engine.rest(&vec![false; run.state.replicas.len()])?;
    run.keep(status)?;
    let state = run.state;
    Ok(Trained {
        status,
        windows_per_second: state.windows as f64 / state.step_seconds.max(1e-9),
        replicas: state.replicas,
        common: run.common,
        last,
        history: state.history,
        seconds: end.seconds,
        end,
        notices: state.notices,
    })
}

/// Fills the engine and writes the tables of as many steps as they hold, from the first epoch that prunes on, or the first;
/// tells which of them prune.
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
    /// Where the newest checkpoint stands: epoch, steps done, rows of history.
    saved: Option<(usize, usize, usize)>,
    /// When this process began to train, and how long others had before.
    started: Instant,
    seconds_before: f64,
    /// Steps between two looks at the observer.
    group: usize,
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
        engine.write_f32(SERIES, 0, &dataset.values)?;
        engine.write_f32(OBSERVED, 0, &dataset.observed)?;
        engine.rest(&vec![false; plan.members.len()])?;
        let common = vec![None; plan.members.len()];
        let saved = from.as_ref().map(RunState::position);
        let state = match from {
            Some(mut state) => {
                for (r, rows) in std::mem::take(&mut state.rows).into_iter().enumerate() {
                    rows.write(engine, r)?;
                }
                state
            }
            None => {
                start(plan, engine)?;
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
            saved,
            started: Instant::now(),
            seconds_before,
            group: 1,
        })
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
        if self.checkpoints.is_none() || self.saved == Some(self.state.position()) {
            return Ok(());
        }
        let state = self.capture()?;
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.save(self.dataset, self.plan, &DeviceHeader::of(self.engine), &state)?;
            self.saved = Some(state.position());
        }
        Ok(())
    }

    /// The same, where a failure costs no more than the checkpoint.
    fn save_or_tell(&mut self, observer: &mut dyn Observer) {
        if let Err(error) = self.save() {
            observer.notice(&format!("no checkpoint was written; the one before is whole: {error}"));
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
            let mut end = all.min((done / slots + 1) * slots);
            if let Some(max) = self.plan.options.max_steps {
                end = end.min((max as usize).saturating_sub(first_step)).max(done);
            }
            let chunk: Vec<&[u32]> =
                orders.iter().map(|order| &order[done * batch..order.len().min(end * batch)]).collect();
            let (ran, pause) = self.steps(epoch, first_step + done, end - done, &chunk, observer)?;
            self.collect(first_step + done, ran, &chunk)?;
            self.state.done += ran;
            self.state.epoch_seconds = seconds();
            if self.state.done == end {
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

    /// A replica's windows in the order of an epoch.
    fn order(&self, seed: u32, epoch: usize) -> Vec<u32> {
        let mut order = self.dataset.train.clone();
        if self.plan.options.shuffle {
            rng::shuffle(&mut order, seed, rng::site("shuffle"), epoch as u32);
        }
        order
    }

    /// Runs `count` steps after `before` from the tables; how many were run, and why no more.
    fn steps(
        &mut self,
        epoch: usize,
        before: usize,
        count: usize,
        chunk: &[&[u32]],
        observer: &mut dyn Observer,
    ) -> Result<(usize, Option<Pause>)> {
        let due = self.load(epoch, before, count, chunk)?;
        let steps = self.plan.options.epochs * self.plan.steps_per_epoch;
        let steps = self.plan.options.max_steps.map_or(steps, |max| steps.min(max as usize));
        let mut ran = 0;
        while ran < count {
            let until_due = self.checkpoints.as_ref().map_or(usize::MAX, |all| all.steps_until_due(before + ran));
            let group = self.group.min(count - ran).min(until_due);
            let started = Instant::now();
            let mut passes = Vec::new();
            for (slot, due) in due.iter().enumerate().skip(ran).take(group) {
                let lists = List::STEP.into_iter().filter(|list| *list != List::Prune || *due);
                passes.extend(lists.map(|list| Pass { list, slot }));
            }
            self.engine.run(&passes)?;
            ran += group;
            let seconds = started.elapsed().as_secs_f64();
            self.state.step_seconds += seconds;
            if seconds < GROUP_SECONDS / 2.0 {
                self.group = (self.group * 2).min(self.plan.program.slots);
            } else if seconds > GROUP_SECONDS * 2.0 {
                self.group = (self.group / 2).max(1);
            }
            observer.progress(&Progress { epoch, epochs: self.plan.options.epochs, step: before + ran, steps });
            if observer.interrupted() {
                return Ok((ran, Some(Pause::Interrupted)));
            }
            if self.checkpoints.as_ref().is_some_and(|all| all.due(before + ran)) {
                return Ok((ran, Some(Pause::Due)));
            }
        }
        Ok((ran, None))
    }

    /// Writes the tables of `count` steps after `before`; which of them prune.
    fn load(&mut self, epoch: usize, before: usize, count: usize, chunk: &[&[u32]]) -> Result<Vec<bool>> {
        let batch = self.plan.options.batch;
        let mut due = vec![false; count];
        for (r, windows) in chunk.iter().enumerate() {
            let replica = &self.state.replicas[r];
            let mut pruned = replica.pruned;
            let mut rows = Vec::with_capacity(count);
            for (slot, windows) in windows.chunks(batch).enumerate().take(count) {
                let step = before + slot + 1;
                let mut prune_count = 0;
                if let Some(plan) = &self.plan.members[r].prune
                    && replica.active
                    && plan.due(epoch, step)
                {
                    let after = plan.pruned_after(epoch, step, pruned);
                    prune_count = after - pruned;
                    pruned = after;
                    due[slot] |= prune_count > 0;
                }
                let (dataset, active) = (self.dataset, replica.active);
                rows.push(step_table::training_step(self.plan, dataset, r, active, step, prune_count, windows));
            }
            step_table::write(self.engine, r, windows, &rows)?;
        }
        Ok(due)
    }

    /// After `ran` steps: adds their losses, counts what was pruned, and notes the first loss that is not finite.
    fn collect(&mut self, before: usize, ran: usize, chunk: &[&[u32]]) -> Result<()> {
        let waiting = Instant::now();
        let batch = self.plan.options.batch;
        let epoch = before / self.plan.steps_per_epoch + 1;
        let state = &mut self.state;
        for (r, windows) in chunk.iter().enumerate() {
            if !state.replicas[r].active {
                continue;
            }
            let values = self.engine.read_f32(LOSSES, r)?;
            let replica = &mut state.replicas[r];
            replica.steps = before + ran;
            for (slot, windows) in windows.chunks(batch).enumerate().take(ran) {
                state.losses[r].add(values[slot] as f64, step_table::target_count(self.dataset, windows));
                state.windows += windows.len() as u64;
                if let Some(plan) = &self.plan.members[r].prune
                    && plan.due(epoch, before + slot + 1)
                {
                    replica.pruned = plan.pruned_after(epoch, before + slot + 1, replica.pruned);
                }
            }
            let bad = (0..ran).find(|&slot| !values[slot].is_finite());
            let bad = bad.map(|slot| (before + slot + 1, values[slot].to_bits()));
            state.bad_losses[r] = state.bad_losses[r].or(bad);
        }
        state.step_seconds += waiting.elapsed().as_secs_f64();
        Ok(())
    }

    /// Stops replicas that diverged.
    fn judge(&mut self) -> Result<()> {
        let state = &mut self.state;
        for (r, replica) in state.replicas.iter_mut().enumerate().filter(|(_, replica)| replica.active) {
            let noted = self.engine.read_u32(STATUS, r)?;
            let bad_loss = state.bad_losses[r].take().map(|(step, bits)| (step, f32::from_bits(bits)));
            if let Some(what) = first_non_finite(&self.plan.program.params, bad_loss, &noted) {
                state.notices.push(format!("replica {r} (seed {}) stopped: {what}", replica.seed));
                replica.active = false;
                replica.diverged = Some(what);
            }
        }
        Ok(())
    }

    /// Scores the validation windows; keeps the best weights and stops replicas whose patience is spent.
    fn validate(&mut self, seconds: f64, trained: &[bool], forecasts: &[Vec<f32>]) -> Result<EpochRow> {
        let options = &self.plan.options;
        let (epoch, step) = (self.state.epoch, self.state.step(self.plan.steps_per_epoch));
        let mut rows = Vec::new();
        for (r, forecasts) in forecasts.iter().enumerate() {
            let replica = &mut self.state.replicas[r];
            let sparsity = replica.pruned as f64 / self.plan.program.params.prunable() as f64;
            if !trained[r] {
                let last = self.state.history.last().map(|row| row.replicas[r].clone());
                rows.extend(last.map(|row| ReplicaEpoch { best: false, active: false, ..row }));
                continue;
            }
            let validation_loss = mean_loss(options.loss, self.dataset, &self.dataset.validation, forecasts);
            let counts = self.plan.members[r].full(replica.pruned);
            let mut best = false;
            if let Keep::Three { common_from } = self.plan.keep
                && replica.active
                && epoch >= common_from
                && validation_loss.is_finite()
                && self.common[r].as_ref().is_none_or(|best| validation_loss < best.validation_loss)
            {
                self.common[r] = Some(Snapshot::take(self.engine, r, epoch, validation_loss)?);
            }
            if replica.active && !replica.settled && counts && validation_loss.is_finite() {
                best = replica.best.is_none_or(|(loss, _)| validation_loss < loss);
                if best {
                    replica.best = Some((validation_loss, epoch));
                    replica.waited = 0;
                    KEPT.iter().try_for_each(|(now, best)| self.engine.copy(*now, *best, r))?;
                } else {
                    replica.waited += 1;
                    // A run of a given number of steps takes them all.
                    let patient = options.patience == 0 || options.max_steps.is_some();
                    replica.settled = !patient && replica.waited >= options.patience;
                    replica.active = !replica.settled || self.plan.keep != Keep::Selected;
                }
            }
            rows.push(ReplicaEpoch {
                train_loss: self.state.losses[r].value(),
                validation_loss,
                sparsity,
                best,
                active: replica.active,
            });
        }
        let lr = self.plan.members.first().map_or(options.lr, |first| first.lr.at(step.max(1)).0);
        Ok(EpochRow { epoch, step, lr, seconds, replicas: rows })
    }

    /// Every replica's weights as they stand.
    fn snapshots(&mut self) -> Result<Vec<Snapshot>> {
        let loss = |r: usize| self.state.history.last().map_or(f64::NAN, |row| row.replicas[r].validation_loss);
        let losses: Vec<f64> = (0..self.state.replicas.len()).map(loss).collect();
        let epochs: Vec<usize> = self.state.replicas.iter().map(|replica| replica.epochs).collect();
        epochs
            .into_iter()
            .zip(losses)
            .enumerate()
            .map(|(r, (epoch, loss))| Snapshot::take(self.engine, r, epoch, loss))
            .collect()
    }

    /// Puts the weights to keep into [`PARAMS`]: the best epoch's, or the last ones where the run was cut short.
    fn keep(&mut self, status: Status) -> Result<()> {
        let whole = matches!(status, Status::Done | Status::Diverged) && self.plan.options.max_steps.is_none();
        for (r, replica) in self.state.replicas.iter_mut().enumerate() {
            match replica.best {
                Some((_, epoch)) if whole && self.plan.options.select == Select::Best => {
                    KEPT.iter().try_for_each(|(now, best)| self.engine.copy(*best, *now, r))?;
                    replica.kept = Some(epoch);
                }
                _ => {}
            }
            if let Some(plan) = &self.plan.members[r].prune
                && replica.pruned < plan.full()
            {
                let share = |count: usize| count as f64 / plan.prunable as f64;
                self.state.notices.push(format!(
                    "replica {r} reached sparsity {:.4} of {:.4} and keeps its last weights",
                    share(replica.pruned),
                    share(plan.full())
                ));
            }
        }
        Ok(())
    }
}

/// Each replica's weights, state and mask as they start.
fn start(plan: &Plan, engine: &mut dyn Engine) -> Result<()> {
    let (options, layout, state) = (&plan.options, &plan.program.params, &plan.program.state);
    let loaded = options.init.as_ref().map(|file| weights::load(file, &options.model, layout, state)).transpose()?;
    let mask = layout.full_mask();
    for (r, own) in plan.members.iter().enumerate() {
        let (params, state) = loaded.clone().unwrap_or_else(|| (layout.initial(own.member.seed), state.initial()));
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
