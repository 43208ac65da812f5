//! The gradients of a norm's scale and shift, which are sums over rows: the same for batch norm and layer norm.

use super::linear::{WeightWords, weight_sum};
use super::lower::{Dispatch, Lowered, Shapes, Splits, uniform};
use crate::program::TensorId;
use crate::program::op::Affine;

uniform! {
    NormBackwardWeightParams {
        count: u32,
        width: u32,
        split_rows: u32,
        blocks: u32,
        stats_row: u32,
        input_row: u32,
        d_output_row: u32,
        sums_row: u32,
        first_group: u32,
    }
}

/// The tensors whose products are summed.
pub(super) struct Summed {
    pub stats: TensorId,
    pub input: TensorId,
    pub d_output: TensorId,
}

/// The sums of `kernel` over each split of `count` rows, and what adds the splits up into `d_affine` of `[width]` each.
pub(super) fn backward_weight(
    kernel: &'static str,
    [count, width]: [usize; 2],
    Summed { stats, input, d_output }: Summed,
    d_affine: Affine,
    shapes: &Shapes,
) -> Lowered {
    let splits = Splits::new(count, width, 2 * width);
    let params = NormBackwardWeightParams {
        count: count as u32,
        width: width as u32,
        split_rows: splits.rows as u32,
        blocks: splits.blocks as u32,
        stats_row: shapes.row(stats),
        input_row: shapes.row(input),
        d_output_row: shapes.row(d_output),
        sums_row: splits.words_row(),
        first_group: 0,
    };
    let bindings = [("stats", stats), ("input", input), ("d_output", d_output)];
    let sums = Dispatch::new(kernel, &params, &bindings, splits.workgroups(), count * width * 6);
    let words = WeightWords { weights: width, outputs: width, d_weight: d_affine.weight, d_bias: d_affine.bias };
    let sum = weight_sum(splits.count, words, None, shapes);
    Lowered { scratch: vec![splits.words()], dispatches: vec![sums.scratch("sums", 0), sum] }
}
