//! grad_norm, adam_masked.

use super::lower::{Dispatch, FEW_WORDS, Lowered, Shapes, groups, uniform};
use crate::dims::padded;
use crate::program::op::{AdamMasked, GradNorm};
use crate::program::tensor::{GRAD_NORM, GRADS, MASK, MOMENT1, MOMENT2, PARAMS, STATUS, STEPS};

/// Words of a workgroup where one is not enough.
const BLOCK: usize = 4096;
/// The blocks' sums' place in the op's scratch.
const SUMS: usize = 0;

uniform! {
    GradNormParams {
        words: u32,
        block: u32,
        grads_row: u32,
        mask_row: u32,
        norm_row: u32,
        first_group: u32,
    }
}

uniform! {
    GradNormSumParams {
        blocks: u32,
        sums_row: u32,
        norm_row: u32,
    }
}

pub(super) fn grad_norm(op: &GradNorm, shapes: &Shapes) -> Lowered {
    let few = op.words <= FEW_WORDS;
    let block = if few { op.words } else { BLOCK };
    let blocks = op.words.div_ceil(BLOCK);
    let sums_row = padded(blocks) as u32;
    let params = GradNormParams {
        words: op.words as u32,
        block: block as u32,
        grads_row: shapes.row(GRADS),
        mask_row: shapes.row(MASK),
        norm_row: if few { shapes.row(GRAD_NORM) } else { sums_row },
        first_group: 0,
    };
    let bindings = [("grads", GRADS), ("mask", MASK)];
    let squares = Dispatch::new("grad_norm", &params, &bindings, groups(op.words, block.max(1)), op.words * 4);
    if few {
        return Lowered::one(squares.tensor("norm", GRAD_NORM));
    }
    let params = GradNormSumParams { blocks: blocks as u32, sums_row, norm_row: shapes.row(GRAD_NORM) };
    let sum = Dispatch::new("grad_norm_sum", &params, &[("norm", GRAD_NORM)], [1, 1], blocks * 2);
    Lowered { scratch: vec![blocks], dispatches: vec![squares.scratch("norm", SUMS), sum.scratch("sums", SUMS)] }
}

uniform! {
    AdamMaskedParams {
        prunable_words: u32,
        words: u32,
        steps_row: u32,
        arena_row: u32,
        mask_row: u32,
        grad_norm_row: u32,
        status_row: u32,
        first_group: u32,
    }
}

pub(super) fn adam_masked(op: &AdamMasked, shapes: &Shapes) -> Lowered {
    let params = AdamMaskedParams {
        prunable_words: op.prunable_words as u32,
        words: op.words as u32,
        steps_row: shapes.steps_row(),
        arena_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        grad_norm_row: shapes.row(GRAD_NORM),
        status_row: shapes.row(STATUS),
        first_group: 0,
    };
    let bindings = [
        ("steps", STEPS),
        ("grads", GRADS),
        ("mask", MASK),
        ("norm", GRAD_NORM),
        ("params", PARAMS),
        ("moment1", MOMENT1),
        ("moment2", MOMENT2),
        ("notes", STATUS),
    ];
    Lowered::one(Dispatch::new("adam_masked", &params, &bindings, groups(op.words, 64), op.words * 24))
}
