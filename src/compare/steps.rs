//! Whole training steps: first each from the twin's state, so that errors do not compound; then on their own.

use serde::Serialize;

use super::case::Case;
use super::ops::{Divergence, transfer};
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::program::tensor::*;
use crate::program::{List, Program};
use crate::reference::CpuEngine;

/// One step from the twin's state.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// From 1.
    pub step: usize,
    /// Largest gap between the losses, relative.
    pub loss: f64,
    /// Largest gap between gradients, relative to their tensor's largest, or a hundredth of the model's.
    pub gradient: f64,
    /// Largest gap between weights, absolute. Entries whose gradient is rounding noise are left out: Adam turns their sign
    /// into a whole step.
    pub weight: f64,
    /// Mask bits that differ: none may.
    pub mask_bits: usize,
    /// The first tensor that is off; `None` where the step passes.
    pub divergence: Option<Divergence>,
}

/// Steps on their own.
#[derive(Debug, Clone, Serialize)]
pub struct FreeReport {
    /// By step, of replica 0: the twin's and the engine's.
    pub losses: Vec<[f32; 2]>,
    /// Largest relative gap over all replicas and steps.
    pub loss: f64,
    /// Mask bits that differ after the last step. Near-equal weights may swap places, so this fails nothing.
    pub mask_bits: usize,
    /// What is off; `None` where the steps pass.
    pub failure: Option<String>,
}

/// Losses and gradients of one step may differ by this, relative.
const STEP_TOLERANCE: f64 = 1e-4;
/// Weights of one step may differ by this share of a step of Adam.
const WEIGHT_TOLERANCE: f64 = 1e-2;
/// Gradients below this share of their tensor's largest are rounding noise.
const NOISE: f64 = 1e-3;
/// Gradients are measured against at least this share of the model's largest: some tensors, such as the bias of attention's
/// keys, have none but rounding noise.
const FLOOR: f64 = 1e-2;
/// Free-running losses may differ by this, relative.
const FREE_TOLERANCE: f64 = 1e-2;
/// The learning rate of [`Case::load`].
const LR: f64 = 1e-3;

/// What a step carries to the next.
const STATE: [TensorId; 5] = [PARAMS, MOMENT1, MOMENT2, MASK, STATUS];

fn step(engine: &mut dyn Engine, slot: usize) -> Result<()> {
    engine.run(&List::STEP.map(|list| Pass { list, slot }))
}

fn start(case: &Case, subject: &mut dyn Engine) -> Result<(Program, CpuEngine<f32>)> {
    let program = subject.program().clone();
    let mut twin = CpuEngine::new(program.clone(), Some(1))?;
    case.load(&mut twin, 11)?;
    case.load(subject, 11)?;
    for id in STATE {
        transfer(&program, id, &mut twin, subject)?;
    }
    Ok((program, twin))
}

/// `steps` steps, before each of which the engine under test gets the twin's state.
pub(super) fn reloaded(case: &Case, steps: usize, subject: &mut dyn Engine) -> Result<Vec<StepReport>> {
    let (program, mut twin) = start(case, subject)?;
    let mut reports = Vec::new();
    for slot in 0..steps {
        for id in STATE {
            transfer(&program, id, &mut twin, subject)?;
        }
        step(&mut twin, slot)?;
        step(subject, slot)?;
        let mut report =
            StepReport { step: slot + 1, loss: 0.0, gradient: 0.0, weight: 0.0, mask_bits: 0, divergence: None };
        for replica in 0..program.replicas {
            one(&program, replica, slot, &mut twin, subject, &mut report)?;
        }
        reports.push(report);
    }
    Ok(reports)
}

fn one(
    program: &Program,
    replica: usize,
    slot: usize,
    twin: &mut CpuEngine<f32>,
    subject: &mut dyn Engine,
    report: &mut StepReport,
) -> Result<()> {
    let mut diverges = |id: TensorId, index: usize, expected: f64, found: f64| {
        let tensor = program.tensor(id).name.clone();
        report.divergence.get_or_insert(Divergence { tensor, replica, index, expected, found });
    };
    let (expected, found) = (twin.read_f32(LOSSES, replica)?[slot], subject.read_f32(LOSSES, replica)?[slot]);
    let gap = relative(expected, found);
    report.loss = report.loss.max(gap);
    if exceeds(gap, STEP_TOLERANCE) {
        diverges(LOSSES, slot, expected as f64, found as f64);
    }
    let (masks, found_masks) = (twin.read_u32(MASK, replica)?, subject.read_u32(MASK, replica)?);
    for (i, (expected, found)) in masks.iter().zip(&found_masks).enumerate() {
        report.mask_bits += (expected ^ found).count_ones() as usize;
        if expected != found {
            diverges(MASK, i, *expected as f64, *found as f64);
        }
    }
    let (grads, found_grads) = (twin.read_f32(GRADS, replica)?, subject.read_f32(GRADS, replica)?);
    let (weights, found_weights) = (twin.read_f32(PARAMS, replica)?, subject.read_f32(PARAMS, replica)?);
    let most = |range: std::ops::Range<usize>| grads[range].iter().fold(0f64, |max, g| max.max(g.abs() as f64));
    let floor = FLOOR * most(0..grads.len());
    for param in &program.params.params {
        let largest = most(param.range()).max(floor);
        for i in param.range() {
            let gap = (grads[i] as f64 - found_grads[i] as f64).abs() / largest.max(f64::MIN_POSITIVE);
            report.gradient = report.gradient.max(gap);
            if exceeds(gap, STEP_TOLERANCE) {
                diverges(GRADS, i, grads[i] as f64, found_grads[i] as f64);
            }
            let gap = (weights[i] as f64 - found_weights[i] as f64).abs();
            let noise = (grads[i].abs() as f64) < NOISE * largest;
            if !noise {
                report.weight = report.weight.max(gap);
            }
            // A step of Adam is at most a few learning rates long; in the opposite direction, the gap is twice that.
            let allowed = LR * if noise { 20.0 } else { WEIGHT_TOLERANCE };
            if exceeds(gap, allowed) {
                diverges(PARAMS, i, weights[i] as f64, found_weights[i] as f64);
            }
        }
    }
    Ok(())
}

/// `steps` steps of each engine from its own state.
pub(super) fn free(case: &Case, steps: usize, subject: &mut dyn Engine) -> Result<FreeReport> {
    let (program, mut twin) = start(case, subject)?;
    for slot in 0..steps {
        step(&mut twin, slot)?;
        step(subject, slot)?;
    }
    let mut report = FreeReport { losses: Vec::new(), loss: 0.0, mask_bits: 0, failure: None };
    for replica in 0..program.replicas {
        let (expected, found) = (twin.read_f32(LOSSES, replica)?, subject.read_f32(LOSSES, replica)?);
        for (slot, (&expected, &found)) in expected.iter().zip(&found).enumerate().take(steps) {
            if replica == 0 {
                report.losses.push([expected, found]);
            }
            let gap = relative(expected, found);
            report.loss = report.loss.max(gap);
            if exceeds(gap, FREE_TOLERANCE) && report.failure.is_none() {
                report.failure = Some(format!("replica {replica}, step {}: loss {expected} but {found}", slot + 1));
            }
        }
        let weights = subject.read_f32(PARAMS, replica)?;
        if let Some(word) = weights.iter().position(|w| !w.is_finite()) {
            let place = program.params.owner(word).map_or("padding", |param| param.name.as_str());
            let failure = format!("replica {replica}: a weight of `{place}` is {}", weights[word]);
            report.failure.get_or_insert(failure);
        }
        let (expected, found) = (twin.read_u32(MASK, replica)?, subject.read_u32(MASK, replica)?);
        report.mask_bits += expected.iter().zip(&found).map(|(a, b)| (a ^ b).count_ones() as usize).sum::<usize>();
    }
    Ok(report)
}

fn relative(expected: f32, found: f32) -> f64 {
    (expected as f64 - found as f64).abs() / (expected.abs() as f64).max(1e-12)
}

/// Whether a gap is too large, or not a number.
fn exceeds(gap: f64, limit: f64) -> bool {
    gap.is_nan() || gap > limit
}
