//! loss.

use super::plan::{Dispatch, Plan, Shapes, uniform};
use crate::program::op::{Loss, LossKind};
use crate::program::tensor::{LOSSES, STEPS};

fn kind(kind: LossKind) -> u32 {
    match kind {
        LossKind::Mse => 0,
        LossKind::Mae => 1,
        LossKind::Huber => 2,
    }
}

uniform! {
    LossParams {
        kind: u32,
        elements: u32,
        steps_row: u32,
        prediction_row: u32,
        target_row: u32,
        weight_row: u32,
        d_prediction_row: u32,
        losses_row: u32,
    }
}

pub fn loss(op: &Loss, shapes: &Shapes) -> Plan {
    let params = LossParams {
        kind: kind(op.kind),
        elements: op.elements as u32,
        steps_row: shapes.steps_row(),
        prediction_row: shapes.row(op.prediction),
        target_row: shapes.row(op.target),
        weight_row: shapes.row(op.weight),
        d_prediction_row: shapes.row(op.d_prediction),
        losses_row: shapes.row(LOSSES),
    };
    let bindings = [
        ("steps", STEPS),
        ("prediction", op.prediction),
        ("truth", op.target),
        ("weight", op.weight),
        ("d_prediction", op.d_prediction),
        ("losses", LOSSES),
    ];
    Plan::one(Dispatch::new("loss", &params, &bindings, [1, 1], op.elements * 12))
}
