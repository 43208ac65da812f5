//! topk_histogram, topk_pick, topk_ties, threshold_mask: the exact set of smallest living weights, by radix select over
//! the bits of |w|. A block of words per task, 32 words and one word of the mask at a time.

use crate::program::op::{ThresholdMask, TopkHistogram, TopkPick, TopkTies, topk};
use crate::program::rng;
use crate::program::step::{RANDOM_PRUNE, ReplicaStep};
use crate::program::tensor::{MASK, PARAMS};

use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::each;

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

/// The lowest bit of a pass's digit.
fn shift(pass: usize) -> u32 {
    24 - 8 * pass as u32
}

/// The prunable weights and their masks by blocks.
fn blocks<T: Scalar>(storage: &Storage<T>, words: usize) -> impl Iterator<Item = (&[T], &[u32])> {
    let weights = storage.floats(PARAMS)[..words].chunks(topk::BLOCK);
    weights.zip(storage.integers(MASK)[..words / GROUP].chunks(topk::BLOCK / GROUP))
}

pub fn topk_histogram<T: Scalar>(storage: &mut Storage<T>, op: &TopkHistogram, slot: usize) {
    let step = storage.step(slot);
    if step.prune_count == 0 {
        return;
    }
    // Pass 0 has no higher bits to compare.
    let above = if op.pass == 0 { 0 } else { u32::MAX << (shift(op.pass) + 8) };
    let prefix = storage.integers(op.state)[topk::PREFIX] & above;
    let low = shift(op.pass);
    let mut counted = vec![[[0u32; topk::BINS]; HISTOGRAMS]; op.prunable_words.div_ceil(topk::BLOCK)];
    each(blocks(storage, op.prunable_words).zip(&mut counted), &|task, ((weights, mask), counts)| {
        in_order!(step, |RANDOM| {
            for (i, (weights, living)) in weights.as_chunks().0.iter().zip(mask).enumerate() {
                let keys = prune_keys::<T, RANDOM>(&step, weights, task * topk::BLOCK + i * GROUP);
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
    let histogram = storage.integers_mut(op.histogram);
    for counts in counted.iter().flatten() {
        for (sum, count) in histogram.iter_mut().zip(counts) {
            *sum += count;
        }
    }
}

pub fn topk_pick<T: Scalar>(storage: &mut Storage<T>, op: &TopkPick, slot: usize) {
    let (mut prefix, mut remaining) = if op.pass == 0 {
        (0, storage.step(slot).prune_count)
    } else {
        let state = storage.integers(op.state);
        (state[topk::PREFIX], state[topk::REMAINING])
    };
    let histogram = storage.integers_mut(op.histogram);
    let (mut digit, mut below) = (0, 0);
    while digit < topk::BINS - 1 && below + histogram[digit] < remaining {
        below += histogram[digit];
        digit += 1;
    }
    histogram.fill(0);
    prefix |= (digit as u32) << shift(op.pass);
    remaining -= below;
    let state = storage.integers_mut(op.state);
    state[topk::PREFIX] = prefix;
    state[topk::REMAINING] = remaining;
}

pub fn topk_ties<T: Scalar>(storage: &mut Storage<T>, op: &TopkTies, slot: usize) {
    let mut ties = storage.take_integers(op.ties);
    let step = storage.step(slot);
    let cut = storage.integers(op.state)[topk::PREFIX];
    each(blocks(storage, op.prunable_words).zip(&mut ties), &|task, ((weights, mask), ties)| {
        *ties = 0;
        if step.prune_count == 0 {
            return;
        }
        in_order!(step, |RANDOM| {
            for (i, (weights, living)) in weights.as_chunks().0.iter().zip(mask).enumerate() {
                let keys = prune_keys::<T, RANDOM>(&step, weights, task * topk::BLOCK + i * GROUP);
                *ties += (living & matching(&keys, |key| key == cut)).count_ones();
            }
        });
    });
    storage.put_integers(op.ties, ties);
}

pub fn threshold_mask<T: Scalar>(storage: &mut Storage<T>, op: &ThresholdMask, slot: usize) {
    let step = storage.step(slot);
    if step.active == 0 || step.prune_count == 0 {
        return;
    }
    let state = storage.integers(op.state);
    let (cut, remaining) = (state[topk::PREFIX], state[topk::REMAINING]);
    let mut mask = storage.take_integers(MASK);
    // How many ties are left to prune at each block's start.
    let left = storage
        .integers(op.ties)
        .iter()
        .scan(remaining, |left, ties| Some(std::mem::replace(left, left.saturating_sub(*ties))));
    let weights = storage.floats(PARAMS)[..op.prunable_words].chunks(topk::BLOCK);
    let masks = mask[..op.prunable_words / GROUP].chunks_mut(topk::BLOCK / GROUP);
    each(weights.zip(masks).zip(left), &|task, ((weights, mask), mut left)| {
        in_order!(step, |RANDOM| {
            for (i, (weights, living)) in weights.as_chunks().0.iter().zip(mask).enumerate() {
                let keys = prune_keys::<T, RANDOM>(&step, weights, task * topk::BLOCK + i * GROUP);
                let below = matching(&keys, |key| key < cut);
                let mut ties = *living & matching(&keys, |key| key == cut);
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
