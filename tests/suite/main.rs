//! The integration tests, in one binary because linking wgpu is slow.

/// The program as users meet it.
mod cli;
/// Every backward op against central finite differences in f64.
mod finite_difference;
/// What PyTorch computed.
mod golden;
/// Losses, clipping and learning rates as PyTorch computes them.
mod golden_ops;
/// Whole runs on a tiny file, as PyTorch does them.
mod golden_run;
/// The one device of the GPU tests.
mod gpu_support;
/// Every op on the GPU against its CPU twin.
mod parity;
/// Every shader, checked without a GPU.
mod shaders;
/// Small programs with random data, for any engine.
mod support;
