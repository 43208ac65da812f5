//! prune_select, prune_apply: the words of each group that are picked, and their masks.

use crate::program::op::{PruneApply, PruneCount, PruneKey, PruneSelect};
use crate::program::rng;
use crate::program::step::{RANDOM_PRUNE, ReplicaStep};
use crate::program::tensor::MASK;

use super::scalar::Scalar;
use super::scores::score_key;
use super::storage::Storage;

/// A word's place in the order in which its group's are picked.
fn key<T: Scalar>(step: &ReplicaStep, key: PruneKey, score: T, word: usize) -> u32 {
    let bits = score.to_f32().to_bits();
    let magnitude = bits & 0x7FFF_FFFF;
    match (key, step.prune_random) {
        (PruneKey::Largest, _) => !magnitude,
        (PruneKey::Magnitude, 0) => magnitude,
        (PruneKey::Score, 0) => score_key(bits),
        (PruneKey::Magnitude | PruneKey::Score, _) => rng::draw(step.seed, RANDOM_PRUNE, 0, word as u32),
    }
}

pub(super) fn prune_select<T: Scalar>(storage: &mut Storage<T>, op: &PruneSelect, slot: usize) {
    let step = storage.step(slot);
    if step.active == 0 || step.prune_count == 0 {
        return;
    }
    let mut picked = storage.take_integers(op.picked);
    let (scores, mask) = (storage.floats(op.scores), storage.integers(MASK));
    let within = storage.integers(op.within.unwrap_or(MASK));
    for (g, group) in op.groups.iter().enumerate() {
        let has = |bits: &[u32], word: usize| (bits[word / 32] >> (word % 32) & 1 == 1) != op.dead;
        let open = |word: &usize| has(mask, *word) && has(within, *word);
        let words = group.words().filter(open);
        let mut keys: Vec<u64> =
            words.map(|word| u64::from(key(&step, op.key, scores[word], word)) << 32 | word as u64).collect();
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
    let mut mask = storage.take_integers(MASK);
    let (fallen, grown) = (storage.integers(op.fallen), storage.integers(op.grown));
    for (living, (falls, grows)) in mask[..words].iter_mut().zip(fallen.iter().zip(grown)) {
        *living = *living & !falls | grows;
    }
    storage.put_integers(MASK, mask);
    for picked in [op.fallen, op.capped, op.grown] {
        storage.integers_mut(picked)[..words].fill(0);
    }
}
