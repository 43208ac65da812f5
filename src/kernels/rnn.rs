//! rnn_forward, rnn_backward.

use super::lower::{Lowered, Shapes, uniform};
use super::recurrent::{Packed, Walk};
use crate::program::op::{Activation, RecurrentBackward, RecurrentForward};
use crate::program::tensor::PARAMS;

uniform! {
    RnnForwardParams {
        activation: u32,
        batch: u32,
        steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        b_hh: u32,
        params_row: u32,
        projected_row: u32,
        states_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn rnn_forward(op: &RecurrentForward, activation: Activation, shapes: &Shapes) -> Lowered {
    let kernels = ["rnn_forward", "rnn_forward_held", "rnn_forward_tiled"];
    let bindings = [("params", PARAMS), ("projected", op.gates), ("states", op.states)];
    Walk::forward(op, 1, Packed::transposed, shapes).lower(kernels, &bindings, |part| RnnForwardParams {
        activation: activation as u32,
        batch: op.batch as u32,
        steps: op.steps as u32,
        hidden: op.hidden as u32,
        t_begin: part.begin,
        t_end: part.end,
        b_hh: op.b_hh as u32,
        params_row: shapes.row(PARAMS),
        projected_row: shapes.row(op.gates),
        states_row: shapes.row(op.states),
        weights: part.weights,
        weights_row: part.weights_row,
        first_tile: 0,
    })
}

uniform! {
    RnnBackwardParams {
        activation: u32,
        batch: u32,
        steps: u32,
        output_steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        states_row: u32,
        d_output_row: u32,
        d_projected_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn rnn_backward(op: &RecurrentBackward, activation: Activation, shapes: &Shapes) -> Lowered {
    let kernels = ["rnn_backward", "rnn_backward_held", "rnn_backward_tiled"];
    let bindings = [("states", op.kept), ("d_output", op.d_output), ("d_projected", op.gates)];
    Walk::backward(op, 4, shapes).lower(kernels, &bindings, |part| RnnBackwardParams {
        activation: activation as u32,
        batch: op.batch as u32,
        steps: op.steps as u32,
        output_steps: op.d_output_steps as u32,
        hidden: op.hidden as u32,
        t_begin: part.begin,
        t_end: part.end,
        states_row: shapes.row(op.kept),
        d_output_row: shapes.row(op.d_output),
        d_projected_row: shapes.row(op.gates),
        weights: part.weights,
        weights_row: part.weights_row,
        first_tile: 0,
    })
}
