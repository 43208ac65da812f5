//! The training loop and what surrounds it.

pub mod baselines;
pub mod checkpoint;
mod divergence;
pub mod lr;
pub mod metrics;
pub mod observer;
pub mod options;
pub mod plan;
pub mod plot;
pub mod predict;
mod ridge;
pub mod run;
pub mod schedule;
pub mod step_table;
pub mod summary;
mod told;
pub mod weights;

pub use observer::{EpochRow, Observer, Progress, ReplicaEpoch};
pub use options::TrainOptions;
pub use plan::Plan;
pub use run::{Status, Trained, run};
pub use summary::{Outcome, Summary, summarize};
