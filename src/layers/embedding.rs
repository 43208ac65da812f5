//! Rows of learned tables in place of the codes of levels.

use super::Signal;
use crate::program::op::{EmbeddingBackward, EmbeddingColumns, EmbeddingForward, Op, Table};
use crate::program::{Builder, Rows, TensorId};

/// Windows `[B·T, C]` whose channels of codes are replaced by rows of the tables of these names, behind all numbers; `input` is
/// `[B, T, W]`.
pub fn embedding(b: &mut Builder, names: &[String], input: TensorId) -> Signal {
    let s = b.sizes.clone();
    let rows = s.batch * s.lookback;
    let table = |name: &String| {
        let param = b.param(name);
        Table { levels: param.shape[0], width: param.shape[1], first: param.offset }
    };
    let mut columns = EmbeddingColumns {
        channels: s.window_row(),
        codes: s.categories.first().map_or(0, |category| category.channel),
        numbers: s.channels - names.len(),
        tables: names.iter().map(table).collect(),
        width: 0,
    };
    // A multiple of four, so that GPUs read rows as vec4.
    let words = columns.words();
    columns.width = words.next_multiple_of(4);
    let output = b.tensor("embedded", &[rows, columns.width]);
    let d_output = b.tensor("d_embedded", &[rows, words]);
    let of_gradients = EmbeddingColumns { width: words, ..columns.clone() };
    let value = Rows::spaced(output, rows, words, columns.width);
    b.forward(Op::EmbeddingForward(EmbeddingForward { rows, columns, input, output }));
    b.backward(Op::EmbeddingBackward(EmbeddingBackward { rows, columns: of_gradients, input, d_output }));
    Signal { value, grad: Some(Rows::dense(d_output, rows, words)), skip: None }
}
