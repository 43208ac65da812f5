//! unit_importance, unit_prune: units that fall as wholes.

use crate::program::op::{NO_UNIT, UnitImportance, UnitPrune};
use crate::program::rng;
use crate::program::step::{RANDOM_PRUNE, ReplicaStep};
use crate::program::tensor::{MASK, PARAMS};
use crate::program::units::placed;

use super::scalar::Scalar;
use super::scores::score_key;
use super::storage::Storage;

pub(super) fn unit_importance<T: Scalar>(storage: &mut Storage<T>, op: &UnitImportance) {
    let mut importance = storage.take_floats(op.importance);
    let (weights, mask) = (storage.floats(op.scores.unwrap_or(PARAMS)), storage.integers(MASK));
    let none = if op.scores.is_some() { NO_UNIT } else { -1.0 };
    for (first, set) in placed(&op.sets) {
        for unit in 0..set.count {
            let (mut sum, mut count) = (T::ZERO, 0u32);
            for word in set.of(unit).filter(|word| mask[word / 32] >> (word % 32) & 1 == 1) {
                sum += if op.scores.is_some() { weights[word] } else { weights[word] * weights[word] };
                count += 1;
            }
            importance[first + unit] = if count == 0 { T::from_f32(none) } else { sum / T::from_f32(count as f32) };
        }
    }
    storage.put_floats(op.importance, importance);
}

/// The place of a unit in the order in which they fall: 0 of one that has fallen.
fn order<T: Scalar>(step: &ReplicaStep, scored: bool, importance: T, unit: usize) -> u32 {
    let importance = importance.to_f32();
    if if scored { importance == NO_UNIT } else { importance.is_sign_negative() } {
        return 0;
    }
    match step.prune_random {
        0 if scored => score_key(importance.to_bits()),
        0 => 1 + importance.to_bits(),
        _ => 1 + (rng::draw(step.seed, RANDOM_PRUNE, 0, unit as u32) >> 1),
    }
}

pub(super) fn unit_prune<T: Scalar>(storage: &mut Storage<T>, op: &UnitPrune, slot: usize) {
    let step = storage.step(slot);
    if step.active == 0 || step.prune_count == 0 {
        return;
    }
    let mut mask = storage.take_integers(MASK);
    let importance = storage.floats(op.importance);
    // Its place, its index, and its set's.
    let mut units = Vec::new();
    for (s, (first, set)) in placed(&op.sets).enumerate() {
        let mut own: Vec<(u32, usize)> =
            (first..first + set.count).map(|unit| (order(&step, op.scored, importance[unit], unit), unit)).collect();
        own.sort_unstable();
        // The last of a set stay.
        own.truncate(set.count.saturating_sub(set.stays));
        units.extend(own.into_iter().map(|(place, unit)| (place, unit, s)));
    }
    units.sort_unstable();
    let firsts: Vec<usize> = placed(&op.sets).map(|(first, _)| first).collect();
    let mut fell = |ranked: &mut dyn Iterator<Item = (u32, usize, usize)>, mut left: usize| {
        for (_, unit, s) in ranked {
            let Some(after) = left.checked_sub(op.sets[s].worth) else { break };
            left = after;
            for word in op.sets[s].falling(unit - firsts[s]) {
                mask[word / 32] &= !(1 << (word % 32));
            }
        }
    };
    match op.counts {
        None => fell(&mut units.into_iter(), step.prune_count as usize),
        Some(counts) => {
            for (s, count) in storage.integers(counts)[slot * op.sets.len()..][..op.sets.len()].iter().enumerate() {
                fell(&mut units.iter().copied().filter(|(_, _, own)| *own == s), *count as usize);
            }
        }
    }
    storage.put_integers(MASK, mask);
}
