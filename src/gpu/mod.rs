//! Plumbing over `wgpu`: adapters, shaders, buffers and submissions.
//!
//! Knows no op: what is dispatched, and on which buffers, is decided in `kernels`.

pub mod buffer;
pub mod device;
pub mod pass;
pub mod shader;
pub mod timing;

/// The version whose devices [`Gpu::with_device`] takes.
pub use wgpu;

pub use device::{AdapterClass, AdapterSummary, Choice, Gpu, list_adapters};
