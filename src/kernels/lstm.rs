//! lstm_forward, lstm_backward.

use super::plan::{Dispatch, Plan, Shapes, uniform};
use super::recurrent::{Layout, Packed, Way, ranges};
use crate::dims::padded;
use crate::program::op::{LstmBackward, LstmForward};
use crate::program::tensor::PARAMS;

/// d_c's place in a plan's scratch, where it waits between cut ranges.
const CARRY: usize = 1;

uniform! {
    LstmForwardParams {
        batch: u32,
        steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        b_hh: u32,
        params_row: u32,
        gates_row: u32,
        states_row: u32,
        cells_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn lstm_forward(op: &LstmForward, shapes: &Shapes) -> Plan {
    let layout = Layout::of(4, op.hidden, op.batch, shapes.class);
    let packed = Packed::by_gate(op.hidden, op.w_hh, layout.way, op.steps);
    let (weights, weights_row) = packed.place(shapes);
    let workgroups = layout.workgroups(op.batch);
    let kernel = match layout.way {
        Way::Streamed => "lstm_forward",
        Way::Held => "lstm_forward_held",
        Way::Tiled => "lstm_forward_tiled",
    };
    let work_per_step = 8 * op.batch * op.hidden * (op.hidden + 12);
    let mut dispatches: Vec<Dispatch> = packed.dispatch(shapes).into_iter().collect();
    for range in ranges(op.steps, work_per_step, &layout, shapes) {
        let params = LstmForwardParams {
            batch: op.batch as u32,
            steps: op.steps as u32,
            hidden: op.hidden as u32,
            t_begin: range.start as u32,
            t_end: range.end as u32,
            b_hh: op.b_hh as u32,
            params_row: shapes.row(PARAMS),
            gates_row: shapes.row(op.gates),
            states_row: shapes.row(op.states),
            cells_row: shapes.row(op.cells),
            weights,
            weights_row,
            first_tile: 0,
        };
        let bindings = [("params", PARAMS), ("gates", op.gates), ("states", op.states), ("cells", op.cells)];
        let work = work_per_step * range.len();
        let dispatch = Dispatch::new(kernel, &params, &bindings, workgroups, work);
        dispatches.push(packed.bind(layout.open_words(dispatch)));
    }
    Plan { scratch: vec![packed.scratch_words()], dispatches }
}

uniform! {
    LstmBackwardParams {
        batch: u32,
        steps: u32,
        output_steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        gates_row: u32,
        cells_row: u32,
        d_output_row: u32,
        carry_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn lstm_backward(op: &LstmBackward, shapes: &Shapes) -> Plan {
    let layout = Layout::of(1, op.hidden, op.batch, shapes.class);
    let packed = Packed::padded(4, op.hidden, op.w_hh, layout.way, op.steps);
    let carry_words = op.batch * op.hidden;
    let (weights, weights_row) = packed.place(shapes);
    let workgroups = layout.workgroups(op.batch);
    let kernel = match layout.way {
        Way::Streamed => "lstm_backward",
        Way::Held => "lstm_backward_held",
        Way::Tiled => "lstm_backward_tiled",
    };
    let work_per_step = 8 * op.batch * op.hidden * (op.hidden + 8);
    let mut dispatches: Vec<Dispatch> = packed.dispatch(shapes).into_iter().collect();
    for range in ranges(op.steps, work_per_step, &layout, shapes).into_iter().rev() {
        let params = LstmBackwardParams {
            batch: op.batch as u32,
            steps: op.steps as u32,
            output_steps: op.d_output_steps as u32,
            hidden: op.hidden as u32,
            t_begin: range.start as u32,
            t_end: range.end as u32,
            gates_row: shapes.row(op.gates),
            cells_row: shapes.row(op.cells),
            d_output_row: shapes.row(op.d_output),
            carry_row: padded(carry_words) as u32,
            weights,
            weights_row,
            first_tile: 0,
        };
        let bindings = [("gates", op.gates), ("cells", op.cells), ("d_output", op.d_output)];
        let work = work_per_step * range.len();
        let dispatch = Dispatch::new(kernel, &params, &bindings, workgroups, work);
        dispatches.push(packed.bind(layout.open_words(dispatch)).scratch("carry", CARRY));
    }
    Plan { scratch: vec![packed.scratch_words(), carry_words], dispatches }
}
