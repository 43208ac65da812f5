//! instance_norm_forward, instance_affine_backward.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::program::op::{InstanceAffineBackward, InstanceNormForward};
use crate::program::tensor::{GRADS, PARAMS, STEPS};

uniform! {
    InstanceNormForwardParams {
        batch: u32,
        steps: u32,
        channels: u32,
        targets: u32,
        input_row: u32,
        output_row: u32,
        stats_row: u32,
        params_row: u32,
        steps_row: u32,
        affine: u32,
        weight: u32,
        bias: u32,
        first_group: u32,
    }
}

pub(super) fn instance_norm_forward(op: &InstanceNormForward, shapes: &Shapes) -> Lowered {
    let params = InstanceNormForwardParams {
        batch: op.batch as u32,
        steps: op.steps as u32,
        channels: op.channels as u32,
        targets: op.targets as u32,
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        stats_row: shapes.row(op.stats),
        params_row: shapes.row(PARAMS),
        steps_row: shapes.steps_row(),
        affine: op.affine.is_some() as u32,
        weight: op.affine.map_or(0, |affine| affine.weight as u32),
        bias: op.affine.map_or(0, |affine| affine.bias as u32),
        first_group: 0,
    };
    let bindings =
        [("steps", STEPS), ("params", PARAMS), ("input", op.input), ("output", op.output), ("stats", op.stats)];
    let columns = op.batch * op.channels;
    Lowered::one(Dispatch::new(
        "instance_norm_forward",
        &params,
        &bindings,
        groups(columns, 64),
        columns * op.steps * 8,
    ))
}

uniform! {
    InstanceAffineBackwardParams {
        batch: u32,
        steps: u32,
        channels: u32,
        targets: u32,
        horizon: u32,
        first: u32,
        stride: u32,
        rows: u32,
        count: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        grads_row: u32,
        input_row: u32,
        stats_row: u32,
        d_patches_row: u32,
        forecast_row: u32,
        d_forecast_row: u32,
        first_group: u32,
    }
}

pub(super) fn instance_affine_backward(op: &InstanceAffineBackward, shapes: &Shapes) -> Lowered {
    let params = InstanceAffineBackwardParams {
        batch: op.batch as u32,
        steps: op.steps as u32,
        channels: op.channels as u32,
        targets: op.targets as u32,
        horizon: op.horizon as u32,
        first: op.patches.first as u32,
        stride: op.patches.stride as u32,
        rows: op.patches.rows as u32,
        count: op.patches.count as u32,
        weight: op.affine.weight as u32,
        bias: op.affine.bias as u32,
        params_row: shapes.row(PARAMS),
        grads_row: shapes.row(GRADS),
        input_row: shapes.row(op.input),
        stats_row: shapes.row(op.stats),
        d_patches_row: shapes.row(op.d_patches),
        forecast_row: shapes.row(op.forecast),
        d_forecast_row: shapes.row(op.d_forecast),
        first_group: 0,
    };
    let bindings = [
        ("params", PARAMS),
        ("input", op.input),
        ("stats", op.stats),
        ("d_patches", op.d_patches),
        ("forecast", op.forecast),
        ("d_forecast", op.d_forecast),
        ("grads", GRADS),
    ];
    let work = op.batch * op.targets * (op.patches.count * op.patches.rows + op.horizon) * 12;
    Lowered::one(Dispatch::new("instance_affine_backward", &params, &bindings, groups(op.targets, 1), work))
}
