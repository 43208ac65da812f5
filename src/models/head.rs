//! What ends a network: the head on the last state, and beside it the linear path and the decoder of known future values.

use super::linear_path::Path;
use super::{LinearPath, ModelOptions};
use crate::layers::{self, Head, LinearPart, Signal, Windows};
use crate::program::builder::Sizes;
use crate::program::op::{LossKind, WindowScale};
use crate::program::{Builder, Initial, Param, Rows};

/// The names of a decoder's weights and biases: of what it reads of the network `[D, H]`, of the future channels `[D, F]`, and of
/// its output `[K, D]`.
const CONTEXT: (&str, &str) = ("decoder.context.weight", "decoder.context.bias");
const FUTURE: (&str, &str) = ("decoder.future.weight", "decoder.future.bias");
const OUTPUT: (&str, &str) = ("decoder.output.weight", "decoder.output.bias");

/// The weights beside a head, whose names are `head` and which reads `width` values: the decoder's, as PyTorch's `nn.Linear`
/// initialises them, and the linear path's; and the head's own as the path wants them.
pub(super) fn add_params(
    model: &ModelOptions,
    sizes: &Sizes,
    width: usize,
    head: (&str, &str),
    params: &mut Vec<Param>,
) {
    if sizes.future > 0 {
        let units = model.decoder_hidden;
        for ((weight, bias), outputs, inputs) in
            [(CONTEXT, units, width), (FUTURE, units, sizes.future), (OUTPUT, sizes.targets, units)]
        {
            let bound = 1.0 / (inputs as f32).sqrt();
            params.push(Param::new(weight, &[outputs, inputs], true, bound));
            params.push(Param::new(bias, &[outputs], false, bound));
        }
    }
    super::linear_path::add_params(model, sizes, params);
    if model.linear_path == LinearPath::Ridge {
        // Before the first step the model is the ridge. From zero, magnitudes say less than those of other weights, and would fall
        // first: what starts at zero is not pruned.
        let zero = |param: Param| match [head.0, head.1, OUTPUT.0, OUTPUT.1].contains(&param.name.as_str()) {
            true => Param { prunable: false, ..param.initial(Initial::Constant(0.0)) },
            false => param,
        };
        *params = std::mem::take(params).into_iter().map(zero).collect();
    }
}

/// What a head reads and writes.
pub(super) struct Ending<'a> {
    /// The names of its weight and bias.
    pub names: (&'a str, &'a str),
    /// What the network knows of a window, `[B, H]`; of models of each channel `[B·K, H]`.
    pub state: Signal,
    /// `[B, Z, K]`, or by channel `[B, K, Z]`
    pub output: Signal,
    /// Whether each channel is a sequence of its own.
    pub by_channel: bool,
    /// Beside a path, the head's rows are target by target, as the path's.
    pub path: Option<Path>,
    pub windows: Windows,
    pub scale: Option<WindowScale>,
}

/// Pushes the head, what stands beside it, and the loss.
pub(super) fn push(b: &mut Builder, ending: Ending, loss: LossKind) {
    let Ending { names, mut state, output, by_channel, path, windows, scale } = ending;
    let decodes = b.sizes.future > 0;
    // The head's backward op adds the gradient that reaches the state through the decoder.
    let read = state;
    if decodes && let Some(d_state) = state.grad {
        let part = b.tensor("d_decoder.state", &[d_state.count, d_state.width]);
        state.skip = Some(Rows::dense(part, d_state.count, d_state.width));
    }
    let mut part = LinearPart::plain(state, output);
    if let Some(path) = &path {
        path.backward(b, output);
        part.residual = Some(path.residual(output));
    }
    let at = (b.param(names.0).offset, b.param(names.1).offset);
    layers::linear_parts(b, at, &[part]);
    let mut head = Head { output, by_channel: by_channel || path.is_some(), scale };
    if decodes {
        let read = Signal { grad: state.skip, ..read };
        let known = layers::future(b);
        let mut beside = layers::by_step(b, head);
        if let Some(path) = &path {
            beside =
                layers::add_linear(b, "linear_path.future", super::linear_path::FUTURE, known, beside, path.trained);
        }
        let output = layers::decoder(b, [CONTEXT, FUTURE, OUTPUT], read, known, beside);
        head = Head { output, by_channel: false, scale };
    }
    layers::loss(b, loss, head, windows);
}
