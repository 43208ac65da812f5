//! topk_histogram, topk_pick, topk_ties, threshold_mask.

use super::plan::{Dispatch, Plan, Shapes, groups, uniform};
use crate::program::op::{ThresholdMask, TopkHistogram, TopkPick, TopkTies, topk};
use crate::program::tensor::{MASK, PARAMS, STEPS};

/// The lowest bit of a pass's digit.
fn shift(pass: usize) -> u32 {
    24 - 8 * pass as u32
}

/// Most workgroups of a histogram: each adds up to 256 counts to the common one.
const MAX_HISTOGRAM_GROUPS: usize = 256;
/// Weights per histogram workgroup while there are fewer than the most.
const WEIGHTS_PER_GROUP: usize = 4096;

uniform! {
    TopkHistogramParams {
        shift: u32,
        prunable_words: u32,
        steps_row: u32,
        params_row: u32,
        mask_row: u32,
        state_row: u32,
        histogram_row: u32,
    }
}

pub fn topk_histogram(op: &TopkHistogram, shapes: &Shapes) -> Plan {
    let params = TopkHistogramParams {
        shift: shift(op.pass),
        prunable_words: op.prunable_words as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        state_row: shapes.row(op.state),
        histogram_row: shapes.row(op.histogram),
    };
    let bindings =
        [("steps", STEPS), ("params", PARAMS), ("mask", MASK), ("state", op.state), ("histogram", op.histogram)];
    let workgroups = op.prunable_words.div_ceil(WEIGHTS_PER_GROUP).clamp(1, MAX_HISTOGRAM_GROUPS) as u32;
    Plan::one(Dispatch::new("topk_histogram", &params, &bindings, [workgroups, 1], op.prunable_words * 16))
}

uniform! {
    TopkPickParams {
        shift: u32,
        steps_row: u32,
        histogram_row: u32,
        state_row: u32,
    }
}

pub fn topk_pick(op: &TopkPick, shapes: &Shapes) -> Plan {
    let params = TopkPickParams {
        shift: shift(op.pass),
        steps_row: shapes.steps_row(),
        histogram_row: shapes.row(op.histogram),
        state_row: shapes.row(op.state),
    };
    let bindings = [("steps", STEPS), ("histogram", op.histogram), ("state", op.state)];
    Plan::one(Dispatch::new("topk_pick", &params, &bindings, [1, 1], topk::BINS * 32))
}

uniform! {
    TopkTiesParams {
        prunable_words: u32,
        steps_row: u32,
        params_row: u32,
        mask_row: u32,
        state_row: u32,
        ties_row: u32,
        first_group: u32,
    }
}

pub fn topk_ties(op: &TopkTies, shapes: &Shapes) -> Plan {
    let params = TopkTiesParams {
        prunable_words: op.prunable_words as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        state_row: shapes.row(op.state),
        ties_row: shapes.row(op.ties),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("mask", MASK), ("state", op.state), ("ties", op.ties)];
    let workgroups = groups(op.prunable_words, topk::BLOCK);
    Plan::one(Dispatch::new("topk_ties", &params, &bindings, workgroups, op.prunable_words * 8))
}

uniform! {
    ThresholdMaskParams {
        prunable_words: u32,
        steps_row: u32,
        params_row: u32,
        mask_row: u32,
        state_row: u32,
        ties_row: u32,
        first_group: u32,
    }
}

pub fn threshold_mask(op: &ThresholdMask, shapes: &Shapes) -> Plan {
    let params = ThresholdMaskParams {
        prunable_words: op.prunable_words as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        state_row: shapes.row(op.state),
        ties_row: shapes.row(op.ties),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("state", op.state), ("ties", op.ties), ("mask", MASK)];
    let workgroups = groups(op.prunable_words, topk::BLOCK);
    Plan::one(Dispatch::new("threshold_mask", &params, &bindings, workgroups, op.prunable_words * 12))
}
