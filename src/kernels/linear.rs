//! linear_forward, linear_backward_input, linear_backward_weight.

use super::plan::{Dispatch, Plan, RowsWords, Shapes, groups, uniform};
use crate::dims::padded;
use crate::program::Rows;
use crate::program::op::{LinearBackwardInput, LinearBackwardWeight, LinearForward};
use crate::program::tensor::{GRADS, PARAMS};

/// Invocations per workgroup, each with a register block.
const LANES: usize = 64;
/// Rows and columns of a block in the forward and input passes.
const ROWS: usize = 8;
const COLUMNS: usize = 4;
/// Outputs, and inputs, of a block in the weight pass.
const WEIGHT_BLOCK: usize = 8;

/// Whether all rows start at multiples of four words and are whole fours.
fn fours(rows: &Rows) -> bool {
    [rows.offset, rows.width, rows.outer_stride, rows.inner_stride].iter().all(|words| words.is_multiple_of(4))
}

/// Blocks side by side in a workgroup, and workgroups side by side, for `blocks` across.
fn across(blocks: usize) -> (usize, usize) {
    let lanes = blocks.next_power_of_two().min(LANES);
    (lanes, blocks.div_ceil(lanes))
}

uniform! {
    LinearForwardParams {
        input: RowsWords,
        output: RowsWords,
        weight: u32,
        bias: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
    }
}

pub fn linear_forward(op: &LinearForward, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let (column_lanes, column_groups) = across(outputs.div_ceil(COLUMNS));
    let params = LinearForwardParams {
        input: shapes.rows(&op.input),
        output: shapes.rows(&op.output),
        weight: op.weight as u32,
        bias: op.bias as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: column_lanes as u32,
        column_groups: column_groups as u32,
        fours: u32::from(fours(&op.input) && op.weight.is_multiple_of(4)),
    };
    let bindings = [("params", PARAMS), ("input", op.input.tensor), ("output", op.output.tensor)];
    let row_groups = count.div_ceil(ROWS * LANES / column_lanes);
    let workgroups = groups(column_groups * row_groups, 1);
    Plan::one(Dispatch::new("linear_forward", &params, &bindings, workgroups, 2 * count * inputs * outputs))
}

uniform! {
    LinearBackwardInputParams {
        d_output: RowsWords,
        d_input: RowsWords,
        skip: RowsWords,
        weight: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
    }
}

pub fn linear_backward_input(op: &LinearBackwardInput, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    let (column_lanes, column_groups) = across(inputs.div_ceil(COLUMNS));
    // Something must be bound where nothing is added.
    let skip = op.skip.unwrap_or(Rows::dense(op.d_output.tensor, 0, 0));
    let params = LinearBackwardInputParams {
        d_output: shapes.rows(&op.d_output),
        d_input: shapes.rows(&op.d_input),
        skip: shapes.rows(&skip),
        weight: op.weight as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: column_lanes as u32,
        column_groups: column_groups as u32,
        fours: u32::from(fours(&op.d_output) && inputs.is_multiple_of(4) && op.weight.is_multiple_of(4)),
    };
    let bindings =
        [("params", PARAMS), ("d_output", op.d_output.tensor), ("skip", skip.tensor), ("d_input", op.d_input.tensor)];
    let row_groups = count.div_ceil(ROWS * LANES / column_lanes);
    let workgroups = groups(column_groups * row_groups, 1);
    Plan::one(Dispatch::new("linear_backward_input", &params, &bindings, workgroups, 2 * count * inputs * outputs))
}

/// Rows that one split sums.
const SPLIT_ROWS: usize = 256;
/// Most words of split sums: where the weights are many, they keep a device busy without splits.
const MAX_SPLIT_WORDS: usize = 1 << 20;

uniform! {
    LinearBackwardWeightParams {
        input: RowsWords,
        d_output: RowsWords,
        d_weight: u32,
        d_bias: u32,
        sums_row: u32,
        sums_split: u32,
        split_rows: u32,
        blocks: u32,
        output_lanes: u32,
        output_groups: u32,
        fours: u32,
    }
}

uniform! {
    LinearWeightSumParams {
        weights: u32,
        outputs: u32,
        splits: u32,
        sums_row: u32,
        grads_row: u32,
        d_weight: u32,
        d_bias: u32,
    }
}

pub fn linear_backward_weight(op: &LinearBackwardWeight, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.input.count, op.input.width, op.d_output.width);
    let words = outputs * inputs + outputs;
    let splits = count.div_ceil(SPLIT_ROWS).min(MAX_SPLIT_WORDS / words).max(1);
    let split_rows = count.div_ceil(splits);
    let splits = count.div_ceil(split_rows);
    let (output_lanes, output_groups) = across(outputs.div_ceil(WEIGHT_BLOCK));
    let blocks = output_groups * inputs.div_ceil(WEIGHT_BLOCK * LANES / output_lanes);
    // One split writes the gradients themselves.
    let direct = splits == 1;
    let sums_words = splits * words;
    let params = LinearBackwardWeightParams {
        input: shapes.rows(&op.input),
        d_output: shapes.rows(&op.d_output),
        d_weight: if direct { op.d_weight as u32 } else { 0 },
        d_bias: if direct { op.d_bias as u32 } else { (outputs * inputs) as u32 },
        sums_row: if direct { shapes.row(GRADS) } else { padded(sums_words) as u32 },
        sums_split: words as u32,
        split_rows: split_rows as u32,
        blocks: blocks as u32,
        output_lanes: output_lanes as u32,
        output_groups: output_groups as u32,
        fours: u32::from(fours(&op.input) && fours(&op.d_output)),
    };
    let bindings = [("input", op.input.tensor), ("d_output", op.d_output.tensor)];
    let workgroups = groups(splits * blocks, 1);
    let work = 2 * count * inputs * outputs;
    let product = Dispatch::new("linear_backward_weight", &params, &bindings, workgroups, work);
    if direct {
        return Plan::one(product.tensor("sums", GRADS));
    }
    let sum = weight_sum(splits, (outputs * inputs, outputs), (op.d_weight, op.d_bias), shapes);
    Plan { scratch: vec![sums_words], dispatches: vec![product.scratch("sums", 0), sum] }
}

/// Adds up splits of `weights` and `outputs` words, in the first piece of working memory, into the gradients at `to`.
pub fn weight_sum(splits: usize, (weights, outputs): (usize, usize), to: (usize, usize), shapes: &Shapes) -> Dispatch {
    let words = weights + outputs;
    let params = LinearWeightSumParams {
        weights: weights as u32,
        outputs: outputs as u32,
        splits: splits as u32,
        sums_row: padded(splits * words) as u32,
        grads_row: shapes.row(GRADS),
        d_weight: to.0 as u32,
        d_bias: to.1 as u32,
    };
    let dispatch = Dispatch::new("linear_weight_sum", &params, &[("grads", GRADS)], groups(words, 64), splits * words);
    dispatch.scratch("sums", 0)
}
