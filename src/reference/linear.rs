//! linear_forward, linear_backward_input, linear_backward_weight.

use rayon::prelude::*;

use crate::program::op::{Chance, LinearBackwardInput, LinearBackwardWeight, LinearForward};
use crate::program::tensor::{GRADS, PARAMS};

use super::dropout::Drops;
use super::matrix::{Matrix, Out, even, product};
use super::scalar::{Scalar, vectorized};
use super::storage::{Storage, spans};

/// Rows of the input per task.
const ROW_TILE: usize = 512;
/// Rows of the weight gradient per task.
const WEIGHT_TILE: usize = 64;

pub fn linear_forward<T: Scalar>(storage: &mut Storage<T>, op: &LinearForward, slot: usize) {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let per_replica = count.div_ceil(ROW_TILE);
    let mut output = storage.take_floats(op.output.tensor);
    let row = storage.row(op.output.tensor);
    spans(&mut output, row, op.output.offset, count, outputs, ROW_TILE).into_par_iter().enumerate().for_each(
        |(task, output)| {
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
            let Some(residual) = &op.residual else { return };
            let drops = Drops::new(&storage.step(r, slot), Chance::Hidden, residual.site);
            let skip = storage.float_row(residual.skip.tensor, r);
            vectorized(
                #[inline(always)]
                || {
                    drops.apply((residual.first + first) * outputs, output);
                    for (n, row) in output.chunks_mut(outputs).enumerate() {
                        let skip = &skip[residual.skip.start(first + n)..][..outputs];
                        row.iter_mut().zip(skip).for_each(|(word, skip)| *word += *skip);
                    }
                },
            );
        },
    );
    storage.put_floats(op.output.tensor, output);
}

pub fn linear_backward_input<T: Scalar>(storage: &mut Storage<T>, op: &LinearBackwardInput) {
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
        },
    );
    storage.put_floats(op.d_input.tensor, d_input);
}

pub fn linear_backward_weight<T: Scalar>(storage: &mut Storage<T>, op: &LinearBackwardWeight) {
    let (inputs, outputs) = op.widths();
    let per_replica = outputs.div_ceil(WEIGHT_TILE);
    let mut grads = storage.take_floats(GRADS);
    let mut tasks = Vec::new();
    for row in grads.chunks_mut(storage.row(GRADS)) {
        let spans = [op.d_weight..op.d_weight + outputs * inputs, op.d_bias..op.d_bias + outputs];
        let [d_weight, d_bias] = row.get_disjoint_mut(spans).expect("a weight and its bias do not overlap");
        tasks.extend(d_weight.chunks_mut(WEIGHT_TILE * inputs).zip(d_bias.chunks_mut(WEIGHT_TILE)));
    }
    tasks.into_par_iter().enumerate().for_each(|(task, (d_weight, d_bias))| {
        let (r, first) = (task / per_replica, task % per_replica * WEIGHT_TILE);
        d_weight.fill(T::ZERO);
        d_bias.fill(T::ZERO);
        for (input_rows, d_rows) in &op.parts {
            let input = storage.float_row(input_rows.tensor, r);
            let d_output = storage.float_row(d_rows.tensor, r);
            for (n, x) in even(input, input_rows, 0, input_rows.count) {
                for (m, d) in even(d_output, d_rows, n, x.rows) {
                    let d = Matrix { offset: d.offset + first, columns: d_bias.len(), ..d };
                    let x = Matrix { offset: x.offset + (m - n) * x.row, rows: d.rows, ..x };
                    product(Out { data: &mut *d_weight, row: inputs }, true, d.transposed(), x);
                }
            }
            vectorized(
                #[inline(always)]
                || {
                    for n in 0..d_rows.count {
                        let d = &d_output[d_rows.start(n) + first..][..d_bias.len()];
                        for (sum, d) in d_bias.iter_mut().zip(d) {
                            *sum += *d;
                        }
                    }
                },
            );
        }
    });
    storage.put_floats(GRADS, grads);
}
