//! future_gather, decoder_forward, decoder_backward, matrix_transpose.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::program::op::{DecoderBackward, DecoderForward, FutureGather, MatrixTranspose};
use crate::program::tensor::{SERIES, WINDOWS};

uniform! {
    FutureGatherParams {
        rows: u32,
        batch: u32,
        steps: u32,
        channels: u32,
        horizon: u32,
        future: u32,
        width: u32,
        windows_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

uniform! {
    DecoderForwardParams {
        words: u32,
        horizon: u32,
        width: u32,
        context_row: u32,
        hidden_row: u32,
        first_group: u32,
    }
}

uniform! {
    DecoderBackwardParams {
        words: u32,
        horizon: u32,
        width: u32,
        hidden_row: u32,
        d_hidden_row: u32,
        d_context_row: u32,
        first_group: u32,
    }
}

uniform! {
    MatrixTransposeParams {
        words: u32,
        rows: u32,
        columns: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

pub(super) fn future_gather(op: &FutureGather, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.horizon * op.width;
    let params = FutureGatherParams {
        rows: op.rows as u32,
        batch: op.batch as u32,
        steps: op.steps as u32,
        channels: op.channels as u32,
        horizon: op.horizon as u32,
        future: op.future as u32,
        width: op.width as u32,
        windows_row: shapes.windows_row(),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings = [("series", SERIES), ("windows", WINDOWS), ("output", op.output)];
    Lowered::one(Dispatch::new("future_gather", &params, &bindings, groups(words, 64), words * 8))
}

pub(super) fn decoder_forward(op: &DecoderForward, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.horizon * op.width;
    let params = DecoderForwardParams {
        words: words as u32,
        horizon: op.horizon as u32,
        width: op.width as u32,
        context_row: shapes.row(op.context),
        hidden_row: shapes.row(op.hidden),
        first_group: 0,
    };
    let bindings = [("context", op.context), ("hidden", op.hidden)];
    Lowered::one(Dispatch::new("decoder_forward", &params, &bindings, groups(words, 64), words * 4))
}

pub(super) fn decoder_backward(op: &DecoderBackward, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.width;
    let params = DecoderBackwardParams {
        words: words as u32,
        horizon: op.horizon as u32,
        width: op.width as u32,
        hidden_row: shapes.row(op.hidden),
        d_hidden_row: shapes.row(op.d_hidden),
        d_context_row: shapes.row(op.d_context),
        first_group: 0,
    };
    let bindings = [("hidden", op.hidden), ("d_hidden", op.d_hidden), ("d_context", op.d_context)];
    Lowered::one(Dispatch::new("decoder_backward", &params, &bindings, groups(words, 64), words * op.horizon * 4))
}

pub(super) fn matrix_transpose(op: &MatrixTranspose, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.rows * op.columns;
    let params = MatrixTransposeParams {
        words: words as u32,
        rows: op.rows as u32,
        columns: op.columns as u32,
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings = [("input", op.input), ("output", op.output)];
    Lowered::one(Dispatch::new("matrix_transpose", &params, &bindings, groups(words, 64), words * 4))
}
