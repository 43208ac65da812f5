//! gru_forward, gru_backward: the cell over a whole sequence, a tile of the batch per task.

use crate::program::op::{RecurrentBackward, RecurrentForward};
use crate::program::tensor::PARAMS;

use super::matrix::{Matrix, Out, product};
use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, tiles};

/// Batch rows per task.
const TILE: usize = 16;

pub(super) fn gru_forward<T: Scalar>(storage: &mut Storage<T>, op: &RecurrentForward) {
    let (h, steps) = (op.hidden, op.steps);
    let mut gates = storage.take_floats(op.gates);
    let mut recurrent_gates = storage.take_floats(op.recurrent);
    let mut states = storage.take_floats(op.states);
    let w_hh = storage.take_transposed(op.w_hh, 3 * h, h);
    let gate_tiles = tiles(&mut gates, op.batch, steps * 3 * h, TILE);
    let recurrent_tiles = tiles(&mut recurrent_gates, op.batch, steps * 3 * h, TILE);
    let state_tiles = tiles(&mut states, op.batch, (steps + 1) * h, TILE);
    each(gate_tiles.zip(recurrent_tiles).zip(state_tiles), &|_, ((gates, recurrent_gates), states)| {
        let params = storage.floats(PARAMS);
        let bias = &params[op.b_hh..][..3 * h];
        let w_hh = Matrix::new(&w_hh, 0, h, 3 * h, 3 * h);
        let batch = gates.len() / (steps * 3 * h);
        let mut sums = vec![T::ZERO; batch * 3 * h];
        for sequence in states.chunks_mut((steps + 1) * h) {
            sequence[..h].fill(T::ZERO);
        }
        for t in 0..steps {
            let previous = Matrix::new(states, t * h, batch, h, (steps + 1) * h);
            product(Out { data: &mut sums, row: 3 * h }, false, previous, w_hh);
            T::vectorized(
                #[inline(always)]
                || {
                    for b in 0..batch {
                        let x = &mut gates[(b * steps + t) * 3 * h..][..3 * h];
                        let s = &mut recurrent_gates[(b * steps + t) * 3 * h..][..3 * h];
                        for ((s, sum), bias) in s.iter_mut().zip(&sums[b * 3 * h..]).zip(bias) {
                            *s = *sum + *bias;
                        }
                        let (before, state) = states[(b * (steps + 1) + t) * h..][..2 * h].split_at_mut(h);
                        cell_forward(x, s, before, state);
                    }
                },
            );
        }
    });
    storage.put_floats(op.gates, gates);
    storage.put_floats(op.recurrent, recurrent_gates);
    storage.put_scratch(w_hh);
    storage.put_floats(op.states, states);
}

/// One sequence's step: of the projections `x` and the recurrent sums `s`, `[3, H]` each, leaves n in `x`, and r and z in `s`.
/// A loop for each function: all in one do not fit the registers.
#[inline(always)]
fn cell_forward<T: Scalar>(x: &mut [T], s: &mut [T], before: &[T], state: &mut [T]) {
    let h = state.len();
    let (gates, sum) = s.split_at_mut(2 * h);
    let (projected, n) = x.split_at_mut(2 * h);
    for (gate, projected) in gates.iter_mut().zip(projected) {
        *gate = (*projected + *gate).sigmoid();
    }
    let (r, z) = gates.split_at(h);
    let (sum, n, z, before) = (&sum[..h], &mut n[..h], &z[..h], &before[..h]);
    for j in 0..h {
        n[j] = (n[j] + r[j] * sum[j]).tanh();
    }
    for j in 0..h {
        state[j] = (T::ONE - z[j]) * n[j] + z[j] * before[j];
    }
}

pub(super) fn gru_backward<T: Scalar>(storage: &mut Storage<T>, op: &RecurrentBackward) {
    let (h, steps, d_steps) = (op.hidden, op.steps, op.d_output_steps);
    let mut gates = storage.take_floats(op.gates);
    let mut recurrent_gates = storage.take_floats(op.recurrent);
    let gate_tiles = tiles(&mut gates, op.batch, steps * 3 * h, TILE);
    let recurrent_tiles = tiles(&mut recurrent_gates, op.batch, steps * 3 * h, TILE);
    each(gate_tiles.zip(recurrent_tiles), &|task, (gates, recurrent_gates)| {
        let first = task * TILE;
        let w_hh = Matrix::new(storage.floats(PARAMS), op.w_hh, 3 * h, h, h);
        let states = storage.floats(op.kept);
        let d_output = storage.floats(op.d_output);
        let batch = gates.len() / (steps * 3 * h);
        // d_h of the step before, per sequence.
        let mut carry = vec![T::ZERO; batch * h];
        for t in (0..steps).rev() {
            T::vectorized(
                #[inline(always)]
                || {
                    for b in 0..batch {
                        let d_hidden = &mut carry[b * h..][..h];
                        if t + d_steps >= steps {
                            let d = &d_output[((first + b) * d_steps + t + d_steps - steps) * h..][..h];
                            for j in 0..h {
                                d_hidden[j] += d[j];
                            }
                        }
                        let before = &states[((first + b) * (steps + 1) + t) * h..][..h];
                        let x = &mut gates[(b * steps + t) * 3 * h..][..3 * h];
                        let s = &mut recurrent_gates[(b * steps + t) * 3 * h..][..3 * h];
                        cell_backward(x, s, d_hidden, before);
                    }
                },
            );
            let d_s = Matrix::new(recurrent_gates, t * 3 * h, batch, 3 * h, steps * 3 * h);
            product(Out { data: &mut carry, row: h }, true, d_s, w_hh);
        }
    });
    storage.put_floats(op.gates, gates);
    storage.put_floats(op.recurrent, recurrent_gates);
}

/// One sequence's step: d_hidden → the gradients of the projections `x` and of the recurrent sums `s`, `[3, H]` each, in the
/// places of what [`cell_forward`] left there; leaves z's part of the earlier step's d_hidden.
#[inline(always)]
fn cell_backward<T: Scalar>(x: &mut [T], s: &mut [T], d_hidden: &mut [T], before: &[T]) {
    let h = d_hidden.len();
    let (x_r, x) = x.split_at_mut(h);
    let (x_z, x_n) = x.split_at_mut(h);
    let (s_r, s) = s.split_at_mut(h);
    let (s_z, s_n) = s.split_at_mut(h);
    let (x_n, s_n, before) = (&mut x_n[..h], &mut s_n[..h], &before[..h]);
    for j in 0..h {
        let (r, z, n, sum, d_h) = (s_r[j], s_z[j], x_n[j], s_n[j], d_hidden[j]);
        let d_n = d_h * (T::ONE - z) * (T::ONE - n * n);
        x_r[j] = d_n * sum * (r * (T::ONE - r));
        x_z[j] = d_h * (before[j] - n) * (z * (T::ONE - z));
        x_n[j] = d_n;
        s_r[j] = x_r[j];
        s_z[j] = x_z[j];
        s_n[j] = d_n * r;
        d_hidden[j] = d_h * z;
    }
}
