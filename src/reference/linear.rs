//! linear_forward, linear_backward_input, linear_backward_weight.

mod weight;

use crate::program::op::{Chance, LinearBackwardInput, LinearForward};
use crate::program::tensor::PARAMS;

use super::activation::{activate, activate_backward};
use super::dropout::Drops;
use super::matrix::{Matrix, Out, even, product};
use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, spans};

pub(super) use weight::linear_backward_weight;

/// Rows of the input per task.
const ROW_TILE: usize = 512;
pub(super) fn linear_forward<T: Scalar>(storage: &mut Storage<T>, op: &LinearForward, slot: usize) {
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
    each(tiles.zip(afters), &|task, (output, after)| {
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
        let drops = residual.site.map(|site| Drops::new(&storage.step(slot), Chance::Dropout, site));
        let skip = storage.floats(residual.skip.tensor);
        T::vectorized(
            #[inline(always)]
            || {
                if let Some(drops) = &drops {
                    drops.apply((residual.first + first) * outputs, output);
                }
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

pub(super) fn linear_backward_input<T: Scalar>(storage: &mut Storage<T>, op: &LinearBackwardInput, slot: usize) {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    let mut d_input = storage.take_floats(op.d_input.tensor);
    each(spans(&mut d_input, op.d_input.offset, count, inputs, ROW_TILE), &|task, d_input| {
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
