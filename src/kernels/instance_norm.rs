//! instance_norm_forward, instance_denorm_forward, instance_denorm_backward.

use super::plan::{Dispatch, Plan, Shapes, groups, uniform};
use crate::program::op::{InstanceDenorm, InstanceNorm, InstanceNormForward};

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
    };
    let bindings = [("input", op.input), ("output", op.output), ("stats", op.stats)];
    let columns = op.batch * op.channels;
    Plan::one(Dispatch::new("instance_norm_forward", &params, &bindings, groups(columns, 64), columns * op.steps * 8))
}

uniform! {
    InstanceDenormParams {
        batch: u32,
        horizon: u32,
        targets: u32,
        stats_row: u32,
        input_row: u32,
        output_row: u32,
    }
}

pub fn instance_denorm_forward(op: &InstanceDenorm, shapes: &Shapes) -> Plan {
    denorm("instance_denorm_forward", op, shapes)
}

pub fn instance_denorm_backward(op: &InstanceDenorm, shapes: &Shapes) -> Plan {
    denorm("instance_denorm_backward", op, shapes)
}

fn denorm(shader: &'static str, op: &InstanceDenorm, shapes: &Shapes) -> Plan {
    let params = InstanceDenormParams {
        batch: op.batch as u32,
        horizon: op.horizon as u32,
        targets: op.targets as u32,
        stats_row: shapes.row(op.stats),
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
    };
    let bindings = [("stats", op.stats), ("input", op.input), ("output", op.output)];
    let words = op.batch * op.horizon * op.targets;
    Plan::one(Dispatch::new(shader, &params, &bindings, groups(words, 64), words * 4))
}
