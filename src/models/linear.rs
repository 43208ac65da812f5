//! Linear forecasters: one map from a target's look-back to its forecast, shared by all series and targets.

use super::{ModelKind, ModelOptions, Training};
use crate::error::Result;
use crate::layers::{self, Head};
use crate::program::builder::Sizes;
use crate::program::op::Patches;
use crate::program::{Builder, Param, ParamLayout, Program};

/// The names of the weight `[Z, T]` and the bias `[Z]`, as in the published NLinear. They are pruned where they are trained.
pub(crate) const WEIGHTS: (&str, &str) = ("Linear.weight", "Linear.bias");

/// `nn.Linear`, initialised as PyTorch does.
pub(super) fn params(model: &ModelOptions, sizes: &Sizes) -> ParamLayout {
    let bound = 1.0 / (sizes.lookback as f32).sqrt();
    let trained = model.kind != ModelKind::Ridge;
    ParamLayout::new(vec![
        Param::new(WEIGHTS.0, &[sizes.horizon, sizes.lookback], trained, bound),
        Param::new(WEIGHTS.1, &[sizes.horizon], false, bound),
    ])
}

pub(super) fn build(model: &ModelOptions, training: &Training, sizes: Sizes, layout: ParamLayout) -> Result<Program> {
    let mut b = Builder::new(sizes, layout);
    let windows = layers::windows(&mut b);
    let (input, scale) = layers::instance_norm(&mut b, model.instance_norm, None, windows.input);
    let (lookback, targets) = (b.sizes.lookback, b.sizes.targets);
    let whole = Patches { first: 0, stride: 1, rows: lookback, count: 1 };
    let x = layers::patch_gather(&mut b, "lookbacks", input, whole, targets, 1);
    let output = layers::linear(&mut b, "head", WEIGHTS, x);
    layers::loss(&mut b, training.loss, Head { output, by_channel: true, scale }, windows);
    b.optimizer(training.clip);
    b.finish()
}
