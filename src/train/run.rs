//! The training loop: epochs of steps, validation, early stopping, one engine, R replicas.

use std::time::Instant;

use super::divergence::first_non_finite;
use super::observer::{EpochRow, Observer, Progress, ReplicaEpoch};
use super::options::{Regularizer, Select};
use super::plan::{Keep, Plan};
use super::predict::{mean_loss, pass_until};
use super::snapshot::{KEPT, Snapshot};
use super::step_table;
use super::trained::{Replica, Status, Trained};
use super::weights;
use crate::data::Dataset;
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::program::tensor::*;
use crate::program::{List, TensorId, rng};

/// Wall seconds between two looks at the observer, about.
const GROUP_SECONDS: f64 = 0.1;

/// Trains the plan's program, which `engine` must have been made for.
pub fn run(dataset: &Dataset, plan: &Plan, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<Trained> {
    let mut run = Run::new(dataset, plan, engine)?;
    let started = Instant::now();
    let mut status = Status::Done;
    for epoch in 1..=plan.options.epochs {
        let ended = if observer.interrupted() { Some(Status::Interrupted) } else { run.epoch(epoch, observer)? };
        if let Some(ended) = ended {
            status = ended;
            break;
        }
        if run.replicas.iter().all(|replica| !replica.active) {
            break;
        }
    }
    if run.replicas.iter().all(|replica| replica.diverged.is_some()) {
        status = Status::Diverged;
    }
    let last_params = run.rows(PARAMS)?;
    let last_state = run.rows(STATE)?;
    let last = if plan.keep == Keep::Selected { Vec::new() } else { run.snapshots()? };
    run.engine.rest(&vec![false; run.replicas.len()])?;
    run.keep(status)?;
    Ok(Trained {
        status,
        windows_per_second: run.windows as f64 / run.step_seconds.max(1e-9),
        replicas: run.replicas,
        common: run.common,
        last,
        history: run.history,
        last_params,
        last_state,
        seconds: started.elapsed().as_secs_f64(),
        notices: run.notices,
    })
}

/// Fills the engine and writes the tables of as many steps as they hold, from the first epoch that prunes on, or the first;
/// tells which of them prune.
pub fn stage(dataset: &Dataset, plan: &Plan, engine: &mut dyn Engine) -> Result<Vec<bool>> {
    let mut run = Run::new(dataset, plan, engine)?;
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
    replicas: Vec<Replica>,
    common: Vec<Option<Snapshot>>,
    history: Vec<EpochRow>,
    notices: Vec<String>,
    /// Training windows seen by all replicas, and the seconds that took.
    windows: u64,
    step_seconds: f64,
    /// Steps between two looks at the observer.
    group: usize,
}

impl<'a> Run<'a> {
    /// Fills the engine: data, initial weights, full masks.
    fn new(dataset: &'a Dataset, plan: &'a Plan, engine: &'a mut dyn Engine) -> Result<Self> {
        let options = &plan.options;
        let layout = &plan.program.params;
        engine.write_f32(SERIES, 0, &dataset.values)?;
        engine.write_f32(OBSERVED, 0, &dataset.observed)?;
        let state = &plan.program.state;
        let loaded =
            options.init.as_ref().map(|file| weights::load(file, &options.model, layout, state)).transpose()?;
        let mask = layout.full_mask();
        let mut replicas = Vec::new();
        engine.rest(&vec![false; plan.members.len()])?;
        for (r, own) in plan.members.iter().enumerate() {
            let seed = own.member.seed;
            let (params, state) = loaded.clone().unwrap_or_else(|| (layout.initial(seed), state.initial()));
            engine.write_f32(PARAMS, r, &params)?;
            engine.write_f32(STATE, r, &state)?;
            engine.write_u32(MASK, r, &mask)?;
            let (pruned, waited, epochs, steps) = (0, 0, 0, 0);
            let (best, diverged, kept, settled) = (None, None, None, false);
            replicas.push(Replica { seed, active: true, pruned, best, waited, settled, epochs, steps, diverged, kept });
        }
        let (history, notices) = (Vec::new(), Vec::new());
        let common = vec![None; replicas.len()];
        Ok(Run { dataset, plan, engine, replicas, common, history, notices, windows: 0, step_seconds: 0.0, group: 1 })
    }

    /// Every replica's row of a tensor.
    fn rows(&mut self, tensor: TensorId) -> Result<Vec<Vec<f32>>> {
        (0..self.replicas.len()).map(|r| self.engine.read_f32(tensor, r)).collect()
    }

    /// Trains and validates one epoch; says why if the run must end. An interrupted epoch leaves no row.
    fn epoch(&mut self, epoch: usize, observer: &mut dyn Observer) -> Result<Option<Status>> {
        let started = Instant::now();
        let (slots, batch) = (self.plan.program.slots, self.plan.options.batch);
        let orders: Vec<Vec<u32>> = self.replicas.iter().map(|replica| self.order(replica.seed, epoch)).collect();
        let trained: Vec<bool> = self.replicas.iter().map(|replica| replica.active).collect();
        self.engine.rest(&trained.iter().map(|active| !active).collect::<Vec<_>>())?;
        let mut losses = vec![Mean::default(); self.replicas.len()];
        let first_step = (epoch - 1) * self.plan.steps_per_epoch;
        let mut done = 0;
        let mut ended = None;
        for replica in self.replicas.iter_mut().filter(|replica| replica.active) {
            replica.epochs = epoch;
        }
        while done < self.plan.steps_per_epoch && ended.is_none() {
            let mut count = slots.min(self.plan.steps_per_epoch - done);
            if let Some(max) = self.plan.options.max_steps {
                count = count.min((max as usize).saturating_sub(first_step + done));
            }
            let chunk: Vec<&[u32]> =
                orders.iter().map(|order| &order[done * batch..order.len().min((done + count) * batch)]).collect();
            let (ran, stop) = self.steps(epoch, first_step + done, count, &chunk, observer)?;
            self.collect(first_step + done, ran, &chunk, &mut losses)?;
            done += ran;
            ended = stop;
            if self.plan.options.max_steps == Some((first_step + done) as u64) {
                ended = ended.or(Some(Status::MaxSteps));
            }
            if self.replicas.iter().all(|replica| !replica.active) {
                break;
            }
        }
        if ended == Some(Status::Interrupted) {
            return Ok(ended);
        }
        let windows = &self.dataset.validation;
        let stop = || observer.interrupted();
        let Some(forecasts) = pass_until(self.engine, self.plan, &trained, windows, None, &stop)? else {
            return Ok(Some(Status::Interrupted));
        };
        let row = self.validate(epoch, first_step + done, started, &losses, &trained, &forecasts)?;
        observer.epoch(&row);
        self.history.push(row);
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
    ) -> Result<(usize, Option<Status>)> {
        let due = self.load(epoch, before, count, chunk)?;
        let steps = self.plan.options.epochs * self.plan.steps_per_epoch;
        let steps = self.plan.options.max_steps.map_or(steps, |max| steps.min(max as usize));
        let mut ran = 0;
        while ran < count {
            let group = self.group.min(count - ran);
            let started = Instant::now();
            let mut passes = Vec::new();
            for (slot, due) in due.iter().enumerate().skip(ran).take(group) {
                let lists = List::STEP.into_iter().filter(|list| *list != List::Prune || *due);
                passes.extend(lists.map(|list| Pass { list, slot }));
            }
            self.engine.run(&passes)?;
            ran += group;
            let seconds = started.elapsed().as_secs_f64();
            self.step_seconds += seconds;
            if seconds < GROUP_SECONDS / 2.0 {
                self.group = (self.group * 2).min(self.plan.program.slots);
            } else if seconds > GROUP_SECONDS * 2.0 {
                self.group = (self.group / 2).max(1);
            }
            observer.progress(&Progress { epoch, epochs: self.plan.options.epochs, step: before + ran, steps });
            if observer.interrupted() {
                return Ok((ran, Some(Status::Interrupted)));
            }
        }
        Ok((ran, None))
    }

    /// Writes the tables of `count` steps after `before`; which of them prune.
    fn load(&mut self, epoch: usize, before: usize, count: usize, chunk: &[&[u32]]) -> Result<Vec<bool>> {
        let batch = self.plan.options.batch;
        let mut due = vec![false; count];
        for (r, windows) in chunk.iter().enumerate() {
            let replica = &mut self.replicas[r];
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

    /// After `ran` steps: adds their losses, counts what was pruned, and stops replicas that diverged.
    fn collect(&mut self, before: usize, ran: usize, chunk: &[&[u32]], losses: &mut [Mean]) -> Result<()> {
        let waiting = Instant::now();
        let batch = self.plan.options.batch;
        let epoch = before / self.plan.steps_per_epoch + 1;
        for (r, windows) in chunk.iter().enumerate() {
            if !self.replicas[r].active {
                continue;
            }
            let values = self.engine.read_f32(LOSSES, r)?;
            let noted = self.engine.read_u32(STATUS, r)?;
            let replica = &mut self.replicas[r];
            replica.steps = before + ran;
            for (slot, windows) in windows.chunks(batch).enumerate().take(ran) {
                losses[r].add(values[slot] as f64, step_table::target_count(self.dataset, windows));
                self.windows += windows.len() as u64;
                if let Some(plan) = &self.plan.members[r].prune
                    && plan.due(epoch, before + slot + 1)
                {
                    replica.pruned = plan.pruned_after(epoch, before + slot + 1, replica.pruned);
                }
            }
            let bad_loss =
                (0..ran).find(|&slot| !values[slot].is_finite()).map(|slot| (before + slot + 1, values[slot]));
            if let Some(what) = first_non_finite(&self.plan.program.params, bad_loss, &noted) {
                let line = format!("replica {r} (seed {}) stopped: {what}", replica.seed);
                replica.active = false;
                replica.diverged = Some(what);
                self.notices.push(line);
            }
        }
        self.step_seconds += waiting.elapsed().as_secs_f64();
        Ok(())
    }

    /// Scores the validation windows; keeps the best weights and stops replicas whose patience is spent.
    fn validate(
        &mut self,
        epoch: usize,
        step: usize,
        started: Instant,
        losses: &[Mean],
        trained: &[bool],
        forecasts: &[Vec<f32>],
    ) -> Result<EpochRow> {
        let options = &self.plan.options;
        let mut rows = Vec::new();
        for (r, forecasts) in forecasts.iter().enumerate() {
            let replica = &mut self.replicas[r];
            let sparsity = replica.pruned as f64 / self.plan.program.params.prunable() as f64;
            if !trained[r] {
                let last = self.history.last().map(|row| row.replicas[r].clone());
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
                train_loss: losses[r].value(),
                validation_loss,
                sparsity,
                best,
                active: replica.active,
            });
        }
        let lr = self.plan.members.first().map_or(options.lr, |first| first.lr.at(step.max(1)).0);
        Ok(EpochRow { epoch, step, lr, seconds: started.elapsed().as_secs_f64(), replicas: rows })
    }

    /// Every replica's weights as they stand.
    fn snapshots(&mut self) -> Result<Vec<Snapshot>> {
        let loss = |r: usize| self.history.last().map_or(f64::NAN, |row| row.replicas[r].validation_loss);
        let losses: Vec<f64> = (0..self.replicas.len()).map(loss).collect();
        let epochs = self.replicas.iter().map(|replica| replica.epochs);
        epochs.zip(losses).enumerate().map(|(r, (epoch, loss))| Snapshot::take(self.engine, r, epoch, loss)).collect()
    }

    /// Puts the weights to keep into [`PARAMS`]: the best epoch's, or the last ones where the run was cut short.
    fn keep(&mut self, status: Status) -> Result<()> {
        let whole = matches!(status, Status::Done | Status::Diverged) && self.plan.options.max_steps.is_none();
        for (r, replica) in self.replicas.iter_mut().enumerate() {
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
                self.notices.push(format!(
                    "replica {r} reached sparsity {:.4} of {:.4} and keeps its last weights",
                    share(replica.pruned),
                    share(plan.full())
                ));
            }
        }
        Ok(())
    }
}

/// The passes to average at the final scoring.
pub fn mc_passes(plan: &Plan) -> Option<usize> {
    plan.options.regularizers.has(Regularizer::McDropout).then_some(plan.options.mc_passes)
}

/// A weighted mean.
#[derive(Debug, Clone, Default)]
struct Mean {
    sum: f64,
    weight: u64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: u64) {
        self.sum += if weight == 0 { 0.0 } else { value * weight as f64 };
        self.weight += weight;
    }

    fn value(&self) -> f64 {
        self.sum / self.weight as f64
    }
}
