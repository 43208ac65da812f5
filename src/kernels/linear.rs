//! linear_forward, linear_backward_input; in `weight.rs`, linear_backward_weight.

mod weight;

use super::plan::{Dispatch, Plan, RowsWords, Shapes, groups, uniform};
use super::tuning::{Product, Variant};
use crate::program::op::{Activated, FeedForward, LinearBackwardInput, LinearForward};
use crate::program::tensor::{PARAMS, STEPS};
use crate::program::{Op, Rows};

use weight::weight_product;
pub use weight::{WeightWords, default_splits, linear_backward_weight, weight_sum};

/// Whether all rows start at multiples of four words and are whole fours.
fn fours(rows: &Rows) -> bool {
    [rows.offset, rows.width, rows.outer_stride, rows.inner_stride].iter().all(|words| words.is_multiple_of(4))
}

/// How a product of `rows` by `columns` is cut.
struct Cut {
    variant: Variant,
    /// Blocks side by side in a workgroup.
    column_lanes: usize,
    /// Workgroups side by side, and one after another.
    column_groups: usize,
    row_groups: usize,
}

impl Cut {
    /// Blocks are 8 rows of `columns_each` columns in registers alone, of four in tiles.
    ///
    /// Software adapters keep everything in registers: their workgroup memory is main memory. Real GPUs get tiles of
    /// 64 by 64, or of 128 by 32 where columns are few: 128 invocations with 32 sums each, an estimated 90 registers, so that five
    /// workgroups share one of an H200's 132 multiprocessors (65,536 registers) and 12.5 KiB of workgroup memory each. A
    /// step of the sum is three vec4 loads from workgroup memory, two of which all of a row's invocations share, for 32
    /// multiply-adds: arithmetic, not memory, is what a tile waits for. Larger blocks would halve those loads and leave
    /// most of the models' products (1,920 by 256, 896 by 96) with fewer workgroups than such a card has multiprocessors.
    fn new(variant: Variant, rows: usize, columns: usize, columns_each: usize) -> Self {
        let (lanes, column_lanes, columns_each) = match variant {
            Variant::Registers => (64, columns.div_ceil(columns_each).next_power_of_two().min(64), columns_each),
            Variant::Square => (128, 16, 4),
            Variant::Tall => (128, 8, 4),
        };
        let column_groups = columns.div_ceil(column_lanes * columns_each);
        Cut { variant, column_lanes, column_groups, row_groups: rows.div_ceil(8 * lanes / column_lanes) }
    }

    fn shader(&self, registers: &'static str, tiles: &'static str) -> &'static str {
        if self.variant == Variant::Registers { registers } else { tiles }
    }

    fn blocks(&self) -> usize {
        self.column_groups * self.row_groups
    }
}

/// The product that an op is, if it is one.
pub fn product(op: &Op) -> Option<Product> {
    match op {
        Op::LinearForward(op) => Some(forward_product(op)),
        Op::LinearBackwardInput(op) => Some(input_product(op)),
        Op::LinearBackwardWeight(op) => Some(weight_product(op)),
        _ => None,
    }
}

fn forward_product(op: &LinearForward) -> Product {
    let (rows, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    Product { op: "linear_forward", rows, inputs, beside: 0, outputs }
}

fn input_product(op: &LinearBackwardInput) -> Product {
    let (rows, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    Product { op: "linear_backward_input", rows, inputs, beside: 0, outputs }
}

uniform! {
    LinearForwardParams {
        input: RowsWords,
        output: RowsWords,
        skip: RowsWords,
        after: RowsWords,
        first: u32,
        site: u32,
        steps_row: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
        first_group: u32,
    }
}

pub fn linear_forward(op: &LinearForward, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    let cut = Cut::new(shapes.variant(&forward_product(op), outputs), count, outputs, 4);
    // Something must be bound where nothing is added.
    let nothing = Rows::dense(op.input.tensor, 0, 0);
    let skip = op.residual.map_or(nothing, |residual| residual.skip);
    let after = op.activated.map(|activated| activated.rows);
    let (first, site) = match (op.residual, op.activated) {
        (Some(residual), _) => (residual.first, residual.site),
        (None, Some(activated)) => (activated.first, activated.site),
        (None, None) => (0, 0),
    };
    let params = LinearForwardParams {
        input: shapes.rows(&op.input),
        output: shapes.rows(&op.output),
        skip: shapes.rows(&skip),
        after: shapes.rows(&after.unwrap_or(nothing)),
        first: first as u32,
        site,
        steps_row: shapes.steps_row(),
        weight: op.weight as u32,
        bias: op.bias as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: cut.column_lanes as u32,
        column_groups: cut.column_groups as u32,
        fours: u32::from(fours(&op.input) && op.weight.is_multiple_of(4)),
        first_group: 0,
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
    let dispatch = dispatch.constant("RESIDUAL", u32::from(op.residual.is_some()));
    let dispatch = dispatch.constant("ACTIVATION", activation(&op.activated));
    match after {
        Some(after) => Plan::one(dispatch.tensor("after", after.tensor)),
        None => Plan { scratch: vec![1], dispatches: vec![dispatch.scratch("after", 0)] },
    }
}

/// As the shaders' `ACTIVATION` counts.
fn activation(activated: &Option<Activated>) -> u32 {
    match activated.map(|activated| activated.kind) {
        None => 0,
        Some(FeedForward::Gelu) => 1,
        Some(FeedForward::Relu) => 2,
    }
}

uniform! {
    LinearBackwardInputParams {
        d_output: RowsWords,
        d_input: RowsWords,
        skip: RowsWords,
        first: u32,
        site: u32,
        steps_row: u32,
        weight: u32,
        params_row: u32,
        column_lanes: u32,
        column_groups: u32,
        fours: u32,
        first_group: u32,
    }
}

pub fn linear_backward_input(op: &LinearBackwardInput, shapes: &Shapes) -> Plan {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    let cut = Cut::new(shapes.variant(&input_product(op), inputs), count, inputs, 4);
    // Something must be bound where nothing is added.
    let beside = op.skip.or(op.activated.map(|activated| activated.rows));
    let skip = beside.unwrap_or(Rows::dense(op.d_output.tensor, 0, 0));
    let params = LinearBackwardInputParams {
        d_output: shapes.rows(&op.d_output),
        d_input: shapes.rows(&op.d_input),
        skip: shapes.rows(&skip),
        first: op.activated.map_or(0, |activated| activated.first as u32),
        site: op.activated.map_or(0, |activated| activated.site),
        steps_row: shapes.steps_row(),
        weight: op.weight as u32,
        params_row: shapes.row(PARAMS),
        column_lanes: cut.column_lanes as u32,
        column_groups: cut.column_groups as u32,
        fours: u32::from(fours(&op.d_output) && inputs.is_multiple_of(4) && op.weight.is_multiple_of(4)),
        first_group: 0,
    };
    let bindings = [
        ("steps", STEPS),
        ("params", PARAMS),
        ("d_output", op.d_output.tensor),
        ("skip", skip.tensor),
        ("d_input", op.d_input.tensor),
    ];
    let shader = cut.shader("linear_backward_input", "linear_backward_input_tiled");
    let work = 2 * count * inputs * outputs;
    let dispatch = Dispatch::new(shader, &params, &bindings, groups(cut.blocks(), 1), work);
    Plan::one(dispatch.constant("ACTIVATION", activation(&op.activated)))
}
