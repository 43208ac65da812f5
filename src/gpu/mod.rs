//! Plumbing over `wgpu`: adapters, shaders, buffers and submissions.
//!
//! Knows no op: what is dispatched, and on which buffers, is decided in `kernels`.
//!
//! Of the engine tier: it may change in any version.

pub mod adapter;
pub mod buffer;
pub mod device;
mod devices;
mod fault;
mod limits;
pub mod pass;
pub mod shader;
pub mod timing;

/// The version whose devices [`Gpu::with_device`] takes.
pub use wgpu;

pub use adapter::{Adapter, AdapterClass, AdapterSummary, Choice, DeviceType, list_adapters, narrowed};
pub use device::Gpu;
pub use devices::{Devices, OpenDevice};
