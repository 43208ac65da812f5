//! The integration tests, in one binary because linking wgpu is slow.

/// Every backward op against central finite differences in f64.
mod finite_difference;
/// The same bits, whatever the grouping.
mod gpu_bits;
/// Extreme values, stopped replicas, refusals.
mod gpu_edges;
/// The one device of the GPU tests.
mod gpu_support;
/// The exact k smallest living weights, against a sort.
mod gpu_topk;
/// Every op on the GPU against its CPU twin.
mod parity;
/// Every shader, checked without a GPU.
mod shaders;
/// Small programs with random data, for any engine.
mod support;
