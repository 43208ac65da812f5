//! A decoder of known future values, beside a model's head.

use super::{HeadOrder, LinearPart, Signal, linear, linear_parts};
use crate::program::op::{DecoderBackward, DecoderForward, FutureGather, MatrixTranspose, Op, Residual};
use crate::program::{Builder, Rows};

/// What is known of each step of the horizon, `[B·Z, F]`: the last F channels of the rows to forecast.
pub fn future(b: &mut Builder) -> Signal {
    let s = b.sizes.clone();
    // A multiple of four, so that GPUs read rows as vec4.
    let width = s.future.next_multiple_of(4);
    let output = b.tensor("future", &[s.batch, s.horizon, width]);
    b.forward(Op::FutureGather(FutureGather {
        rows: s.rows,
        batch: s.batch,
        steps: s.lookback,
        channels: s.channels,
        horizon: s.horizon,
        future: s.future,
        width,
        output,
    }));
    Signal::data(Rows::spaced(output, s.batch * s.horizon, s.future, width))
}

/// The first outputs of a head step by step, `[B·Z, K]`, whose gradient is `d_steps`, in the order of steps. `own` is what the head wrote:
/// in that order, or target by target.
pub fn by_step(b: &mut Builder, own: Signal, order: HeadOrder, d_steps: Option<Rows>) -> Signal {
    let (batch, horizon, targets) = (b.sizes.batch, b.sizes.horizon, b.sizes.targets);
    let steps = |rows: Rows| Rows::dense(rows.tensor, batch * horizon, targets);
    if order == HeadOrder::Step || targets == 1 {
        // The same words.
        return Signal { value: steps(own.value), grad: d_steps.map(steps), skip: None };
    }
    let value = b.tensor("head.by_step", &[batch * horizon, targets]);
    let turn = |rows, columns, input: Rows, output| {
        Op::MatrixTranspose(MatrixTranspose { batch, rows, columns, input: input.tensor, output })
    };
    b.forward(turn(targets, horizon, own.value, value));
    if let (Some(d_steps), Some(d_own)) = (d_steps, own.grad) {
        b.backward(turn(horizon, targets, d_steps, d_own.tensor));
    }
    Signal { value: Rows::dense(value, batch * horizon, targets), grad: d_steps.map(steps), skip: None }
}

/// Writes the sum of `beside` and of a fully connected layer of `input`, whose gradient is `beside`'s; `names` are those of the layer's
/// weight and bias, which learn if `trained`.
pub fn add_linear(
    b: &mut Builder,
    output: Rows,
    names: (&str, &str),
    input: Signal,
    beside: Signal,
    trained: bool,
) -> Signal {
    let sum = Signal { value: output, ..beside };
    let output = if trained { sum } else { Signal::data(sum.value) };
    let residual = Some(Residual { skip: beside.value, site: None, first: 0 });
    let at = (b.param(names.0).offset, b.param(names.1).offset);
    linear_parts(b, at, &[LinearPart { residual, ..LinearPart::plain(input, output) }]);
    sum
}

/// The sum of forecasts `[B·Z, K]` and those of a two-layer network which reads, for each step, the state `[B, H]` and what is known
/// of the step, `[B·Z, F]`, written to `output`; `names` are those of the weights and biases that read the state and the step, and of
/// its output.
pub fn decoder(b: &mut Builder, names: [(&str, &str); 3], state: Signal, known: Signal, beside: Signal, output: Rows) {
    let (batch, horizon) = (b.sizes.batch, b.sizes.horizon);
    let [of_state, of_step, of_units] = names;
    let context = linear(b, "decoder.context", of_state, state);
    let hidden = linear(b, "decoder.hidden", of_step, known);
    let width = hidden.value.width;
    b.forward(Op::DecoderForward(DecoderForward {
        batch,
        horizon,
        width,
        context: context.value.tensor,
        hidden: hidden.value.tensor,
    }));
    if let (Some(d_hidden), Some(d_context)) = (hidden.grad, context.grad) {
        let (hidden, d_hidden, d_context) = (hidden.value.tensor, d_hidden.tensor, d_context.tensor);
        b.backward(Op::DecoderBackward(DecoderBackward { batch, horizon, width, hidden, d_hidden, d_context }));
    }
    add_linear(b, output, of_units, hidden, beside, true);
}
