//! linear_forward, linear_backward_input, linear_backward_weight.

use std::ops::Range;

use rayon::prelude::*;

use crate::program::Rows;
use crate::program::op::{Chance, LinearBackwardInput, LinearBackwardWeight, LinearForward};
use crate::program::tensor::{GRADS, PARAMS};

use super::activation::{activate, activate_backward};
use super::dropout::Drops;
use super::matrix::{Matrix, Out, even, product, transpose};
use super::scalar::{Scalar, vectorized};
use super::storage::{Storage, spans};

/// Rows of the input per task.
const ROW_TILE: usize = 512;
/// Rows of the weight gradient per task.
const WEIGHT_TILE: usize = 256;
/// Rows of the input that one task sums over at least.
const SPLIT: usize = 512;
/// Tasks that a weight gradient is cut into: enough to keep many threads busy, few enough that adding up their sums costs little.
const TASKS: usize = 16;
/// Below this a product's rows do not fill the vectors of `gemm`'s inner loop.
const WIDE: usize = 64;

pub fn linear_forward<T: Scalar>(storage: &mut Storage<T>, op: &LinearForward, slot: usize) {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let mut output = storage.take_floats(op.output.tensor);
    let mut after = op.activated.map(|activated| storage.take_floats(activated.rows.tensor));
    let tiles = spans(&mut output, op.output.offset, count, outputs, ROW_TILE);
    let afters: Vec<&mut [T]> = match (&mut after, &op.activated) {
        (Some(after), Some(activated)) => {
            after[activated.rows.offset..][..count * outputs].chunks_mut(ROW_TILE * outputs).collect()
        }
        _ => (0..count.div_ceil(ROW_TILE)).map(|_| Default::default()).collect(),
    };
    tiles.zip(afters).enumerate().for_each(|(task, (output, after))| {
        let first = task * ROW_TILE;
        let params = storage.floats(PARAMS);
        let input = storage.floats(op.input.tensor);
        let bias = &params[op.bias..][..outputs];
        for row in output.chunks_mut(outputs) {
            row.copy_from_slice(bias);
        }
        let weight = Matrix::new(params, op.weight, outputs, inputs, inputs);
        let count = output.len() / outputs;
        for (n, piece) in even(input, &op.input, first, count) {
            let place = Out { data: &mut output[(n - first) * outputs..], row: outputs };
            product(place, true, piece, weight.transposed());
        }
        if let Some(activated) = &op.activated {
            let words = (activated.first + first) * outputs;
            activate(activated, &storage.step(slot), words, output, after);
        }
        let Some(residual) = &op.residual else { return };
        let drops = Drops::new(&storage.step(slot), Chance::Hidden, residual.site);
        let skip = storage.floats(residual.skip.tensor);
        vectorized(
            #[inline(always)]
            || {
                drops.apply((residual.first + first) * outputs, output);
                for (n, row) in output.chunks_mut(outputs).enumerate() {
                    let skip = &skip[residual.skip.start(first + n)..][..outputs];
                    for (word, skip) in row.iter_mut().zip(skip) {
                        *word += *skip;
                    }
                }
            },
        );
    });
    storage.put_floats(op.output.tensor, output);
    if let (Some(after), Some(activated)) = (after, &op.activated) {
        storage.put_floats(activated.rows.tensor, after);
    }
}

pub fn linear_backward_input<T: Scalar>(storage: &mut Storage<T>, op: &LinearBackwardInput, slot: usize) {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    let mut d_input = storage.take_floats(op.d_input.tensor);
    spans(&mut d_input, op.d_input.offset, count, inputs, ROW_TILE).enumerate().for_each(|(task, d_input)| {
        let first = task * ROW_TILE;
        let weight = Matrix::new(storage.floats(PARAMS), op.weight, outputs, inputs, inputs);
        let count = d_input.len() / inputs;
        if let Some(rows) = &op.skip {
            let skip = storage.floats(rows.tensor);
            for (n, row) in d_input.chunks_mut(inputs).enumerate() {
                row.copy_from_slice(&skip[rows.start(first + n)..][..inputs]);
            }
        }
        for (n, piece) in even(storage.floats(op.d_output.tensor), &op.d_output, first, count) {
            let place = Out { data: &mut d_input[(n - first) * inputs..], row: inputs };
            product(place, op.skip.is_some(), piece, weight);
        }
        if let Some(activated) = &op.activated {
            let before = &storage.floats(activated.rows.tensor)[activated.rows.start(first)..];
            let words = (activated.first + first) * inputs;
            activate_backward(activated, &storage.step(slot), words, &before[..d_input.len()], d_input);
        }
    });
    storage.put_floats(op.d_input.tensor, d_input);
}

pub fn linear_backward_weight<T: Scalar>(storage: &mut Storage<T>, op: &LinearBackwardWeight) {
    weight_gradient(storage, &op.parts, (op.d_weight, op.d_bias));
    for (beside, (_, d_output)) in op.beside.iter().zip(&op.parts) {
        weight_gradient(storage, &[(beside.input, *d_output)], (beside.d_weight, beside.d_bias));
    }
}

/// The gradients at words `to` of a weight and its bias, of the parts' inputs and d_outputs.
fn weight_gradient<T: Scalar>(storage: &mut Storage<T>, parts: &[(Rows, Rows)], to: (usize, usize)) {
    let (inputs, outputs) = parts.first().map_or((0, 0), |(input, d_output)| (input.width, d_output.width));
    let mut grads = storage.take_floats(GRADS);
    // The first split's sums are written where they belong, the others' added to them in order.
    let ranges: Vec<(&(Rows, Rows), Range<usize>)> = parts.iter().flat_map(|part| split(part, outputs)).collect();
    let splits = ranges.len();
    let words = outputs * (inputs + 1);
    let mut scratch = storage.take_scratch((splits - 1) * words);
    let partial = &mut scratch[..(splits - 1) * words];
    let mut tasks: Vec<_> = weight_tiles(d_weight_and_bias(&mut grads, to, (inputs, outputs)), inputs).collect();
    for sums in partial.chunks_mut(words) {
        tasks.extend(weight_tiles(sums.split_at_mut(outputs * inputs), inputs));
    }
    let tiles = outputs.div_ceil(WEIGHT_TILE);
    tasks.into_par_iter().enumerate().for_each(|(task, (d_weight, d_bias))| {
        let first = task % tiles * WEIGHT_TILE;
        let ((input, d_output), rows) = ranges[task / tiles].clone();
        let input = (input, storage.floats(input.tensor));
        let d_output = (d_output, storage.floats(d_output.tensor));
        weight_sums(input, d_output, rows, first, d_weight, d_bias);
    });
    let (d_weight, d_bias) = d_weight_and_bias(&mut grads, to, (inputs, outputs));
    for sums in partial.chunks(words) {
        for (total, sum) in d_weight.iter_mut().zip(sums).chain(d_bias.iter_mut().zip(&sums[outputs * inputs..])) {
            *total += *sum;
        }
    }
    storage.put_scratch(scratch);
    storage.put_floats(GRADS, grads);
}

/// A part's ranges of rows that one task sums over.
fn split(part: &(Rows, Rows), outputs: usize) -> impl Iterator<Item = (&(Rows, Rows), Range<usize>)> {
    let count = part.0.count;
    let splits = (TASKS / outputs.div_ceil(WEIGHT_TILE)).max(1);
    let rows = count.div_ceil(splits).max(SPLIT);
    (0..count.max(1)).step_by(rows).map(move |first| (part, first..(first + rows).min(count)))
}

/// Two spans of a row of gradients: of a weight `[O, I]` and of its bias.
fn d_weight_and_bias<T>(
    row: &mut [T],
    (d_weight, d_bias): (usize, usize),
    (inputs, outputs): (usize, usize),
) -> (&mut [T], &mut [T]) {
    let spans = [d_weight..d_weight + outputs * inputs, d_bias..d_bias + outputs];
    let [d_weight, d_bias] = row.get_disjoint_mut(spans).expect("a weight and its bias do not overlap");
    (d_weight, d_bias)
}

/// A gradient cut into [`WEIGHT_TILE`] rows of the weight each.
fn weight_tiles<'a, T>(
    (d_weight, d_bias): (&'a mut [T], &'a mut [T]),
    inputs: usize,
) -> impl Iterator<Item = (&'a mut [T], &'a mut [T])> {
    d_weight.chunks_mut(WEIGHT_TILE * inputs).zip(d_bias.chunks_mut(WEIGHT_TILE))
}

/// `d_weight = d_outputᵀ · input` and `d_bias = Σ d_output` over `rows`, of the outputs from `first` on.
fn weight_sums<T: Scalar>(
    (input_rows, input): (&Rows, &[T]),
    (d_rows, d_output): (&Rows, &[T]),
    rows: Range<usize>,
    first: usize,
    d_weight: &mut [T],
    d_bias: &mut [T],
) {
    let (inputs, outputs) = (input_rows.width, d_bias.len());
    d_weight.fill(T::ZERO);
    d_bias.fill(T::ZERO);
    // The product is fastest where its rows are the narrower side, but no narrower than a vector.
    let flipped = if inputs < WIDE { inputs < outputs } else { WIDE <= outputs && outputs < inputs };
    let mut across = vec![T::ZERO; if flipped { inputs * outputs } else { 0 }];
    for (n, x) in even(input, input_rows, rows.start, rows.len()) {
        for (m, d) in even(d_output, d_rows, n, x.rows) {
            let d = Matrix { offset: d.offset + first, columns: outputs, ..d };
            let x = Matrix { offset: x.offset + (m - n) * x.row, rows: d.rows, ..x };
            if flipped {
                product(Out { data: &mut across, row: outputs }, true, x.transposed(), d);
            } else {
                product(Out { data: &mut *d_weight, row: inputs }, true, d.transposed(), x);
            }
            vectorized(
                #[inline(always)]
                || {
                    for row in 0..d.rows {
                        let d = &d.data[d.offset + row * d.row..][..d_bias.len()];
                        for (sum, d) in d_bias.iter_mut().zip(d) {
                            *sum += *d;
                        }
                    }
                },
            );
        }
    }
    if flipped {
        transpose(&across, outputs, d_weight);
    }
}
