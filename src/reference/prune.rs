//! prune: the exact set of smallest living weights, by radix select over the bits of |w|. A block of words per task, 32
//! words and one word of the mask at a time.

use crate::program::op::Prune;
use crate::program::rng;
use crate::program::step::{RANDOM_PRUNE, ReplicaStep};
use crate::program::tensor::{MASK, PARAMS};

use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::each;

/// Words of a task.
const BLOCK: usize = 8192;
/// Words under one word of the mask.
const GROUP: usize = 32;
/// Histograms that a task fills in turns: neighbours mostly fall into one bin, and each would wait for the one before.
const HISTOGRAMS: usize = 4;
/// Weights of a group from which on all are counted, those with nothing to add too.
const MANY: u32 = 12;

/// The order in which weights fall, the first of which is word `first`: the bits of |w|, which are ordered as |w| is, or
/// at random.
#[inline(always)]
fn prune_keys<T: Scalar, const RANDOM: bool>(step: &ReplicaStep, weights: &[T; GROUP], first: usize) -> [u32; GROUP] {
    if RANDOM {
        return rng::draw_block(step.seed, RANDOM_PRUNE, 0, first as u32, 1);
    }
    let mut keys = [0; GROUP];
    for j in 0..GROUP {
        keys[j] = weights[j].to_f32().to_bits() & 0x7FFF_FFFF;
    }
    keys
}

/// Runs a loop compiled twice, once for each order: keys that come from either of two branches would pass through memory.
macro_rules! in_order {
    ($step:expr, |$random:ident| $work:expr) => {
        if $step.prune_random != 0 {
            const $random: bool = true;
            T::vectorized(
                #[inline(always)]
                || $work,
            );
        } else {
            const $random: bool = false;
            T::vectorized(
                #[inline(always)]
                || $work,
            );
        }
    };
}

/// Which keys pass a test, as a word of a mask.
#[inline(always)]
fn matching(keys: &[u32; GROUP], test: impl Fn(u32) -> bool) -> u32 {
    let mut flags = [0; GROUP];
    for j in 0..GROUP {
        flags[j] = if test(keys[j]) { 1 << j } else { 0 };
    }
    let mut bits = 0;
    for flag in flags {
        bits |= flag;
    }
    bits
}

/// The living weights whose keys start as the cut does.
#[derive(Clone, Copy)]
struct Cut {
    /// The bits of the cut found so far; after the last pass the key of the largest weight to prune.
    prefix: u32,
    /// How many keys with this prefix are to be pruned; after the last pass, of the ties.
    remaining: u32,
}

pub(super) fn prune<T: Scalar>(storage: &mut Storage<T>, op: &Prune, slot: usize) {
    let step = storage.step(slot);
    if step.active == 0 || step.prune_count == 0 {
        return;
    }
    let mut cut = Cut { prefix: 0, remaining: step.prune_count };
    for low in [24, 16, 8, 0] {
        let histogram = histogram(storage, op.prunable_words, &step, cut.prefix, low);
        let (mut digit, mut below) = (0, 0);
        while digit < Prune::DIGITS - 1 && below + histogram[digit] < cut.remaining {
            below += histogram[digit];
            digit += 1;
        }
        cut = Cut { prefix: cut.prefix | (digit as u32) << low, remaining: cut.remaining - below };
    }
    clear(storage, op.prunable_words, &step, cut);
}

/// The prunable weights and their masks by blocks.
fn blocks<T: Scalar>(storage: &Storage<T>, words: usize) -> impl Iterator<Item = (&[T], &[u32])> {
    let weights = storage.floats(PARAMS)[..words].chunks(BLOCK);
    weights.zip(storage.integers(MASK)[..words / GROUP].chunks(BLOCK / GROUP))
}

/// How many living keys with this prefix have each digit, whose lowest bit is `low`.
fn histogram<T: Scalar>(
    storage: &Storage<T>,
    words: usize,
    step: &ReplicaStep,
    prefix: u32,
    low: u32,
) -> [u32; Prune::DIGITS] {
    // The first pass has no higher bits to compare.
    let above = u32::MAX.checked_shl(low + 8).unwrap_or(0);
    let mut counted = vec![[[0u32; Prune::DIGITS]; HISTOGRAMS]; words.div_ceil(BLOCK)];
    each(blocks(storage, words).zip(&mut counted), &|task, ((weights, mask), counts)| {
        in_order!(step, |RANDOM| {
            for (i, (weights, living)) in weights.as_chunks().0.iter().zip(mask).enumerate() {
                let keys = prune_keys::<T, RANDOM>(step, weights, task * BLOCK + i * GROUP);
                let mut counted = living & matching(&keys, |key| key & above == prefix);
                let bin = |j: usize| (keys[j] >> low & 0xFF) as usize;
                // Bit after bit waits for the bit before; where most are set, it is quicker to add the zeros too.
                if counted.count_ones() > MANY {
                    for j in 0..GROUP {
                        counts[j % HISTOGRAMS][bin(j)] += counted >> j & 1;
                    }
                    continue;
                }
                while counted != 0 {
                    let j = counted.trailing_zeros() as usize;
                    counts[j % HISTOGRAMS][bin(j)] += 1;
                    counted &= counted - 1;
                }
            }
        });
    });
    let mut sums = [0; Prune::DIGITS];
    for counts in counted.iter().flatten() {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    sums
}

/// How many living weights of each block have the cut for their key.
fn ties<T: Scalar>(storage: &Storage<T>, words: usize, step: &ReplicaStep, cut: u32) -> Vec<u32> {
    let mut ties = vec![0; words.div_ceil(BLOCK)];
    each(blocks(storage, words).zip(&mut ties), &|task, ((weights, mask), ties)| {
        in_order!(step, |RANDOM| {
            for (i, (weights, living)) in weights.as_chunks().0.iter().zip(mask).enumerate() {
                let keys = prune_keys::<T, RANDOM>(step, weights, task * BLOCK + i * GROUP);
                *ties += (living & matching(&keys, |key| key == cut)).count_ones();
            }
        });
    });
    ties
}

/// Clears the bits of all weights below the cut, and of the first ties.
fn clear<T: Scalar>(storage: &mut Storage<T>, words: usize, step: &ReplicaStep, cut: Cut) {
    // How many ties are left to prune at each block's start.
    let left = ties(storage, words, step, cut.prefix)
        .into_iter()
        .scan(cut.remaining, |left, ties| Some(std::mem::replace(left, left.saturating_sub(ties))));
    let mut mask = storage.take_integers(MASK);
    let weights = storage.floats(PARAMS)[..words].chunks(BLOCK);
    let masks = mask[..words / GROUP].chunks_mut(BLOCK / GROUP);
    each(weights.zip(masks).zip(left), &|task, ((weights, mask), mut left)| {
        in_order!(step, |RANDOM| {
            for (i, (weights, living)) in weights.as_chunks().0.iter().zip(mask).enumerate() {
                let keys = prune_keys::<T, RANDOM>(step, weights, task * BLOCK + i * GROUP);
                let below = matching(&keys, |key| key < cut.prefix);
                let mut ties = *living & matching(&keys, |key| key == cut.prefix);
                *living &= !below;
                while ties != 0 && left > 0 {
                    // The lowest bit that is set.
                    *living &= !(ties & ties.wrapping_neg());
                    ties &= ties - 1;
                    left -= 1;
                }
            }
        });
    });
    storage.put_integers(MASK, mask);
}
