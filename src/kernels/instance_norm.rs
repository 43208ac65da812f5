//! instance_norm_forward, instance_denorm_forward, instance_denorm_backward.

use super::plan::{Dispatch, Plan, Shapes, Words, groups, uniform};
use crate::program::op::{InstanceDenorm, InstanceNorm, InstanceNormForward};
use crate::program::tensor::PARAMS;

uniform! {
    InstanceNormForwardParams {
        mode: u32,
        batch: u32,
        steps: u32,
        channels: u32,
        targets: u32,
        input_row: u32,
        output_row: u32,
        stats_row: u32,
        params_row: u32,
        affine: u32,
        weight: u32,
        bias: u32,
    }
}

pub fn instance_norm_forward(op: &InstanceNormForward, shapes: &Shapes) -> Plan {
    let params = InstanceNormForwardParams {
        mode: match op.mode {
            InstanceNorm::Last => 0,
            InstanceNorm::MeanStd => 1,
        },
        batch: op.batch as u32,
        steps: op.steps as u32,
        channels: op.channels as u32,
        targets: op.targets as u32,
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        stats_row: shapes.row(op.stats),
        params_row: shapes.row(PARAMS),
        affine: op.affine.is_some() as u32,
        weight: op.affine.map_or(0, |affine| affine.weight as u32),
        bias: op.affine.map_or(0, |affine| affine.bias as u32),
    };
    let bindings = [("params", PARAMS), ("input", op.input), ("output", op.output), ("stats", op.stats)];
    let columns = op.batch * op.channels;
    Plan::one(Dispatch::new("instance_norm_forward", &params, &bindings, groups(columns, 64), columns * op.steps * 8))
}

uniform! {
    InstanceDenormForwardParams {
        batch: u32,
        horizon: u32,
        targets: u32,
        stats_row: u32,
        input_row: u32,
        output_row: u32,
        params_row: u32,
        by_channel: u32,
        affine: u32,
        weight: u32,
        bias: u32,
    }
}

pub fn instance_denorm_forward(op: &InstanceDenorm, shapes: &Shapes) -> Plan {
    let params = InstanceDenormForwardParams {
        batch: op.batch as u32,
        horizon: op.horizon as u32,
        targets: op.targets as u32,
        stats_row: shapes.row(op.stats),
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        params_row: shapes.row(PARAMS),
        by_channel: op.by_channel as u32,
        affine: op.affine.is_some() as u32,
        weight: op.affine.map_or(0, |affine| affine.weight as u32),
        bias: op.affine.map_or(0, |affine| affine.bias as u32),
    };
    denorm("instance_denorm_forward", op, &params)
}

uniform! {
    InstanceDenormBackwardParams {
        batch: u32,
        horizon: u32,
        targets: u32,
        stats_row: u32,
        input_row: u32,
        output_row: u32,
        params_row: u32,
        by_channel: u32,
        affine: u32,
        weight: u32,
    }
}

pub fn instance_denorm_backward(op: &InstanceDenorm, shapes: &Shapes) -> Plan {
    let params = InstanceDenormBackwardParams {
        batch: op.batch as u32,
        horizon: op.horizon as u32,
        targets: op.targets as u32,
        stats_row: shapes.row(op.stats),
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        params_row: shapes.row(PARAMS),
        by_channel: op.by_channel as u32,
        affine: op.affine.is_some() as u32,
        weight: op.affine.map_or(0, |affine| affine.weight as u32),
    };
    denorm("instance_denorm_backward", op, &params)
}

fn denorm<P: Words + encase::ShaderType + encase::internal::WriteInto>(
    shader: &'static str,
    op: &InstanceDenorm,
    params: &P,
) -> Plan {
    let bindings = [("params", PARAMS), ("stats", op.stats), ("input", op.input), ("output", op.output)];
    let words = op.batch * op.horizon * op.targets;
    Plan::one(Dispatch::new(shader, params, &bindings, groups(words, 64), words * 8))
}
