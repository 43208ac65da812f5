//! embedding_forward, embedding_backward.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::program::op::{EmbeddingBackward, EmbeddingForward, Table};
use crate::program::tensor::{GRADS, PARAMS};

uniform! {
    EmbeddingNumbersParams {
        rows: u32,
        channels: u32,
        codes: u32,
        tables: u32,
        numbers: u32,
        end: u32,
        width: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

uniform! {
    EmbeddingForwardParams {
        rows: u32,
        channels: u32,
        channel: u32,
        levels: u32,
        table_width: u32,
        first: u32,
        at: u32,
        width: u32,
        weights_row: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

uniform! {
    EmbeddingBackwardParams {
        rows: u32,
        channels: u32,
        channel: u32,
        levels: u32,
        table_width: u32,
        first: u32,
        at: u32,
        width: u32,
        input_row: u32,
        d_output_row: u32,
        grads_row: u32,
        first_group: u32,
    }
}

/// The numbers and the zeros, then each table.
pub(super) fn embedding_forward(op: &EmbeddingForward, shapes: &Shapes) -> Lowered {
    let columns = &op.columns;
    let zeros = columns.width - columns.words();
    let params = EmbeddingNumbersParams {
        rows: op.rows as u32,
        channels: columns.channels as u32,
        codes: columns.codes as u32,
        tables: columns.tables.len() as u32,
        numbers: columns.numbers as u32,
        end: columns.words() as u32,
        width: columns.width as u32,
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let words = op.rows * (columns.numbers + zeros);
    let bindings = [("input", op.input), ("output", op.output)];
    let mut dispatches = vec![Dispatch::new("embedding_numbers", &params, &bindings, groups(words, 64), words * 4)];
    for (table, channel, at) in columns.places() {
        let params = EmbeddingForwardParams {
            rows: op.rows as u32,
            channels: columns.channels as u32,
            channel: channel as u32,
            levels: table.levels as u32,
            table_width: table.width as u32,
            first: table.first as u32,
            at: at as u32,
            width: columns.width as u32,
            weights_row: shapes.row(PARAMS),
            input_row: shapes.row(op.input),
            output_row: shapes.row(op.output),
            first_group: 0,
        };
        let words = op.rows * table.width;
        let bindings = [("weights", PARAMS), ("input", op.input), ("output", op.output)];
        dispatches.push(Dispatch::new("embedding_forward", &params, &bindings, groups(words, 64), words * 6));
    }
    Lowered { scratch: Vec::new(), dispatches }
}

pub(super) fn embedding_backward(op: &EmbeddingBackward, shapes: &Shapes) -> Lowered {
    let columns = &op.columns;
    let of_table = |(table, channel, at): (&Table, usize, usize)| {
        let params = EmbeddingBackwardParams {
            rows: op.rows as u32,
            channels: columns.channels as u32,
            channel: channel as u32,
            levels: table.levels as u32,
            table_width: table.width as u32,
            first: table.first as u32,
            at: at as u32,
            width: columns.width as u32,
            input_row: shapes.row(op.input),
            d_output_row: shapes.row(op.d_output),
            grads_row: shapes.row(GRADS),
            first_group: 0,
        };
        let words = table.levels * table.width;
        let bindings = [("input", op.input), ("d_output", op.d_output), ("grads", GRADS)];
        let work = words * op.rows * 4;
        Dispatch::new("embedding_backward", &params, &bindings, groups(words, 64), work)
    };
    Lowered { scratch: Vec::new(), dispatches: columns.places().map(of_table).collect() }
}
