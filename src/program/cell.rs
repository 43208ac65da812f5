//! The recurrent cells: how they differ, apart from the arithmetic in their kernels and CPU twins.

use super::op::Activation;

/// Which recurrent cell a layer is made of. Per batch row and step t,
/// `a_t = projected_t + w_hh · h_{t−1} + b_hh`, `h_{−1} = 0`; what follows from `a_t`, or from its two parts,
/// is the cell's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cell {
    /// Elman RNN: `h_t = act(a_t)`. Backward: `d_a_t = act'(h_t) · (d_output_t + w_hhᵀ · d_a_{t+1})`.
    Rnn(Activation),
    /// LSTM: `i, f, o = σ(a)`, `g = tanh(a)`, `c_t = f·c_{t−1} + i·g`, `h_t = o·tanh(c_t)`, `c_{−1} = 0`.
    /// Backward: `d_h = d_output_t + w_hhᵀ · d_a_{t+1}`, `d_c = d_c' + d_h·o·(1 − tanh²c_t)`,
    /// `d_a = (d_c·g·i(1−i), d_c·c_{t−1}·f(1−f), d_c·i·(1−g²), d_h·tanh(c_t)·o(1−o))`, `d_c' = d_c·f`.
    Lstm,
    /// GRU: with `x` the projection of a gate and `s = w_hh · h_{t−1} + b_hh`, `r, z = σ(x + s)`, `n = tanh(x + r·s)`,
    /// `h_t = (1 − z)·n + z·h_{t−1}`. Because r multiplies s alone, the gradients of x and of s differ in n.
    /// Backward: `d_h = d_output_t + w_hhᵀ · d_s_{t+1} + d_h_{t+1}·z_{t+1}`, `d_n = d_h·(1 − z)·(1 − n²)`,
    /// `d_r = d_n·s_n·r(1−r)`, `d_z = d_h·(h_{t−1} − n)·z(1−z)`, `d_x = (d_r, d_z, d_n)`, `d_s = (d_r, d_z, d_n·r)`.
    Gru,
}

/// What the rest of the crate asks of a cell.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// The first word of the names of its weights and tensors, as in PyTorch's state dict: `lstm`.
    pub name: &'static str,
    /// The labels of its forward and backward op.
    pub labels: [&'static str; 2],
    /// Its gates, in the order of the rows of `weight_ih` and `weight_hh`; G is their number.
    pub gates: &'static [&'static str],
    /// The name of the tensor `[B, T, G, H]` of the gates.
    pub gates_tensor: &'static str,
    /// Whether the forward op writes activated gates over their projections, for the backward op to read.
    pub stores_gates: bool,
    /// The name of the tensor `[B, T, G, H]` of the gradient that `w_hh` reads, for a cell in which it is not that of the
    /// projections. Before, it holds what the forward op keeps for the backward op.
    pub recurrent_tensor: Option<&'static str>,
    /// The name of the tensor `[B, T+1, H]` of the cell state c, for a cell that has one besides h.
    pub memory: Option<&'static str>,
    /// Whether a unit that reads nothing has the same state after every step.
    pub steady: bool,
    /// Floating-point operations per unit and step, forward and backward, besides the product with `w_hh`.
    pub flops: [usize; 2],
}

const RNN: Form = Form {
    name: "rnn",
    labels: ["rnn_forward", "rnn_backward"],
    gates: &["h"],
    gates_tensor: "projected",
    stores_gates: false,
    recurrent_tensor: None,
    memory: None,
    steady: true,
    flops: [3, 3],
};

const LSTM: Form = Form {
    name: "lstm",
    labels: ["lstm_forward", "lstm_backward"],
    gates: &["i", "f", "g", "o"],
    gates_tensor: "gates",
    stores_gates: true,
    recurrent_tensor: None,
    memory: Some("cells"),
    steady: false,
    flops: [13, 23],
};

const GRU: Form = Form {
    name: "gru",
    labels: ["gru_forward", "gru_backward"],
    gates: &["r", "z", "n"],
    gates_tensor: "gates",
    stores_gates: true,
    recurrent_tensor: Some("recurrent_gates"),
    memory: None,
    steady: false,
    flops: [11, 17],
};

impl Cell {
    /// Its description.
    #[must_use]
    pub fn form(self) -> &'static Form {
        match self {
            Cell::Rnn(_) => &RNN,
            Cell::Lstm => &LSTM,
            Cell::Gru => &GRU,
        }
    }

    /// h after `steps` of a unit that reads nothing; `biases` are its `b_ih` and `b_hh`, `[G]` each.
    #[must_use]
    pub fn state_at_rest(self, biases: [&[f64]; 2], steps: usize) -> f64 {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let [input, recurrent] = biases;
        let sums: Vec<f64> = input.iter().zip(recurrent).map(|(input, recurrent)| input + recurrent).collect();
        match self {
            Cell::Rnn(Activation::Tanh) => sums[0].tanh(),
            Cell::Rnn(Activation::Relu) => sums[0].max(0.0),
            Cell::Lstm => {
                let [input, forget, output] = [sums[0], sums[1], sums[3]].map(sigmoid);
                let cell = (0..steps).fold(0.0, |cell, _| forget * cell + input * sums[2].tanh());
                output * cell.tanh()
            }
            Cell::Gru => {
                let [reset, update] = [sums[0], sums[1]].map(sigmoid);
                let candidate = (input[2] + reset * recurrent[2]).tanh();
                (0..steps).fold(0.0, |h, _| (1.0 - update) * candidate + update * h)
            }
        }
    }
}

impl Form {
    /// The gates of a weight, by the weight's name in a state dict: equal blocks of its rows, in this order. `None` for weights
    /// of other layers and of a cell with one gate.
    #[must_use]
    pub fn gates_of(weight: &str) -> Option<&'static [&'static str]> {
        let (first, _) = weight.split_once('.')?;
        let form = [&RNN, &LSTM, &GRU].into_iter().find(|form| form.name == first)?;
        (form.gates.len() > 1).then_some(form.gates)
    }
}
