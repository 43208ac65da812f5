//! prune_select, prune_apply: the words of each group that are picked, and their masks.

use crate::program::op::{PruneApply, PruneCount, PruneSelect};
use crate::program::rng;
use crate::program::step::{RANDOM_PRUNE, ReplicaStep};
use crate::program::tensor::{MASK, PARAMS};

use super::scalar::Scalar;
use super::storage::Storage;

/// A word's place in the order in which its group's are picked.
fn key<T: Scalar>(step: &ReplicaStep, weight: T, word: usize) -> u32 {
    match step.prune_random {
        0 => weight.to_f32().to_bits() & 0x7FFF_FFFF,
        _ => rng::draw(step.seed, RANDOM_PRUNE, 0, word as u32),
    }
}

pub(super) fn prune_select<T: Scalar>(storage: &mut Storage<T>, op: &PruneSelect, slot: usize) {
    let step = storage.step(slot);
    if step.active == 0 || step.prune_count == 0 {
        return;
    }
    let mut picked = storage.take_integers(op.picked);
    let (weights, mask) = (storage.floats(PARAMS), storage.integers(MASK));
    let within = storage.integers(op.within.unwrap_or(MASK));
    for (g, group) in op.groups.iter().enumerate() {
        let open = |word: &usize| (mask[word / 32] & within[word / 32]) >> (word % 32) & 1 == 1;
        let words = group.words().filter(open);
        let mut keys: Vec<u64> =
            words.map(|word| u64::from(key(&step, weights[word], word)) << 32 | word as u64).collect();
        let count = match op.count {
            PruneCount::Step => step.prune_count as usize,
            PruneCount::Table(id) => storage.integers(id)[slot * op.groups.len() + g] as usize,
            PruneCount::AllBut(id) => keys.len().saturating_sub(storage.integers(id)[g] as usize),
        };
        if count > 0 && count < keys.len() {
            keys.select_nth_unstable(count - 1);
        }
        for key in keys.into_iter().take(count) {
            let word = key as u32 as usize;
            picked[word / 32] |= 1 << (word % 32);
        }
    }
    storage.put_integers(op.picked, picked);
}

pub(super) fn prune_apply<T: Scalar>(storage: &mut Storage<T>, op: &PruneApply) {
    let words = op.prunable_words / 32;
    let [mut mask, mut fallen] = [MASK, op.fallen].map(|id| storage.take_integers(id));
    for (living, falls) in mask[..words].iter_mut().zip(&mut fallen[..words]) {
        *living &= !*falls;
        *falls = 0;
    }
    storage.put_integers(MASK, mask);
    storage.put_integers(op.fallen, fallen);
    storage.integers_mut(op.capped)[..words].fill(0);
}
