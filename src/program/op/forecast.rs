//! How the output of a head becomes a forecast, and the loss of points.

use super::{Affine, Link};
use crate::dims::product;
use crate::program::tensor::TensorId;

/// Elementwise training loss, averaged over observed target values.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum LossKind {
    /// `e²`
    Mse,
    /// `|e|`
    Mae,
    /// `e²/2` up to |e| = δ, then `δ·(|e| − δ/2)`, as PyTorch's `HuberLoss`.
    Huber {
        /// δ, above 0, on the series' scale.
        delta: f32,
    },
    /// `|e| / (|y| + |f|)` of values y and forecasts f in the data's units; 0 if both are.
    Smape,
}

impl LossKind {
    /// Its code in the shaders.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            LossKind::Mse => 0,
            LossKind::Mae => 1,
            LossKind::Huber { .. } => 2,
            LossKind::Smape => 3,
        }
    }

    /// δ of huber; 0 of another.
    #[must_use]
    pub fn delta(self) -> f32 {
        if let LossKind::Huber { delta } = self { delta } else { 0.0 }
    }
}

/// What a window's target channels were normalised by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowScale {
    /// `[B, K, 2]`
    pub stats: TensorId,
    /// Of `[K]` each in [`PARAMS`](crate::program::tensor::PARAMS).
    pub affine: Option<Affine>,
}

/// What is known of a window's targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfWindows {
    /// `[B, K, 2]`: shift and scale; with scalers `[B, K, 4]`, of [`ScaleGather`](super::ScaleGather).
    pub stats: TensorId,
    /// Whether windows were normalised by shift and scale.
    pub normalized: bool,
    /// Whether the deviation and mean of the series' scalers follow.
    pub scalers: bool,
    /// Of `[K]` each in [`PARAMS`](crate::program::tensor::PARAMS).
    pub affine: Option<Affine>,
}

impl OfWindows {
    /// Words of a window and target.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.scalers { 4 } else { 2 }
    }
}

/// Where the outputs of a head lie. The first of window b, step z and target k is word `b·Z·K + z·step + k·target`; behind those of all
/// values, output j > 0 is word `B·Z·K + b·(D − 1)·Z·K + z·step + k·other_target + (j − 1)·other_output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLayout {
    /// From a row of the horizon to the next.
    pub step: usize,
    /// From a target to the next.
    pub target: usize,
    /// The same, of the other outputs.
    pub other_target: usize,
    /// From one of the other outputs to the next.
    pub other_output: usize,
}

/// How the head's output becomes the forecast `[B, Z, K]`, in whatever op reads it:
/// `forecast[b, z, k] = (head[b, z, k] − bias[k]) / (weight[k] + 1e-10) · scale[b, k] + shift[b, k]`, and
/// `d_head = d_forecast · scale / (weight + 1e-10)`; the statistics carry no gradient, as RevIN detaches them.
/// Without an affine part there is no division by weight. If windows were not normalised, forecast and head are the same.
/// Within bounds the forecast is the [`Link`] of this sum; a target whose scaler has a deviation of 0, because all of its training
/// rows lie at a bound, is forecast to stay there.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// B
    pub batch: usize,
    /// Z
    pub horizon: usize,
    /// K
    pub targets: usize,
    /// D: outputs of each value; the first is the forecast.
    pub outputs: usize,
    /// `[B · Z · K · D]`: the head's output
    pub head: TensorId,
    /// The order of its words, and of those of its gradient.
    pub layout: HeadLayout,
    /// `None` for windows that were not normalised, where no scaler is read.
    pub windows: Option<OfWindows>,
    /// What keeps it within bounds.
    pub link: Option<Link>,
}

impl Forecast {
    /// B · Z · K
    #[must_use]
    pub fn elements(&self) -> usize {
        product(&[self.batch, self.horizon, self.targets])
    }

    /// What is known of the windows, where anything is.
    #[must_use]
    pub fn stats(&self) -> Option<TensorId> {
        self.windows.map(|windows| windows.stats)
    }

    /// A weight and bias of each target, where windows were normalised by them.
    #[must_use]
    pub fn affine(&self) -> Option<Affine> {
        self.windows.and_then(|windows| windows.affine)
    }

    /// Whether windows were normalised.
    #[must_use]
    pub fn is_normalized(&self) -> bool {
        self.windows.is_some_and(|windows| windows.normalized)
    }
}

/// `losses[slot] = inv_target_count · Σ weight · loss(forecast − target)`, and by
/// `d_forecast = inv_target_count · weight · loss'(forecast − target)` the gradient of the head's output.
///
/// With a row's weight w in the data (1 if rows have none; the same of all targets) and o = 1 for an observed value, else 0, `weight`
/// is o·w times a factor that brings the loss to the data's units, where it has one, and `inv_target_count = 1 / Σ o·w` over the batch:
/// a mean that is weighted by w, as PyTorch's `reduction='mean'` of a loss with weights and neuralforecast's losses are. So equal weights
/// have the bits of none, and a weight of 0 is a missing value's. The losses of quantiles and distributions weigh alike, and so does the
/// validation loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// The elementwise loss.
    pub kind: LossKind,
    /// How the forecast follows from the head.
    pub forecast: Forecast,
    /// `[B, Z, K]`
    pub target: TensorId,
    /// `[B, Z, K]`
    pub weight: TensorId,
    /// In the order of the head's output.
    pub d_head: TensorId,
}

/// `predictions[slot · B + b] = forecast[b]`
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionStore {
    /// How the forecast follows from the head.
    pub forecast: Forecast,
}
