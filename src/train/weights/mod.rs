//! Weights files: writing, reading, checking, inspecting and compacting them.

pub mod checkpoint;
pub mod checkpoints;
pub mod compact;
mod digest;
pub mod header;
pub mod inspect;
pub mod loaded;
mod read;
mod sound;
mod sparse;
mod sparsity;
mod told;

pub use digest::sha256;
pub use read::{check, infer_linear_path, infer_patchtst, load, load_own};
pub use sparsity::{SparsityReport, TensorSparsity};
