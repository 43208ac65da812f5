//! loss.

use super::forecast::{self, ForecastWords};
use super::lower::{Dispatch, Lowered, Shapes, uniform};
use crate::program::op::Loss;
use crate::program::tensor::{LOSSES, PARAMS, STEPS};

uniform! {
    LossParams {
        forecast: ForecastWords,
        kind: u32,
        delta: f32,
        steps_row: u32,
        target_row: u32,
        weight_row: u32,
        d_head_row: u32,
        losses_row: u32,
    }
}

pub(super) fn loss(op: &Loss, shapes: &Shapes) -> Lowered {
    let params = LossParams {
        forecast: forecast::words(&op.forecast, shapes),
        kind: op.kind.code(),
        delta: op.kind.delta(),
        steps_row: shapes.steps_row(),
        target_row: shapes.row(op.target),
        weight_row: shapes.row(op.weight),
        d_head_row: shapes.row(op.d_head),
        losses_row: shapes.row(LOSSES),
    };
    let [head, stats] = forecast::bindings(&op.forecast);
    let bindings = [
        ("steps", STEPS),
        ("params", PARAMS),
        head,
        stats,
        ("truth", op.target),
        ("weight", op.weight),
        ("d_head", op.d_head),
        ("losses", LOSSES),
    ];
    let dispatch = Dispatch::new("loss", &params, &bindings, [1, 1], op.forecast.elements() * 20);
    Lowered::one(forecast::linked(dispatch, &op.forecast))
}
