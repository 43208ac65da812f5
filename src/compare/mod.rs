//! Runs a program op by op on two engines from the same inputs, and names the first tensor that diverges.
//!
//! The reference is an f64 run of the CPU engine. The error of an engine under test may be at most the larger of two
//! numbers: 8 times the error of the f32 twin, and a floor per op ([`tolerance`]). Both are measured against the op's own
//! scale.
//!
//! Of the engine tier: it may change in any version.

mod case;
mod device;
mod models;
mod ops;
mod steps;
pub mod tolerance;

use serde::Serialize;

use crate::engine::MakeEngine;
use crate::error::Result;
use crate::models::ModelKind::{Dlinear, Gru, Lstm, Nlinear, Rnn};
use crate::models::{LinearPath, NormKind, PatchtstOptions, PruneAmong, PruneRule, PruneScore, Regrow, Variant};
use crate::program::op::{Activation, Distribution, InstanceNorm, Link, LossKind, Objective};

pub use case::Case;
pub use device::{compare_on, open_device};
pub use models::{every_model, full_size_models, timed_models};
pub use ops::{Divergence, OpReport};
pub use steps::{FreeReport, StepReport};

/// One case, compared.
#[derive(Debug, Clone, Serialize)]
pub struct CaseReport {
    /// The model, its sizes and what its steps do.
    pub case: String,
    /// Every op of every list, each from the twin's state.
    pub ops: Vec<OpReport>,
    /// Whole steps, each from the twin's state.
    pub steps: Vec<StepReport>,
    /// Steps on their own, each engine from its own state.
    pub free: FreeReport,
}

impl CaseReport {
    /// Whether every tensor lies within its tolerance.
    pub fn passed(&self) -> bool {
        self.ops.iter().all(|op| op.divergence.is_none())
            && self.steps.iter().all(|step| step.divergence.is_none())
            && self.free.failure.is_none()
    }
}

/// Compares one case; `steps` whole steps, reloaded and then free.
pub fn compare(case: &Case, steps: usize, make: &mut MakeEngine) -> Result<CaseReport> {
    let case = case.clone().slots(steps.max(2));
    let mut subject = make(case.program()?)?;
    Ok(CaseReport {
        case: case.to_string(),
        ops: ops::compare(&case, subject.as_mut())?,
        steps: steps::reloaded(&case, steps, subject.as_mut())?,
        free: steps::free(&case, steps, subject.as_mut())?,
    })
}

/// The process's exit code: 0 if all passed, 1 on a mismatch.
pub fn exit_code(reports: &[CaseReport]) -> u8 {
    !reports.iter().all(CaseReport::passed) as u8
}

/// What `microglia compare` runs: every model, sizes that fit a workgroup evenly and sizes that do not.
pub fn standard_cases() -> Vec<Case> {
    // Patches of 16 every 8 rows, 4 heads of 8.
    let usual = |p: &mut PatchtstOptions| {
        (p.patch, p.stride, p.d_model, p.heads, p.ff) = (Some(16), Some(8), 32, 4, 64);
    };
    let quantiles = |pairs: usize| {
        let count = 2 * pairs + 2;
        Objective::Quantiles((1..count).map(|i| i as f32 / count as f32).collect())
    };
    let distribution = Objective::Distribution;
    let scored = |score, regrow| PruneRule { score, regrow, ..PruneRule::default() };
    let capped = |among| PruneRule { among, cap: Some(0.9), ..PruneRule::default() };
    vec![
        Case::new(Lstm, 1, 64, 30, 64).norm(InstanceNorm::Last).prune(500),
        Case::new(Lstm, 3, 7, 5, 33).layers(2).dropout(0.3).clip(0.5).norm(InstanceNorm::MeanStd).prune(300),
        Case::new(Lstm, 2, 1, 1, 5).loss(LossKind::Huber { delta: 1.0 }).prune(9),
        Case::new(Lstm, 1, 5, 3, 300).prune(10_000),
        Case::new(Rnn, 1, 64, 30, 64).norm(InstanceNorm::Last).prune(500),
        Case::new(Rnn, 3, 7, 5, 65).layers(2).dropout(0.3).clip(0.5).norm(InstanceNorm::MeanStd).prune(300),
        Case::new(Rnn, 2, 9, 4, 5).activation(Activation::Relu).loss(LossKind::Mae).prune(9),
        Case::new(Rnn, 1, 5, 3, 300).activation(Activation::Relu).prune(3_000),
        Case::new(Gru, 1, 64, 30, 64).norm(InstanceNorm::Last).prune(500),
        Case::new(Gru, 3, 7, 5, 65).layers(2).dropout(0.3).clip(0.5).norm(InstanceNorm::MeanStd).prune(300),
        Case::new(Gru, 2, 1, 1, 5).loss(LossKind::Huber { delta: 1.0 }).prune(9),
        Case::new(Gru, 1, 5, 3, 300).prune(10_000),
        Case::patchtst(Variant::Official, 1, 16, 96).set(usual).dropout(0.2).prune(500),
        Case::patchtst(Variant::Official, 3, 5, 9).dropout(0.3).clip(0.5).prune(30).set(|p| {
            (p.attention_dropout, p.head_dropout, p.revin_affine) = (0.2, 0.1, true);
        }),
        Case::patchtst(Variant::Hf, 1, 8, 96).set(usual).layers(1).prune(500),
        Case::patchtst(Variant::Hf, 2, 3, 150).set(|p| (p.norm, p.stride) = (NormKind::Layer, Some(1))).prune(30),
        Case::patchtst(Variant::Authors, 2, 9, 31).set(|p| p.stride = None).dropout(0.3).prune(30),
        Case::patchtst(Variant::Authors, 2, 9, 31).categories(&[3, 40], None).prune(30),
        Case::new(Nlinear, 2, 9, 7, 0).norm(InstanceNorm::Last).clip(0.5).prune(3),
        Case::new(Dlinear, 2, 9, 30, 0).clip(0.5).prune(3),
        Case::new(Dlinear, 1, 5, 7, 0).norm(InstanceNorm::Last).prune(3),
        Case::new(Lstm, 2, 9, 7, 5).path(LinearPath::Train).norm(InstanceNorm::Last).dropout(0.3).prune(9),
        Case::patchtst(Variant::Official, 1, 8, 96).set(usual).path(LinearPath::Ridge).prune(500),
        Case::new(Lstm, 2, 9, 7, 5).categories(&[3, 40], None).norm(InstanceNorm::Last).prune(9),
        Case::new(Lstm, 2, 9, 7, 33).layers(2).units().norm(InstanceNorm::Last).prune(9_000),
        Case::patchtst(Variant::Official, 2, 5, 9).units().prune(100),
        Case::patchtst(Variant::Official, 2, 5, 9).rule(capped(PruneAmong::Tensor)).prune(200),
        Case::new(Lstm, 2, 9, 7, 33).layers(2).rule(capped(PruneAmong::Global)).prune(9_000),
        Case::new(Lstm, 2, 9, 7, 33).layers(2).units().rule(capped(PruneAmong::Layer)).prune(9_000),
        // None falls: near a cut, engines that round scores or gradients in another way pick other weights.
        Case::new(Gru, 2, 9, 7, 33).rule(scored(PruneScore::Lamp, Regrow::Gradient)),
        Case::patchtst(Variant::Official, 2, 5, 9).rule(scored(PruneScore::Movement, Regrow::Gradient)),
        Case::new(Lstm, 2, 9, 7, 33).units().rule(scored(PruneScore::Gradient, Regrow::None)),
        Case::new(Lstm, 2, 9, 7, 33).units().rule(scored(PruneScore::Lamp, Regrow::None)),
        Case::new(Lstm, 2, 9, 7, 5).objective(quantiles(3)).norm(InstanceNorm::Last).link(Link::Above).prune(9),
        Case::new(Gru, 1, 9, 7, 5).objective(distribution(Distribution::NegativeBinomial)).link(Link::Above).prune(9),
        Case::new(Rnn, 1, 9, 7, 5).objective(distribution(Distribution::StudentT)).norm(InstanceNorm::MeanStd).prune(9),
    ]
}

/// Of each model the smallest of those cases: what a first check of a device runs, in seconds.
pub fn smallest_cases() -> Vec<Case> {
    let mut cases = standard_cases();
    // A step's multiply-adds are proportional to the weights, and to the windows and rows that they are applied to.
    cases.sort_by_key(|case| case.program().map_or(usize::MAX, |program| program.row_words().0 as usize));
    let mut kinds = Vec::new();
    cases.retain(|case| {
        !kinds.contains(&case.model.kind) && {
            kinds.push(case.model.kind);
            true
        }
    });
    cases
}
