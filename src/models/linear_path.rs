//! The linear map beside a network.

use super::{LinearPath, ModelOptions};
use crate::layers::{self, Signal, Summand};
use crate::program::builder::Sizes;
use crate::program::op::{Patches, Residual};
use crate::program::{Builder, Param, TensorId};

/// The names of its weight `[Z, T]` and bias `[Z]`. Neither is pruned.
pub(crate) const WEIGHTS: (&str, &str) = ("linear_path.weight", "linear_path.bias");
/// Where future channels are known, those of its map of them, `[K, F]` and `[K]`. Neither is pruned.
pub(crate) const FUTURE: (&str, &str) = ("linear_path.future.weight", "linear_path.future.bias");

/// Its weights, where the model has it.
pub(super) fn add_params(model: &ModelOptions, sizes: &Sizes, params: &mut Vec<Param>) {
    if model.linear_path == LinearPath::None {
        return;
    }
    let (inputs, outputs) = (sizes.lookback, sizes.horizon);
    let bound = 1.0 / (inputs as f32).sqrt();
    params.push(Param::new(WEIGHTS.0, &[outputs, inputs], false, bound));
    params.push(Param::new(WEIGHTS.1, &[outputs], false, bound));
    if sizes.future > 0 {
        let bound = 1.0 / (sizes.future as f32).sqrt();
        params.push(Param::new(FUTURE.0, &[sizes.targets, sizes.future], false, bound));
        params.push(Param::new(FUTURE.1, &[sizes.targets], false, bound));
    }
}

/// The path's forecast of each target, `[B, K, Z]`, which the head adds to its own.
pub(super) struct Path {
    summand: Summand,
    pub(super) trained: bool,
}

/// Pushes the path's forward op; `input` is `[B, T, W]`, normalised as the network reads it.
pub(super) fn forward(b: &mut Builder, model: &ModelOptions, input: TensorId) -> Option<Path> {
    if model.linear_path == LinearPath::None {
        return None;
    }
    let (lookback, targets) = (b.sizes.lookback, b.sizes.targets);
    let whole = Patches { first: 0, stride: 1, rows: lookback, count: 1 };
    let rows = layers::window_rows(b, input);
    let input = layers::patch_gather(b, "linear_path.input", rows, whole, targets, 1);
    let summand = layers::summand(b, "linear_path", WEIGHTS, input);
    Some(Path { summand, trained: model.linear_path == LinearPath::Train })
}

impl Path {
    /// What a head whose output is `[B, K, Z]` adds.
    pub(super) fn residual(&self, head: Signal) -> Residual {
        self.summand.residual(head)
    }

    /// Pushes the path's backward op: its gradient is the head's.
    pub(super) fn backward(&self, b: &mut Builder, head: Signal) {
        if self.trained {
            self.summand.backward(b, head);
        }
    }
}
