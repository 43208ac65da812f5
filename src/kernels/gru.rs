//! gru_forward, gru_backward.

use super::lower::{Lowered, Shapes, uniform};
use super::recurrent::{Packed, Walk};
use crate::dims::padded;
use crate::program::op::{RecurrentBackward, RecurrentForward};
use crate::program::tensor::PARAMS;

uniform! {
    GruForwardParams {
        batch: u32,
        steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        b_hh: u32,
        params_row: u32,
        gates_row: u32,
        recurrent_row: u32,
        states_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn gru_forward(op: &RecurrentForward, shapes: &Shapes) -> Lowered {
    let kernels = ["gru_forward", "gru_forward_held", "gru_forward_tiled"];
    let bindings = [("params", PARAMS), ("gates", op.gates), ("recurrent", op.recurrent), ("states", op.states)];
    Walk::forward(op, 4, Packed::by_gate, shapes).lower(kernels, &bindings, |part| GruForwardParams {
        batch: op.batch as u32,
        steps: op.steps as u32,
        hidden: op.hidden as u32,
        t_begin: part.begin,
        t_end: part.end,
        b_hh: op.b_hh as u32,
        params_row: shapes.row(PARAMS),
        gates_row: shapes.row(op.gates),
        recurrent_row: shapes.row(op.recurrent),
        states_row: shapes.row(op.states),
        weights: part.weights,
        weights_row: part.weights_row,
        first_tile: 0,
    })
}

uniform! {
    GruBackwardParams {
        batch: u32,
        steps: u32,
        output_steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        gates_row: u32,
        recurrent_row: u32,
        states_row: u32,
        d_output_row: u32,
        carry_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn gru_backward(op: &RecurrentBackward, shapes: &Shapes) -> Lowered {
    let kernels = ["gru_backward", "gru_backward_held", "gru_backward_tiled"];
    let bindings = [("gates", op.gates), ("recurrent", op.recurrent), ("states", op.kept), ("d_output", op.d_output)];
    // The part of d_h that passes through z waits between the ranges.
    let carry = op.batch * op.hidden;
    Walk::backward(op, 8, shapes).carrying(carry).lower(kernels, &bindings, |part| GruBackwardParams {
        batch: op.batch as u32,
        steps: op.steps as u32,
        output_steps: op.d_output_steps as u32,
        hidden: op.hidden as u32,
        t_begin: part.begin,
        t_end: part.end,
        gates_row: shapes.row(op.gates),
        recurrent_row: shapes.row(op.recurrent),
        states_row: shapes.row(op.kept),
        d_output_row: shapes.row(op.d_output),
        carry_row: padded(carry) as u32,
        weights: part.weights,
        weights_row: part.weights_row,
        first_tile: 0,
    })
}
