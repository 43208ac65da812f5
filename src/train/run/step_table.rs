//! Fills the step table and the windows of a few steps at a time.

use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::Result;
use crate::program::op::InstanceNorm;
use crate::program::scope::shares as shared;
use crate::program::tensor::{NO_WINDOW, STEPS, WINDOWS};
use crate::program::{ParamLayout, ReplicaStep};
use crate::train::member::{Member, MemberPlan};
use crate::train::options::{Regularizer, TrainOptions};
use crate::train::plan::Plan;

/// Marks the steps of Monte Carlo passes, so that none shares draws with a training step.
const MC_STEP: u32 = 1 << 31;

/// A row with a replica's dropout on.
fn dropping(options: &TrainOptions, member: &Member, row: ReplicaStep) -> ReplicaStep {
    let patchtst = &options.model.patchtst;
    ReplicaStep {
        dropout_threshold: ReplicaStep::threshold(member.dropout),
        attention_threshold: ReplicaStep::threshold(patchtst.attention_dropout),
        head_threshold: ReplicaStep::threshold(patchtst.head_dropout),
        ..row
    }
}

/// The row of optimizer step `step` for replica `replica`; `windows` are its batch.
pub fn training_step(
    plan: &Plan,
    dataset: &Dataset,
    replica: usize,
    active: bool,
    step: usize,
    prune_count: usize,
    windows: &[u32],
) -> ReplicaStep {
    let own = &plan.members[replica];
    let member = &own.member;
    let (lr, beta1) = own.lr.at(step);
    let decay = |regularizer| if member.regularizers.has(regularizer) { member.weight_decay } else { 0.0 };
    let row = ReplicaStep {
        active: active as u32,
        inv_target_count: inverse(target_weight(dataset, windows)),
        decay_factor: (1.0 - lr * decay(Regularizer::WeightDecay)) as f32,
        l2: decay(Regularizer::L2) as f32,
        clip_norm: member.clip_grad_norm.unwrap_or(0.0) as f32,
        prune_count: prune_count as u32,
        prune_random: own.random_pruning() as u32,
        instance_norm: InstanceNorm::code(own.instance_norm),
        ..ReplicaStep::adam(member.seed, step as u32, lr, beta1)
    };
    if member.regularizers.drops() { dropping(&plan.options, member, row) } else { row }
}

/// The row of an evaluation step: no dropout, or that of Monte Carlo pass `pass` at batch `batch` of `batches`.
pub fn evaluation_step(options: &TrainOptions, own: &MemberPlan, mc: Option<(usize, usize, usize)>) -> ReplicaStep {
    let instance_norm = InstanceNorm::code(own.instance_norm);
    let row = ReplicaStep { instance_norm, ..ReplicaStep::idle(own.member.seed) };
    match mc {
        Some((pass, batch, batches)) => {
            dropping(options, &own.member, ReplicaStep { step: MC_STEP | (pass * batches + batch) as u32, ..row })
        }
        None => row,
    }
}

/// The weights of a batch's observed target values: their number, if rows have none.
pub fn target_weight(dataset: &Dataset, windows: &[u32]) -> f64 {
    windows.iter().map(|&w| dataset.target_weight(w)).sum()
}

/// 0 of a sum that is 0, or too small for its weights to be 32-bit numbers.
fn inverse(weight: f64) -> f32 {
    if weight < f64::from(f32::MIN_POSITIVE) { 0.0 } else { (1.0 / weight) as f32 }
}

/// How much of each group a step prunes that takes the count from `before` to `after`; `None` if all is ranked together.
pub fn shares(plan: &Plan, after: usize, before: usize) -> Option<Vec<u32>> {
    let (began, now) = (&plan.began().program.params, &plan.program.params);
    let after = began.shares(after)?;
    let before = match began.units.is_empty() {
        true => began.shares(before)?,
        // Units are counted from none, but for those that have gone.
        false => began.units.iter().zip(&now.units).map(|(began, now)| (began.count - now.count) * now.worth).collect(),
    };
    Some(after.into_iter().zip(before).map(|(after, before)| (after - before) as u32).collect())
}

/// How much of each group falls beyond that, and grows again: `wanted` shared out by the weights that stay, no more than had been pruned
/// before, nor than a cap leaves. Empty where nothing grows.
pub fn regrown(layout: &ParamLayout, after: usize, before: usize, wanted: usize) -> Vec<u32> {
    let Some(scope) = layout.scope.as_ref().filter(|scope| scope.regrows) else { return Vec::new() };
    let (after, before) = (scope.shares(after), scope.shares(before));
    let groups = scope.groups.iter().zip(after.iter().zip(&before));
    let sizes = groups.map(|(group, (after, before))| (group.size() - after, (group.most - after).min(*before)));
    shared(wanted, &sizes.collect::<Vec<_>>()).into_iter().map(|count| count as u32).collect()
}

/// What each slot prunes of each group, and what grows again of it, where the step table does not say it all.
#[derive(Default)]
pub struct Counts {
    fall: Vec<u32>,
    grow: Vec<u32>,
}

impl Counts {
    /// Of a slot after all others so far: what falls by the schedule, if there are several groups, and what falls beyond it and grows.
    pub fn add(&mut self, slot: usize, fall: Option<Vec<u32>>, more: Vec<u32>) {
        if let Some(mut fall) = fall {
            fall.iter_mut().zip(&more).for_each(|(fall, more)| *fall += more);
            self.fall.resize(slot * fall.len(), 0);
            self.fall.extend(fall);
        }
        self.grow.resize(slot * more.len(), 0);
        self.grow.extend(more);
    }

    /// Writes them for one replica.
    pub fn write(self, engine: &mut dyn Engine, replica: usize) -> Result<()> {
        let program = engine.program();
        let rows = [(program.prune_counts(), self.fall), (program.regrow_counts(), self.grow)];
        for (id, mut counts) in rows {
            let Some(id) = id else { continue };
            counts.resize(engine.program().tensor(id).words(), 0);
            engine.write_u32(id, replica, &counts)?;
        }
        Ok(())
    }
}

/// Writes one replica's windows, `batch` to a slot, and its rows, one to a slot.
pub fn write(engine: &mut dyn Engine, replica: usize, windows: &[u32], rows: &[ReplicaStep]) -> Result<()> {
    let (slots, batch) = (engine.program().slots, engine.program().batch);
    let mut places = vec![NO_WINDOW; slots * batch];
    places[..windows.len()].copy_from_slice(windows);
    engine.write_u32(WINDOWS, replica, &places)?;
    let mut table = vec![ReplicaStep::idle(0); slots];
    table[..rows.len()].copy_from_slice(rows);
    engine.write_u32(STEPS, replica, bytemuck::cast_slice(&table))
}
