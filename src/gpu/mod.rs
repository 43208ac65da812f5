//! Plumbing over `wgpu`: adapters, shaders, buffers and submissions.
//!
//! Knows no op: what is dispatched, and on which buffers, is decided in `kernels`.

pub mod adapter;
pub mod buffer;
pub mod device;
mod fault;
pub mod pass;
pub mod shader;
pub mod timing;

/// The version whose devices [`Gpu::with_device`] takes.
pub use wgpu;

pub use adapter::{AdapterClass, AdapterSummary, Choice, list_adapters};
pub use device::Gpu;
