//! lstm_forward, lstm_backward: the cell over a whole sequence, a tile of the batch per task.

use crate::program::op::{RecurrentBackward, RecurrentForward};
use crate::program::tensor::PARAMS;

use super::matrix::{Matrix, Out, product};
use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, tiles};

/// Batch rows per task.
const TILE: usize = 16;

pub(super) fn lstm_forward<T: Scalar>(storage: &mut Storage<T>, op: &RecurrentForward) {
    let (h, steps) = (op.hidden, op.steps);
    let mut gates = storage.take_floats(op.gates);
    let mut states = storage.take_floats(op.states);
    let mut cells = storage.take_floats(op.kept);
    let w_hh = storage.take_transposed(op.w_hh, 4 * h, h);
    let gate_tiles = tiles(&mut gates, op.batch, steps * 4 * h, TILE);
    let state_tiles = tiles(&mut states, op.batch, (steps + 1) * h, TILE);
    let cell_tiles = tiles(&mut cells, op.batch, (steps + 1) * h, TILE);
    each(gate_tiles.zip(state_tiles).zip(cell_tiles), &|_, ((gates, states), cells)| {
        let params = storage.floats(PARAMS);
        let bias = &params[op.b_hh..][..4 * h];
        let w_hh = Matrix::new(&w_hh, 0, h, 4 * h, 4 * h);
        let batch = gates.len() / (steps * 4 * h);
        let mut recurrent = vec![T::ZERO; batch * 4 * h];
        for sequence in states.chunks_mut((steps + 1) * h).chain(cells.chunks_mut((steps + 1) * h)) {
            sequence[..h].fill(T::ZERO);
        }
        for t in 0..steps {
            let previous = Matrix::new(states, t * h, batch, h, (steps + 1) * h);
            product(Out { data: &mut recurrent, row: 4 * h }, false, previous, w_hh);
            T::vectorized(
                #[inline(always)]
                || {
                    for b in 0..batch {
                        let a = &mut gates[(b * steps + t) * 4 * h..][..4 * h];
                        let recurrent = &recurrent[b * 4 * h..][..4 * h];
                        let state = &mut states[(b * (steps + 1) + t + 1) * h..][..h];
                        let (before, cell) = cells[(b * (steps + 1) + t) * h..][..2 * h].split_at_mut(h);
                        cell_forward(a, recurrent, bias, before, cell, state);
                    }
                },
            );
        }
    });
    storage.put_floats(op.gates, gates);
    storage.put_scratch(w_hh);
    storage.put_floats(op.states, states);
    storage.put_floats(op.kept, cells);
}

/// One sequence's step: activates the gates in place, whose projected inputs `a [4, H]` holds. A loop for each function:
/// all five in one do not fit the registers.
#[inline(always)]
fn cell_forward<T: Scalar>(a: &mut [T], recurrent: &[T], bias: &[T], before: &[T], cell: &mut [T], state: &mut [T]) {
    let h = state.len();
    for ((a, recurrent), bias) in a.iter_mut().zip(recurrent).zip(bias) {
        *a = *a + *recurrent + *bias;
    }
    a[..2 * h].iter_mut().for_each(|a| *a = a.sigmoid());
    a[2 * h..3 * h].iter_mut().for_each(|a| *a = a.tanh());
    a[3 * h..].iter_mut().for_each(|a| *a = a.sigmoid());
    let (i, f, g, o) = (&a[..h], &a[h..2 * h], &a[2 * h..3 * h], &a[3 * h..4 * h]);
    let (before, cell) = (&before[..h], &mut cell[..h]);
    for j in 0..h {
        cell[j] = f[j] * before[j] + i[j] * g[j];
        state[j] = o[j] * cell[j].tanh();
    }
}

pub(super) fn lstm_backward<T: Scalar>(storage: &mut Storage<T>, op: &RecurrentBackward) {
    let (h, steps, d_steps) = (op.hidden, op.steps, op.d_output_steps);
    let mut gates = storage.take_floats(op.gates);
    let gate_tiles = tiles(&mut gates, op.batch, steps * 4 * h, TILE);
    each(gate_tiles, &|task, gates| {
        let first = task * TILE;
        let w_hh = Matrix::new(storage.floats(PARAMS), op.w_hh, 4 * h, h, h);
        let cells = storage.floats(op.kept);
        let d_output = storage.floats(op.d_output);
        let batch = gates.len() / (steps * 4 * h);
        // d_h and d_c of the step before, per sequence.
        let mut carry = vec![T::ZERO; batch * 2 * h];
        for t in (0..steps).rev() {
            T::vectorized(
                #[inline(always)]
                || {
                    for b in 0..batch {
                        let (d_hidden, d_cell) = carry[b * 2 * h..][..2 * h].split_at_mut(h);
                        if t + d_steps >= steps {
                            let d = &d_output[((first + b) * d_steps + t + d_steps - steps) * h..][..h];
                            for j in 0..h {
                                d_hidden[j] += d[j];
                            }
                        }
                        let (before, cell) = cells[((first + b) * (steps + 1) + t) * h..][..2 * h].split_at(h);
                        let gates = &mut gates[(b * steps + t) * 4 * h..][..4 * h];
                        cell_backward(gates, d_hidden, d_cell, before, cell);
                    }
                },
            );
            let d_a = Matrix::new(gates, t * 4 * h, batch, 4 * h, steps * 4 * h);
            product(Out { data: &mut carry, row: 2 * h }, false, d_a, w_hh);
        }
    });
    storage.put_floats(op.gates, gates);
}

/// One sequence's step: d_hidden and d_cell → the gradient of the gates `[4, H]`, in their place; leaves the earlier step's
/// d_cell.
#[inline(always)]
fn cell_backward<T: Scalar>(gates: &mut [T], d_hidden: &[T], d_cell: &mut [T], before: &[T], cell: &[T]) {
    let h = d_hidden.len();
    let (a_i, gates) = gates.split_at_mut(h);
    let (a_f, gates) = gates.split_at_mut(h);
    let (a_g, a_o) = gates.split_at_mut(h);
    let (a_o, d_cell, before, cell) = (&mut a_o[..h], &mut d_cell[..h], &before[..h], &cell[..h]);
    for j in 0..h {
        let (i, f, g, o) = (a_i[j], a_f[j], a_g[j], a_o[j]);
        let tanh_c = cell[j].tanh();
        let d_c = d_cell[j] + d_hidden[j] * o * (T::ONE - tanh_c * tanh_c);
        a_i[j] = d_c * g * (i * (T::ONE - i));
        a_f[j] = d_c * before[j] * (f * (T::ONE - f));
        a_g[j] = d_c * i * (T::ONE - g * g);
        a_o[j] = d_hidden[j] * tanh_c * (o * (T::ONE - o));
        d_cell[j] = d_c * f;
    }
}
