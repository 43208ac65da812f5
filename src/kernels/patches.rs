//! patch_gather, patch_gather_backward, positions_forward, positions_backward, mean_pool_forward, mean_pool_backward.

use super::linear::{WeightWords, weight_sum};
use super::lower::{Dispatch, Lowered, Shapes, Splits, groups, uniform};
use crate::program::op::{MeanPool, PatchGather, PatchGatherBackward, PositionsBackward, PositionsForward};
use crate::program::tensor::{PARAMS, STEPS};

uniform! {
    PatchGatherParams {
        words: u32,
        steps: u32,
        channels: u32,
        sequences: u32,
        width: u32,
        first: u32,
        stride: u32,
        rows: u32,
        count: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

pub(super) fn patch_gather(op: &PatchGather, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.sequences * op.patches.count * op.patches.rows * op.width;
    let params = PatchGatherParams {
        words: words as u32,
        steps: op.steps as u32,
        channels: op.channels as u32,
        sequences: op.sequences as u32,
        width: op.width as u32,
        first: op.patches.first as u32,
        stride: op.patches.stride as u32,
        rows: op.patches.rows as u32,
        count: op.patches.count as u32,
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings = [("input", op.input), ("output", op.output)];
    Lowered::one(Dispatch::new("patch_gather", &params, &bindings, groups(words, 64), words * 12))
}

uniform! {
    PatchGatherBackwardParams {
        words: u32,
        steps: u32,
        sequences: u32,
        width: u32,
        first: u32,
        stride: u32,
        rows: u32,
        count: u32,
        d_output_row: u32,
        d_input_row: u32,
        first_group: u32,
    }
}

pub(super) fn patch_gather_backward(op: &PatchGatherBackward, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.steps * op.sequences * op.width;
    let params = PatchGatherBackwardParams {
        words: words as u32,
        steps: op.steps as u32,
        sequences: op.sequences as u32,
        width: op.width as u32,
        first: op.patches.first as u32,
        stride: op.patches.stride as u32,
        rows: op.patches.rows as u32,
        count: op.patches.count as u32,
        d_output_row: shapes.row(op.d_output),
        d_input_row: shapes.row(op.d_input),
        first_group: 0,
    };
    let bindings = [("d_output", op.d_output), ("d_input", op.d_input)];
    let work = words * (12 + 4 * op.patches.count);
    Lowered::one(Dispatch::new("patch_gather_backward", &params, &bindings, groups(words, 64), work))
}

uniform! {
    PositionsForwardParams {
        words: u32,
        width: u32,
        positions: u32,
        site: u32,
        steps_row: u32,
        params_row: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

pub(super) fn positions_forward(op: &PositionsForward, shapes: &Shapes) -> Lowered {
    let words = op.sequences * op.width;
    let params = PositionsForwardParams {
        words: words as u32,
        width: op.width as u32,
        positions: op.positions as u32,
        site: op.site,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("input", op.input), ("output", op.output)];
    Lowered::one(Dispatch::new("positions_forward", &params, &bindings, groups(words, 64), words * 80))
}

uniform! {
    PositionsBackwardParams {
        count: u32,
        width: u32,
        split_rows: u32,
        blocks: u32,
        d_sum_row: u32,
        sums_row: u32,
        first_group: u32,
    }
}

pub(super) fn positions_backward(op: &PositionsBackward, shapes: &Shapes) -> Lowered {
    let splits = Splits::new(op.sequences, op.width, op.width);
    let params = PositionsBackwardParams {
        count: op.sequences as u32,
        width: op.width as u32,
        split_rows: splits.rows as u32,
        blocks: splits.blocks as u32,
        d_sum_row: shapes.row(op.d_sum),
        sums_row: splits.words_row(),
        first_group: 0,
    };
    let bindings = [("d_sum", op.d_sum)];
    let work = op.sequences * op.width * 2;
    let sums = Dispatch::new("positions_backward", &params, &bindings, splits.workgroups(), work).scratch("sums", 0);
    let words = WeightWords { weights: op.width, outputs: 0, d_weight: op.d_positions, d_bias: 0 };
    let sum = weight_sum(splits.count, words, None, shapes);
    Lowered { scratch: vec![splits.words()], dispatches: vec![sums, sum] }
}

uniform! {
    MeanPoolParams {
        sequences: u32,
        tokens: u32,
        width: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

pub(super) fn mean_pool_forward(op: &MeanPool, shapes: &Shapes) -> Lowered {
    mean_pool("mean_pool_forward", op, op.sequences * op.width, shapes)
}

pub(super) fn mean_pool_backward(op: &MeanPool, shapes: &Shapes) -> Lowered {
    mean_pool("mean_pool_backward", op, op.sequences * op.tokens * op.width, shapes)
}

/// `words`: of the output, one invocation each.
fn mean_pool(shader: &'static str, op: &MeanPool, words: usize, shapes: &Shapes) -> Lowered {
    let params = MeanPoolParams {
        sequences: op.sequences as u32,
        tokens: op.tokens as u32,
        width: op.width as u32,
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings = [("input", op.input), ("output", op.output)];
    let work = op.sequences * op.tokens * op.width * 4;
    Lowered::one(Dispatch::new(shader, &params, &bindings, groups(words, 64), work))
}
