//! topk_histogram, topk_pick, topk_ties, threshold_mask: the exact set of smallest living weights, by radix select over
//! the bits of |w|. A block of words per task, 32 words and one word of the mask at a time.

use rayon::prelude::*;

use crate::program::op::{ThresholdMask, TopkHistogram, TopkPick, TopkTies, topk};
use crate::program::rng;
use crate::program::step::{RANDOM_PRUNE, ReplicaStep};
use crate::program::tensor::{MASK, PARAMS};

use super::scalar::{Scalar, vectorized};
use super::storage::Storage;

/// Words under one word of the mask.
const GROUP: usize = 32;
/// Histograms that a task fills in turns: neighbours mostly fall into one bin, and each would wait for the one before.
const HISTOGRAMS: usize = 4;

/// The order in which weights fall, the first of which is word `first`: the bits of |w|, which are ordered as |w| is, or
/// at random.
#[inline(always)]
fn prune_keys<T: Scalar>(step: &ReplicaStep, weights: &[T], first: usize) -> [u32; GROUP] {
    if step.prune_random != 0 {
        return rng::draw_block(step.seed, RANDOM_PRUNE, 0, first as u32, 1);
    }
    let mut keys = [0; GROUP];
    for (key, weight) in keys.iter_mut().zip(weights) {
        *key = weight.to_f32().to_bits() & 0x7FFF_FFFF;
    }
    keys
}

/// Which keys pass a test, as a word of a mask.
#[inline(always)]
fn matching(keys: &[u32; GROUP], test: impl Fn(u32) -> bool) -> u32 {
    let mut bits = 0;
    for (j, key) in keys.iter().enumerate() {
        bits |= (test(*key) as u32) << j;
    }
    bits
}

/// The set bits' places, lowest first.
fn places(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (place < GROUP).then_some(place)
    })
}

/// The lowest bit of a pass's digit.
fn shift(pass: usize) -> u32 {
    24 - 8 * pass as u32
}

/// The prunable weights and their masks by [`topk::BLOCK`].
fn blocks<T: Scalar>(storage: &Storage<T>, words: usize) -> impl IndexedParallelIterator<Item = (&[T], &[u32])> {
    let weights = storage.floats(PARAMS)[..words].par_chunks(topk::BLOCK);
    weights.zip(storage.integers(MASK)[..words / GROUP].par_chunks(topk::BLOCK / GROUP))
}

pub fn topk_histogram<T: Scalar>(storage: &mut Storage<T>, op: &TopkHistogram, slot: usize) {
    let step = storage.step(slot);
    if step.prune_count == 0 {
        return;
    }
    // Pass 0 has no higher bits to compare.
    let above = if op.pass == 0 { 0 } else { u32::MAX << (shift(op.pass) + 8) };
    let prefix = storage.integers(op.state)[topk::PREFIX] & above;
    let count = |(g, (weights, mask)): (usize, (&[T], &[u32]))| {
        let mut counts = [[0u32; topk::BINS]; HISTOGRAMS];
        vectorized(
            #[inline(always)]
            || {
                for (i, (weights, living)) in weights.chunks_exact(GROUP).zip(mask).enumerate() {
                    let keys = prune_keys(&step, weights, g * topk::BLOCK + i * GROUP);
                    for j in places(living & matching(&keys, |key| key & above == prefix)) {
                        counts[j % HISTOGRAMS][(keys[j] >> shift(op.pass) & 0xFF) as usize] += 1;
                    }
                }
            },
        );
        counts
    };
    let counted: Vec<_> = blocks(storage, op.prunable_words).enumerate().map(count).collect();
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
    ties.par_iter_mut().zip(blocks(storage, op.prunable_words)).enumerate().for_each(|(g, (ties, (weights, mask)))| {
        *ties = 0;
        if step.prune_count == 0 {
            return;
        }
        vectorized(
            #[inline(always)]
            || {
                for (i, (weights, living)) in weights.chunks_exact(GROUP).zip(mask).enumerate() {
                    let keys = prune_keys(&step, weights, g * topk::BLOCK + i * GROUP);
                    *ties += (living & matching(&keys, |key| key == cut)).count_ones();
                }
            },
        );
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
    // How many ties are left to prune at each block's start.
    let left: Vec<u32> = storage
        .integers(op.ties)
        .iter()
        .scan(remaining, |left, ties| Some(std::mem::replace(left, left.saturating_sub(*ties))))
        .collect();
    let mut mask = storage.take_integers(MASK);
    let weights = storage.floats(PARAMS)[..op.prunable_words].par_chunks(topk::BLOCK);
    let masks = mask[..op.prunable_words / GROUP].par_chunks_mut(topk::BLOCK / GROUP);
    weights.zip(masks).zip(left).enumerate().for_each(|(g, ((weights, mask), mut left))| {
        vectorized(
            #[inline(always)]
            || {
                for (i, (weights, living)) in weights.chunks_exact(GROUP).zip(mask).enumerate() {
                    let keys = prune_keys(&step, weights, g * topk::BLOCK + i * GROUP);
                    let below = matching(&keys, |key| key < cut);
                    let ties = *living & matching(&keys, |key| key == cut);
                    *living &= !below;
                    for j in places(ties).take(left as usize) {
                        *living &= !(1 << j);
                        left -= 1;
                    }
                }
            },
        );
    });
    storage.put_integers(MASK, mask);
}
