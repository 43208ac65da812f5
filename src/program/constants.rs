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
