//! patch_gather, patch_gather_backward, positions_forward, positions_backward, mean_pool_forward, mean_pool_backward: how
//! windows become sequences of tokens, and tokens one vector.

use crate::program::op::{Chance, MeanPool, PatchGather, PatchGatherBackward, PositionsBackward, PositionsForward};
use crate::program::tensor::{GRADS, PARAMS};

use super::dropout::Drops;
use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, partial_sums, tiles};

/// Sequences per task.
const TILE: usize = 16;

pub(super) fn patch_gather<T: Scalar>(storage: &mut Storage<T>, op: &PatchGather) {
    let (patches, width) = (op.patches, op.width);
    let sequence = patches.count * patches.rows * width;
    let mut output = storage.take_floats(op.output);
    let input = storage.floats(op.input);
    for (s, sequence) in output.chunks_mut(sequence).enumerate() {
        let (b, g) = (s / op.sequences, s % op.sequences);
        for (i, row) in sequence.chunks_mut(width).enumerate() {
            let t = patches.step(i / patches.rows, i % patches.rows, op.steps);
            row.copy_from_slice(&input[(b * op.steps + t) * op.channels + g * width..][..width]);
        }
    }
    storage.put_floats(op.output, output);
}

pub(super) fn patch_gather_backward<T: Scalar>(storage: &mut Storage<T>, op: &PatchGatherBackward) {
    let (patches, width) = (op.patches, op.width);
    let channels = op.sequences * width;
    let mut d_input = storage.take_floats(op.d_input);
    d_input.fill(T::ZERO);
    let d_output = storage.floats(op.d_output);
    for (s, sequence) in d_output.chunks(patches.count * patches.rows * width).enumerate() {
        let (b, g) = (s / op.sequences, s % op.sequences);
        for (i, d_row) in sequence.chunks(width).enumerate() {
            let t = patches.step(i / patches.rows, i % patches.rows, op.steps);
            let sums = &mut d_input[(b * op.steps + t) * channels + g * width..][..width];
            sums.iter_mut().zip(d_row).for_each(|(sum, d)| *sum += *d);
        }
    }
    storage.put_floats(op.d_input, d_input);
}

pub(super) fn positions_forward<T: Scalar>(storage: &mut Storage<T>, op: &PositionsForward, slot: usize) {
    let mut output = storage.take_floats(op.output);
    each(tiles(&mut output, op.sequences, op.width, TILE), &|task, output| {
        let first = task * TILE;
        let drops = Drops::new(&storage.step(slot), Chance::Dropout, op.site);
        let positions = &storage.floats(PARAMS)[op.positions..][..op.width];
        let input = &storage.floats(op.input)[first * op.width..];
        T::vectorized(
            #[inline(always)]
            || {
                for (s, output) in output.chunks_mut(op.width).enumerate() {
                    for ((word, x), position) in output.iter_mut().zip(&input[s * op.width..]).zip(positions) {
                        *word = *x + *position;
                    }
                    drops.apply((first + s) * op.width, output);
                }
            },
        );
    });
    storage.put_floats(op.output, output);
}

pub(super) fn positions_backward<T: Scalar>(storage: &mut Storage<T>, op: &PositionsBackward) {
    let mut grads = storage.take_floats(GRADS);
    let d_sum = storage.floats(op.d_sum);
    let sums = partial_sums(
        op.sequences,
        TILE,
        op.width,
        #[inline(always)]
        |sequences, sums| {
            for s in sequences {
                for (sum, d) in sums.iter_mut().zip(&d_sum[s * op.width..][..op.width]) {
                    *sum += *d;
                }
            }
        },
    );
    grads[op.d_positions..][..op.width].copy_from_slice(&sums);
    storage.put_floats(GRADS, grads);
}

pub(super) fn mean_pool_forward<T: Scalar>(storage: &mut Storage<T>, op: &MeanPool) {
    let mut output = storage.take_floats(op.output);
    let count = T::from_f32(op.tokens as f32);
    let input = storage.floats(op.input);
    for (s, output) in output.chunks_mut(op.width).enumerate() {
        output.fill(T::ZERO);
        for n in 0..op.tokens {
            for (sum, x) in output.iter_mut().zip(&input[(s * op.tokens + n) * op.width..]) {
                *sum += *x;
            }
        }
        output.iter_mut().for_each(|sum| *sum = *sum / count);
    }
    storage.put_floats(op.output, output);
}

pub(super) fn mean_pool_backward<T: Scalar>(storage: &mut Storage<T>, op: &MeanPool) {
    let mut output = storage.take_floats(op.output);
    let count = T::from_f32(op.tokens as f32);
    let input = storage.floats(op.input);
    for (i, token) in output.chunks_mut(op.width).enumerate() {
        for (word, d) in token.iter_mut().zip(&input[i / op.tokens * op.width..]) {
            *word = *d / count;
        }
    }
    storage.put_floats(op.output, output);
}
