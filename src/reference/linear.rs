//! linear_forward, linear_backward_input, linear_backward_weight.

use std::ops::Range;

use rayon::prelude::*;

use crate::program::Rows;
use crate::program::op::{Chance, LinearBackwardInput, LinearBackwardWeight, LinearForward};
use crate::program::tensor::{GRADS, PARAMS};

use super::activation::{activate, activate_backward};
use super::dropout::Drops;
use super::matrix::{Matrix, Out, even, product};
use super::scalar::{Scalar, vectorized};
use super::storage::{Storage, spans};

/// Rows of the input per task.
const ROW_TILE: usize = 512;
/// Rows of the weight gradient per task.
const WEIGHT_TILE: usize = 64;
/// Rows of the input that one task sums over.
const SPLIT: usize = 4096;

pub fn linear_forward<T: Scalar>(storage: &mut Storage<T>, op: &LinearForward, slot: usize) {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let per_replica = count.div_ceil(ROW_TILE);
    let mut output = storage.take_floats(op.output.tensor);
    let mut after = op.activated.map(|activated| storage.take_floats(activated.rows.tensor));
    let row = storage.row(op.output.tensor);
    let tiles = spans(&mut output, row, op.output.offset, count, outputs, ROW_TILE);
    let afters: Vec<&mut [T]> = match (&mut after, &op.activated) {
        (Some(after), Some(activated)) => {
            let row = storage.row(activated.rows.tensor);
            spans(after, row, activated.rows.offset, count, outputs, ROW_TILE)
        }
        _ => tiles.iter().map(|_| Default::default()).collect(),
    };
    tiles.into_par_iter().zip(afters).enumerate().for_each(|(task, (output, after))| {
        let (r, first) = (task / per_replica, task % per_replica * ROW_TILE);
        let params = storage.float_row(PARAMS, r);
        let input = storage.float_row(op.input.tensor, r);
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
            activate(activated, &storage.step(r, slot), words, output, after);
        }
        let Some(residual) = &op.residual else { return };
        let drops = Drops::new(&storage.step(r, slot), Chance::Hidden, residual.site);
        let skip = storage.float_row(residual.skip.tensor, r);
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
    let per_replica = count.div_ceil(ROW_TILE);
    let mut d_input = storage.take_floats(op.d_input.tensor);
    let row = storage.row(op.d_input.tensor);
    spans(&mut d_input, row, op.d_input.offset, count, inputs, ROW_TILE).into_par_iter().enumerate().for_each(
        |(task, d_input)| {
            let (r, first) = (task / per_replica, task % per_replica * ROW_TILE);
            let weight = Matrix::new(storage.float_row(PARAMS, r), op.weight, outputs, inputs, inputs);
            let count = d_input.len() / inputs;
            if let Some(rows) = &op.skip {
                let skip = storage.float_row(rows.tensor, r);
                for (n, row) in d_input.chunks_mut(inputs).enumerate() {
                    row.copy_from_slice(&skip[rows.start(first + n)..][..inputs]);
                }
            }
            for (n, piece) in even(storage.float_row(op.d_output.tensor, r), &op.d_output, first, count) {
                let place = Out { data: &mut d_input[(n - first) * inputs..], row: inputs };
                product(place, op.skip.is_some(), piece, weight);
            }
            if let Some(activated) = &op.activated {
                let before = &storage.float_row(activated.rows.tensor, r)[activated.rows.start(first)..];
                let words = (activated.first + first) * inputs;
                activate_backward(activated, &storage.step(r, slot), words, &before[..d_input.len()], d_input);
            }
        },
    );
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
    let ranges: Vec<(&(Rows, Rows), Range<usize>)> = parts.iter().flat_map(split).collect();
    let splits = ranges.len();
    let words = outputs * (inputs + 1);
    let mut partial = vec![T::ZERO; storage.replicas * (splits - 1) * words];
    let mut tasks = Vec::new();
    for row in grads.chunks_mut(storage.row(GRADS)) {
        tasks.extend(weight_tiles(d_weight_and_bias(row, to, (inputs, outputs)), inputs));
    }
    for sums in partial.chunks_mut(words) {
        tasks.extend(weight_tiles(sums.split_at_mut(outputs * inputs), inputs));
    }
    let (tiles, replicas) = (outputs.div_ceil(WEIGHT_TILE), storage.replicas);
    tasks.into_par_iter().enumerate().for_each(|(task, (d_weight, d_bias))| {
        let (sums, first) = (task / tiles, task % tiles * WEIGHT_TILE);
        // Sums come as the first split of each replica, then the later ones of each.
        let (r, split) = match sums.checked_sub(replicas) {
            None => (sums, 0),
            Some(later) => (later / (splits - 1), 1 + later % (splits - 1)),
        };
        let ((input, d_output), rows) = ranges[split].clone();
        let input = (input, storage.float_row(input.tensor, r));
        let d_output = (d_output, storage.float_row(d_output.tensor, r));
        weight_sums(input, d_output, rows, first, d_weight, d_bias);
    });
    if splits > 1 {
        let rows = grads.par_chunks_mut(storage.row(GRADS)).zip(partial.par_chunks((splits - 1) * words));
        rows.for_each(|(row, partial)| {
            let (d_weight, d_bias) = d_weight_and_bias(row, to, (inputs, outputs));
            for sums in partial.chunks(words) {
                for (total, sum) in d_weight.iter_mut().chain(&mut *d_bias).zip(sums) {
                    *total += *sum;
                }
            }
        });
    }
    storage.put_floats(GRADS, grads);
}

/// A part's ranges of rows that one task sums over.
fn split(part: &(Rows, Rows)) -> impl Iterator<Item = (&(Rows, Rows), Range<usize>)> {
    let count = part.0.count;
    (0..count.max(1)).step_by(SPLIT).map(move |first| (part, first..(first + SPLIT).min(count)))
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
    let inputs = input_rows.width;
    d_weight.fill(T::ZERO);
    for (n, x) in even(input, input_rows, rows.start, rows.len()) {
        for (m, d) in even(d_output, d_rows, n, x.rows) {
            let d = Matrix { offset: d.offset + first, columns: d_bias.len(), ..d };
            let x = Matrix { offset: x.offset + (m - n) * x.row, rows: d.rows, ..x };
            product(Out { data: &mut *d_weight, row: inputs }, true, d.transposed(), x);
        }
    }
    vectorized(
        #[inline(always)]
        || {
            d_bias.fill(T::ZERO);
            for n in rows {
                let d = &d_output[d_rows.start(n) + first..][..d_bias.len()];
                for (sum, d) in d_bias.iter_mut().zip(d) {
                    *sum += *d;
                }
            }
        },
    );
}
