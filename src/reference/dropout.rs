//! dropout: inverted, one generator draw per element; its own backward.

use rayon::prelude::*;

use crate::program::op::Dropout;
use crate::program::rng;

use super::scalar::Scalar;
use super::storage::{Storage, row_tiles};

/// Rows per task.
const TILE: usize = 256;

pub fn dropout<T: Scalar>(storage: &mut Storage<T>, op: &Dropout, slot: usize) {
    let mut output = storage.take_floats(op.output.tensor);
    let width = op.output.width;
    let (pieces, tile) = row_tiles(&mut output, storage.row(op.output.tensor), &op.output, TILE);
    let per_replica = op.output.count.div_ceil(tile);
    pieces.into_par_iter().enumerate().for_each(|(task, output)| {
        let (r, first) = (task / per_replica, task % per_replica * tile);
        let step = storage.step(r, slot);
        let input = storage.float_row(op.input.tensor, r);
        let scale = T::from_f32(step.dropout_scale);
        for (n, output) in output.chunks_mut(width).enumerate() {
            let start = op.input.start(first + n);
            for (j, word) in output.iter_mut().enumerate() {
                let element = ((first + n) * width + j) as u32;
                let dropped = step.dropout_threshold != 0
                    && rng::draw(step.seed, op.site, step.step, element) < step.dropout_threshold;
                *word = if dropped { T::ZERO } else { input[start + j] * scale };
            }
        }
    });
    storage.put_floats(op.output.tensor, output);
}
