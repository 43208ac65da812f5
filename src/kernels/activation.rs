//! activation_forward, activation_backward.

use super::plan::{Dispatch, Plan, Shapes, groups, uniform};
use crate::program::op::{ActivationBackward, ActivationForward, FeedForward};
use crate::program::tensor::STEPS;

/// Operations of a word: a draw is some 80, GELU some 40.
const WORK: usize = 120;

fn kind(kind: FeedForward) -> u32 {
    match kind {
        FeedForward::Gelu => 0,
        FeedForward::Relu => 1,
    }
}

uniform! {
    ActivationForwardParams {
        kind: u32,
        first: u32,
        elements: u32,
        site: u32,
        steps_row: u32,
        input_row: u32,
        output_row: u32,
    }
}

pub fn activation_forward(op: &ActivationForward, shapes: &Shapes) -> Plan {
    let params = ActivationForwardParams {
        kind: kind(op.kind),
        first: op.first as u32,
        elements: op.elements as u32,
        site: op.site,
        steps_row: shapes.steps_row(),
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
    };
    let bindings = [("steps", STEPS), ("input", op.input), ("output", op.output)];
    let work = op.elements * WORK;
    Plan::one(Dispatch::new("activation_forward", &params, &bindings, groups(op.elements, 64), work))
}

uniform! {
    ActivationBackwardParams {
        kind: u32,
        first: u32,
        elements: u32,
        site: u32,
        steps_row: u32,
        input_row: u32,
        d_output_row: u32,
        d_input_row: u32,
    }
}

pub fn activation_backward(op: &ActivationBackward, shapes: &Shapes) -> Plan {
    let params = ActivationBackwardParams {
        kind: kind(op.kind),
        first: op.first as u32,
        elements: op.elements as u32,
        site: op.site,
        steps_row: shapes.steps_row(),
        input_row: shapes.row(op.input),
        d_output_row: shapes.row(op.d_output),
        d_input_row: shapes.row(op.d_input),
    };
    let bindings = [("steps", STEPS), ("input", op.input), ("d_output", op.d_output), ("d_input", op.d_input)];
    let work = op.elements * WORK;
    Plan::one(Dispatch::new("activation_backward", &params, &bindings, groups(op.elements, 64), work))
}
