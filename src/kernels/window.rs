//! window_gather.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::program::op::WindowGather;
use crate::program::tensor::{OBSERVED, SERIES, WINDOWS};

uniform! {
    WindowGatherParams {
        rows: u32,
        batch: u32,
        steps: u32,
        channels: u32,
        width: u32,
        targets: u32,
        horizon: u32,
        windows_row: u32,
        input_row: u32,
        target_row: u32,
        weight_row: u32,
        first_group: u32,
    }
}

pub(super) fn window_gather(op: &WindowGather, shapes: &Shapes) -> Lowered {
    let params = WindowGatherParams {
        rows: op.rows as u32,
        batch: op.batch as u32,
        steps: op.steps as u32,
        channels: op.channels as u32,
        width: op.width as u32,
        targets: op.targets as u32,
        horizon: op.horizon as u32,
        windows_row: shapes.windows_row(),
        input_row: shapes.row(op.input),
        target_row: shapes.row(op.target),
        weight_row: shapes.row(op.weight),
        first_group: 0,
    };
    let bindings = [
        ("series", SERIES),
        ("observed", OBSERVED),
        ("windows", WINDOWS),
        ("input", op.input),
        ("truth", op.target),
        ("weight", op.weight),
    ];
    let words = op.batch * (op.steps * op.width + op.horizon * op.targets);
    Lowered::one(Dispatch::new("window_gather", &params, &bindings, groups(words, 64), words * 8))
}
