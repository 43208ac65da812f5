//! dropout.

use super::lower::{Dispatch, Lowered, RowsWords, Shapes, groups, uniform};
use crate::program::op::Dropout;
use crate::program::tensor::STEPS;

uniform! {
    DropoutParams {
        input: RowsWords,
        output: RowsWords,
        chance: u32,
        site: u32,
        steps_row: u32,
        first_group: u32,
    }
}

pub(super) fn dropout(op: &Dropout, shapes: &Shapes) -> Lowered {
    let params = DropoutParams {
        input: shapes.rows(&op.input),
        output: shapes.rows(&op.output),
        chance: op.chance as u32,
        site: op.site,
        steps_row: shapes.steps_row(),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("input", op.input.tensor), ("output", op.output.tensor)];
    let words = op.input.count * op.input.width;
    // A draw is some 80 operations.
    Lowered::one(Dispatch::new("dropout", &params, &bindings, groups(words, 64), words * 80))
}
