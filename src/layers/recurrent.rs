//! Recurrent layers of any cell.

use super::{LinearPart, Signal, linear_beside};
use crate::program::cell::Form;
use crate::program::op::{Beside, LinearBackwardWeight, Op, RecurrentBackward, RecurrentForward};
use crate::program::{Builder, Cell, Rows, TensorId};

/// Which states a recurrent layer outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// Those of every step: rows `[B·T, H]`.
    Sequence,
    /// That of the last step: rows `[B, H]`.
    Last,
}

/// Layer `layer` of a recurrent model on `[B·T, inputs]`; parameters named as PyTorch's `nn.RNN`, `nn.LSTM` and
/// `nn.GRU` do.
#[must_use]
pub fn recurrent(b: &mut Builder, cell: Cell, layer: usize, input: Signal, emit: Emit) -> Signal {
    let (form, name) = (cell.form(), cell.form().name);
    let (w_hh, b_hh) = (b.param(&format!("{name}.weight_hh_l{layer}")), b.param(&format!("{name}.bias_hh_l{layer}")));
    let (hidden, w_hh, b_hh) = (w_hh.shape[1], w_hh.offset, b_hh.offset);
    let (batch, steps) = (b.sizes.batch, b.sizes.lookback);

    let of_steps = |b: &mut Builder, of: &str| b.tensor(format!("{name}.{layer}.{of}"), &[batch, steps + 1, hidden]);
    let states = of_steps(b, "states");
    let gates_shape = [batch, steps, form.gates.len(), hidden];
    let split = form.recurrent_tensor.map(|of| b.tensor(format!("{name}.{layer}.{of}"), &gates_shape));
    let gates = projection(b, form, layer, input, (states, split)).tensor;
    let recurrent = split.unwrap_or(gates);
    let kept = form.memory.map_or(states, |memory| of_steps(b, memory));
    let (output, d_output_steps) = emitted(b, &format!("{name}.{layer}"), states, hidden, emit);
    b.forward(Op::RecurrentForward(RecurrentForward {
        cell,
        batch,
        steps,
        hidden,
        w_hh,
        b_hh,
        gates,
        recurrent,
        states,
        kept,
    }));
    b.backward(Op::RecurrentBackward(RecurrentBackward {
        cell,
        batch,
        steps,
        hidden,
        w_hh,
        gates,
        recurrent,
        kept,
        d_output: output.grad.expect("dense signals have a gradient").tensor,
        d_output_steps,
    }));
    output
}

/// The input's part of a layer's gates; the gates' gradient is written to the same tensor. The gradient of the recurrent weights
/// is that of a linear layer with input h_{t−1} (`states` `[B, T+1, H]`): computed by the same op as the input weights', unless
/// it reads a gradient of its own (`recurrent` `[B, T, G, H]`).
fn projection(
    b: &mut Builder,
    form: &Form,
    layer: usize,
    input: Signal,
    (states, recurrent): (TensorId, Option<TensorId>),
) -> Rows {
    let param = |part: &str| b.param(&format!("{}.{part}_l{layer}", form.name));
    let (w_ih, w_hh) = (param("weight_ih"), param("weight_hh"));
    let (gates, hidden) = (w_hh.shape[0], w_hh.shape[1]);
    let (weight, bias) = (w_ih.offset, param("bias_ih").offset);
    let (d_weight, d_bias) = (w_hh.offset, param("bias_hh").offset);
    let (batch, steps) = (b.sizes.batch, b.sizes.lookback);
    let before = Rows::steps(states, batch, steps + 1, 0, steps, hidden);
    let count = input.value.count;
    let tensor = b.tensor(format!("{}.{layer}.{}", form.name, form.gates_tensor), &[count, gates]);
    let rows = Rows::dense(tensor, count, gates);
    let output = Signal { value: rows, grad: Some(rows), skip: None };
    let beside = recurrent.is_none().then_some(Beside { input: before, d_weight, d_bias });
    linear_beside(b, (weight, bias), &[LinearPart::plain(input, output)], beside);
    if let Some(recurrent) = recurrent {
        let parts = vec![(before, Rows::dense(recurrent, count, gates))];
        b.backward(Op::LinearBackwardWeight(LinearBackwardWeight { parts, d_weight, d_bias, beside: None }));
    }
    rows
}

/// The output states, with a dense gradient `[B, D, H]`; and D.
fn emitted(b: &mut Builder, name: &str, states: TensorId, hidden: usize, emit: Emit) -> (Signal, usize) {
    let (batch, steps) = (b.sizes.batch, b.sizes.lookback);
    let (first, count) = match emit {
        Emit::Sequence => (1, steps),
        Emit::Last => (steps, 1),
    };
    let value = Rows::steps(states, batch, steps + 1, first, count, hidden);
    let d_states = b.tensor(format!("{name}.d_states"), &[batch, count, hidden]);
    (Signal { value, grad: Some(Rows::dense(d_states, batch * count, hidden)), skip: None }, count)
}
