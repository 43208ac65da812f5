//! batch_norm_statistics, batch_norm_forward, batch_norm_backward_weight, batch_norm_backward_input.

use super::lower::{Dispatch, Lowered, Shapes, Splits, groups, uniform};
use super::norm::{Summed, backward_weight};
use crate::program::COUNT_BASE;
use crate::program::op::{BatchNormBackwardInput, BatchNormBackwardWeight, BatchNormForward, BatchNormStatistics};
use crate::program::tensor::{GRADS, PARAMS, STATE, STEPS, WINDOWS};

uniform! {
    BatchNormPartialParams {
        batch: u32,
        tokens: u32,
        width: u32,
        split_rows: u32,
        blocks: u32,
        windows_row: u32,
        input_row: u32,
        partial_row: u32,
        first_group: u32,
    }
}

uniform! {
    BatchNormStatisticsParams {
        width: u32,
        splits: u32,
        running: u32,
        count_base: u32,
        steps_row: u32,
        partial_row: u32,
        stats_row: u32,
        state_row: u32,
        first_group: u32,
    }
}

pub(super) fn batch_norm_statistics(op: &BatchNormStatistics, shapes: &Shapes) -> Lowered {
    let count = op.batch * op.tokens;
    let splits = Splits::new(count, op.width, 3 * op.width);
    let params = BatchNormPartialParams {
        batch: op.batch as u32,
        tokens: op.tokens as u32,
        width: op.width as u32,
        split_rows: splits.rows as u32,
        blocks: splits.blocks as u32,
        windows_row: shapes.windows_row(),
        input_row: shapes.row(op.input),
        partial_row: splits.words_row(),
        first_group: 0,
    };
    let bindings = [("windows", WINDOWS), ("input", op.input)];
    let work = count * op.width * 8;
    let partial = Dispatch::new("batch_norm_partial", &params, &bindings, splits.workgroups(), work);
    let params = BatchNormStatisticsParams {
        width: op.width as u32,
        splits: splits.count as u32,
        running: op.running as u32,
        count_base: COUNT_BASE,
        steps_row: shapes.steps_row(),
        partial_row: splits.words_row(),
        stats_row: shapes.row(op.stats),
        state_row: shapes.row(STATE),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("stats", op.stats), ("state", STATE)];
    let work = splits.words() * 8;
    let statistics = Dispatch::new("batch_norm_statistics", &params, &bindings, groups(op.width, 64), work);
    let dispatches = [partial, statistics].map(|dispatch| dispatch.scratch("partial", 0));
    Lowered { scratch: vec![splits.words()], dispatches: dispatches.into() }
}

uniform! {
    BatchNormForwardParams {
        words: u32,
        width: u32,
        mean: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        stats_row: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

pub(super) fn batch_norm_forward(op: &BatchNormForward, shapes: &Shapes) -> Lowered {
    let words = op.count * op.width;
    let params = BatchNormForwardParams {
        words: words as u32,
        width: op.width as u32,
        mean: op.mean as u32,
        weight: op.affine.weight as u32,
        bias: op.affine.bias as u32,
        params_row: shapes.row(PARAMS),
        stats_row: shapes.row(op.stats),
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings = [("params", PARAMS), ("stats", op.stats), ("input", op.input), ("output", op.output)];
    Lowered::one(Dispatch::new("batch_norm_forward", &params, &bindings, groups(words, 64), words * 12))
}

pub(super) fn batch_norm_backward_weight(op: &BatchNormBackwardWeight, shapes: &Shapes) -> Lowered {
    let summed = Summed { stats: op.stats, input: op.input, d_output: op.d_output };
    backward_weight("batch_norm_backward_weight", [op.count, op.width], summed, op.d_affine, shapes)
}

uniform! {
    BatchNormBackwardInputParams {
        batch: u32,
        tokens: u32,
        width: u32,
        weight: u32,
        bias: u32,
        has_skip: u32,
        windows_row: u32,
        params_row: u32,
        grads_row: u32,
        stats_row: u32,
        input_row: u32,
        d_output_row: u32,
        skip_row: u32,
        d_input_row: u32,
        first_group: u32,
    }
}

pub(super) fn batch_norm_backward_input(op: &BatchNormBackwardInput, shapes: &Shapes) -> Lowered {
    // Something must be bound where nothing comes past the norm.
    let skip = op.skip.unwrap_or(op.d_output);
    let params = BatchNormBackwardInputParams {
        batch: op.batch as u32,
        tokens: op.tokens as u32,
        width: op.width as u32,
        weight: op.affine.weight as u32,
        bias: op.affine.bias as u32,
        has_skip: op.skip.is_some() as u32,
        windows_row: shapes.windows_row(),
        params_row: shapes.row(PARAMS),
        grads_row: shapes.row(GRADS),
        stats_row: shapes.row(op.stats),
        input_row: shapes.row(op.input),
        d_output_row: shapes.row(op.d_output),
        skip_row: shapes.row(skip),
        d_input_row: shapes.row(op.d_input),
        first_group: 0,
    };
    let bindings = [
        ("windows", WINDOWS),
        ("params", PARAMS),
        ("grads", GRADS),
        ("stats", op.stats),
        ("input", op.input),
        ("d_output", op.d_output),
        ("skip", skip),
        ("d_input", op.d_input),
    ];
    let words = op.batch * op.tokens * op.width;
    Lowered::one(Dispatch::new("batch_norm_backward_input", &params, &bindings, groups(words, 64), words * 20))
}
