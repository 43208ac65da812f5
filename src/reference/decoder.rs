//! future_gather, decoder_forward, decoder_backward, matrix_transpose: a decoder of known future values.

use crate::program::op::{DecoderBackward, DecoderForward, FutureGather, MatrixTranspose};
use crate::program::tensor::{NO_WINDOW, SERIES, WINDOWS};

use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn future_gather<T: Scalar>(storage: &mut Storage<T>, op: &FutureGather, slot: usize) {
    let mut output = storage.take_floats(op.output);
    let series = storage.floats(SERIES);
    let starts = &storage.integers(WINDOWS)[slot * op.batch..][..op.batch];
    for (n, out) in output.chunks_exact_mut(op.width).enumerate().take(op.batch * op.horizon) {
        let start = starts[n / op.horizon];
        let row = start as usize + op.steps + n % op.horizon;
        out.fill(T::ZERO);
        if start != NO_WINDOW && row < op.rows {
            let known = &series[..(row + 1) * op.channels];
            out[..op.future].copy_from_slice(&known[known.len() - op.future..]);
        }
    }
    storage.put_floats(op.output, output);
}

pub(super) fn decoder_forward<T: Scalar>(storage: &mut Storage<T>, op: &DecoderForward) {
    let mut hidden = storage.take_floats(op.hidden);
    let context = storage.floats(op.context);
    for (n, units) in hidden.chunks_exact_mut(op.width).enumerate().take(op.batch * op.horizon) {
        let context = &context[n / op.horizon * op.width..][..op.width];
        for (unit, context) in units.iter_mut().zip(context) {
            let sum = *unit + *context;
            *unit = if sum < T::ZERO { T::ZERO } else { sum };
        }
    }
    storage.put_floats(op.hidden, hidden);
}

pub(super) fn decoder_backward<T: Scalar>(storage: &mut Storage<T>, op: &DecoderBackward) {
    let mut d_hidden = storage.take_floats(op.d_hidden);
    let mut d_context = storage.take_floats(op.d_context);
    let hidden = storage.floats(op.hidden);
    let steps = op.horizon * op.width;
    let windows = d_hidden.chunks_exact_mut(steps).zip(hidden.chunks_exact(steps));
    for ((d_hidden, hidden), d_context) in windows.zip(d_context.chunks_exact_mut(op.width)).take(op.batch) {
        d_context.fill(T::ZERO);
        for (d_units, units) in d_hidden.chunks_exact_mut(op.width).zip(hidden.chunks_exact(op.width)) {
            for ((d_unit, unit), d_context) in d_units.iter_mut().zip(units).zip(d_context.iter_mut()) {
                *d_unit = d_unit.where_true(*unit > T::ZERO);
                *d_context += *d_unit;
            }
        }
    }
    storage.put_floats(op.d_hidden, d_hidden);
    storage.put_floats(op.d_context, d_context);
}

pub(super) fn matrix_transpose<T: Scalar>(storage: &mut Storage<T>, op: &MatrixTranspose) {
    let mut output = storage.take_floats(op.output);
    let input = storage.floats(op.input);
    let matrices = output.chunks_exact_mut(op.rows * op.columns).zip(input.chunks_exact(op.rows * op.columns));
    for (output, input) in matrices.take(op.batch) {
        for (j, out) in output.chunks_exact_mut(op.rows).enumerate() {
            out.iter_mut().enumerate().for_each(|(i, out)| *out = input[i * op.columns + j]);
        }
    }
    storage.put_floats(op.output, output);
}
