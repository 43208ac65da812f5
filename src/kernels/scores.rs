//! score_update, lamp_score: what weights are ranked by.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::dims::padded;
use crate::program::op::{LampScore, ScoreUpdate};
use crate::program::tensor::{GRADS, MASK, PARAMS, SCORE, STEPS};

uniform! {
    ScoreUpdateParams {
        words: u32,
        movement: u32,
        steps_row: u32,
        params_row: u32,
        grads_row: u32,
        mask_row: u32,
        score_row: u32,
        first_group: u32,
    }
}

pub(super) fn score_update(op: &ScoreUpdate, shapes: &Shapes) -> Lowered {
    let params = ScoreUpdateParams {
        words: op.prunable_words as u32,
        movement: op.movement as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        grads_row: shapes.row(GRADS),
        mask_row: shapes.row(MASK),
        score_row: shapes.row(SCORE),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("grads", GRADS), ("mask", MASK), ("score", SCORE)];
    let workgroups = groups(op.prunable_words, 64);
    Lowered::one(Dispatch::new("score_update", &params, &bindings, workgroups, op.prunable_words * 12))
}

uniform! {
    LampScoreParams {
        tensors: u32,
        params_row: u32,
        mask_row: u32,
        score_row: u32,
        order_row: u32,
        half: u32,
        first_group: u32,
    }
}

pub(super) fn lamp_score(op: &LampScore, shapes: &Shapes) -> Lowered {
    let half = op.tensors.iter().map(|range| range.end).max().unwrap_or(0);
    let params = LampScoreParams {
        tensors: op.tensors.len() as u32,
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        score_row: shapes.row(op.score),
        order_row: padded(2 * half) as u32,
        half: half as u32,
        first_group: 0,
    };
    let bindings = [("params", PARAMS), ("mask", MASK), ("table", op.table), ("score", op.score)];
    // Eleven passes, each of which reads twice.
    let work = op.tensors.iter().map(|range| range.len()).sum::<usize>() * 22 * 8;
    let dispatch = Dispatch::new("lamp_score", &params, &bindings, groups(op.tensors.len(), 1), work);
    Lowered { scratch: vec![2 * half], dispatches: vec![dispatch.scratch("order", 0)] }
}
