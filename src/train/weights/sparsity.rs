//! How many weights are left, by tensor.

use serde::Serialize;

use crate::program::ParamLayout;

/// How many prunable weights a mask leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SparsityReport {
    /// Share of all prunable weights that is pruned.
    pub overall: f64,
    /// The schedule's goal, where there is one.
    pub wanted: Option<f64>,
    /// Prunable weights that are left.
    pub living_weights: usize,
    /// All prunable weights.
    pub prunable_weights: usize,
    /// Of each prunable matrix.
    pub tensors: Vec<TensorSparsity>,
}

/// The same of one tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorSparsity {
    /// As a state dict has it.
    pub name: String,
    /// Weights that are left.
    pub living: usize,
    /// All of its weights.
    pub total: usize,
    /// Share that is pruned.
    pub sparsity: f64,
    /// Per gate i, f, g, o of an LSTM's weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<[f64; 4]>,
}

impl SparsityReport {
    /// Counts the bits of a mask `[P/32]`.
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
