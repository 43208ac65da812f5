//! The ops of a decoder of known future values: a head that reads, for each step of the horizon, what is known of it.
//!
//! More letters: F future channels (the last of the C), D units of the decoder.
//!
//! With h the network's last state `[B, H]` and x the future channels `[B, Z, F]`, the forecast is
//! `head(h)[z, k] + W₂·max(W_h·h + b_h + W_x·x[z] + b_x, 0)[k] + b₂[k]`: the head of the model without a decoder, and a
//! two-layer network that all steps share. Its linear layers are ops of [`linear`](super::LinearForward).

use crate::program::tensor::TensorId;

/// Copies what is known of the rows to forecast out of the series, by the slot's row of [`WINDOWS`](super::WINDOWS).
///
/// `output[b, z, f] = series[w_b + T + z, C − F + f]`, 0 for f ≥ F. Empty places ([`NO_WINDOW`](super::NO_WINDOW)) and rows past
/// the end are zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct FutureGather {
    /// Rows of the series.
    pub rows: usize,
    /// B
    pub batch: usize,
    /// T
    pub steps: usize,
    /// C
    pub channels: usize,
    /// Z
    pub horizon: usize,
    /// F
    pub future: usize,
    /// W: F or more.
    pub width: usize,
    /// `[B, Z, W]`
    pub output: TensorId,
}

/// `hidden[b, z, d] = max(hidden[b, z, d] + context[b, d], 0)`: in place. NaN stays NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderForward {
    /// B
    pub batch: usize,
    /// Z
    pub horizon: usize,
    /// D
    pub width: usize,
    /// `[B, D]`: W_h·h + b_h
    pub context: TensorId,
    /// `[B, Z, D]`: read W_x·x + b_x, written the units.
    pub hidden: TensorId,
}

/// `d_hidden[b, z, d] = hidden[b, z, d] > 0 ? d_hidden[b, z, d] : 0`, in place, and `d_context[b, d] = Σ_z d_hidden[b, z, d]`.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderBackward {
    /// B
    pub batch: usize,
    /// Z
    pub horizon: usize,
    /// D
    pub width: usize,
    /// `[B, Z, D]`: the units.
    pub hidden: TensorId,
    /// `[B, Z, D]`: read the gradient of the units, written that of what they are computed from.
    pub d_hidden: TensorId,
    /// `[B, D]`
    pub d_context: TensorId,
}

/// `output[b, j, i] = input[b, i, j]`
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixTranspose {
    /// B
    pub batch: usize,
    /// Rows of a matrix of the input, i.
    pub rows: usize,
    /// Its columns, j.
    pub columns: usize,
    /// `[B, rows, columns]`
    pub input: TensorId,
    /// `[B, columns, rows]`
    pub output: TensorId,
}
