//! linear_forward, linear_backward_input; in `weight.rs`, linear_backward_weight.

mod weight;

use super::lower::{Dispatch, Lowered, RowsWords, Shapes, groups, uniform};
use super::tuning::Product;
use crate::program::op::{Activated, LinearBackwardInput, LinearForward};
use crate::program::tensor::{PARAMS, STEPS};
use crate::program::{Op, Rows};

use weight::weight_product;
pub(super) use weight::{WeightWords, default_splits, linear_backward_weight, weight_sum};

/// Whether all rows start at multiples of four words. What follows a row up to the next such multiple may then be read with it.
fn start_in_fours(rows: &Rows) -> bool {
    [rows.offset, rows.outer_stride, rows.inner_stride].iter().all(|words| words.is_multiple_of(4))
}

/// Whether all rows also are whole fours.
fn fours(rows: &Rows) -> bool {
    start_in_fours(rows) && rows.width.is_multiple_of(4)
}

/// How a product of `rows` by `columns` is cut.
struct Cut {
    /// Blocks side by side in a workgroup.
    column_lanes: usize,
    /// Workgroups side by side, and one after another.
    column_groups: usize,
    row_groups: usize,
}

impl Cut {
    /// Blocks of 8 rows of `columns_each` columns in registers alone, for software adapters: their workgroup memory is main
    /// memory.
    fn registers(rows: usize, columns: usize, columns_each: usize) -> Self {
        let column_lanes = columns.div_ceil(columns_each).next_power_of_two().min(64);
        let column_groups = columns.div_ceil(column_lanes * columns_each);
        Cut { column_lanes, column_groups, row_groups: rows.div_ceil(8 * 64 / column_lanes) }
    }

    /// Tiles of 64 rows by 32 columns a panel, in blocks of 8 rows of 4 columns, for real GPUs.
    ///
    /// A step of the sum is three vec4 loads from workgroup memory, two of which all of a row's invocations share, for 32
    /// multiply-adds: arithmetic, not memory, is what a tile waits for. Larger blocks would halve those loads and leave
    /// most of the models' products (1,920 by 256, 896 by 96) with fewer workgroups than an H200 has multiprocessors (132).
    fn tiles(panels: usize, rows: usize, columns: usize) -> Self {
        Cut { column_lanes: 8 * panels, column_groups: columns.div_ceil(32 * panels), row_groups: rows.div_ceil(64) }
    }

    fn blocks(&self) -> usize {
        self.column_groups * self.row_groups
    }
}

/// The product that an op is, if it is one.
pub(super) fn product(op: &Op) -> Option<Product> {
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

uniform! {
    LinearForwardTiledParams {
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
        column_groups: u32,
        first_group: u32,
    }
}

pub(super) fn linear_forward(op: &LinearForward, shapes: &Shapes) -> Lowered {
    let (count, inputs, outputs) = (op.output.count, op.input.width, op.output.width);
    // Something must be bound where nothing is added.
    let nothing = Rows::dense(op.input.tensor, 0, 0);
    let skipped = op.residual.map_or(nothing, |residual| residual.skip);
    let followed = op.activated.map(|activated| activated.rows);
    let (first, site) = match (op.residual, op.activated) {
        (Some(residual), _) => (residual.first as u32, residual.site.unwrap_or(0)),
        (None, Some(activated)) => (activated.first as u32, activated.site),
        (None, None) => (0, 0),
    };
    let [input, output, skip, after] =
        [op.input, op.output, skipped, followed.unwrap_or(nothing)].map(|rows| shapes.rows(&rows));
    let (steps_row, params_row) = (shapes.steps_row(), shapes.row(PARAMS));
    let (weight, bias) = (op.weight as u32, op.bias as u32);
    let weight_fours = op.weight.is_multiple_of(4) && inputs.is_multiple_of(4);
    let bindings = [
        ("steps", STEPS),
        ("params", PARAMS),
        ("input", op.input.tensor),
        ("skip", skipped.tensor),
        ("output", op.output.tensor),
    ];
    let work = 2 * count * inputs * outputs;
    let in_fours = fours(&op.input) && weight_fours;
    let dispatch = match shapes.tiling(&forward_product(op), &[outputs], in_fours).panels() {
        None => {
            let cut = Cut::registers(count, outputs, 4);
            let params = LinearForwardParams {
                input,
                output,
                skip,
                after,
                first,
                site,
                steps_row,
                weight,
                bias,
                params_row,
                column_lanes: cut.column_lanes as u32,
                column_groups: cut.column_groups as u32,
                fours: u32::from(in_fours),
                first_group: 0,
            };
            Dispatch::new("linear_forward", &params, &bindings, groups(cut.blocks(), 1), work)
        }
        Some(panels) => {
            let cut = Cut::tiles(panels, count, outputs);
            let params = LinearForwardTiledParams {
                input,
                output,
                skip,
                after,
                first,
                site,
                steps_row,
                weight,
                bias,
                params_row,
                column_groups: cut.column_groups as u32,
                first_group: 0,
            };
            let dispatch = Dispatch::new("linear_forward_tiled", &params, &bindings, groups(cut.blocks(), 1), work);
            tiled(dispatch, panels, start_in_fours(&op.input), weight_fours)
        }
    };
    let residual = op.residual.map_or(0, |residual| if residual.site.is_some() { 1 } else { 2 });
    let dispatch = dispatch.constant("RESIDUAL", residual);
    let dispatch = dispatch.constant("ACTIVATION", activation(&op.activated));
    match followed {
        Some(after) => Lowered::one(dispatch.tensor("after", after.tensor)),
        None => Lowered { scratch: vec![1], dispatches: vec![dispatch.scratch("after", 0)] },
    }
}

/// A product in tiles, and how its operands are read.
fn tiled(dispatch: Dispatch, panels: usize, left_fours: bool, right_fours: bool) -> Dispatch {
    let dispatch = dispatch.constant("PANELS", panels as u32);
    dispatch.constant("LEFT_FOURS", u32::from(left_fours)).constant("RIGHT_FOURS", u32::from(right_fours))
}

/// As the shaders' `ACTIVATION` counts.
fn activation(activated: &Option<Activated>) -> u32 {
    activated.map_or(0, |activated| activated.kind as u32)
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

uniform! {
    LinearBackwardInputTiledParams {
        d_output: RowsWords,
        d_input: RowsWords,
        skip: RowsWords,
        first: u32,
        site: u32,
        steps_row: u32,
        weight: u32,
        params_row: u32,
        column_groups: u32,
        first_group: u32,
    }
}

pub(super) fn linear_backward_input(op: &LinearBackwardInput, shapes: &Shapes) -> Lowered {
    let (count, inputs, outputs) = (op.d_input.count, op.d_input.width, op.d_output.width);
    // Something must be bound where nothing is added.
    let beside = op.skip.or(op.activated.map(|activated| activated.rows));
    let beside = beside.unwrap_or(Rows::dense(op.d_output.tensor, 0, 0));
    let [d_output, d_input, skip] = [op.d_output, op.d_input, beside].map(|rows| shapes.rows(&rows));
    let (first, site) = op.activated.map_or((0, 0), |activated| (activated.first as u32, activated.site));
    let (steps_row, params_row, weight) = (shapes.steps_row(), shapes.row(PARAMS), op.weight as u32);
    let weight_fours = op.weight.is_multiple_of(4) && inputs.is_multiple_of(4);
    let bindings = [
        ("steps", STEPS),
        ("params", PARAMS),
        ("d_output", op.d_output.tensor),
        ("skip", beside.tensor),
        ("d_input", op.d_input.tensor),
    ];
    let work = 2 * count * inputs * outputs;
    let in_fours = fours(&op.d_output) && weight_fours;
    let dispatch = match shapes.tiling(&input_product(op), &[inputs], in_fours).panels() {
        None => {
            let cut = Cut::registers(count, inputs, 4);
            let params = LinearBackwardInputParams {
                d_output,
                d_input,
                skip,
                first,
                site,
                steps_row,
                weight,
                params_row,
                column_lanes: cut.column_lanes as u32,
                column_groups: cut.column_groups as u32,
                fours: u32::from(in_fours),
                first_group: 0,
            };
            Dispatch::new("linear_backward_input", &params, &bindings, groups(cut.blocks(), 1), work)
        }
        Some(panels) => {
            let cut = Cut::tiles(panels, count, inputs);
            let params = LinearBackwardInputTiledParams {
                d_output,
                d_input,
                skip,
                first,
                site,
                steps_row,
                weight,
                params_row,
                column_groups: cut.column_groups as u32,
                first_group: 0,
            };
            let workgroups = groups(cut.blocks(), 1);
            let dispatch = Dispatch::new("linear_backward_input_tiled", &params, &bindings, workgroups, work);
            tiled(dispatch, panels, fours(&op.d_output), weight_fours)
        }
    };
    Lowered::one(dispatch.constant("ACTIVATION", activation(&op.activated)))
}
