//! The result of a run: each replica's state, and the history.

use serde::{Deserialize, Serialize};

use crate::error::Text;
use crate::train::run::observer::EpochRow;
use crate::train::run::snapshot::Snapshot;
use crate::train::run::state::RunState;

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All epochs, or every replica stopped early.
    Done,
    /// The observer asked.
    Interrupted,
    /// `max_steps` was reached.
    MaxSteps,
    /// No replica was left whose numbers are finite.
    Diverged,
}

/// One replica's state besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    /// Of initial weights, batch order and dropout.
    pub seed: u32,
    /// Neither stopped nor diverged.
    pub active: bool,
    /// Prunable weights pruned so far; of units, the halves of weights that were to fall.
    pub pruned: usize,
    /// Validation loss and number of the best epoch that counts.
    pub best: Option<(f64, usize)>,
    /// Validation loss and number of the last epoch before any counts, if it is finite. It is the best if the run diverges.
    #[serde(default)]
    pub before: Option<(f64, usize)>,
    /// Epochs since the best.
    pub waited: usize,
    /// Under [`Keep::Three`](crate::train::plan::Keep::Three): patience is spent, so that no later epoch is its own best.
    pub settled: bool,
    /// Epochs begun.
    pub epochs: usize,
    /// Optimizer steps taken.
    pub steps: usize,
    /// What first became non-finite, and where.
    pub diverged: Option<String>,
    /// The epoch whose weights were kept; `None` for the last weights.
    pub kept: Option<usize>,
}

impl Replica {
    /// Before its first step.
    pub fn new(seed: u32) -> Self {
        Replica {
            seed,
            active: true,
            pruned: 0,
            best: None,
            before: None,
            waited: 0,
            settled: false,
            epochs: 0,
            steps: 0,
            diverged: None,
            kept: None,
        }
    }
}

/// A run that has ended, its kept weights in the engine's [`PARAMS`](crate::program::tensor::PARAMS).
#[derive(Debug)]
pub struct Trained {
    /// How it ended.
    pub status: Status,
    /// In the plan's order.
    pub replicas: Vec<Replica>,
    /// Under [`Keep::Three`](crate::train::plan::Keep::Three), by replica: the best weights from a common epoch on.
    pub common: Vec<Option<Snapshot>>,
    /// Under the same, by replica: the last epoch's weights.
    pub last: Vec<Snapshot>,
    /// By epoch.
    pub history: Vec<EpochRow>,
    /// Where the run stopped, with the rows after the last step; without them under
    /// [`Keep::Three`](crate::train::plan::Keep::Three).
    pub end: RunState,
    /// Wall seconds of training, validation included.
    pub seconds: f64,
    /// Training windows per second of all replicas together, validation left out.
    pub windows_per_second: f64,
    /// Lines for the user.
    pub notices: Vec<Text>,
}
