//! The ops of linear layers. Letters as in [`super`].

use super::FeedForward;
use crate::program::tensor::Rows;

/// How a linear layer ends a branch beside which its input goes on: `output = skip + dropout(…)`. Its backward is a
/// [`Dropout`](super::Dropout) towards the layer; towards `skip` the gradient is d_output itself, which the op that writes the skip's
/// gradient adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residual {
    /// `[N, O]`
    pub skip: Rows,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site).
    pub site: u32,
    /// Rows of the layer before the first of these, where it lies in several tensors: dropout counts on from there.
    pub first: usize,
}

/// An activation between two linear layers, and dropout after it: `after = dropout(activation(before))`. The first layer ends
/// with it, and the gradient that the second hands back is that of `before`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activated {
    /// The activation.
    pub kind: FeedForward,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site).
    pub site: u32,
    /// Rows of the layer before the first of these, where it lies in several tensors: dropout counts on from there.
    pub first: usize,
    /// What lies on the activation's other side: of the first layer `after`, of the second `before`.
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
    /// One of both at most.
    pub residual: Option<Residual>,
    /// The activation of the output.
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
    /// Not where there is a skip.
    pub activated: Option<Activated>,
    /// `[N, I]`
    pub d_input: Rows,
}

/// `d_weight[o, i] = Σ_n d_output[n, o] · input[n, i]` and `d_bias[o] = Σ_n d_output[n, o]`
#[derive(Debug, Clone, PartialEq)]
pub struct LinearBackwardWeight {
    /// Input `[N, I]` and d_output `[N, O]`, whose rows lie evenly: one pair, or one of each range of the rows where those lie
    /// in several tensors.
    pub parts: Vec<(Rows, Rows)>,
    /// Word of `[O, I]` in [`GRADS`](super::GRADS).
    pub d_weight: usize,
    /// Word of `[O]` in [`GRADS`](super::GRADS).
    pub d_bias: usize,
    /// Only where there is one part.
    pub beside: Option<Beside>,
}

/// A second input that a layer adds to the same output, with a weight and a bias of its own: of a recurrent layer the state
/// before. Its gradients are sums over the same rows of d_output.
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
