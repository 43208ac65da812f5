//! How many weights are left, by tensor.

use serde::Serialize;

use crate::program::ParamLayout;
use crate::program::cell::Form;
use crate::program::units::{UnitSet, living_units};

/// How many prunable weights a mask leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SparsityReport {
    /// Share of all prunable weights that is pruned.
    pub overall: f64,
    /// The schedule's goal, where there is one: of all weights that the run may prune, or of what units hold.
    pub wanted: Option<f64>,
    /// Prunable weights that are left.
    pub living_weights: usize,
    /// All prunable weights.
    pub prunable_weights: usize,
    /// Of those that the run may prune, where they are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeLeft>,
    /// Of each prunable matrix.
    pub tensors: Vec<TensorSparsity>,
    /// Of each set of units, where they fall as wholes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitsLeft>,
}

/// The weights that a run may prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScopeLeft {
    /// Weights that are left.
    pub living: usize,
    /// All of them.
    pub total: usize,
}

/// Units of one kind in one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitsLeft {
    /// Such as `lstm.0`, `heads.1` and `ff.1`.
    pub name: String,
    /// Units that are left.
    pub living: usize,
    /// All of them.
    pub total: usize,
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
    /// Per gate, of weights of a cell that has several: in the order of [`Form::gates`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<f64>>,
}

impl SparsityReport {
    /// Counts the bits of a mask `[P/32]` of a layout, of which those are shares that a network began with; `began` has the same
    /// tensors, at least as large.
    pub fn new((began, layout): (&ParamLayout, &ParamLayout), mask: &[u32], wanted: Option<f64>) -> Self {
        let living = |range: std::ops::Range<usize>| range.filter(|i| mask[i / 32] >> (i % 32) & 1 == 1).count();
        // Of no weights none is pruned.
        let share = |living: usize, total: usize| if total == 0 { 0.0 } else { 1.0 - living as f64 / total as f64 };
        let tensors: Vec<TensorSparsity> = layout
            .params
            .iter()
            .zip(&began.params)
            .filter(|(param, _)| param.prunable)
            .map(|(param, began)| {
                let (count, total) = (living(param.range()), began.len());
                let gates = Form::gates_of(&param.name).map(|gates| {
                    let each = param.len() / gates.len();
                    let first = |gate: usize| param.offset + gate * each;
                    let left = |gate: usize| living(first(gate)..first(gate + 1));
                    (0..gates.len()).map(|gate| share(left(gate), total / gates.len())).collect()
                });
                TensorSparsity { name: param.name.clone(), living: count, total, sparsity: share(count, total), gates }
            })
            .collect();
        let (count, total) = (tensors.iter().map(|t| t.living).sum(), began.prunable());
        let left = |(set, began): (&UnitSet, &UnitSet)| UnitsLeft {
            name: set.name.clone(),
            living: living_units(set, mask),
            total: began.count,
        };
        SparsityReport {
            overall: share(count, total),
            wanted,
            living_weights: count,
            prunable_weights: total,
            scope: layout
                .scope
                .as_ref()
                .map(|scope| ScopeLeft { living: scope.ranges().map(living).sum(), total: scope.size() }),
            tensors,
            units: layout.units.iter().zip(&began.units).map(left).collect(),
        }
    }

    /// The names of the gates of its tensors; empty for a model without gates.
    #[must_use]
    pub fn gates(&self) -> &'static [&'static str] {
        self.tensors.iter().find_map(|tensor| Form::gates_of(&tensor.name)).unwrap_or_default()
    }
}
