//! layer_norm_forward, layer_norm_backward_weight, layer_norm_backward_input.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use super::norm::{Summed, backward_weight};
use crate::program::op::{LayerNormBackwardInput, LayerNormBackwardWeight, LayerNormForward};
use crate::program::tensor::PARAMS;

/// Rows of a workgroup.
const ROWS: usize = 16;

uniform! {
    LayerNormForwardParams {
        count: u32,
        width: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        input_row: u32,
        output_row: u32,
        stats_row: u32,
        first_group: u32,
    }
}

pub(super) fn layer_norm_forward(op: &LayerNormForward, shapes: &Shapes) -> Lowered {
    let params = LayerNormForwardParams {
        count: op.count as u32,
        width: op.width as u32,
        weight: op.affine.weight as u32,
        bias: op.affine.bias as u32,
        params_row: shapes.row(PARAMS),
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        stats_row: shapes.row(op.stats),
        first_group: 0,
    };
    let bindings = [("params", PARAMS), ("input", op.input), ("output", op.output), ("stats", op.stats)];
    let work = op.count * op.width * 12;
    Lowered::one(Dispatch::new("layer_norm_forward", &params, &bindings, groups(op.count, ROWS), work))
}

pub(super) fn layer_norm_backward_weight(op: &LayerNormBackwardWeight, shapes: &Shapes) -> Lowered {
    let summed = Summed { stats: op.stats, input: op.input, d_output: op.d_output };
    backward_weight("layer_norm_backward_weight", [op.count, op.width], summed, op.d_affine, shapes)
}

uniform! {
    LayerNormBackwardInputParams {
        count: u32,
        width: u32,
        weight: u32,
        has_skip: u32,
        params_row: u32,
        stats_row: u32,
        input_row: u32,
        d_output_row: u32,
        skip_row: u32,
        d_input_row: u32,
        first_group: u32,
    }
}

pub(super) fn layer_norm_backward_input(op: &LayerNormBackwardInput, shapes: &Shapes) -> Lowered {
    // Something must be bound where nothing comes past the norm.
    let skip = op.skip.unwrap_or(op.d_output);
    let params = LayerNormBackwardInputParams {
        count: op.count as u32,
        width: op.width as u32,
        weight: op.affine.weight as u32,
        has_skip: op.skip.is_some() as u32,
        params_row: shapes.row(PARAMS),
        stats_row: shapes.row(op.stats),
        input_row: shapes.row(op.input),
        d_output_row: shapes.row(op.d_output),
        skip_row: shapes.row(skip),
        d_input_row: shapes.row(op.d_input),
        first_group: 0,
    };
    let bindings = [
        ("params", PARAMS),
        ("stats", op.stats),
        ("input", op.input),
        ("d_output", op.d_output),
        ("skip", skip),
        ("d_input", op.d_input),
    ];
    let work = op.count * op.width * 20;
    Lowered::one(Dispatch::new("layer_norm_backward_input", &params, &bindings, groups(op.count, ROWS), work))
}
