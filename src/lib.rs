//! Train time-series forecasters with synaptic pruning on any GPU, or on the CPU.

pub mod data;
pub mod error;
pub mod train;

pub use error::{Error, Result};
