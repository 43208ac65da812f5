//! linear_backward_weight_tiled: one dispatch for a weight, or for two that read the same gradient.

use super::super::Cut;
use super::Sums;
use crate::kernels::lower::{Dispatch, RowsWords, Shapes, groups, uniform};
use crate::program::Rows;

/// Rows that workgroup memory holds at a time: where a split is a multiple of them, only the last has rows left over.
pub(super) const DEPTH: usize = 8;

uniform! {
    LinearBackwardWeightTiledParams {
        input: RowsWords,
        beside: RowsWords,
        d_output: RowsWords,
        d_weight: u32,
        d_bias: u32,
        beside_weight: u32,
        beside_bias: u32,
        sums_row: u32,
        sums_split: u32,
        split_rows: u32,
        blocks: u32,
        column_groups: u32,
        own_groups: u32,
        first_group: u32,
    }
}

/// What a weight's gradient is formed from, and a second weight's.
pub(super) struct Operands<'a> {
    pub input: &'a Rows,
    pub second: Option<&'a Rows>,
    pub d_output: &'a Rows,
}

/// The product whose weights' and biases' sums begin at these words.
pub(super) fn in_tiles(
    of: Operands,
    panels: usize,
    [d_weight, d_bias]: [u32; 2],
    [beside_weight, beside_bias]: [u32; 2],
    splits: usize,
    sums: &Sums,
    shapes: &Shapes,
) -> Dispatch {
    // Something must be bound where there is no second input.
    let second = of.second.unwrap_or(of.input);
    let [input, beside, d_output] = [of.input, second, of.d_output].map(|rows| shapes.rows(&one_sequence(rows)));
    assert!(of.d_output.stride().is_some(), "a gradient's rows lie evenly");
    let cut = |rows: &Rows| Cut::tiles(panels, of.d_output.width, rows.width);
    let (own, beside_groups) = (cut(of.input), of.second.map_or(0, |second| cut(second).column_groups));
    let column_groups = own.column_groups + beside_groups;
    let blocks = column_groups * own.row_groups;
    let params = LinearBackwardWeightTiledParams {
        input,
        beside,
        d_output,
        d_weight,
        d_bias,
        beside_weight,
        beside_bias,
        sums_row: sums.row(),
        sums_split: sums.words() as u32,
        split_rows: sums.split_rows as u32,
        blocks: blocks as u32,
        column_groups: column_groups as u32,
        own_groups: own.column_groups as u32,
        first_group: 0,
    };
    let bindings = [("input", of.input.tensor), ("beside", second.tensor), ("d_output", of.d_output.tensor)];
    let inputs = of.input.width + of.second.map_or(0, |second| second.width);
    let work = 2 * of.input.count * inputs * of.d_output.width;
    let workgroups = groups(splits * blocks, 1);
    let product = Dispatch::new("linear_backward_weight_tiled", &params, &bindings, workgroups, work);
    let product = product.constant("BESIDE", u32::from(of.second.is_some()));
    let sequences = [of.input, second].iter().any(|rows| rows.stride().is_none());
    sums.bind(product.constant("SEQUENCES", u32::from(sequences)))
}

/// Rows that lie evenly, as one sequence; others as they are.
fn one_sequence(rows: &Rows) -> Rows {
    match rows.stride() {
        None => *rows,
        Some(stride) => {
            let inner = rows.count.max(1);
            Rows { inner, outer_stride: inner * stride, inner_stride: stride, ..*rows }
        }
    }
}
