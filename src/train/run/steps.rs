//! The steps of an epoch: their tables, their losses, and where numbers stop being finite.

use std::time::Instant;

use super::{Pause, Run};
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::program::tensor::*;
use crate::program::{List, rng};
use crate::train::plan::{Keep, Plan};
use crate::train::run::divergence::first_non_finite;
use crate::train::run::observer::{Observer, Progress};
use crate::train::run::step_table;

/// Wall seconds between two looks at the observer, about.
const GROUP_SECONDS: f64 = 0.1;

impl Run<'_> {
    /// A replica's windows in the order of an epoch.
    pub(super) fn order(&self, seed: u32, epoch: usize) -> Vec<u32> {
        let mut order = self.dataset.train.clone();
        if self.plan.options.shuffle {
            rng::shuffle(&mut order, seed, rng::site("shuffle"), epoch as u32);
        }
        order
    }

    /// Runs `count` steps after `before` from the tables; how many were run, and why no more.
    pub(super) fn steps(
        &mut self,
        epoch: usize,
        before: usize,
        count: usize,
        chunk: &[&[u32]],
        observer: &mut dyn Observer,
    ) -> Result<(usize, Option<Pause>)> {
        let due = self.load(epoch, before, count, chunk)?;
        let steps = self.plan.length.epochs * self.plan.steps_per_epoch;
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
            observer.progress(&Progress { epoch, epochs: self.plan.length.epochs, step: before + ran, steps });
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
    pub(super) fn load(&mut self, epoch: usize, before: usize, count: usize, chunk: &[&[u32]]) -> Result<Vec<bool>> {
        let batch = self.plan.options.batch;
        let mut due = vec![false; count];
        for (r, windows) in chunk.iter().enumerate() {
            let replica = &self.state.replicas[r];
            let mut pruned = replica.pruned;
            let mut rows = Vec::with_capacity(count);
            let layout = &self.plan.program.params;
            let mut counts = step_table::Counts::default();
            for (slot, windows) in windows.chunks(batch).enumerate().take(count) {
                let step = before + slot + 1;
                let mut prune_count = 0;
                if let Some(plan) = &self.plan.members[r].prune
                    && replica.active
                    && plan.due(epoch, step)
                {
                    let after = plan.pruned_after(epoch, step, pruned);
                    // Of units all that have fallen so far and are there, of weights those that fall now.
                    let so_far = if layout.units.is_empty() { pruned } else { self.plan.gone() };
                    prune_count = if after > pruned { after - so_far } else { 0 };
                    let more = step_table::regrown(layout, after, pruned, plan.regrown(step, plan.prunable - after));
                    prune_count += more.iter().map(|count| *count as usize).sum::<usize>();
                    if prune_count > 0 {
                        counts.add(slot, step_table::shares(self.plan, after, so_far), more);
                    }
                    pruned = after;
                    due[slot] |= prune_count > 0;
                }
                let (dataset, active) = (self.dataset, replica.active);
                rows.push(step_table::training_step(self.plan, dataset, r, active, step, prune_count, windows));
            }
            step_table::write(self.engine, r, windows, &rows)?;
            counts.write(self.engine, r)?;
        }
        Ok(due)
    }

    /// After `ran` steps: adds their losses, counts what was pruned, and notes the first loss that is not finite.
    pub(super) fn collect(&mut self, before: usize, ran: usize, chunk: &[&[u32]]) -> Result<()> {
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
                state.losses[r].add(values[slot] as f64, step_table::target_weight(self.dataset, windows));
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
    pub(super) fn judge(&mut self) -> Result<()> {
        let state = &mut self.state;
        for (r, replica) in state.replicas.iter_mut().enumerate().filter(|(_, replica)| replica.active) {
            let noted = self.engine.read_u32(STATUS, r)?;
            let bad_loss = state.bad_losses[r].take().map(|(step, bits)| (step, f32::from_bits(bits)));
            if let Some(what) = first_non_finite(&self.plan.program, bad_loss, &noted) {
                state.notices.push(format!("replica {r} (seed {}) stopped: {what}", replica.seed).into());
                replica.active = false;
                replica.diverged = Some(what);
                if replica.best.is_none() && replica.before.is_some() && self.plan.keep == Keep::Selected {
                    replica.best = replica.before;
                    replica.pruned = mask_of_best(self.plan, self.engine, r)?;
                }
            }
        }
        Ok(())
    }
}

/// Gives a replica the mask of its best epoch: weights that were pruned later live in it. How many had been pruned.
pub(super) fn mask_of_best(plan: &Plan, engine: &mut dyn Engine, r: usize) -> Result<usize> {
    let layout = &plan.program.params;
    let mask = layout.living(&engine.read_f32(BEST_PARAMS, r)?);
    engine.write_u32(MASK, r, &mask)?;
    Ok(plan.gone() + layout.taken(&mask))
}
