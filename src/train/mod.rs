//! The training loop and what surrounds it.

pub mod baselines;
pub mod checkpoint;
pub mod checkpoints;
pub mod compact;
mod divergence;
pub mod header;
pub mod inspect;
pub mod loaded;
pub mod lr;
pub mod member;
pub mod metrics;
pub mod observer;
pub mod options;
pub mod plan;
#[cfg(feature = "plots")]
pub mod plot;
pub mod predict;
mod ridge;
pub mod run;
pub mod schedule;
mod snapshot;
pub mod state;
pub mod step_table;
pub mod summary;
mod told;
mod trained;
pub mod weights;

pub use checkpoints::Checkpoints;
pub use loaded::Loaded;
pub use member::Member;
pub use observer::{EpochRow, Observer, Progress, ReplicaEpoch};
pub use options::TrainOptions;
pub use plan::{Keep, Plan};
pub use run::{run, run_from, stage};
pub use snapshot::Snapshot;
pub use state::RunState;
pub use summary::{Outcome, Summary, summarize};
pub use trained::{Replica, Status, Trained};
