//! loss_forward, loss_backward.

use super::plan::{Dispatch, Plan, Shapes, groups, uniform};
use crate::program::op::{LossBackward, LossForward, LossKind};
use crate::program::tensor::{LOSSES, STEPS};

fn kind(kind: LossKind) -> u32 {
    match kind {
        LossKind::Mse => 0,
        LossKind::Mae => 1,
        LossKind::Huber => 2,
    }
}

uniform! {
    LossForwardParams {
        kind: u32,
        elements: u32,
        steps_row: u32,
        prediction_row: u32,
        target_row: u32,
        weight_row: u32,
        losses_row: u32,
    }
}

pub fn loss_forward(op: &LossForward, shapes: &Shapes) -> Plan {
    let params = LossForwardParams {
        kind: kind(op.kind),
        elements: op.elements as u32,
        steps_row: shapes.steps_row(),
        prediction_row: shapes.row(op.prediction),
        target_row: shapes.row(op.target),
        weight_row: shapes.row(op.weight),
        losses_row: shapes.row(LOSSES),
    };
    let bindings = [
        ("steps", STEPS),
        ("prediction", op.prediction),
        ("truth", op.target),
        ("weight", op.weight),
        ("losses", LOSSES),
    ];
    Plan::one(Dispatch::new("loss_forward", &params, &bindings, [1, 1], op.elements * 6))
}

uniform! {
    LossBackwardParams {
        kind: u32,
        elements: u32,
        steps_row: u32,
        prediction_row: u32,
        target_row: u32,
        weight_row: u32,
        d_prediction_row: u32,
    }
}

pub fn loss_backward(op: &LossBackward, shapes: &Shapes) -> Plan {
    let params = LossBackwardParams {
        kind: kind(op.kind),
        elements: op.elements as u32,
        steps_row: shapes.steps_row(),
        prediction_row: shapes.row(op.prediction),
        target_row: shapes.row(op.target),
        weight_row: shapes.row(op.weight),
        d_prediction_row: shapes.row(op.d_prediction),
    };
    let bindings = [
        ("steps", STEPS),
        ("prediction", op.prediction),
        ("truth", op.target),
        ("weight", op.weight),
        ("d_prediction", op.d_prediction),
    ];
    Plan::one(Dispatch::new("loss_backward", &params, &bindings, groups(op.elements, 64), op.elements * 6))
}
