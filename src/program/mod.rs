//! A training program as data: tensors, and lists of ops that two engines can run.
//!
//! Read [`op`] first. Knows nothing about any device.
//!
//! Of the engine tier: it may change in any version.

pub mod arena;
pub mod builder;
mod calls;
pub mod cell;
pub mod check;
pub mod constants;
pub mod cost;
pub mod extents;
pub mod op;
pub mod rng;
pub mod scope;
pub mod step;
pub mod tensor;
pub mod units;

use crate::error::{Error, Result};
use crate::memory;

pub use arena::{COUNT_BASE, Initial, Param, ParamLayout, Running, StateLayout};
pub use builder::Builder;
pub use cell::Cell;
pub use cost::Cost;
pub use op::Op;
pub use step::ReplicaStep;
pub use tensor::{Element, Fill, Rows, Tensor, TensorId};

/// What an engine runs. `backward` is in execution order.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// R: the number of independent models trained side by side.
    pub replicas: usize,
    /// S: how many steps' tables ([`tensor::STEPS`], [`tensor::WINDOWS`], [`tensor::LOSSES`]) are on the device at once.
    pub slots: usize,
    /// B: windows per step.
    pub batch: usize,
    /// Values predicted per window: horizon · targets.
    pub values: usize,
    /// O: outputs per window: as many as a value has, for each of [`Self::values`].
    pub outputs: usize,
    /// How many slots of predictions [`tensor::PREDICTIONS`] holds.
    pub prediction_slots: usize,
    /// Where each weight lies.
    pub params: ParamLayout,
    /// Where each running statistic lies.
    pub state: StateLayout,
    /// Indexed by [`TensorId`]; the first are the fixed ones of [`tensor`].
    pub tensors: Vec<Tensor>,
    /// Gather, the model, the loss.
    pub forward: Vec<Op>,
    /// From the loss to every gradient.
    pub backward: Vec<Op>,
    /// Selects and masks the smallest living weights; run on due steps only.
    pub prune: Vec<Op>,
    /// Clip and masked Adam.
    pub update: Vec<Op>,
    /// Gather, the model, the predictions; dropout there follows the step table (none, or a Monte Carlo pass).
    pub evaluate: Vec<Op>,
}

/// The lists of a [`Program`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// [`Program::forward`]
    Forward,
    /// [`Program::backward`]
    Backward,
    /// [`Program::prune`]
    Prune,
    /// [`Program::update`]
    Update,
    /// [`Program::evaluate`]
    Evaluate,
}

impl List {
    /// In the order in which [`Program`] holds them.
    pub const ALL: [List; 5] = [List::Forward, List::Backward, List::Prune, List::Update, List::Evaluate];
    /// One optimizer step on which pruning is due; without pruning, leave out [`List::Prune`].
    pub const STEP: [List; 4] = [List::Forward, List::Backward, List::Prune, List::Update];
}

impl Program {
    /// A list's ops, in the order in which they run.
    #[must_use]
    pub fn list(&self, list: List) -> &[Op] {
        match list {
            List::Forward => &self.forward,
            List::Backward => &self.backward,
            List::Prune => &self.prune,
            List::Update => &self.update,
            List::Evaluate => &self.evaluate,
        }
    }

    /// The op that writes this word of [`tensor::GRADS`].
    #[must_use]
    pub fn gradient_op(&self, word: usize) -> Option<&Op> {
        // Ranges do not overlap, so the one that ends first after the word holds it.
        let end = |op| {
            extents::extents(op, self, List::Backward)
                .into_iter()
                .filter(|&(id, end)| id == tensor::GRADS && end > word)
        };
        let ends = |op| end(op).map(|(_, end)| end).min();
        let writers = self.backward.iter().filter(|op| op.writes().contains(&tensor::GRADS));
        writers.filter_map(|op| Some((ends(op)?, op))).min_by_key(|&(end, _)| end).map(|(_, op)| op)
    }

    /// The tensor `[S, groups]` by which each step says how much of each group is pruned; `None` if the step table says it all.
    #[must_use]
    pub fn prune_counts(&self) -> Option<TensorId> {
        self.prune.iter().find_map(|op| match op {
            Op::PruneSelect(op) if !op.dead => op.count.by_step(),
            Op::UnitPrune(op) => op.counts,
            _ => None,
        })
    }

    /// The same of what grows again; `None` if nothing does.
    #[must_use]
    pub fn regrow_counts(&self) -> Option<TensorId> {
        self.prune.iter().find_map(|op| match op {
            Op::PruneSelect(op) if op.dead => op.count.by_step(),
            _ => None,
        })
    }

    /// Words of all rows of one replica, and of what all replicas share.
    #[must_use]
    pub fn row_words(&self) -> (u64, u64) {
        let sum = |shared: bool| -> u64 {
            self.tensors.iter().filter(|tensor| tensor.shared == shared).map(|tensor| tensor.row() as u64).sum()
        };
        (sum(false), sum(true))
    }

    /// Fails where all rows, in words of so many bytes, are more than the memory that is free: of an engine that takes the
    /// processor's.
    pub(crate) fn check_memory(&self, engine: &str, word_bytes: u64) -> Result<()> {
        let (own, shared) = self.row_words();
        let words = own.saturating_mul(self.replicas as u64).saturating_add(shared);
        let bytes = word_bytes.saturating_mul(words);
        memory::check(bytes).map_err(|free| {
            let (bytes, free) = (memory::readable(bytes), memory::readable(free));
            Error::device(
                format!("{engine} takes {bytes} for {} replica(s), and {free} of memory are free", self.replicas),
                "choose fewer ‹replicas›, or a smaller ‹batch›, ‹lookback›, ‹hidden› or ‹layers›",
            )
        })
    }

    /// The first op that reads or writes a tensor, by its label, in the order of the lists.
    pub(crate) fn first_use(&self, id: TensorId) -> Option<&'static str> {
        let ops = List::ALL.iter().flat_map(|&list| self.list(list));
        ops.into_iter().find(|op| op.writes().contains(&id) || op.reads().contains(&id)).map(|op| op.label())
    }

    /// Name, shape and fill of a tensor.
    #[must_use]
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }
}
