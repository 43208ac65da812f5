//! decompose.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::program::op::Decompose;

uniform! {
    DecomposeParams {
        words: u32,
        steps: u32,
        channels: u32,
        targets: u32,
        average: u32,
        input_row: u32,
        trend_row: u32,
        remainder_row: u32,
        first_group: u32,
    }
}

pub(super) fn decompose(op: &Decompose, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.targets * op.steps;
    let params = DecomposeParams {
        words: words as u32,
        steps: op.steps as u32,
        channels: op.channels as u32,
        targets: op.targets as u32,
        average: op.average as u32,
        input_row: shapes.row(op.input),
        trend_row: shapes.row(op.trend),
        remainder_row: shapes.row(op.remainder),
        first_group: 0,
    };
    let bindings = [("input", op.input), ("trend", op.trend), ("remainder", op.remainder)];
    Lowered::one(Dispatch::new("decompose", &params, &bindings, groups(words, 64), words * op.average * 6))
}
