//! unit_importance, unit_prune.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::dims::padded;
use crate::program::ReplicaStep;
use crate::program::op::{UnitImportance, UnitPrune};
use crate::program::tensor::{MASK, PARAMS, STEPS};
use crate::program::units::{self, SET_WORDS, total};

uniform! {
    UnitImportanceParams {
        units: u32,
        sets: u32,
        params_row: u32,
        mask_row: u32,
        importance_row: u32,
        scored: u32,
        first_group: u32,
    }
}

/// A workgroup per unit.
pub(super) fn unit_importance(op: &UnitImportance, shapes: &Shapes) -> Lowered {
    let units = total(&op.sets);
    let weights = op.scores.unwrap_or(PARAMS);
    let params = UnitImportanceParams {
        units: units as u32,
        sets: op.sets.len() as u32,
        params_row: shapes.row(weights),
        mask_row: shapes.row(MASK),
        importance_row: shapes.row(op.importance),
        scored: op.scores.is_some() as u32,
        first_group: 0,
    };
    let bindings = [("params", weights), ("mask", MASK), ("table", op.table), ("importance", op.importance)];
    let words: usize = op.sets.iter().map(|set| set.count * set.words()).sum();
    Lowered::one(Dispatch::new("unit_importance", &params, &bindings, groups(units, 1), words * 16))
}

/// Places in the op's scratch.
const KEYS: usize = 0;
const FALLEN: usize = 1;

/// The order of the units, those that fall, and their masks.
pub(super) fn unit_prune(op: &UnitPrune, shapes: &Shapes) -> Lowered {
    let units = total(&op.sets);
    Lowered {
        scratch: vec![units, units],
        dispatches: vec![unit_order(op, shapes), fallen(op, shapes), unit_mask(op, shapes)],
    }
}

uniform! {
    UnitOrderParams {
        units: u32,
        sets: u32,
        steps_row: u32,
        importance_row: u32,
        keys_row: u32,
        scored: u32,
        first_group: u32,
    }
}

fn unit_order(op: &UnitPrune, shapes: &Shapes) -> Dispatch {
    let units = total(&op.sets);
    let params = UnitOrderParams {
        units: units as u32,
        sets: op.sets.len() as u32,
        steps_row: shapes.steps_row(),
        importance_row: shapes.row(op.importance),
        keys_row: padded(units) as u32,
        scored: op.scored as u32,
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("table", op.table), ("importance", op.importance)];
    let work = op.sets.iter().map(|set| set.count * set.count * 8).sum();
    Dispatch::new("unit_order", &params, &bindings, groups(units, 64), work).scratch("keys", KEYS)
}

uniform! {
    UnitPruneParams {
        units: u32,
        sets: u32,
        by_set: u32,
        counts_replica: u32,
        counts_slot: u32,
        counts_first: u32,
        steps_row: u32,
        keys_row: u32,
        fallen_row: u32,
        first_group: u32,
    }
}

fn fallen(op: &UnitPrune, shapes: &Shapes) -> Dispatch {
    let units = total(&op.sets);
    let (counts, [counts_slot, counts_first]) = match op.counts {
        Some(counts) => (counts, [op.sets.len() as u32, 0]),
        None => (STEPS, [ReplicaStep::WORDS as u32, ReplicaStep::PRUNE_COUNT as u32]),
    };
    let params = UnitPruneParams {
        units: units as u32,
        sets: op.sets.len() as u32,
        by_set: op.counts.is_some() as u32,
        counts_replica: shapes.row(counts),
        counts_slot,
        counts_first,
        steps_row: shapes.steps_row(),
        keys_row: padded(units) as u32,
        fallen_row: padded(units) as u32,
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("counts", counts), ("table", op.table)];
    let ranked = if op.counts.is_some() { op.sets.len() } else { 1 };
    let dispatch = Dispatch::new("unit_prune", &params, &bindings, groups(ranked, 1), units * op.sets.len() * 32);
    dispatch.scratch("keys", KEYS).scratch("fallen", FALLEN)
}

uniform! {
    UnitMaskParams {
        words: u32,
        sets: u32,
        steps_row: u32,
        mask_row: u32,
        fallen_row: u32,
        first_group: u32,
    }
}

fn unit_mask(op: &UnitPrune, shapes: &Shapes) -> Dispatch {
    let words = units::end(&op.sets).div_ceil(32);
    let params = UnitMaskParams {
        words: words as u32,
        sets: op.sets.len() as u32,
        steps_row: shapes.steps_row(),
        mask_row: shapes.row(MASK),
        fallen_row: padded(total(&op.sets)) as u32,
        first_group: 0,
    };
    let bindings = [("steps", STEPS), ("table", op.table), ("mask", MASK)];
    let spans: usize = op.sets.iter().map(|set| set.spans.len() + set.followers.len()).sum();
    let work = words * 32 * (spans + op.sets.len() * SET_WORDS) * 4;
    Dispatch::new("unit_mask", &params, &bindings, groups(words, 64), work).scratch("fallen", FALLEN)
}
