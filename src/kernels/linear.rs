//! linear_forward, linear_backward_input, linear_backward_weight.

use super::plan::{Dispatch, Plan, RowsWords, Shapes, groups, uniform};
use crate::program::op::{LinearBackwardInput, LinearBackwardWeight, LinearForward};
use crate::program::tensor::{GRADS, PARAMS};

/// Columns of the product per workgroup, one per invocation.
const COLUMNS: usize = 64;
/// Rows per invocation.
const ROWS: usize = 8;

uniform! {
    LinearForwardParams {
        input: RowsWords,
        output: RowsWords,
        weight: u32,
        bias: u32,
        params_row: u32,
        column_groups: u32,
    }
}

pub fn linear_forward(op: &LinearForward, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let column_groups = outputs.div_ceil(COLUMNS);
    let params = LinearForwardParams {
        input: shapes.rows(&op.input),
        output: shapes.rows(&op.output),
        weight: op.weight as u32,
        bias: op.bias as u32,
        params_row: shapes.row(PARAMS),
        column_groups: column_groups as u32,
    };
    let bindings = [("params", PARAMS), ("input", op.input.tensor), ("output", op.output.tensor)];
    let workgroups = groups(column_groups * count.div_ceil(ROWS), 1);
    Plan::one(Dispatch::new("linear_forward", &params, &bindings, workgroups, 2 * count * inputs * outputs))
}

uniform! {
    LinearBackwardInputParams {
        d_output: RowsWords,
        d_input: RowsWords,
        weight: u32,
        params_row: u32,
        column_groups: u32,
    }
}

pub fn linear_backward_input(op: &LinearBackwardInput, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    let column_groups = inputs.div_ceil(COLUMNS);
    let params = LinearBackwardInputParams {
        d_output: shapes.rows(&op.d_output),
        d_input: shapes.rows(&op.d_input),
        weight: op.weight as u32,
        params_row: shapes.row(PARAMS),
        column_groups: column_groups as u32,
    };
    let bindings = [("params", PARAMS), ("d_output", op.d_output.tensor), ("d_input", op.d_input.tensor)];
    let workgroups = groups(column_groups * count.div_ceil(ROWS), 1);
    Plan::one(Dispatch::new("linear_backward_input", &params, &bindings, workgroups, 2 * count * inputs * outputs))
}

uniform! {
    LinearBackwardWeightParams {
        input: RowsWords,
        d_output: RowsWords,
        d_weight: u32,
        d_bias: u32,
        grads_row: u32,
        output_groups: u32,
    }
}

pub fn linear_backward_weight(op: &LinearBackwardWeight, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.input.count, op.input.width, op.d_output.width);
    let output_groups = outputs.div_ceil(COLUMNS);
    let params = LinearBackwardWeightParams {
        input: shapes.rows(&op.input),
        d_output: shapes.rows(&op.d_output),
        d_weight: op.d_weight as u32,
        d_bias: op.d_bias as u32,
        grads_row: shapes.row(GRADS),
        output_groups: output_groups as u32,
    };
    let bindings = [("input", op.input.tensor), ("d_output", op.d_output.tensor), ("grads", GRADS)];
    // One more input than there are: the bias.
    let workgroups = groups(output_groups * (inputs + 1).div_ceil(ROWS), 1);
    Plan::one(Dispatch::new("linear_backward_weight", &params, &bindings, workgroups, 2 * count * inputs * outputs))
}
