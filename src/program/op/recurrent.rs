//! The ops of recurrent layers, for every [`Cell`].

use crate::program::cell::Cell;
use crate::program::tensor::TensorId;

/// A layer's steps t = 0 … T−1; [`Cell`] states the mathematics. Labels: `rnn_forward`, `lstm_forward`, `gru_forward`.
///
/// Word `[b, 0]` of `states` and of `kept` is the initial zero, `[b, t + 1]` belongs to step t.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentForward {
    /// The cell; it has G gates.
    pub cell: Cell,
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// H
    pub hidden: usize,
    /// Word of `[G, H, H]` in [`PARAMS`](crate::program::tensor::PARAMS).
    pub w_hh: usize,
    /// Word of `[G, H]` in [`PARAMS`](crate::program::tensor::PARAMS).
    pub b_hh: usize,
    /// `[B, T, G, H]`: read w_ih · x + b_ih; a cell that stores its gates writes them activated, of a GRU n alone.
    pub gates: TensorId,
    /// `[B, T, G, H]`: written r, z, and n's part of `w_hh · h_{t−1} + b_hh`, of a GRU; else `gates` again.
    pub recurrent: TensorId,
    /// `[B, T+1, H]`: h
    pub states: TensorId,
    /// `[B, T+1, H]`: c, of a cell that has one; else `states` again.
    pub kept: TensorId,
}

/// A layer's steps t = T−1 … 0; [`Cell`] states the mathematics. Labels: `rnn_backward`, `lstm_backward`,
/// `gru_backward`.
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentBackward {
    /// The cell; it has G gates.
    pub cell: Cell,
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// H
    pub hidden: usize,
    /// Word of `[G, H, H]` in [`PARAMS`](crate::program::tensor::PARAMS).
    pub w_hh: usize,
    /// `[B, T, G, H]`: written d_a. A cell that stores its gates reads each once, where its gradient then lies.
    pub gates: TensorId,
    /// `[B, T, G, H]`: read what [`RecurrentForward::recurrent`] has, written the gradient that w_hh reads, of a GRU; else
    /// `gates` again.
    pub recurrent: TensorId,
    /// `[B, T+1, H]`: c, of a cell that has one; else h.
    pub kept: TensorId,
    /// `[B, D, H]`: the gradient of the last D steps' outputs; earlier ones have none.
    pub d_output: TensorId,
    /// D: 1 or T.
    pub d_output_steps: usize,
}

impl RecurrentForward {
    /// Tensors that it writes.
    pub(super) fn writes(&self) -> Vec<TensorId> {
        let form = self.cell.form();
        let (memory, recurrent) = (form.memory.map(|_| self.kept), form.recurrent_tensor.map(|_| self.recurrent));
        self.updates().into_iter().chain([self.states]).chain(memory).chain(recurrent).collect()
    }

    /// The gates, if the cell stores them.
    pub(super) fn updates(&self) -> Vec<TensorId> {
        if self.cell.form().stores_gates { vec![self.gates] } else { Vec::new() }
    }
}

impl RecurrentBackward {
    /// Tensors that it writes.
    pub(super) fn writes(&self) -> Vec<TensorId> {
        let recurrent = self.cell.form().recurrent_tensor.map(|_| self.recurrent);
        [self.gates].into_iter().chain(recurrent).collect()
    }

    /// The gates, if the cell has stored them.
    pub(super) fn updates(&self) -> Vec<TensorId> {
        if self.cell.form().stores_gates { self.writes() } else { Vec::new() }
    }
}
