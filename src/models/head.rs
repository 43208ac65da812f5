//! What ends a network: the head on the last state, and beside it the linear path and the decoder of known future values.

use statrs::distribution::{ContinuousCDF, Normal};

use super::linear_path::Path;
use super::{LinearPath, ModelOptions};
use crate::layers::{self, Head, HeadOrder, LinearPart, Signal, Windows};
use crate::program::builder::Sizes;
use crate::program::op::Objective;
use crate::program::{Builder, Initial, Param, Rows};

/// The names of a decoder's weights and biases: of what it reads of the network `[D, H]`, of the future channels `[D, F]`, and of
/// its output `[K, D]`.
pub(super) const CONTEXT: (&str, &str) = ("decoder.context.weight", "decoder.context.bias");
pub(super) const FUTURE: (&str, &str) = ("decoder.future.weight", "decoder.future.bias");
pub(super) const OUTPUT: (&str, &str) = ("decoder.output.weight", "decoder.output.bias");

/// Those of the layer of the outputs beside a value's first, `[(D − 1)·O, H]`.
pub(super) const SPREAD: (&str, &str) = ("spread.weight", "spread.bias");

/// The weights beside a head, whose names are `head` and which reads `width` values of each of a window's `groups` of targets: the
/// spread's and the decoder's, as PyTorch's `nn.Linear`
/// initialises them, and the linear path's; and the head's own as the path wants them.
pub(super) fn add_params(
    model: &ModelOptions,
    sizes: &Sizes,
    (width, groups): (usize, usize),
    head: (&str, &str),
    params: &mut Vec<Param>,
) {
    add_spread(sizes, width, sizes.horizon * sizes.targets / groups, params);
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

/// The weights of the layer that computes the outputs beside a value's first, as PyTorch's `nn.Linear` initialises them; it reads `width`
/// values and computes those of `values`.
pub(super) fn add_spread(sizes: &Sizes, width: usize, values: usize, params: &mut Vec<Param>) {
    let others = sizes.objective.outputs() - 1;
    if others > 0 {
        let bound = 1.0 / (width as f32).sqrt();
        params.push(Param::new(SPREAD.0, &[others * values, width], true, bound));
        let bias = Param::new(SPREAD.1, &[others * values], false, bound);
        params.push(match &sizes.objective {
            Objective::Quantiles(levels) => bias.initial(Initial::Constant(first_distance(levels))),
            _ => bias,
        });
    }
}

/// The raw distance between neighbouring quantiles with which the outer ones begin where those of a standard normal distribution lie:
/// the more levels, the smaller.
fn first_distance(levels: &[f32]) -> f32 {
    let (pairs, outer) = ((levels.len() / 2) as f64, levels.last().map_or(0.5, |level| f64::from(*level)));
    let reach = Normal::standard().inverse_cdf(outer);
    // Of softplus.
    (reach / pairs).exp_m1().ln() as f32
}

/// What a head reads and writes.
pub(super) struct Ending<'a> {
    /// The names of its weight and bias.
    pub names: (&'a str, &'a str),
    /// What the network knows of a window, `[B, H]`; of models of each channel `[B·K, H]`.
    pub state: Signal,
    /// Its outputs.
    pub head: Head,
    /// Beside a path, the head's rows are target by target, as the path's.
    pub path: Option<Path>,
    pub windows: Windows,
}

/// Pushes the head, what stands beside it, and the loss.
pub(super) fn push(b: &mut Builder, ending: Ending) {
    let Ending { names, state, mut head, path, windows } = ending;
    let decodes = b.sizes.future > 0;
    let spreads = head.spread(&b.sizes).is_some();
    let mut states = readers(b, state, usize::from(decodes) + usize::from(spreads)).into_iter();
    let mut next_state = || states.next().unwrap_or(state);
    let order = if path.is_some() && head.order == HeadOrder::Step { HeadOrder::Target } else { head.order };
    if decodes {
        decode(b, names, [next_state(), next_state()], (head, order), path);
    } else {
        head.order = order;
        let location = head.location(&b.sizes);
        first_outputs(b, names, next_state(), location, &path);
    }
    if spreads {
        layers::spread(b, SPREAD, next_state(), head);
    }
    layers::loss(b, head, windows);
}

/// A state as it is read by as many layers more: the backward op of each adds the gradient of those after it.
fn readers(b: &mut Builder, state: Signal, more: usize) -> Vec<Signal> {
    let mut all = vec![state];
    for reader in 1..=more {
        let part = |d_state: Rows| {
            let tensor = b.tensor(format!("d_state.{reader}"), &[d_state.count, d_state.width]);
            Rows::dense(tensor, d_state.count, d_state.width)
        };
        let grad = state.grad.map(part);
        all[reader - 1].skip = grad;
        all.push(Signal { value: state.value, grad, skip: None });
    }
    all
}

/// The first outputs, and the path beside them.
fn first_outputs(b: &mut Builder, names: (&str, &str), state: Signal, output: Signal, path: &Option<Path>) {
    let mut part = LinearPart::plain(state, output);
    if let Some(path) = path {
        path.backward(b, output);
        part.residual = Some(path.residual(output));
    }
    let at = (b.param(names.0).offset, b.param(names.1).offset);
    layers::linear_parts(b, at, &[part]);
}

/// The first outputs, the path and the decoder. The head and the decoder read the state; the sum is in the order of steps.
fn decode(
    b: &mut Builder,
    names: (&str, &str),
    [of_head, of_decoder]: [Signal; 2],
    (head, order): (Head, HeadOrder),
    path: Option<Path>,
) {
    let location = head.location(&b.sizes);
    let turned = order != HeadOrder::Step && b.sizes.targets > 1;
    let mut own = layers::data(b, "head.first", location.value.count, location.value.width);
    own.grad = match turned {
        true => layers::data(b, "d_head.first", own.value.count, own.value.width).value.into(),
        false => location.grad,
    };
    first_outputs(b, names, of_head, own, &path);
    let known = layers::future(b);
    let mut beside = layers::by_step(b, own, order, location.grad);
    if let Some(path) = &path {
        let sum = layers::data(b, "linear_path.future", beside.value.count, beside.value.width).value;
        beside = layers::add_linear(b, sum, super::linear_path::FUTURE, known, beside, path.trained);
    }
    let steps = Rows::dense(location.value.tensor, beside.value.count, beside.value.width);
    layers::decoder(b, [CONTEXT, FUTURE, OUTPUT], of_decoder, known, beside, steps);
}
