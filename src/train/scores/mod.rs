//! What forecasts are worth: predictions, errors, what they must beat, and a run's last table.

pub mod baselines;
pub mod metrics;
pub mod predict;
mod ridge;
pub mod summary;
