//! Numbers of the mathematics that the shaders hold too; the suite compares both by name.

/// Added to a variance before its root, in every norm (PyTorch's default).
pub const NORM_EPSILON: f64 = 1e-5;
/// Added to RevIN's weight before dividing by it, as its authors do.
pub const REVIN_EPSILON: f32 = 1e-10;
/// Of a batch's statistics in the running ones (PyTorch's default).
pub const MOMENTUM: f64 = 0.1;
/// Added to the gradient's norm before dividing by it, as PyTorch's `clip_grad_norm_` does.
pub const CLIP_EPSILON: f32 = 1e-6;
/// Adam's β₂ (PyTorch's default).
pub const ADAM_BETA2: f64 = 0.999;
/// 1 − β₂.
pub const ONE_MINUS_BETA2: f32 = (1.0 - ADAM_BETA2) as f32;
/// Adam's ε (PyTorch's default).
pub const ADAM_EPSILON: f32 = 1e-8;
/// b of a [`Link`](super::op::Link): how sharply it bends at a bound.
pub const LINK_SHARPNESS: f32 = 4.0;
/// e of a [`Link`](super::op::Link): how near to a bound a window's level counts, on the series' scale.
pub const LINK_MARGIN: f32 = 0.01;
/// Added to the mean of counts, on the series' scale, so that each is possible.
pub const MEAN_FLOOR: f32 = 1e-6;
/// The least α of a negative binomial distribution: below, float32 does not tell it from Poisson's.
pub const DISPERSION_FLOOR: f32 = 1e-4;
/// The least scale of a Student's t, in units of the window's: equal values have no density.
pub const SCALE_FLOOR: f32 = 1e-3;
