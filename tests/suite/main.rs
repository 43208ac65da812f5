//! The integration tests, in one binary because linking wgpu is slow.

/// Every backward op against central finite differences in f64.
mod finite_difference;
