//! Predictions, their errors and residuals, baselines, and the summary of a run.

pub mod baselines;
pub mod calibration;
mod conformal;
pub mod distribution;
mod held_out;
pub mod intervals;
pub mod kept;
mod known;
pub mod loss;
pub mod metrics;
pub mod predict;
mod prediction;
pub mod residuals;
mod ridge;
mod samples;
mod solve;
pub mod summary;

pub use calibration::Calibration;
pub use conformal::Level;
pub use prediction::Prediction;
