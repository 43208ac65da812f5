//! embedding_forward, embedding_backward: rows of learned tables in place of codes.

use crate::program::op::{EmbeddingBackward, EmbeddingForward, Table};
use crate::program::tensor::{GRADS, PARAMS};

use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn embedding_forward<T: Scalar>(storage: &mut Storage<T>, op: &EmbeddingForward) {
    let columns = &op.columns;
    let mut output = storage.take_floats(op.output);
    let (input, params) = (storage.floats(op.input), storage.floats(PARAMS));
    let rows = output.chunks_exact_mut(columns.width).zip(input.chunks_exact(columns.channels));
    for (output, input) in rows.take(op.rows) {
        let (before, after) = output[..columns.numbers].split_at_mut(columns.codes);
        before.copy_from_slice(&input[..columns.codes]);
        after.copy_from_slice(&input[columns.codes + columns.tables.len()..][..after.len()]);
        for (table, channel, at) in columns.places() {
            let row = table.first + code(table, input[channel]) * table.width;
            output[at..][..table.width].copy_from_slice(&params[row..][..table.width]);
        }
        output[columns.words()..].fill(T::ZERO);
    }
    storage.put_floats(op.output, output);
}

pub(super) fn embedding_backward<T: Scalar>(storage: &mut Storage<T>, op: &EmbeddingBackward) {
    let columns = &op.columns;
    let mut grads = storage.take_floats(GRADS);
    let (input, d_output) = (storage.floats(op.input), storage.floats(op.d_output));
    for (table, channel, at) in columns.places() {
        let d_table = &mut grads[table.first..][..table.levels * table.width];
        d_table.fill(T::ZERO);
        let rows = input.chunks_exact(columns.channels).zip(d_output.chunks_exact(columns.width));
        for (input, d_output) in rows.take(op.rows) {
            let d_row = &mut d_table[code(table, input[channel]) * table.width..][..table.width];
            d_row.iter_mut().zip(&d_output[at..]).for_each(|(sum, d)| *sum += *d);
        }
    }
    storage.put_floats(GRADS, grads);
}

/// The row of a code; the first of one that the table does not have.
fn code<T: Scalar>(table: &Table, code: T) -> usize {
    let code = code.to_f32();
    if code >= 0.0 && code < table.levels as f32 { code as usize } else { 0 }
}
