//! The ops of linear layers. Letters as in [`super`].

use super::FeedForward;
use crate::program::tensor::Rows;

/// The residual sum at the end of a branch, fused into its last linear layer: `output = skip + dropout(…)`, or without dropout.
/// The backward op of dropout is a [`Dropout`](super::Dropout) for the layer. The gradient of `skip` is d_output itself; the op
/// that writes it adds d_output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// `[N, O]`
    pub skip: Rows,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site); `None` without dropout.
    pub site: Option<u32>,
    /// The layer's row at which these rows start, if they are in several tensors: dropout counts from there.
    pub first: usize,
}

/// An activation between two linear layers, and dropout after it: `after = dropout(activation(before))`. It is fused into the
/// first layer's forward op, and its gradient into the second layer's backward op, which writes the gradient of `before`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activated {
    /// The activation.
    pub kind: FeedForward,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site).
    pub site: u32,
    /// The layer's row at which these rows start, if they are in several tensors: dropout counts from there.
    pub first: usize,
    /// The other side of the activation: `after` for the first layer, `before` for the second.
    pub rows: Rows,
}

/// `output[n, o] = Σ_i input[n, i] · weight[o, i] + bias[o]`, and what [`Residual`] makes of that, or beside it what
/// [`Activated`] does.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearForward {
    /// `[N, I]`
    pub input: Rows,
    /// Word of `[O, I]` in [`PARAMS`](super::PARAMS).
    pub weight: usize,
    /// Word of `[O]` in [`PARAMS`](super::PARAMS).
    pub bias: usize,
    /// The residual sum; not together with an activation.
    pub residual: Option<Residual>,
    /// The activation of the output; not together with a residual sum.
    pub activated: Option<Activated>,
    /// `[N, O]`
    pub output: Rows,
}

/// `d_input[n, i] = Σ_o d_output[n, o] · weight[o, i] + skip[n, i]`; where the input is an activation's,
/// `activation'(before) · dropout(…)` of the sum.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearBackwardInput {
    /// `[N, O]`
    pub d_output: Rows,
    /// Word of `[O, I]` in [`PARAMS`](super::PARAMS).
    pub weight: usize,
    /// `[N, I]`: the gradient that reaches the input past the layer.
    pub skip: Option<Rows>,
    /// The activation of the input; not together with a skip.
    pub activated: Option<Activated>,
    /// `[N, I]`
    pub d_input: Rows,
}

/// `d_weight[o, i] = Σ_n d_output[n, o] · input[n, i]` and `d_bias[o] = Σ_n d_output[n, o]`
#[derive(Debug, Clone, PartialEq)]
pub struct LinearBackwardWeight {
    /// Input `[N, I]` and d_output `[N, O]`, rows evenly spaced: one pair, or one pair for each range if the rows are in several
    /// tensors.
    pub parts: Vec<(Rows, Rows)>,
    /// Word of `[O, I]` in [`GRADS`](super::GRADS).
    pub d_weight: usize,
    /// Word of `[O]` in [`GRADS`](super::GRADS).
    pub d_bias: usize,
    /// A second input; only with one part.
    pub beside: Option<Beside>,
}

/// A second input of the same output, with its own weight and bias: in a layer of an RNN or LSTM, the state of the step before.
/// Its gradients are sums over the same rows of d_output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beside {
    /// `[N, J]`
    pub input: Rows,
    /// Word of `[O, J]` in [`GRADS`](super::GRADS).
    pub d_weight: usize,
    /// Word of `[O]` in [`GRADS`](super::GRADS).
    pub d_bias: usize,
}

impl LinearBackwardWeight {
    /// N, of all parts.
    #[must_use]
    pub fn count(&self) -> usize {
        self.parts.iter().map(|(input, _)| input.count).sum()
    }

    /// I and O.
    #[must_use]
    pub fn widths(&self) -> (usize, usize) {
        self.parts.first().map_or((0, 0), |(input, d_output)| (input.width, d_output.width))
    }
}
