//! linear_backward_weight: sums over the rows of a batch.

use std::ops::Range;

use crate::program::Rows;
use crate::program::op::LinearBackwardWeight;
use crate::program::tensor::GRADS;

use super::super::matrix::{Matrix, Out, even, product, transpose};
use super::super::scalar::Scalar;
use super::super::storage::Storage;
use super::super::tasks::each;

/// Rows of the weight gradient per task.
const TILE: usize = 256;
/// Rows of the batch that one task sums over at least.
const SPLIT: usize = 512;
/// Tasks that a weight gradient is cut into: enough to keep many threads busy, few enough that adding up their sums costs
/// little.
const TASKS: usize = 16;
/// Rows that a task reads at a time for all its products, so that they stay in the nearest caches.
const CHUNK: usize = 128;
/// Below this a product's rows do not fill the vectors of `gemm`'s inner loop.
const WIDE: usize = 64;

/// An input of the layer, and where the gradients of its weight and bias go.
#[derive(Clone, Copy)]
struct Target {
    input: Rows,
    d_weight: usize,
    d_bias: usize,
}

/// Some rows of a part: its inputs, and d_output.
struct Split {
    targets: Vec<Target>,
    d_output: Rows,
    rows: Range<usize>,
}

pub(crate) fn linear_backward_weight<T: Scalar>(storage: &mut Storage<T>, op: &LinearBackwardWeight) {
    let (_, outputs) = op.widths();
    let splits: Vec<Split> = op.parts.iter().flat_map(|part| splits(op, part)).collect();
    let Some(Split { targets, .. }) = splits.first() else { return };
    let columns: usize = targets.iter().map(|target| target.input.width).sum();
    let tile = outputs.min(TILE);
    let tiles = outputs.div_ceil(tile);
    // A task's sums: its rows of each weight, then of the bias.
    let words = tile * (columns + 1);
    let mut scratch = storage.take_scratch(splits.len() * tiles * words);
    let sums = &mut scratch[..splits.len() * tiles * words];
    each(sums.chunks_mut(words), &|task, sums| {
        let first = task / splits.len() * tile;
        let outputs = first..(first + tile).min(outputs);
        splits[task % splits.len()].sums(storage, outputs, sums);
    });
    let mut grads = storage.take_floats(GRADS);
    for (i, sums) in sums.chunks(splits.len() * words).enumerate() {
        let first = i * tile;
        let rows = tile.min(outputs - first);
        for (n, mut sums) in sums.chunks(words).enumerate() {
            let mut put = |to: usize, sums: &[T]| {
                let to = &mut grads[to..to + sums.len()];
                match n {
                    0 => to.copy_from_slice(sums),
                    _ => to.iter_mut().zip(sums).for_each(|(total, sum)| *total += *sum),
                }
            };
            for target in targets {
                let width = target.input.width;
                let (own, rest) = sums.split_at(rows * width);
                put(target.d_weight + first * width, own);
                sums = rest;
            }
            for target in targets {
                put(target.d_bias + first, &sums[..rows]);
            }
        }
    }
    storage.put_floats(GRADS, grads);
    storage.put_scratch(scratch);
}

/// A part's ranges of rows that one task sums over.
fn splits<'a>(op: &'a LinearBackwardWeight, (input, d_output): &'a (Rows, Rows)) -> impl Iterator<Item = Split> + 'a {
    let count = input.count;
    let splits = (TASKS / d_output.width.div_ceil(TILE)).max(1);
    let rows = count.div_ceil(splits).max(SPLIT);
    (0..count.max(1)).step_by(rows).map(move |first| {
        let own = Target { input: *input, d_weight: op.d_weight, d_bias: op.d_bias };
        let beside = op.beside.map(|b| Target { input: b.input, d_weight: b.d_weight, d_bias: b.d_bias });
        Split {
            targets: std::iter::once(own).chain(beside).collect(),
            d_output: *d_output,
            rows: first..(first + rows).min(count),
        }
    })
}

impl Split {
    /// `d_outputᵀ · input` of each input, then `Σ d_output`, of the `outputs` asked for.
    fn sums<T: Scalar>(&self, storage: &Storage<T>, outputs: Range<usize>, sums: &mut [T]) {
        sums.fill(T::ZERO);
        // Whole sequences, where an input's rows lie in such.
        let sequence = self.targets.iter().map(|target| target.input.inner).min().unwrap_or(1);
        let chunk = (CHUNK / sequence).max(1) * sequence;
        let d_output = storage.floats(self.d_output.tensor);
        for first in self.rows.clone().step_by(chunk) {
            let rows = first..(first + chunk).min(self.rows.end);
            let mut sums = &mut *sums;
            for target in &self.targets {
                let (own, rest) = sums.split_at_mut(outputs.len() * target.input.width);
                let input = (&target.input, storage.floats(target.input.tensor));
                add_products(input, (&self.d_output, d_output), rows.clone(), outputs.clone(), own);
                sums = rest;
            }
            T::vectorized(
                #[inline(always)]
                || {
                    let d_bias = &mut sums[..outputs.len()];
                    for n in rows {
                        let d = &d_output[self.d_output.start(n)..][outputs.clone()];
                        for (sum, d) in d_bias.iter_mut().zip(d) {
                            *sum += *d;
                        }
                    }
                },
            );
        }
        let mut sums = sums;
        for target in &self.targets {
            let width = target.input.width;
            let (own, rest) = sums.split_at_mut(outputs.len() * width);
            if is_turned(width, outputs.len()) {
                let turned = own.to_vec();
                transpose(&turned, outputs.len(), own);
            }
            sums = rest;
        }
    }
}

/// Whether a weight's sums are `[I, O]` until they are done: a product is fastest where its rows are the narrower side, but
/// no narrower than a vector.
fn is_turned(inputs: usize, outputs: usize) -> bool {
    if inputs < WIDE { inputs < outputs } else { WIDE <= outputs && outputs < inputs }
}

/// `sums += d_outputᵀ · input` over `rows`, or its transpose.
fn add_products<T: Scalar>(
    (input_rows, input): (&Rows, &[T]),
    (d_rows, d_output): (&Rows, &[T]),
    rows: Range<usize>,
    outputs: Range<usize>,
    sums: &mut [T],
) {
    for (n, x) in even(input, input_rows, rows.start, rows.len()) {
        for (m, d) in even(d_output, d_rows, n, x.rows) {
            let d = Matrix { offset: d.offset + outputs.start, columns: outputs.len(), ..d };
            let x = Matrix { offset: x.offset + (m - n) * x.row, rows: d.rows, ..x };
            if is_turned(input_rows.width, outputs.len()) {
                product(Out { data: sums, row: outputs.len() }, true, x.transposed(), d);
            } else {
                product(Out { data: sums, row: input_rows.width }, true, d.transposed(), x);
            }
        }
    }
}
