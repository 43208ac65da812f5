//! topk_histogram, topk_pick, topk_ties, threshold_mask: the exact set of smallest living weights, by radix select over
//! the bits of |w|.

use rayon::prelude::*;

use crate::program::op::{ThresholdMask, TopkHistogram, TopkPick, TopkTies, topk};
use crate::program::rng;
use crate::program::step::{RANDOM_PRUNE, ReplicaStep};
use crate::program::tensor::{MASK, PARAMS};

use super::optimizer::living;
use super::scalar::Scalar;
use super::storage::Storage;

/// The order in which weights fall: the bits of |w|, which are ordered as |w| is, or at random.
fn prune_key<T: Scalar>(step: &ReplicaStep, weight: T, element: usize) -> u32 {
    if step.prune_random != 0 {
        return rng::draw(step.seed, RANDOM_PRUNE, 0, element as u32);
    }
    weight.to_f32().to_bits() & 0x7FFF_FFFF
}

/// The lowest bit of a pass's digit.
fn shift(pass: usize) -> u32 {
    24 - 8 * pass as u32
}

pub fn topk_histogram<T: Scalar>(storage: &mut Storage<T>, op: &TopkHistogram, slot: usize) {
    let mut histogram = storage.take_integers(op.histogram);
    histogram.par_chunks_mut(storage.row(op.histogram)).enumerate().for_each(|(r, histogram)| {
        let step = storage.step(r, slot);
        if step.prune_count == 0 {
            return;
        }
        let weights = &storage.float_row(PARAMS, r)[..op.prunable_words];
        let mask = storage.integer_row(MASK, r);
        // Pass 0 has no higher bits to compare.
        let above = if op.pass == 0 { 0 } else { u32::MAX << (shift(op.pass) + 8) };
        let prefix = storage.integer_row(op.state, r)[topk::PREFIX] & above;
        for (i, &weight) in weights.iter().enumerate() {
            let key = prune_key(&step, weight, i);
            if living(mask, i) && key & above == prefix {
                histogram[(key >> shift(op.pass) & 0xFF) as usize] += 1;
            }
        }
    });
    storage.put_integers(op.histogram, histogram);
}

pub fn topk_pick<T: Scalar>(storage: &mut Storage<T>, op: &TopkPick, slot: usize) {
    for r in 0..storage.replicas {
        let (mut prefix, mut remaining) = if op.pass == 0 {
            (0, storage.step(r, slot).prune_count)
        } else {
            let state = storage.integer_row(op.state, r);
            (state[topk::PREFIX], state[topk::REMAINING])
        };
        let histogram = storage.integer_row_mut(op.histogram, r);
        let (mut digit, mut below) = (0, 0);
        while digit < topk::BINS - 1 && below + histogram[digit] < remaining {
            below += histogram[digit];
            digit += 1;
        }
        histogram.fill(0);
        prefix |= (digit as u32) << shift(op.pass);
        remaining -= below;
        let state = storage.integer_row_mut(op.state, r);
        state[topk::PREFIX] = prefix;
        state[topk::REMAINING] = remaining;
    }
}

pub fn topk_ties<T: Scalar>(storage: &mut Storage<T>, op: &TopkTies, slot: usize) {
    let mut ties = storage.take_integers(op.ties);
    for r in 0..storage.replicas {
        let step = storage.step(r, slot);
        if step.prune_count == 0 {
            ties[r * storage.row(op.ties)..][..storage.words(op.ties)].fill(0);
            continue;
        }
        let cut = storage.integer_row(op.state, r)[topk::PREFIX];
        let weights = &storage.float_row(PARAMS, r)[..op.prunable_words];
        let mask = storage.integer_row(MASK, r);
        for (g, block) in weights.chunks(topk::BLOCK).enumerate() {
            let tie = |(j, weight): (usize, &T)| {
                let i = g * topk::BLOCK + j;
                living(mask, i) && prune_key(&step, *weight, i) == cut
            };
            ties[r * storage.row(op.ties) + g] = block.iter().enumerate().filter(|item| tie(*item)).count() as u32;
        }
    }
    storage.put_integers(op.ties, ties);
}

pub fn threshold_mask<T: Scalar>(storage: &mut Storage<T>, op: &ThresholdMask, slot: usize) {
    let mut mask = storage.take_integers(MASK);
    for r in 0..storage.replicas {
        let step = storage.step(r, slot);
        if step.active == 0 || step.prune_count == 0 {
            continue;
        }
        let state = storage.integer_row(op.state, r);
        let (cut, mut remaining) = (state[topk::PREFIX], state[topk::REMAINING]);
        let weights = &storage.float_row(PARAMS, r)[..op.prunable_words];
        let mask = &mut mask[r * storage.row(MASK)..];
        for (i, &weight) in weights.iter().enumerate() {
            if !living(mask, i) {
                continue;
            }
            let key = prune_key(&step, weight, i);
            let tie = key == cut && remaining > 0;
            if key < cut || tie {
                mask[i / 32] &= !(1 << (i % 32));
            }
            remaining -= tie as u32;
        }
    }
    storage.put_integers(MASK, mask);
}
