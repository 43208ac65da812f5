//! grad_norm, adam_masked: clipping and the fused masked update.

use crate::program::constants::{ADAM_EPSILON, CLIP_EPSILON, ONE_MINUS_BETA2};
use crate::program::op::{AdamMasked, GradNorm};
use crate::program::step::ReplicaStep;
use crate::program::tensor::*;

use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, tiles};

/// Squares summed before the sums are summed: keeps the rounding error of a large model small.
const BLOCK: usize = 4096;

pub(super) fn grad_norm<T: Scalar>(storage: &mut Storage<T>, op: &GradNorm) {
    let grads = storage.floats(GRADS);
    let mask = storage.integers(MASK);
    let mut total = T::ZERO;
    for (g, block) in grads[..op.words].chunks(BLOCK).enumerate() {
        let mut sum = T::ZERO;
        for (j, d) in block.iter().enumerate() {
            if living(mask, g * BLOCK + j) {
                sum += *d * *d;
            }
        }
        total += sum;
    }
    storage.floats_mut(GRAD_NORM)[0] = total.sqrt();
}

/// Whether bit `i` of a mask is set.
pub(super) fn living(mask: &[u32], i: usize) -> bool {
    mask[i / 32] >> (i % 32) & 1 == 1
}

/// Words of the arenas per task.
const TILE: usize = 16_384;

/// Step and lowest word of the first non-finite gradient and weight met in a tile.
#[derive(Default)]
struct Found {
    grad: Option<usize>,
    weight: Option<usize>,
}

pub(super) fn adam_masked<T: Scalar>(storage: &mut Storage<T>, op: &AdamMasked, slot: usize) {
    let step = storage.step(slot);
    if step.active == 0 {
        return;
    }
    let update = Update::<T>::new(&step, storage.floats(GRAD_NORM)[0]);
    let mut params = storage.take_floats(PARAMS);
    let mut moment1 = storage.take_floats(MOMENT1);
    let mut moment2 = storage.take_floats(MOMENT2);
    let param_tiles = tiles(&mut params, op.words, 1, TILE);
    let moment1_tiles = tiles(&mut moment1, op.words, 1, TILE);
    let moment2_tiles = tiles(&mut moment2, op.words, 1, TILE);
    let mut found: Vec<Found> = (0..op.words.div_ceil(TILE)).map(|_| Found::default()).collect();
    let tiles = param_tiles.zip(moment1_tiles).zip(moment2_tiles);
    each(tiles.zip(&mut found), &|task, (((w, m), v), found)| {
        let first = task * TILE;
        let grads = &storage.floats(GRADS)[first..][..w.len()];
        let mask = &storage.integers(MASK)[first / 32..];
        let prunable = op.prunable_words.saturating_sub(first).min(w.len());
        let sound = T::vectorized(
            #[inline(always)]
            || {
                let (decayed, plain) = (0..prunable, prunable..w.len());
                let a = update.apply::<true>(decayed, w, m, v, grads, mask);
                let b = update.apply::<false>(plain, w, m, v, grads, mask);
                a & b
            },
        );
        if !sound {
            let bad = |values: &[T]| (0..values.len()).find(|&j| living(mask, j) && !values[j].is_finite());
            *found = Found { grad: bad(grads).map(|j| first + j), weight: bad(w).map(|j| first + j) };
        }
    });
    storage.put_floats(PARAMS, params);
    storage.put_floats(MOMENT1, moment1);
    storage.put_floats(MOMENT2, moment2);
    let words = storage.integers_mut(STATUS);
    for found in found {
        note(words, status::GRAD_STEP, status::GRAD_WORD, step.step, found.grad);
        note(words, status::WEIGHT_STEP, status::WEIGHT_WORD, step.step, found.weight);
    }
}

/// Keeps the lowest word of the first step; steps only grow.
fn note(words: &mut [u32], step_at: usize, word_at: usize, step: u32, found: Option<usize>) {
    if let Some(word) = found
        && step <= words[step_at]
    {
        words[step_at] = step;
        words[word_at] = words[word_at].min(word as u32);
    }
}

/// One step's constants.
struct Update<T> {
    clip: T,
    step_size: T,
    one_minus_beta1: T,
    one_minus_beta2: T,
    inv_sqrt_bias2: T,
    eps: T,
    decay_factor: T,
    l2: T,
}

impl<T: Scalar> Update<T> {
    fn new(step: &ReplicaStep, grad_norm: T) -> Self {
        let clip = if step.clip_norm > 0.0 {
            let ratio = T::from_f32(step.clip_norm) / (grad_norm + T::from_f32(CLIP_EPSILON));
            // A NaN norm must reach the weights, where it is noticed.
            if ratio > T::ONE { T::ONE } else { ratio }
        } else {
            T::ONE
        };
        Update {
            clip,
            step_size: T::from_f32(step.step_size),
            one_minus_beta1: T::from_f32(step.one_minus_beta1),
            one_minus_beta2: T::from_f32(ONE_MINUS_BETA2),
            inv_sqrt_bias2: T::from_f32(step.inv_sqrt_bias2),
            eps: T::from_f32(ADAM_EPSILON),
            decay_factor: T::from_f32(step.decay_factor),
            l2: T::from_f32(step.l2),
        }
    }

    /// Updates `range`; whether all living gradients and new weights are finite.
    #[inline(always)]
    fn apply<const DECAYED: bool>(
        &self,
        range: std::ops::Range<usize>,
        w: &mut [T],
        m: &mut [T],
        v: &mut [T],
        grads: &[T],
        mask: &[u32],
    ) -> bool {
        let mut sound = true;
        // Spans are whole mask words, so a chunk of 32 has one word of the mask.
        for first in range.step_by(32) {
            let bits = mask[first / 32];
            let (w, m, v) = (&mut w[first..][..32], &mut m[first..][..32], &mut v[first..][..32]);
            let grads = &grads[first..][..32];
            for j in 0..32 {
                let living = bits >> j & 1 == 1;
                let mut g = grads[j] * self.clip;
                let mut weight = w[j];
                if DECAYED {
                    g += self.l2 * weight;
                    weight *= self.decay_factor;
                }
                let m_new = m[j] + self.one_minus_beta1 * (g - m[j]);
                let v_new = v[j] * (T::ONE - self.one_minus_beta2) + self.one_minus_beta2 * g * g;
                weight = weight - self.step_size * m_new / (v_new.sqrt() * self.inv_sqrt_bias2 + self.eps);
                w[j] = if living { weight } else { T::ZERO };
                m[j] = if living { m_new } else { T::ZERO };
                v[j] = if living { v_new } else { T::ZERO };
                sound &= !living | (grads[j].is_finite() & w[j].is_finite());
            }
        }
        sound
    }
}
