//! The ops: the contract between models and engines. An op's label is one word everywhere: the name of its shader, of the
//! shader's entry point, of the CPU twin and of the timing. Other variants of a kernel, and stages of an op that takes several
//! dispatches, have longer names (`//! Variant of:` and `//! Stage of:` in the shaders).
//!
//! Letters: R replicas (every tensor's outermost dimension, never written here), B batch, T steps, C input channels,
//! K targets, Z horizon, O = Z·K outputs, H hidden units, N rows of a matrix, P words of a parameter arena.
//! If an enum's variants have numbers, they are its codes in the shaders.
//!
//! An op overwrites its outputs, except those that it updates in place ([`Op::updates`]). Each output word has one owner.
//! Reductions run in a fixed order.

mod access;
mod decoder;
mod distribution;
mod embedding;
mod forecast;
mod linear;
mod prune;
mod recurrent;
mod transformer;

use super::tensor::*;
use crate::words::words;

pub use decoder::*;
pub use distribution::*;
pub use embedding::*;
pub use forecast::*;
pub use linear::*;
pub use prune::*;
pub use recurrent::*;
pub use transformer::*;

/// How the input window is normalised, target channels only: a replica's step table says which
/// ([`ReplicaStep`](super::ReplicaStep)), 0 where it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceNorm {
    /// Subtract the window's last value (NLinear; Zeng et al., AAAI 2023).
    Last = 1,
    /// Subtract the mean, divide by √(population variance + 1e-5) (RevIN; Kim et al., ICLR 2022).
    MeanStd = 2,
}
words!(InstanceNorm, "instance-norm", InstanceNorm::Last = "last", InstanceNorm::MeanStd = "mean-std");

impl InstanceNorm {
    /// The one of a code in the step table; `None` of 0, and of any that is none's.
    #[must_use]
    pub fn of_code(code: u32) -> Option<InstanceNorm> {
        InstanceNorm::ALL.iter().copied().find(|norm| *norm as u32 == code)
    }

    /// The code in the step table.
    #[must_use]
    pub fn code(norm: Option<InstanceNorm>) -> u32 {
        norm.map_or(0, |norm| norm as u32)
    }
}

/// The nonlinearity of an RNN cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `tanh(x)`
    Tanh = 0,
    /// `max(x, 0)`; NaN stays NaN.
    Relu = 1,
}
words!(Activation, "activation", Activation::Tanh = "tanh", Activation::Relu = "relu");

/// Copies windows out of the series, by the slot's row of [`WINDOWS`].
///
/// `input[b, t, c] = series[w_b + t, c]`, 0 for c ≥ C, `target[b, z, k] = series[w_b + T + z, k]`,
/// `weight[b, z, k] = observed[w_b + T + z, k]`. Empty places ([`NO_WINDOW`]) and rows past the end are zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowGather {
    /// Rows of the series.
    pub rows: usize,
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// C
    pub channels: usize,
    /// W: C or more.
    pub width: usize,
    /// K
    pub targets: usize,
    /// Z
    pub horizon: usize,
    /// `[B, T, W]`
    pub input: TensorId,
    /// `[B, Z, K]`
    pub target: TensorId,
    /// `[B, Z, K]`
    pub weight: TensorId,
}

/// `output = (input − shift) / scale · weight + bias` on the first K channels, the others copied;
/// `stats[b, k] = (shift, scale)`, which [`InstanceNorm`] of the step's replica they are; (0, 1) of none. Without an affine part
/// weight is 1 and bias 0.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceNormForward {
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// C, with the zeros after them.
    pub channels: usize,
    /// K
    pub targets: usize,
    /// `[B, T, C]`
    pub input: TensorId,
    /// `[B, T, C]`
    pub output: TensorId,
    /// `[B, K, 2]`
    pub stats: TensorId,
    /// Of `[K]` each in [`PARAMS`].
    pub affine: Option<Affine>,
}

/// Each target's look-back as a moving average, its ends repeated, and what that leaves, each as a row (DLinear's decomposition;
/// Zeng et al., AAAI 2023):
/// `trend[b, k, t] = 1/M · Σ_{i<M} input[b, clamp(t + i − (M − 1)/2, 0, T − 1), k]` and
/// `remainder[b, k, t] = input[b, t, k] − trend[b, k, t]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Decompose {
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// C, with the zeros after them.
    pub channels: usize,
    /// K
    pub targets: usize,
    /// M: rows of an average, an odd number.
    pub average: usize,
    /// `[B, T, C]`
    pub input: TensorId,
    /// `[B, K, T]`
    pub trend: TensorId,
    /// `[B, K, T]`
    pub remainder: TensorId,
}

/// Which dropout chance of the step table an op uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance {
    /// `dropout`: everything that the other two do not cover.
    Dropout = 0,
    /// `attention-dropout`: attention probabilities.
    Attention = 1,
    /// `head-dropout`: what the head reads.
    Head = 2,
}

/// Inverted dropout: `output = input · (keep ? 1 / (1 − p) : 0)`. Applied to the gradient, it is its own backward.
///
/// Element (n, j) is dropped where `draw(seed, site, step, n·width + j) < threshold`, p = threshold / 2³² (see
/// [`super::rng`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Dropout {
    /// `[N, W]`
    pub input: Rows,
    /// `[N, W]`
    pub output: Rows,
    /// Which chance of the step table.
    pub chance: Chance,
    /// The site of its draws, see [`rng::site`](crate::program::rng::site).
    pub site: u32,
}

/// `grad_norm = √(Σ d²)` over the words of [`GRADS`] whose mask bit is 1.
#[derive(Debug, Clone, PartialEq)]
pub struct GradNorm {
    /// P
    pub words: usize,
}

/// The fused masked update (Adam, Kingma & Ba 2015, as PyTorch computes it), over all P words at once.
///
/// Where the mask is 0: weight and both moments become 0. Elsewhere, with `g = d · min(1, clip_norm / (grad_norm + 1e-6))`
/// where clip_norm > 0, and on prunable words `g += l2·w`, `w *= decay_factor`:
/// `m += (1−β₁)(g − m)`, `v = β₂·v + (1−β₂)·g²`, `w −= step_size · m / (√v · inv_sqrt_bias2 + ε)`.
/// [`STATUS`] records the first gradient and weight that are not finite. An inactive replica does not change.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamMasked {
    /// Words of the prunable matrices, a prefix of the P words.
    pub prunable_words: usize,
    /// P
    pub words: usize,
}

/// What is computed, and on which tensors: on a GPU one dispatch or several. Each variant holds a struct, which states the
/// mathematics.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Op {
    /// Windows of the series.
    WindowGather(WindowGather),
    /// Windows less their own level.
    InstanceNormForward(InstanceNormForward),
    /// Windows as a moving average and what it leaves.
    Decompose(Decompose),
    /// What is known of the rows to forecast.
    FutureGather(FutureGather),
    /// The units of a decoder.
    DecoderForward(DecoderForward),
    /// The gradient of what its units are computed from.
    DecoderBackward(DecoderBackward),
    /// Matrices turned.
    MatrixTranspose(MatrixTranspose),
    /// Rows of tables in place of codes.
    EmbeddingForward(EmbeddingForward),
    /// The gradients of the tables.
    EmbeddingBackward(EmbeddingBackward),
    /// A fully connected layer.
    LinearForward(LinearForward),
    /// The gradient of a layer's input.
    LinearBackwardInput(LinearBackwardInput),
    /// The gradients of a layer's weight and bias.
    LinearBackwardWeight(LinearBackwardWeight),
    /// All steps of a recurrent layer.
    RecurrentForward(RecurrentForward),
    /// Their gradients, backwards in time.
    RecurrentBackward(RecurrentBackward),
    /// Dropout, or its backward.
    Dropout(Dropout),
    /// Patches of windows.
    PatchGather(PatchGather),
    /// The gradient of what patches are copied from.
    PatchGatherBackward(PatchGatherBackward),
    /// The gradients of RevIN's scale and shift.
    InstanceAffineBackward(InstanceAffineBackward),
    /// Positions added to tokens.
    PositionsForward(PositionsForward),
    /// The gradient of positions.
    PositionsBackward(PositionsBackward),
    /// Mean and variance of a batch.
    BatchNormStatistics(BatchNormStatistics),
    /// Batch normalization.
    BatchNormForward(BatchNormForward),
    /// The gradients of its scale and shift.
    BatchNormBackwardWeight(BatchNormBackwardWeight),
    /// The gradient of its input.
    BatchNormBackwardInput(BatchNormBackwardInput),
    /// Layer normalization.
    LayerNormForward(LayerNormForward),
    /// The gradients of its scale and shift.
    LayerNormBackwardWeight(LayerNormBackwardWeight),
    /// The gradient of its input.
    LayerNormBackwardInput(LayerNormBackwardInput),
    /// Attention of all heads.
    AttentionForward(AttentionForward),
    /// The gradient of its queries.
    AttentionBackwardQuery(AttentionBackward),
    /// The gradients of its keys and values.
    AttentionBackwardKeyValue(AttentionBackward),
    /// The mean of all tokens.
    MeanPoolForward(MeanPool),
    /// Its gradient, for each token.
    MeanPoolBackward(MeanPool),
    /// The training loss and its gradient.
    Loss(Loss),
    /// Forecasts kept.
    PredictionStore(PredictionStore),
    /// Targets within bounds as a network reads them.
    LinkInput(LinkInput),
    /// The windows' scalers.
    ScaleGather(ScaleGather),
    /// The loss of quantiles and its gradients.
    QuantileLoss(QuantileLoss),
    /// The loss of a distribution and its gradients.
    LikelihoodLoss(LikelihoodLoss),
    /// Quantiles, or the parameters of distributions, kept.
    DistributionStore(DistributionStore),
    /// The norm of all gradients.
    GradNorm(GradNorm),
    /// The update of all weights.
    AdamMasked(AdamMasked),
    /// The smallest weights masked.
    Prune(Prune),
    /// What weights are ranked by, over steps.
    ScoreUpdate(ScoreUpdate),
    /// Magnitudes beside those of a tensor's other weights.
    LampScore(LampScore),
    /// Weights picked within groups.
    PruneSelect(PruneSelect),
    /// Those masked.
    PruneApply(PruneApply),
    /// What units are worth keeping.
    UnitImportance(UnitImportance),
    /// Units that fall as wholes.
    UnitPrune(UnitPrune),
}
