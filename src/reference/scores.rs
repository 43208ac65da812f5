//! score_update, lamp_score: what weights are ranked by.

use crate::program::op::{LampScore, SCORE_DECAY, ScoreUpdate};
use crate::program::tensor::{GRADS, MASK, PARAMS, SCORE};

use super::scalar::Scalar;
use super::storage::Storage;

/// Whether a weight lives.
fn lives(mask: &[u32], word: usize) -> bool {
    mask[word / 32] >> (word % 32) & 1 == 1
}

/// A float's bits as an integer that is ordered as the floats are, with one zero.
pub(super) fn score_key(bits: u32) -> u32 {
    let one = if bits == 1 << 31 { 0 } else { bits };
    if one >> 31 == 1 { !one } else { one | 1 << 31 }
}

pub(super) fn score_update<T: Scalar>(storage: &mut Storage<T>, op: &ScoreUpdate, slot: usize) {
    if storage.step(slot).active == 0 {
        return;
    }
    let mut scores = storage.take_floats(SCORE);
    let (params, grads, mask) = (storage.floats(PARAMS), storage.floats(GRADS), storage.integers(MASK));
    let decay = T::from_f32(SCORE_DECAY);
    for (word, score) in scores.iter_mut().enumerate().take(op.prunable_words) {
        let change = params[word] * grads[word];
        *score = match (lives(mask, word), op.movement) {
            (false, _) => T::ZERO,
            (true, true) => *score - change,
            (true, false) => decay * *score + (T::from_f32(1.0) - decay) * change.abs(),
        };
    }
    storage.put_floats(SCORE, scores);
}

pub(super) fn lamp_score<T: Scalar>(storage: &mut Storage<T>, op: &LampScore) {
    let mut scores = storage.take_floats(op.score);
    let (params, mask) = (storage.floats(PARAMS), storage.integers(MASK));
    for range in &op.tensors {
        let size = |word: usize| if lives(mask, word) { params[word].to_f32().to_bits() & 0x7FFF_FFFF } else { 0 };
        let mut order: Vec<u64> = range.clone().map(|word| u64::from(size(word)) << 32 | word as u64).collect();
        order.sort_unstable();
        let mut larger = T::ZERO;
        for word in order.into_iter().rev().map(|key| key as u32 as usize) {
            let square = if lives(mask, word) { params[word] * params[word] } else { T::ZERO };
            larger += square;
            scores[word] = if square > T::ZERO { square / larger } else { T::ZERO };
        }
    }
    storage.put_floats(op.score, scores);
}
