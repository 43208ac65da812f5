//! The ops of patch transformers (PatchTST; Nie et al., ICLR 2023).
//!
//! More letters: S sequences (B windows times G sequences of each), N tokens (patches) of a sequence, J rows of a patch,
//! D model width, A heads, E = D / A words of a head. A model's activations are `[S·N, D]`: all tokens of a sequence, one
//! after the other.

use std::ops::Range;

use crate::program::tensor::TensorId;
use crate::words::words;

/// The nonlinearity between the two linear layers of a feed-forward block; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeedForward {
    /// `x·Φ(x)`, with the exact normal distribution function Φ (Hendrycks & Gimpel 2016), PyTorch's default.
    Gelu = 1,
    /// `max(x, 0)`
    Relu = 2,
}
words!(FeedForward, "ff-activation", FeedForward::Gelu = "gelu", FeedForward::Relu = "relu");

/// The rows of a patch: row j of patch n is row `first + n·stride + j` of the window. Past the end, the window's last row is
/// repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patches {
    /// Row of the window at which the first patch starts.
    pub first: usize,
    /// Rows from one patch to the next.
    pub stride: usize,
    /// J
    pub rows: usize,
    /// N
    pub count: usize,
}

impl Patches {
    /// The row of the window `[steps]` that row j of patch n holds.
    #[must_use]
    pub fn step(&self, n: usize, j: usize, steps: usize) -> usize {
        (self.first + n * self.stride + j).min(steps - 1)
    }
}

/// Words of a learned scale and shift in the parameter arenas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Affine {
    /// First word of the scale.
    pub weight: usize,
    /// First word of the shift.
    pub bias: usize,
}

impl Affine {
    /// One past the last word of either, for `[width]` each.
    #[must_use]
    pub fn end(&self, width: usize) -> usize {
        self.weight.max(self.bias).saturating_add(width)
    }
}

/// `output[b, g, n, j, c] = input[b, step(n, j), g·W + c]`: each sequence reads W channels of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchGather {
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// C, with the zeros after them.
    pub channels: usize,
    /// G: K if each channel is its own sequence, 1 if a patch holds all channels.
    pub sequences: usize,
    /// W: 1, or C.
    pub width: usize,
    /// Where the patches lie.
    pub patches: Patches,
    /// `[B, T, C]`
    pub input: TensorId,
    /// `[B, G, N, J, W]`
    pub output: TensorId,
}

/// `d_input[b, t, g, c] = Σ d_output[b, g, n, j, c]` of the rows j of patches n that hold row t, by n and then by j.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchGatherBackward {
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// G
    pub sequences: usize,
    /// W
    pub width: usize,
    /// Where the patches lie.
    pub patches: Patches,
    /// `[B, G, N, J, W]`
    pub d_output: TensorId,
    /// `[B, T, G, W]`
    pub d_input: TensorId,
}

/// The gradients of RevIN's scale and shift (Kim et al., ICLR 2022, equations 2 and 3), which the normalisation applies
/// and the denormalisation undoes:
/// `d_weight[k] = Σ_{b,n,j} d_patches·x̂ − Σ_{b,z} d_forecast·(forecast − bias[k]) / (weight[k] + 1e-10)` and
/// `d_bias[k] = Σ_{b,n,j} d_patches − Σ_{b,z} d_forecast`, where x̂ is the window less its shift over its scale.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceAffineBackward {
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// C, with the zeros after them.
    pub channels: usize,
    /// K
    pub targets: usize,
    /// Z
    pub horizon: usize,
    /// Where the patches lie.
    pub patches: Patches,
    /// In [`PARAMS`](super::PARAMS) and in [`GRADS`](super::GRADS).
    pub affine: Affine,
    /// `[B, T, C]`, as gathered
    pub input: TensorId,
    /// `[B, K, 2]`
    pub stats: TensorId,
    /// `[B, K, N, J]`
    pub d_patches: TensorId,
    /// `[B, K, Z]`, before it is denormalised
    pub forecast: TensorId,
    /// `[B, K, Z]`
    pub d_forecast: TensorId,
}

/// `output[s, n, d] = dropout(input[s, n, d] + positions[n, d])`
#[derive(Debug, Clone, PartialEq)]
pub struct PositionsForward {
    /// S
    pub sequences: usize,
    /// N·D
    pub width: usize,
    /// Word of `[N, D]` in [`PARAMS`](super::PARAMS).
    pub positions: usize,
    /// `[S, N, D]`
    pub input: TensorId,
    /// `[S, N, D]`
    pub output: TensorId,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site).
    pub site: u32,
}

/// `d_positions[n, d] = Σ_s d_sum[s, n, d]`
#[derive(Debug, Clone, PartialEq)]
pub struct PositionsBackward {
    /// S
    pub sequences: usize,
    /// N·D
    pub width: usize,
    /// `[S, N, D]`, of the sum before dropout
    pub d_sum: TensorId,
    /// Word of `[N, D]` in [`GRADS`](super::GRADS).
    pub d_positions: usize,
}

/// The statistics of a batch, per feature over all tokens of its windows (Ioffe & Szegedy 2015, algorithm 1):
/// `stats = (mean, population variance, count)`. Empty places of a short batch do not count.
///
/// Updates the running statistics of an active replica as PyTorch does: `running += 0.1·(batch − running)` with the
/// sample variance, and counts the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormStatistics {
    /// B
    pub batch: usize,
    /// Tokens of a window: G·N.
    pub tokens: usize,
    /// D
    pub width: usize,
    /// `[B·tokens, D]`
    pub input: TensorId,
    /// `[2·D + 1]`
    pub stats: TensorId,
    /// Word in [`STATE`](super::STATE) of the running mean and variance `[2, D]`, and of the count's two after them.
    pub running: usize,
}

/// `output[n, d] = (input[n, d] − mean[d]) / √(variance[d] + 1e-5) · weight[d] + bias[d]`
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormForward {
    /// Tokens, of all sequences.
    pub count: usize,
    /// D
    pub width: usize,
    /// `[count, D]`
    pub input: TensorId,
    /// Mean and variance `[2, D]`: a batch's own, or those of [`STATE`](super::STATE) at evaluation.
    pub stats: TensorId,
    /// Their word in `stats`.
    pub mean: usize,
    /// Of `[D]` each in [`PARAMS`](super::PARAMS).
    pub affine: Affine,
    /// `[count, D]`
    pub output: TensorId,
}

/// `d_weight[d] = Σ_n d_output[n, d]·x̂[n, d]` and `d_bias[d] = Σ_n d_output[n, d]`
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormBackwardWeight {
    /// Tokens, of all sequences.
    pub count: usize,
    /// D
    pub width: usize,
    /// `[count, D]`
    pub input: TensorId,
    /// `[2·D + 1]`
    pub stats: TensorId,
    /// `[count, D]`, 0 in empty places
    pub d_output: TensorId,
    /// In [`GRADS`](super::GRADS).
    pub d_affine: Affine,
}

/// `d_input = weight / √(variance + 1e-5) · (d_output − d_bias/m − x̂·d_weight/m) + skip`, m the tokens counted, by the
/// gradients [`BatchNormBackwardWeight`] has written. Empty places get `skip` alone.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNormBackwardInput {
    /// B
    pub batch: usize,
    /// Tokens of a window: G·N.
    pub tokens: usize,
    /// D
    pub width: usize,
    /// `[B·tokens, D]`
    pub input: TensorId,
    /// `[2·D + 1]`
    pub stats: TensorId,
    /// In [`PARAMS`](super::PARAMS), and its gradient at the same words of [`GRADS`](super::GRADS).
    pub affine: Affine,
    /// `[B·tokens, D]`
    pub d_output: TensorId,
    /// `[B·tokens, D]`: the gradient that reaches the input past the norm.
    pub skip: Option<TensorId>,
    /// `[B·tokens, D]`
    pub d_input: TensorId,
}

/// `output[n, d] = (input[n, d] − mean[n]) / √(variance[n] + 1e-5) · weight[d] + bias[d]` (Ba et al. 2016), and
/// `stats[n] = (mean, 1 / √(variance + 1e-5))`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormForward {
    /// Tokens, of all sequences.
    pub count: usize,
    /// D
    pub width: usize,
    /// `[count, D]`
    pub input: TensorId,
    /// Of `[D]` each in [`PARAMS`](super::PARAMS).
    pub affine: Affine,
    /// `[count, D]`
    pub output: TensorId,
    /// `[count, 2]`
    pub stats: TensorId,
}

/// `d_weight[d] = Σ_n d_output[n, d]·x̂[n, d]` and `d_bias[d] = Σ_n d_output[n, d]`
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormBackwardWeight {
    /// Tokens, of all sequences.
    pub count: usize,
    /// D
    pub width: usize,
    /// `[count, D]`
    pub input: TensorId,
    /// `[count, 2]`
    pub stats: TensorId,
    /// `[count, D]`
    pub d_output: TensorId,
    /// In [`GRADS`](super::GRADS).
    pub d_affine: Affine,
}

/// `d_input[n] = (g − mean(g) − x̂·mean(g·x̂)) / √(variance[n] + 1e-5) + skip[n]`, where `g = d_output[n]·weight`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNormBackwardInput {
    /// Tokens, of all sequences.
    pub count: usize,
    /// D
    pub width: usize,
    /// `[count, D]`
    pub input: TensorId,
    /// `[count, 2]`
    pub stats: TensorId,
    /// Of `[D]` each in [`PARAMS`](super::PARAMS).
    pub affine: Affine,
    /// `[count, D]`
    pub d_output: TensorId,
    /// `[count, D]`: the gradient that reaches the input past the norm.
    pub skip: Option<TensorId>,
    /// `[count, D]`
    pub d_input: TensorId,
}

/// Words of the widest head that kernels hold.
pub const MAX_HEAD_WIDTH: usize = 128;

/// A range of the batch's (sequence, head) pairs: whole sequences, or some heads of one. So scores `[pairs, N, N]` fit what a
/// device can bind. The range does not change results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// The first pair: sequence · A + head.
    pub first: usize,
    /// Number of pairs.
    pub pairs: usize,
    /// The first sequence in the tensor of q, k and v, if the batch has several such tensors.
    pub qkv_first: usize,
    /// N
    pub tokens: usize,
    /// A
    pub heads: usize,
    /// E
    pub width: usize,
}

impl Heads {
    /// D = A·E
    #[must_use]
    pub fn model(&self) -> usize {
        self.heads * self.width
    }

    /// The sequence of the first pair.
    #[must_use]
    pub fn first_sequence(&self) -> usize {
        self.first / self.heads
    }

    /// Sequences that the pairs belong to.
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.pairs.div_ceil(self.heads)
    }

    /// Heads of each of them.
    #[must_use]
    pub fn own(&self) -> Range<usize> {
        let first = self.first % self.heads;
        first..first + self.pairs.min(self.heads)
    }

    /// Words of `[pairs, N, N]`.
    #[must_use]
    pub fn scores(&self) -> usize {
        self.pairs * self.tokens * self.tokens
    }
}

/// Scaled dot-product attention of every head (Vaswani et al. 2017, equation 1):
/// `score[i, j] = q_i·k_j / √E + before[i, j]`, `p_i = softmax_j(score_i)`, `output_i = Σ_j dropout(p_ij)·v_j`.
///
/// `before` are the scores of the layer before (RealFormer; He et al. 2021, equation 2). Scores are ordered by key, because in two
/// of the three passes an invocation owns a query: neighbours then access neighbouring words. Probabilities are not stored; the
/// backward passes recompute them from the log-sum-exp. Draw ((s·A + a)·N + i)·N + j drops probability (i, j).
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionForward {
    /// The range of pairs.
    pub heads: Heads,
    /// `[S, N, 3, A, E]`, or of a range of the sequences: q, k, v
    pub qkv: TensorId,
    /// `[pairs, N, N]`: score (i, j) is word j·N + i of its pair.
    pub before: Option<TensorId>,
    /// `[pairs, N, N]`, the same way: the scores for the layer after.
    pub scores: Option<TensorId>,
    /// `[S, A, N, 2]`: writes the log-sum-exp of each row of scores
    pub softmax: TensorId,
    /// `[S, N, A, E]`
    pub output: TensorId,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site).
    pub site: u32,
}

/// What both backward passes of [`AttentionForward`] read, and what they write. With `d_p = dropout(d_output·v)`, and
/// `δ_i = d_output_i·output_i`: `d_score[i, j] = p_ij·(d_p_ij − δ_i)`, more by the layer after where there is one.
///
/// `attention_backward_query`, first, one owner per query: writes δ beside the log-sum-exp, `d_q_i = Σ_j d_score_ij·k_j / √E`
/// and, with residual scores, `d_scores` in place.
/// `attention_backward_key_value`, one owner per key: `d_k_j = Σ_i d_score_ij·q_i / √E`, `d_v_j = Σ_i dropout(p_ij)·d_output_i`.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionBackward {
    /// The range of pairs.
    pub heads: Heads,
    /// `[S, N, 3, A, E]`
    pub qkv: TensorId,
    /// `[pairs, N, N]`: score (i, j) is word j·N + i of its pair.
    pub before: Option<TensorId>,
    /// `[S, A, N, 2]`: (log-sum-exp, δ)
    pub softmax: TensorId,
    /// `[S, N, A, E]`
    pub output: TensorId,
    /// `[S, N, A, E]`
    pub d_output: TensorId,
    /// `[pairs, N, N]`, the same way, with residual scores.
    pub d_scores: Option<TensorId>,
    /// Whether `d_scores` holds what the layer after has written.
    pub handed_on: bool,
    /// `[S, N, 3, A, E]`
    pub d_qkv: TensorId,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site).
    pub site: u32,
}

/// `output[s, d] = Σ_n input[s, n, d] / N`; backward `output[s, n, d] = input[s, d] / N`.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanPool {
    /// S
    pub sequences: usize,
    /// N
    pub tokens: usize,
    /// D
    pub width: usize,
    /// `[S, N, D]`; backward `[S, D]`
    pub input: TensorId,
    /// `[S, D]`; backward `[S, N, D]`
    pub output: TensorId,
}
