//! rnn_forward, rnn_backward: the Elman cell over a whole sequence, a tile of the batch per task.

use crate::program::op::{Activation, RecurrentBackward, RecurrentForward};
use crate::program::tensor::PARAMS;

use super::matrix::{Matrix, Out, product};
use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, tiles};

/// Batch rows per task.
const TILE: usize = 16;

pub(super) fn rnn_forward<T: Scalar>(storage: &mut Storage<T>, op: &RecurrentForward, activation: Activation) {
    let (h, steps) = (op.hidden, op.steps);
    let mut states = storage.take_floats(op.states);
    let w_hh = storage.take_transposed(op.w_hh, h, h);
    each(tiles(&mut states, op.batch, (steps + 1) * h, TILE), &|task, states| {
        let first = task * TILE;
        let params = storage.floats(PARAMS);
        let bias = &params[op.b_hh..][..h];
        let w_hh = Matrix::new(&w_hh, 0, h, h, h);
        let batch = states.len() / ((steps + 1) * h);
        let projected = &storage.floats(op.gates)[first * steps * h..][..batch * steps * h];
        let mut pre = vec![T::ZERO; batch * h];
        for sequence in states.chunks_mut((steps + 1) * h) {
            sequence[..h].fill(T::ZERO);
        }
        for t in 0..steps {
            product(Out { data: &mut pre, row: h }, false, Matrix::new(states, t * h, batch, h, (steps + 1) * h), w_hh);
            for b in 0..batch {
                let projected = &projected[(b * steps + t) * h..][..h];
                let pre = &pre[b * h..][..h];
                let state = &mut states[(b * (steps + 1) + t + 1) * h..][..h];
                T::vectorized(
                    #[inline(always)]
                    || {
                        for j in 0..h {
                            state[j] = activate(activation, projected[j] + pre[j] + bias[j]);
                        }
                    },
                );
            }
        }
    });
    storage.put_scratch(w_hh);
    storage.put_floats(op.states, states);
}

#[inline(always)]
fn activate<T: Scalar>(activation: Activation, x: T) -> T {
    match activation {
        Activation::Tanh => x.tanh(),
        // NaN must stay NaN, which a `max` would swallow.
        Activation::Relu => {
            if x < T::ZERO {
                T::ZERO
            } else {
                x
            }
        }
    }
}

pub(super) fn rnn_backward<T: Scalar>(storage: &mut Storage<T>, op: &RecurrentBackward, activation: Activation) {
    let (h, steps, d_steps) = (op.hidden, op.steps, op.d_output_steps);
    let mut d_projected = storage.take_floats(op.gates);
    let d_tiles = tiles(&mut d_projected, op.batch, steps * h, TILE);
    each(d_tiles, &|task, d_projected| {
        let first = task * TILE;
        let w_hh = Matrix::new(storage.floats(PARAMS), op.w_hh, h, h, h);
        let states = storage.floats(op.kept);
        let d_output = storage.floats(op.d_output);
        let batch = d_projected.len() / (steps * h);
        let mut d_hidden = vec![T::ZERO; batch * h];
        for t in (0..steps).rev() {
            for b in 0..batch {
                let state = &states[((first + b) * (steps + 1) + t + 1) * h..][..h];
                let d_hidden = &mut d_hidden[b * h..][..h];
                if t + d_steps >= steps {
                    let d = &d_output[((first + b) * d_steps + t + d_steps - steps) * h..][..h];
                    for j in 0..h {
                        d_hidden[j] += d[j];
                    }
                }
                let d_projected = &mut d_projected[(b * steps + t) * h..][..h];
                T::vectorized(
                    #[inline(always)]
                    || {
                        for j in 0..h {
                            d_projected[j] = d_hidden[j] * derivative(activation, state[j]);
                        }
                    },
                );
            }
            let d_pre = Matrix::new(d_projected, t * h, batch, h, steps * h);
            product(Out { data: &mut d_hidden, row: h }, false, d_pre, w_hh);
        }
    });
    storage.put_floats(op.gates, d_projected);
}

/// Of the activation, by its value.
#[inline(always)]
fn derivative<T: Scalar>(activation: Activation, value: T) -> T {
    match activation {
        Activation::Tanh => T::ONE - value * value,
        Activation::Relu => {
            if value > T::ZERO {
                T::ONE
            } else {
                T::ZERO
            }
        }
    }
}
