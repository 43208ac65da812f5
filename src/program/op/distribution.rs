//! The ops of models that forecast more of a value than one number: quantiles, or the parameters of a distribution; and of forecasts
//! within bounds, and of losses in the data's units, which read each window's scaler.
//!
//! More letters: L quantile levels, D outputs of each value, N series.
//!
//! Of the D outputs of a head, the first is the location u of each value, where other models have the value; a layer of its own, the
//! *spread*, computes the other D − 1, r, in units of s, which the window was divided by (1 if it was not). With
//! `softplus(x) = ln(1 + eˣ)`:
//!
//! - quantiles: those of levels around the median, each beyond the one before, so that they never cross. With m the median's place,
//!   `q[m] = u`, `q[j] = q[j − 1] + s·softplus(r[j − 1])` above, `q[j] = q[j + 1] − s·softplus(r[j])` below.
//! - Poisson: of the mean u, which is above 0 by its [`Link`].
//! - negative binomial: of the mean u and the variance `u + α·u²`, α = softplus(r₀) + [`DISPERSION_FLOOR`].
//! - Student's t: of the location u, the scale `s·(softplus(r₀) + `[`SCALE_FLOOR`]`)` and 2 + softplus(r₁) degrees of freedom.
//!
//! [`DISPERSION_FLOOR`]: crate::program::constants::DISPERSION_FLOOR
//! [`SCALE_FLOOR`]: crate::program::constants::SCALE_FLOOR

use super::Forecast;
use crate::program::tensor::TensorId;
use crate::words::words;

/// What a model forecasts of each value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Objective {
    /// A number, by an elementwise loss.
    Point(super::LossKind),
    /// The quantiles at these levels, rising, above 0 and below 1; the median is the middle one.
    Quantiles(Vec<f32>),
    /// A distribution's parameters, by maximum likelihood.
    Distribution(Distribution),
}

impl Objective {
    /// D: outputs of each value.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Objective::Point(_) => 1,
            Objective::Quantiles(levels) => levels.len(),
            Objective::Distribution(distribution) => distribution.parameters(),
        }
    }

    /// Which of a value's outputs is its point forecast: the median, or the mean.
    #[must_use]
    pub fn point(&self) -> usize {
        match self {
            Objective::Quantiles(levels) => levels.len() / 2,
            Objective::Point(_) | Objective::Distribution(_) => 0,
        }
    }
}

/// A distribution of a value to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Distribution {
    /// Of counts whose variance is their mean.
    Poisson = 0,
    /// Of counts whose variance is larger.
    NegativeBinomial = 1,
    /// Of any values, with heavier tails than the normal distribution's.
    StudentT = 2,
}
words!(
    Distribution,
    "distribution",
    Distribution::Poisson = "poisson",
    Distribution::NegativeBinomial = "negative-binomial",
    Distribution::StudentT = "student-t"
);

impl Distribution {
    /// How many parameters it has. The first is the mean.
    #[must_use]
    pub fn parameters(self) -> usize {
        match self {
            Distribution::Poisson => 1,
            Distribution::NegativeBinomial => 2,
            Distribution::StudentT => 3,
        }
    }

    /// Whether its values are 0, 1, 2, …
    #[must_use]
    pub fn is_of_counts(self) -> bool {
        matches!(self, Distribution::Poisson | Distribution::NegativeBinomial)
    }
}

/// Keeps forecasts within bounds, which lie at 0, or at 0 and 1, on the series' scale.
///
/// With b = [`LINK_SHARPNESS`](crate::program::constants::LINK_SHARPNESS) and e = [`LINK_MARGIN`](crate::program::constants::LINK_MARGIN):
/// - above 0: `g(u) = softplus(b·u) / b`, `g⁻¹(x) = x + ln(1 − e^(−b·x)) / b` of max(x, e);
/// - below 0: `−g(−u)` of the same;
/// - between: `g(u) = 1 / (1 + e^(−b·(u − ½)))`, `g⁻¹(x) = ½ + ln(x / (1 − x)) / b` of x within e and 1 − e.
///
/// All are about linear away from the bounds. A network reads targets as g⁻¹(x) ([`LinkInput`]), is normalised and forecasts there, and
/// its forecast is g of that: at a head of 0 the level of the window, as without bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Link {
    /// Above a lower bound.
    Above = 1,
    /// Below an upper bound.
    Below = 2,
    /// Between both.
    Between = 3,
}

impl Link {
    /// Each of them.
    pub const ALL: [Link; 3] = [Link::Above, Link::Below, Link::Between];
}

/// `output[b, t, k] = g⁻¹(input[b, t, k])` on the first K channels, the others copied.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkInput {
    /// B · T
    pub rows: usize,
    /// C, with the zeros after them.
    pub channels: usize,
    /// K
    pub targets: usize,
    /// g
    pub link: Link,
    /// `[B, T, C]`
    pub input: TensorId,
    /// `[B, T, C]`
    pub output: TensorId,
}

/// Puts each window's scaler beside what it was normalised by:
/// `output[b, k] = (stats[b, k], scales[n, k])` of the last series n whose first row is at most w_b, in
/// [`SERIES_STARTS`](super::SERIES_STARTS) and [`SCALES`](super::SCALES). Of windows that were not normalised the statistics are (0, 1);
/// the scalers of empty places ([`NO_WINDOW`](super::NO_WINDOW)) are zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleGather {
    /// B
    pub batch: usize,
    /// N
    pub series: usize,
    /// K
    pub targets: usize,
    /// `[B, K, 2]`: shift and scale
    pub stats: Option<TensorId>,
    /// `[B, K, 4]`: shift, scale, deviation, mean
    pub output: TensorId,
}

/// `losses[slot] = inv_target_count · Σ weight · 2/L · Σ_j ρ_j(target − g(q[j]))`, ρ_j(e) = max(τ_j·e, (τ_j − 1)·e) at level τ_j, and its
/// gradients. Of the median alone this is the absolute error; of many levels it comes close to the CRPS.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileLoss {
    /// `[L]`, shared: τ
    pub levels: TensorId,
    /// How the median follows from the head; D = L.
    pub forecast: Forecast,
    /// `[B, Z, K]`
    pub target: TensorId,
    /// `[B, Z, K]`
    pub weight: TensorId,
    /// As the head.
    pub d_head: TensorId,
}

/// `losses[slot] = inv_target_count · Σ weight · −ln p(target)`, and its gradients. Counts are those of the data:
/// `target · scale` of the window's scaler; means likewise. What lies on the series' scale is the target of Student's t.
#[derive(Debug, Clone, PartialEq)]
pub struct LikelihoodLoss {
    /// p
    pub distribution: Distribution,
    /// How the location follows from the head; D is the distribution's.
    pub forecast: Forecast,
    /// `[B, Z, K]`
    pub target: TensorId,
    /// `[B, Z, K]`
    pub weight: TensorId,
    /// As the head.
    pub d_head: TensorId,
}

/// `predictions[slot · B + b, z, k, j] = g(q[j])`, or a distribution's parameters: its mean on the series' scale, then α, or the scale
/// there and the degrees of freedom.
#[derive(Debug, Clone, PartialEq)]
pub struct DistributionStore {
    /// `None`: quantiles.
    pub distribution: Option<Distribution>,
    /// How the location follows from the head.
    pub forecast: Forecast,
}
