//! What a forecast is scored by, and what it must beat.

pub mod baselines;
pub mod metrics;
mod ridge;
