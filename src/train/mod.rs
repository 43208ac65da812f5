//! The training loop and what surrounds it.

pub mod baselines;
pub mod lr;
pub mod metrics;
pub mod options;
pub mod plot;
pub mod schedule;
pub mod weights;
