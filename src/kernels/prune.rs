//! prune: in one workgroup where weights are few, else in ten dispatches.

use super::lower::{Dispatch, FEW_WORDS, Lowered, Shapes, groups, uniform};
use crate::dims::padded;
use crate::program::op::Prune;
use crate::program::tensor::{MASK, PARAMS, STEPS};

uniform! {
    PruneParams {
        prunable_words: u32,
        steps_row: u32,
        params_row: u32,
        mask_row: u32,
    }
}

pub(super) fn prune(op: &Prune, shapes: &Shapes) -> Lowered {
    if op.prunable_words > FEW_WORDS {
        return by_many(op, shapes);
    }
    let params = PruneParams {
        prunable_words: op.prunable_words as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("mask", MASK)];
    // Five walks, each of which may draw.
    Lowered::one(Dispatch::new("prune", &params, &bindings, [1, 1], op.prunable_words * 5 * 80))
}

/// The lowest bit of each pass's digit.
pub(super) const SHIFTS: [u32; 4] = [24, 16, 8, 0];
/// Words per workgroup of the passes over ties: 256 invocations, a mask word of 32 weights each.
const BLOCK: usize = 8192;
/// Most workgroups of a histogram: each adds up to 256 counts to the common one.
const MAX_HISTOGRAM_GROUPS: usize = 256;
/// Weights per histogram workgroup while there are fewer than the most.
const WEIGHTS_PER_GROUP: usize = 4096;

/// Places in the op's scratch: the prefix found so far and how many of its keys are to fall; ties by block.
const STATE: usize = 0;
const TIES: usize = 1;
const STATE_WORDS: usize = 2;

/// A histogram and a pick for each digit, a count of ties per block, and the pass that clears bits.
fn by_many(op: &Prune, shapes: &Shapes) -> Lowered {
    let digits = SHIFTS.into_iter().flat_map(|shift| [topk_histogram(op, shapes, shift), topk_pick(op, shapes, shift)]);
    let dispatches = digits.chain([topk_ties(op, shapes), threshold_mask(op, shapes)]).collect();
    Lowered { scratch: vec![STATE_WORDS, blocks(op)], dispatches }
}

fn blocks(op: &Prune) -> usize {
    op.prunable_words.div_ceil(BLOCK)
}

fn state_row() -> u32 {
    padded(STATE_WORDS) as u32
}

fn ties_row(op: &Prune) -> u32 {
    padded(blocks(op)) as u32
}

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

fn topk_histogram(op: &Prune, shapes: &Shapes, shift: u32) -> Dispatch {
    let params = TopkHistogramParams {
        shift,
        prunable_words: op.prunable_words as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        state_row: state_row(),
        histogram_row: shapes.row(op.histogram),
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("mask", MASK), ("histogram", op.histogram)];
    let workgroups = op.prunable_words.div_ceil(WEIGHTS_PER_GROUP).clamp(1, MAX_HISTOGRAM_GROUPS) as u32;
    Dispatch::new("topk_histogram", &params, &bindings, [workgroups, 1], op.prunable_words * 16).scratch("state", STATE)
}

uniform! {
    TopkPickParams {
        shift: u32,
        steps_row: u32,
        histogram_row: u32,
        state_row: u32,
    }
}

fn topk_pick(op: &Prune, shapes: &Shapes, shift: u32) -> Dispatch {
    let params = TopkPickParams {
        shift,
        steps_row: shapes.steps_row(),
        histogram_row: shapes.row(op.histogram),
        state_row: state_row(),
    };
    let bindings = [("steps", STEPS), ("histogram", op.histogram)];
    Dispatch::new("topk_pick", &params, &bindings, [1, 1], Prune::DIGITS * 32).scratch("state", STATE)
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

fn topk_ties(op: &Prune, shapes: &Shapes) -> Dispatch {
    let params = TopkTiesParams {
        prunable_words: op.prunable_words as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        state_row: state_row(),
        ties_row: ties_row(op),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("mask", MASK)];
    let workgroups = groups(op.prunable_words, BLOCK);
    let dispatch = Dispatch::new("topk_ties", &params, &bindings, workgroups, op.prunable_words * 8);
    dispatch.scratch("state", STATE).scratch("ties", TIES)
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

fn threshold_mask(op: &Prune, shapes: &Shapes) -> Dispatch {
    let params = ThresholdMaskParams {
        prunable_words: op.prunable_words as u32,
        steps_row: shapes.steps_row(),
        params_row: shapes.row(PARAMS),
        mask_row: shapes.row(MASK),
        state_row: state_row(),
        ties_row: ties_row(op),
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("params", PARAMS), ("mask", MASK)];
    let workgroups = groups(op.prunable_words, BLOCK);
    let dispatch = Dispatch::new("threshold_mask", &params, &bindings, workgroups, op.prunable_words * 12);
    dispatch.scratch("state", STATE).scratch("ties", TIES)
}
