//! Reports of a run's progress, and how to stop it.

use crate::error::Text;

/// Told of a run's progress; every method has a default that does nothing.
pub trait Observer {
    /// A line for the user.
    fn notice(&mut self, _line: &Text) {}

    /// Called a few times a second.
    fn progress(&mut self, _progress: &Progress) {}

    /// An epoch has been trained and validated.
    fn epoch(&mut self, _row: &EpochRow) {}

    /// Asked between steps: true ends the run after the step, and the last weights are kept.
    fn interrupted(&self) -> bool {
        false
    }
}

/// An observer that does nothing.
impl Observer for () {}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The epoch under way, from 1.
    pub epoch: usize,
    /// Of the whole run.
    pub epochs: usize,
    /// Optimizer steps done in this run.
    pub step: usize,
    /// Steps of the whole run, if no replica stops early.
    pub steps: usize,
}

/// One epoch of all replicas.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EpochRow {
    /// From 1.
    pub epoch: usize,
    /// Optimizer steps done by the end of the epoch.
    pub step: usize,
    /// The first replica's learning rate in the epoch's last step.
    pub lr: f64,
    /// Wall seconds of the epoch, validation included.
    pub seconds: f64,
    /// By replica.
    pub replicas: Vec<ReplicaEpoch>,
}

/// One replica's epoch.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ReplicaEpoch {
    /// Mean training loss over the epoch's observed target values, scaled units.
    pub train_loss: f64,
    /// The same loss on the validation windows.
    pub validation_loss: f64,
    /// Share of prunable weights pruned by the end of the epoch.
    pub sparsity: f64,
    /// Whether this is the best epoch so far among those that count.
    pub best: bool,
    /// False after a replica has stopped or diverged; its numbers are then those of its last epoch.
    pub active: bool,
}

impl ReplicaEpoch {
    /// Of a replica that rests since before its first epoch ended.
    pub(super) const NONE: ReplicaEpoch = ReplicaEpoch {
        train_loss: f64::NAN,
        validation_loss: f64::NAN,
        sparsity: f64::NAN,
        best: false,
        active: false,
    };
}
