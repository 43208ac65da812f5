//! linear_forward, linear_backward_input, linear_backward_weight.

use super::plan::{Dispatch, Plan, RowsWords, Shapes, groups, uniform};
use crate::dims::padded;
use crate::gpu::AdapterClass;
use crate::program::Rows;
use crate::program::op::{LinearBackwardInput, LinearBackwardWeight, LinearForward};
use crate::program::tensor::{GRADS, PARAMS, STEPS};

/// Whether all rows start at multiples of four words and are whole fours.
fn fours(rows: &Rows) -> bool {
    [rows.offset, rows.width, rows.outer_stride, rows.inner_stride].iter().all(|words| words.is_multiple_of(4))
}

/// How a product of `rows` by `columns` is cut, by the class of adapter and one model's shape alone.
struct Cut {
    /// Whether operands go through workgroup memory.
    tiled: bool,
    /// Blocks side by side in a workgroup.
    column_lanes: usize,
    /// Workgroups side by side, and one after another.
    column_groups: usize,
    row_groups: usize,
}

impl Cut {
    /// Blocks are 8 rows of `columns_each` columns in the variant for software adapters, of four in the other.
    ///
    /// Software adapters keep everything in registers: their workgroup memory is main memory. Real GPUs get tiles of
    /// 64 by 64, or of 128 by 32 where columns are few: 128 invocations with 32 sums each, an estimated 90 registers, so that five
    /// workgroups share one of an H200's 132 multiprocessors (65,536 registers) and 12.5 KiB of workgroup memory each. A
    /// step of the sum is three vec4 loads from workgroup memory, two of which all of a row's invocations share, for 32
    /// multiply-adds: arithmetic, not memory, is what a tile waits for. Larger blocks would halve those loads and leave
    /// most of the models' products (1,920 by 256, 896 by 96) with fewer workgroups than such a card has multiprocessors.
    fn new(class: AdapterClass, rows: usize, columns: usize, columns_each: usize) -> Self {
        let tiled = class != AdapterClass::Software;
        let (lanes, column_lanes, columns_each) = match class {
            AdapterClass::Software => (64, columns.div_ceil(columns_each).next_power_of_two().min(64), columns_each),
            AdapterClass::Integrated | AdapterClass::Discrete => (128, if columns > 32 { 16 } else { 8 }, 4),
        };
        let column_groups = columns.div_ceil(column_lanes * columns_each);
        Cut { tiled, column_lanes, column_groups, row_groups: rows.div_ceil(8 * lanes / column_lanes) }
    }

    fn shader(&self, registers: &'static str, tiles: &'static str) -> &'static str {
        if self.tiled { tiles } else { registers }
    }

    fn blocks(&self) -> usize {
        self.column_groups * self.row_groups
    }
}

uniform! {
    LinearForwardParams {
        input: RowsWords,
        output: RowsWords,
        skip: RowsWords,
        first: u32,
        site: u32,
        steps_row: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
    }
}

pub fn linear_forward(op: &LinearForward, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let cut = Cut::new(shapes.class, count, outputs, 4);
    // Something must be bound where nothing is added.
    let skip = op.residual.map_or(Rows::dense(op.input.tensor, 0, 0), |residual| residual.skip);
    let params = LinearForwardParams {
        input: shapes.rows(&op.input),
        output: shapes.rows(&op.output),
        skip: shapes.rows(&skip),
        first: op.residual.map_or(0, |residual| residual.first as u32),
        site: op.residual.map_or(0, |residual| residual.site),
        steps_row: shapes.steps_row(),
        weight: op.weight as u32,
        bias: op.bias as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: cut.column_lanes as u32,
        column_groups: cut.column_groups as u32,
        fours: u32::from(fours(&op.input) && op.weight.is_multiple_of(4)),
    };
    let bindings = [
        ("steps", STEPS),
        ("params", PARAMS),
        ("input", op.input.tensor),
        ("skip", skip.tensor),
        ("output", op.output.tensor),
    ];
    let shader = cut.shader("linear_forward", "linear_forward_tiled");
    let work = 2 * count * inputs * outputs;
    let dispatch = Dispatch::new(shader, &params, &bindings, groups(cut.blocks(), 1), work);
    Plan::one(dispatch.constant("RESIDUAL", u32::from(op.residual.is_some())))
}

uniform! {
    LinearBackwardInputParams {
        d_output: RowsWords,
        d_input: RowsWords,
        skip: RowsWords,
        weight: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
    }
}

pub fn linear_backward_input(op: &LinearBackwardInput, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    let cut = Cut::new(shapes.class, count, inputs, 4);
    // Something must be bound where nothing is added.
    let skip = op.skip.unwrap_or(Rows::dense(op.d_output.tensor, 0, 0));
    let params = LinearBackwardInputParams {
        d_output: shapes.rows(&op.d_output),
        d_input: shapes.rows(&op.d_input),
        skip: shapes.rows(&skip),
        weight: op.weight as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: cut.column_lanes as u32,
        column_groups: cut.column_groups as u32,
        fours: u32::from(fours(&op.d_output) && inputs.is_multiple_of(4) && op.weight.is_multiple_of(4)),
    };
    let bindings =
        [("params", PARAMS), ("d_output", op.d_output.tensor), ("skip", skip.tensor), ("d_input", op.d_input.tensor)];
    let shader = cut.shader("linear_backward_input", "linear_backward_input_tiled");
    Plan::one(Dispatch::new(shader, &params, &bindings, groups(cut.blocks(), 1), 2 * count * inputs * outputs))
}

/// Splits of a sum over `rows` for a weight of `words`, cut into `blocks` workgroups, by class of adapter.
///
/// Software adapters: 256 rows each. Real GPUs: so many that all splits together are some 512 workgroups, four for each of
/// an H200's 132 multiprocessors (or 64, for the eight to sixteen of an integrated one), but no split of fewer rows than
/// pay for writing its sums and reading them back.
fn splits(class: AdapterClass, rows: usize, words: usize, blocks: usize) -> usize {
    let (wanted, most_words) = match class {
        AdapterClass::Software => (rows.div_ceil(256), 1 << 20),
        AdapterClass::Integrated => ((64 / blocks).min(rows / 128), 1 << 20),
        AdapterClass::Discrete => ((512 / blocks).min(rows / 128), 1 << 22),
    };
    wanted.min(most_words / words).max(1)
}

uniform! {
    LinearBackwardWeightParams {
        input: RowsWords,
        d_output: RowsWords,
        d_weight: u32,
        d_bias: u32,
        sums_row: u32,
        sums_split: u32,
        split_rows: u32,
        blocks: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
    }
}

uniform! {
    LinearWeightSumParams {
        weights: u32,
        outputs: u32,
        splits: u32,
        sums_row: u32,
        grads_row: u32,
        d_weight: u32,
        d_bias: u32,
    }
}

pub fn linear_backward_weight(op: &LinearBackwardWeight, shapes: &Shapes) -> Plan {
    let (count, (inputs, outputs)) = (op.count(), op.widths());
    let words = outputs * inputs + outputs;
    // Tiles lie as the weight does; blocks in registers have outputs side by side.
    let cut = match shapes.class {
        AdapterClass::Software => Cut::new(shapes.class, inputs, outputs, 8),
        AdapterClass::Integrated | AdapterClass::Discrete => Cut::new(shapes.class, outputs, inputs, 4),
    };
    let split_rows = count.div_ceil(splits(shapes.class, count, words, cut.blocks())).max(1);
    let splits_of = |rows: &Rows| rows.count.div_ceil(split_rows).max(1);
    let splits = op.parts.iter().map(|(input, _)| splits_of(input)).sum();
    // One split writes the gradients themselves.
    let direct = splits == 1;
    let sums_words = if direct { 0 } else { splits * words };
    let mut dispatches = Vec::new();
    let mut first = 0;
    for (input, d_output) in &op.parts {
        let params = LinearBackwardWeightParams {
            input: shapes.rows(input),
            d_output: shapes.rows(d_output),
            d_weight: if direct { op.d_weight } else { first * words } as u32,
            d_bias: if direct { op.d_bias } else { first * words + outputs * inputs } as u32,
            sums_row: if direct { shapes.row(GRADS) } else { padded(sums_words) as u32 },
            sums_split: words as u32,
            split_rows: split_rows as u32,
            blocks: cut.blocks() as u32,
            column_lanes: cut.column_lanes as u32,
            column_groups: cut.column_groups as u32,
            fours: u32::from(fours(input) && fours(d_output)),
        };
        let bindings = [("input", input.tensor), ("d_output", d_output.tensor)];
        let workgroups = groups(splits_of(input) * cut.blocks(), 1);
        let shader = cut.shader("linear_backward_weight", "linear_backward_weight_tiled");
        let product = Dispatch::new(shader, &params, &bindings, workgroups, 2 * input.count * inputs * outputs);
        dispatches.push(if direct { product.tensor("sums", GRADS) } else { product.scratch("sums", 0) });
        first += splits_of(input);
    }
    if direct {
        return Plan { scratch: Vec::new(), dispatches };
    }
    dispatches.push(weight_sum(splits, (outputs * inputs, outputs), (op.d_weight, op.d_bias), shapes));
    Plan { scratch: vec![sums_words], dispatches }
}

/// Adds up splits of `weights` and `outputs` words, in the first piece of working memory, into the gradients at `to`.
pub fn weight_sum(splits: usize, (weights, outputs): (usize, usize), to: (usize, usize), shapes: &Shapes) -> Dispatch {
    let words = weights + outputs;
    let params = LinearWeightSumParams {
        weights: weights as u32,
        outputs: outputs as u32,
        splits: splits as u32,
        sums_row: padded(splits * words) as u32,
        grads_row: shapes.row(GRADS),
        d_weight: to.0 as u32,
        d_bias: to.1 as u32,
    };
    let dispatch = Dispatch::new("linear_weight_sum", &params, &[("grads", GRADS)], groups(words, 64), splits * words);
    dispatch.scratch("sums", 0)
}
