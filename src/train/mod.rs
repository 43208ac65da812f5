//! The training loop and what surrounds it.

pub mod lr;
pub mod options;
pub mod schedule;
pub mod weights;
