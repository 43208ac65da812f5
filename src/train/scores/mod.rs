//! Predictions, their errors, baselines, and the summary of a run.

pub mod baselines;
pub mod metrics;
pub mod predict;
mod prediction;
mod ridge;
pub mod summary;

pub use prediction::Prediction;
