//! Train time-series forecasters with synaptic pruning on any GPU, or on the CPU.

mod words;

pub mod compare;
pub mod data;
pub mod dims;
pub mod engine;
pub mod error;
pub mod experiment;
pub mod files;
pub mod forecast;
pub mod gpu;
pub mod kernels;
pub mod layers;
pub mod models;
pub mod profile;
pub mod program;
pub mod reference;
pub mod train;

pub use error::{Error, Result};
