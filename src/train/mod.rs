//! The training loop and what surrounds it.
//!
//! [`Plan::new`] makes a program of a data set and [`TrainOptions`]; an engine is made for `plan.program`; [`run()`] trains it and
//! tells an [`Observer`] of every epoch; [`summarize`] scores what was kept. [`predict::predict`] forecasts for any windows of
//! the data set, before, between or after.
//!
//! ```
//! use microglia::data::{DataOptions, Row};
//! use microglia::reference::CpuEngine;
//! use microglia::train::{EpochRow, Observer, Plan, TrainOptions, run};
//!
//! /// Stops after the first epoch whose loss is no more than half of the first one's.
//! #[derive(Default)]
//! struct Half {
//!     first: Option<f64>,
//!     reached: bool,
//! }
//!
//! impl Observer for Half {
//!     fn epoch(&mut self, row: &EpochRow) {
//!         let loss = row.replicas[0].train_loss;
//!         self.reached = loss <= 0.5 * *self.first.get_or_insert(loss);
//!     }
//!
//!     fn interrupted(&self) -> bool {
//!         self.reached
//!     }
//! }
//!
//! # fn main() -> microglia::Result<()> {
//! let wave = (0..300).map(|row| Row::new(row, [(f64::from(row) / 4.0).sin()]));
//! let options = DataOptions { lookback: Some(12), ..DataOptions::default() };
//! let dataset = options.load_rows("wave", &["y"], wave)?;
//! let mut options = TrainOptions { epochs: 50, lr: 0.01, ..TrainOptions::default() };
//! options.model.hidden = 8;
//! let plan = Plan::new(&dataset, &options)?;
//! let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;
//! let trained = run(&dataset, &plan, &mut engine, &mut Half::default())?;
//! assert!(trained.history.len() < 50);
//! # Ok(())
//! # }
//! ```
//!
//! [`run_from`] writes [`Checkpoints`] on the way and goes on from a [`RunState`], to the bits of the run that never stopped;
//! [`Loaded`] opens every file that a run leaves. Replicas of one plan may differ in seed, rate, regularizers and schedule:
//! [`Plan::of`] takes a list of [`Member`]s.

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
mod sound;
mod sparse;
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
