//! rnn_forward, rnn_backward.

use super::plan::{Dispatch, Plan, Shapes, uniform};
use super::recurrent::{Layout, Packed, Way, ranges};
use crate::program::op::{RnnBackward, RnnForward};
use crate::program::tensor::PARAMS;

uniform! {
    RnnForwardParams {
        activation: u32,
        batch: u32,
        steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        b_hh: u32,
        params_row: u32,
        projected_row: u32,
        states_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn rnn_forward(op: &RnnForward, shapes: &Shapes) -> Plan {
    let layout = Layout::of(1, op.hidden, op.batch, shapes.class);
    let packed = Packed::transposed(op.hidden, op.w_hh, layout.way, op.steps);
    let (weights, weights_row) = packed.place(shapes);
    let workgroups = layout.workgroups(op.batch);
    let kernel = match layout.way {
        Way::Streamed => "rnn_forward",
        Way::Held => "rnn_forward_held",
        Way::Tiled => "rnn_forward_tiled",
    };
    let work_per_step = 2 * op.batch * op.hidden * (op.hidden + 12);
    let mut dispatches: Vec<Dispatch> = packed.dispatch(shapes).into_iter().collect();
    for range in ranges(op.steps, work_per_step, &layout, shapes) {
        let params = RnnForwardParams {
            activation: op.activation as u32,
            batch: op.batch as u32,
            steps: op.steps as u32,
            hidden: op.hidden as u32,
            t_begin: range.start as u32,
            t_end: range.end as u32,
            b_hh: op.b_hh as u32,
            params_row: shapes.row(PARAMS),
            projected_row: shapes.row(op.projected),
            states_row: shapes.row(op.states),
            weights,
            weights_row,
            first_tile: 0,
        };
        let bindings = [("params", PARAMS), ("projected", op.projected), ("states", op.states)];
        let work = work_per_step * range.len();
        let dispatch = Dispatch::new(kernel, &params, &bindings, workgroups, work);
        dispatches.push(packed.bind(layout.open_words(dispatch)));
    }
    Plan { scratch: vec![packed.scratch_words()], dispatches }
}

uniform! {
    RnnBackwardParams {
        activation: u32,
        batch: u32,
        steps: u32,
        output_steps: u32,
        hidden: u32,
        t_begin: u32,
        t_end: u32,
        states_row: u32,
        d_output_row: u32,
        d_projected_row: u32,
        weights: u32,
        weights_row: u32,
        first_tile: u32,
    }
}

pub(super) fn rnn_backward(op: &RnnBackward, shapes: &Shapes) -> Plan {
    let layout = Layout::of(1, op.hidden, op.batch, shapes.class);
    let packed = Packed::padded(1, op.hidden, op.w_hh, layout.way, op.steps);
    let (weights, weights_row) = packed.place(shapes);
    let workgroups = layout.workgroups(op.batch);
    let kernel = match layout.way {
        Way::Streamed => "rnn_backward",
        Way::Held => "rnn_backward_held",
        Way::Tiled => "rnn_backward_tiled",
    };
    let work_per_step = 2 * op.batch * op.hidden * (op.hidden + 4);
    let mut dispatches: Vec<Dispatch> = packed.dispatch(shapes).into_iter().collect();
    for range in ranges(op.steps, work_per_step, &layout, shapes).into_iter().rev() {
        let params = RnnBackwardParams {
            activation: op.activation as u32,
            batch: op.batch as u32,
            steps: op.steps as u32,
            output_steps: op.d_output_steps as u32,
            hidden: op.hidden as u32,
            t_begin: range.start as u32,
            t_end: range.end as u32,
            states_row: shapes.row(op.states),
            d_output_row: shapes.row(op.d_output),
            d_projected_row: shapes.row(op.d_projected),
            weights,
            weights_row,
            first_tile: 0,
        };
        let bindings = [("states", op.states), ("d_output", op.d_output), ("d_projected", op.d_projected)];
        let work = work_per_step * range.len();
        let dispatch = Dispatch::new(kernel, &params, &bindings, workgroups, work);
        dispatches.push(packed.bind(layout.open_words(dispatch)));
    }
    Plan { scratch: vec![packed.scratch_words()], dispatches }
}
