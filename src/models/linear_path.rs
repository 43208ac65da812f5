//! The linear map beside a network.

use super::{LinearPath, ModelOptions};
use crate::layers::{self, Signal};
use crate::program::builder::Sizes;
use crate::program::op::{LinearBackwardWeight, Op, Patches, Residual};
use crate::program::{Builder, Initial, Param, Rows, TensorId};

/// The names of its weight `[Z, T]` and bias `[Z]`. Neither is pruned.
pub(crate) const WEIGHTS: (&str, &str) = ("linear_path.weight", "linear_path.bias");

/// Its weights, where the model has it, and the head's as it wants them.
pub(super) fn add_params(model: &ModelOptions, sizes: &Sizes, params: &mut Vec<Param>, head: (&str, &str)) {
    if model.linear_path == LinearPath::None {
        return;
    }
    let (inputs, outputs) = (sizes.lookback, sizes.horizon);
    let bound = 1.0 / (inputs as f32).sqrt();
    params.push(Param::new(WEIGHTS.0, &[outputs, inputs], false, bound));
    params.push(Param::new(WEIGHTS.1, &[outputs], false, bound));
    if model.linear_path == LinearPath::Ridge {
        // Before the first step the model is the ridge. From zero, the head's magnitudes say less than those of other weights, and
        // would fall first: the head is not pruned.
        let zero = |param: Param| match param.name == head.0 || param.name == head.1 {
            true => Param { prunable: false, ..param.initial(Initial::Constant(0.0)) },
            false => param,
        };
        *params = std::mem::take(params).into_iter().map(zero).collect();
    }
}

/// The path's forecast of each target, `[B, K, Z]`, which the head adds to its own.
pub(super) struct Path {
    input: Signal,
    output: Rows,
    trained: bool,
}

/// Pushes the path's forward op; `input` is `[B, T, W]`, normalised as the network reads it.
pub(super) fn forward(b: &mut Builder, model: &ModelOptions, input: TensorId) -> Option<Path> {
    if model.linear_path == LinearPath::None {
        return None;
    }
    let (batch, lookback, targets, horizon) = (b.sizes.batch, b.sizes.lookback, b.sizes.targets, b.sizes.horizon);
    let whole = Patches { first: 0, stride: 1, rows: lookback, count: 1 };
    let input = layers::patch_gather(b, "linear_path.input", input, whole, targets, 1);
    let count = batch * targets;
    let output = Rows::dense(b.tensor("linear_path", &[count, horizon]), count, horizon);
    let at = (b.param(WEIGHTS.0).offset, b.param(WEIGHTS.1).offset);
    layers::linear_to(b, at, input, Signal::data(output));
    Some(Path { input, output, trained: model.linear_path == LinearPath::Train })
}

impl Path {
    /// What a head whose output is `[B, K, Z]` adds: its rows are as many and as wide as the head's.
    pub(super) fn residual(&self, head: Signal) -> Residual {
        Residual { skip: Rows::dense(self.output.tensor, head.value.count, head.value.width), site: None, first: 0 }
    }

    /// Pushes the path's backward op: its gradient is the head's.
    pub(super) fn backward(&self, b: &mut Builder, head: Signal) {
        let Some(d_head) = head.grad.filter(|_| self.trained) else { return };
        let d_output = Rows::dense(d_head.tensor, self.output.count, self.output.width);
        let (d_weight, d_bias) = (b.param(WEIGHTS.0).offset, b.param(WEIGHTS.1).offset);
        let parts = vec![(self.input.value, d_output)];
        b.backward(Op::LinearBackwardWeight(LinearBackwardWeight { parts, d_weight, d_bias, beside: None }));
    }
}
