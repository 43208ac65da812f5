//! The training loop and what surrounds it.

pub mod baselines;
pub mod lr;
pub mod metrics;
pub mod options;
pub mod schedule;
pub mod weights;
