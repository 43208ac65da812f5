//! A training program as data: tensors, and lists of ops that two engines can run.
//!
//! Read [`op`] first. Knows nothing about any device.

pub mod arena;
pub mod builder;
pub mod check;
pub mod cost;
pub mod op;
pub mod rng;
pub mod step;
pub mod tensor;

pub use arena::{COUNT_BASE, Initial, Param, ParamLayout, Running, StateLayout};
pub use builder::Builder;
pub use cost::Cost;
pub use op::Op;
pub use step::ReplicaStep;
pub use tensor::{Element, Fill, Rows, Tensor, TensorId};

/// What an engine runs. `backward` is in execution order.
#[derive(Debug, Clone)]
pub struct Program {
    /// R: the number of independent models trained side by side.
    pub replicas: usize,
    /// S: how many steps' tables ([`tensor::STEPS`], [`tensor::WINDOWS`], [`tensor::LOSSES`]) are on the device at once.
    pub slots: usize,
    /// B: windows per step.
    pub batch: usize,
    /// O: values predicted per window (horizon · targets).
    pub outputs: usize,
    /// How many slots of predictions [`tensor::PREDICTIONS`] holds.
    pub prediction_slots: usize,
    pub params: ParamLayout,
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
    Forward,
    Backward,
    Prune,
    Update,
    Evaluate,
}

impl List {
    pub const ALL: [List; 5] = [List::Forward, List::Backward, List::Prune, List::Update, List::Evaluate];
    /// One optimizer step on which pruning is due; without pruning, leave out [`List::Prune`].
    pub const STEP: [List; 4] = [List::Forward, List::Backward, List::Prune, List::Update];
}

impl Program {
    pub fn list(&self, list: List) -> &[Op] {
        match list {
            List::Forward => &self.forward,
            List::Backward => &self.backward,
            List::Prune => &self.prune,
            List::Update => &self.update,
            List::Evaluate => &self.evaluate,
        }
    }

    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }
}
