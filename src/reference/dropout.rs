//! dropout: inverted, one generator draw per element; its own backward.

use crate::program::op::{Chance, Dropout};
use crate::program::{ReplicaStep, rng};

use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, row_tiles};

/// Rows per task.
const TILE: usize = 256;

pub(super) fn dropout<T: Scalar>(storage: &mut Storage<T>, op: &Dropout, slot: usize) {
    let mut output = storage.take_floats(op.output.tensor);
    let width = op.output.width;
    let (pieces, tile) = row_tiles(&mut output, &op.output, TILE);
    each(pieces.into_iter(), &|task, output| {
        let first = task * tile;
        let drops = Drops::new(&storage.step(slot), op.chance, op.site);
        let input = storage.floats(op.input.tensor);
        T::vectorized(
            #[inline(always)]
            || {
                for (n, output) in output.chunks_mut(width).enumerate() {
                    output.copy_from_slice(&input[op.input.start(first + n)..][..width]);
                    drops.apply((first + n) * width, output);
                }
            },
        );
    });
    storage.put_floats(op.output.tensor, output);
}

/// One replica's dropout at one site and step.
pub(super) struct Drops<T> {
    seed: u32,
    site: u32,
    step: u32,
    threshold: u32,
    /// 1 / (1 − p)
    scale: T,
}

impl<T: Scalar> Drops<T> {
    pub(super) fn new(step: &ReplicaStep, chance: Chance, site: u32) -> Self {
        let threshold = step.threshold_of(chance);
        let scale = T::ONE / (T::ONE - T::from_f64(threshold as f64 / 4_294_967_296.0));
        Drops { seed: step.seed, site, step: step.step, threshold, scale }
    }

    /// Whether anything is dropped at all.
    pub(super) fn any(&self) -> bool {
        self.threshold != 0
    }

    /// Drops or scales each of `values`, the first of which is element `first`.
    #[inline(always)]
    pub(super) fn apply(&self, first: usize, values: &mut [T]) {
        if !self.any() {
            return;
        }
        let (blocks, rest) = values.as_chunks_mut::<{ rng::BLOCK }>();
        for (i, block) in blocks.iter_mut().enumerate() {
            self.apply_lanes(first + i * rng::BLOCK, 1, block);
        }
        if rest.is_empty() {
            return;
        }
        let first = (first + blocks.len() * rng::BLOCK) as u32;
        let draws: [u32; rng::BLOCK] = rng::draw_block(self.seed, self.site, self.step, first, 1);
        for (value, draw) in rest.iter_mut().zip(draws) {
            *value = (*value * self.scale).where_true(draw >= self.threshold);
        }
    }

    /// The same of values whose elements lie `stride` apart.
    #[inline(always)]
    pub(super) fn apply_lanes<const N: usize>(&self, first: usize, stride: usize, values: &mut [T; N]) {
        if !self.any() {
            return;
        }
        let draws: [u32; N] = rng::draw_block(self.seed, self.site, self.step, first as u32, stride as u32);
        for l in 0..N {
            values[l] = (values[l] * self.scale).where_true(draws[l] >= self.threshold);
        }
    }
}
