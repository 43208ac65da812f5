//! Weights outside the engine: started from a file, hashed, counted.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::program::ParamLayout;

/// Reads a row of weights from a safetensors file that holds exactly the layout's tensors, as f32, by PyTorch's names.
/// Tensors under the prefix `microglia.` are left alone.
pub fn load(file: &Path, layout: &ParamLayout) -> Result<Vec<f32>> {
    let refuse =
        |problem: String, help: &str| Error::Checkpoint { file: file.to_path_buf(), problem, help: help.into() };
    let bytes = read(file)?;
    let tensors = tensors(file, &bytes)?;
    let mut row = vec![0.0; layout.words];
    for param in &layout.params {
        let tensor = tensors.tensor(&param.name).map_err(|_| {
            let names: Vec<&str> = tensors.names().into_iter().filter(|name| !name.starts_with("microglia.")).collect();
            refuse(
                format!("holds no tensor `{}`; it holds {}", param.name, names.join(", ")),
                "the names must be those of model.safetensors, for the same --model and --layers",
            )
        })?;
        if tensor.shape() != param.shape {
            return Err(refuse(
                format!("tensor `{}` has shape {:?}, the model's has {:?}", param.name, tensor.shape(), param.shape),
                "choose --model, --hidden, --horizon, --covariates and --calendar as the file was trained with",
            ));
        }
        if tensor.dtype() != Dtype::F32 {
            return Err(refuse(format!("tensor `{}` is {:?}", param.name, tensor.dtype()), "save it as float32"));
        }
        for (word, bytes) in row[param.range()].iter_mut().zip(tensor.data().chunks_exact(4)) {
            *word = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        if let Some(at) = row[param.range()].iter().position(|w| !w.is_finite()) {
            return Err(refuse(
                format!("tensor `{}` holds a non-finite value at {at}", param.name),
                "save finite weights",
            ));
        }
    }
    let known = |name: &&str| !name.starts_with("microglia.") && layout.get(name).is_none();
    if let Some(name) = tensors.names().into_iter().find(known) {
        return Err(refuse(
            format!("holds a tensor `{name}` that the model lacks"),
            "choose --model and --layers as the file was trained with",
        ));
    }
    Ok(row)
}

/// Refuses a file that is no safetensors file, whatever weights it holds.
pub fn check(file: &Path) -> Result<()> {
    tensors(file, &read(file)?).map(drop)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(Error::io(file, "--init takes a safetensors file that can be read"))
}

fn tensors<'a>(file: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|error| Error::Checkpoint {
        file: file.to_path_buf(),
        problem: format!("not a safetensors file: {error}"),
        help: "--init takes a file as safetensors' `save_file` writes it".into(),
    })
}

/// SHA-256 over every weight's name and little-endian values, in arena order.
pub fn sha256(layout: &ParamLayout, row: &[f32]) -> String {
    let mut hash = Sha256::new();
    for param in &layout.params {
        hash.update(param.name.as_bytes());
        for weight in &row[param.range()] {
            hash.update(weight.to_le_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How many prunable weights a mask leaves living.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SparsityReport {
    /// Share of all prunable weights that is pruned.
    pub overall: f64,
    /// The schedule's goal, where there is one.
    pub wanted: Option<f64>,
    pub living_weights: usize,
    pub prunable_weights: usize,
    pub tensors: Vec<TensorSparsity>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorSparsity {
    pub name: String,
    pub living: usize,
    pub total: usize,
    pub sparsity: f64,
    /// Per gate i, f, g, o of an LSTM's weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<[f64; 4]>,
}

impl SparsityReport {
    pub fn new(layout: &ParamLayout, mask: &[u32], wanted: Option<f64>) -> Self {
        let living = |range: std::ops::Range<usize>| range.filter(|i| mask[i / 32] >> (i % 32) & 1 == 1).count();
        let share = |living: usize, total: usize| 1.0 - living as f64 / total as f64;
        let tensors: Vec<TensorSparsity> = layout
            .params
            .iter()
            .filter(|param| param.prunable)
            .map(|param| {
                let (count, total) = (living(param.range()), param.len());
                let quarter = total / 4;
                let gate = |g: usize| {
                    let start = param.offset + g * quarter;
                    share(living(start..start + quarter), quarter)
                };
                let gates = param.name.starts_with("lstm.").then(|| std::array::from_fn(gate));
                TensorSparsity { name: param.name.clone(), living: count, total, sparsity: share(count, total), gates }
            })
            .collect();
        let (count, total) = (tensors.iter().map(|t| t.living).sum(), layout.prunable());
        SparsityReport { overall: share(count, total), wanted, living_weights: count, prunable_weights: total, tensors }
    }
}
