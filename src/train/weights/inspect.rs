//! What a weights file holds, and what pruning has left of it.

use serde::Serialize;

use crate::program::Param;
use crate::train::Loaded;
use crate::train::run::observer::EpochRow;
use crate::train::weights::SparsityReport;
use crate::train::weights::checkpoint::tensor_bytes;
use crate::train::weights::compact::{Cut, compact};
use crate::train::weights::header::{DataHeader, DeviceHeader, ModelHeader, ProgressHeader};

/// What a weights file holds.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Its path.
    pub file: String,
    /// See [`Header`](crate::train::weights::header::Header).
    pub format_version: u32,
    /// What to build.
    pub model: ModelHeader,
    /// Weights and biases.
    pub parameters: usize,
    /// Of the kept weights, in hex.
    pub weights_sha256: String,
    /// In the file's order.
    pub tensors: Vec<TensorShape>,
    /// By tensor, and of all.
    pub sparsity: SparsityReport,
    /// Of each prunable matrix.
    pub dead: Vec<Dead>,
    /// In bytes.
    pub sizes: FileSizes,
    /// What compaction takes out; `None` where it is rejected.
    pub compacted: Option<CompactedSize>,
    /// What it was trained on.
    pub data: DataHeader,
    /// Where its replica stands.
    pub progress: ProgressHeader,
    /// What it was trained on.
    pub device: DeviceHeader,
    /// By epoch; empty where the file holds a model alone.
    pub history: Vec<EpochRow>,
    /// TOML.
    pub config: String,
}

/// A weight's name and shape, as PyTorch has them.
#[derive(Debug, Clone, Serialize)]
pub struct TensorShape {
    /// As a state dict has it.
    pub name: String,
    /// Row-major.
    pub shape: Vec<usize>,
    /// Whether pruning may take its weights.
    pub prunable: bool,
}

/// Rows and columns of a matrix without a living weight: outputs that read nothing, inputs that nothing reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dead {
    /// Its name.
    pub tensor: String,
    /// Indices of rows, from 0.
    pub rows: Vec<usize>,
    /// Rows of the matrix.
    pub of_rows: usize,
    /// Indices of columns, from 0.
    pub columns: Vec<usize>,
    /// Columns of the matrix.
    pub of_columns: usize,
}

impl Dead {
    /// By the mask's bits; rows and columns as a state dict counts them.
    pub fn of(param: &Param, mask: &[u32]) -> Dead {
        let bits = living(param, mask);
        let (rows, columns) = (param.shape[0], param.len() / param.shape[0]);
        Dead {
            tensor: param.name.clone(),
            rows: (0..rows).filter(|r| !bits[r * columns..(r + 1) * columns].contains(&true)).collect(),
            of_rows: rows,
            columns: (0..columns).filter(|c| !(0..rows).any(|r| bits[r * columns + c])).collect(),
            of_columns: columns,
        }
    }
}

/// A matrix's mask in the order of a state dict.
pub fn living(param: &Param, mask: &[u32]) -> Vec<bool> {
    let bits: Vec<f32> = (0..param.range().end).map(|i| (mask[i / 32] >> (i % 32) & 1) as f32).collect();
    param.named(&bits).into_iter().map(|bit| bit == 1.0).collect()
}

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileSizes {
    /// Of the file as it lies there.
    pub file: usize,
    /// Of the model's tensors, dense.
    pub dense: usize,
    /// Of the same with matrices in compressed sparse rows where that is smaller.
    pub sparse: usize,
}

/// What would be left without units that pruning cut off.
#[derive(Debug, Clone, Serialize)]
pub struct CompactedSize {
    /// By layer and kind of unit.
    pub cuts: Vec<Cut>,
    /// Weights and biases that are left.
    pub parameters: usize,
    /// Bytes of its tensors, dense.
    pub dense: usize,
}

impl Inspection {
    /// Inspects a loaded file.
    pub fn of(loaded: &Loaded) -> Self {
        let Loaded { header, layout, state, params, mask, .. } = loaded;
        let (dense, sparse) = tensor_bytes(layout, state, params);
        let compacted = compact(loaded).ok().map(|small| CompactedSize {
            parameters: small.loaded.layout.total(),
            dense: tensor_bytes(&small.loaded.layout, &small.loaded.state, &small.loaded.params).0,
            cuts: small.cuts,
        });
        let shape = |param: &Param| TensorShape {
            name: param.name.clone(),
            shape: param.shape.clone(),
            prunable: param.prunable,
        };
        Inspection {
            file: loaded.file.display().to_string(),
            format_version: header.format_version,
            model: header.model.clone(),
            parameters: layout.total(),
            weights_sha256: loaded.weights_sha256(),
            tensors: layout.params.iter().map(shape).collect(),
            sparsity: SparsityReport::new((layout, layout), mask, None),
            dead: layout.params.iter().filter(|param| param.prunable).map(|param| Dead::of(param, mask)).collect(),
            sizes: FileSizes { file: loaded.bytes(), dense, sparse },
            compacted,
            data: header.data.clone(),
            progress: header.progress.clone(),
            device: header.device.clone(),
            history: loaded.history.clone(),
            config: header.config.clone(),
        }
    }
}
