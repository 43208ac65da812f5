//! The training loop ([`mod@run`]), and what surrounds it: what is asked for ([`options`], [`plan`], [`schedule`], [`lr`], [`loss`]), weights
//! files ([`weights`]), and what forecasts are worth ([`scores`]).
//!
//! [`Plan::new`] makes a program of a data set and [`TrainOptions`]; an engine is made for `plan.program`; [`run()`] trains it and
//! reports every epoch to an [`Observer`]; [`summarize`] scores what was kept. [`scores::predict::predict`] forecasts for any windows of
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
//! let mut options = TrainOptions { epochs: Some(50), lr: 0.01, ..TrainOptions::default() };
//! options.model.hidden = 8;
//! let plan = Plan::new(&dataset, &options)?;
//! let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;
//! let trained = run(&dataset, &plan, &mut engine, &mut Half::default())?;
//! assert!(trained.history.len() < 50);
//! # Ok(())
//! # }
//! ```
//!
//! [`run_from`] writes [`Checkpoints`] on the way and resumes from a [`RunState`], bit-identical to the run that never stopped;
//! [`Loaded`] opens every file that a run leaves. Replicas of one plan may differ in seed, rate, regularizers and schedule:
//! [`Plan::of`] takes a list of [`Member`]s.

pub mod auto;
pub mod length;
pub mod loss;
pub mod lr;
pub mod member;
pub mod options;
pub mod plan;
#[cfg(feature = "plots")]
pub mod plot;
pub mod run;
pub mod schedule;
pub mod scores;
pub mod shrink;
pub mod weights;

pub use member::Member;
pub use options::TrainOptions;
pub use plan::{Keep, Plan};
pub(crate) use run::choice::losses_of;
pub use run::observer::{EpochRow, Observer, Progress, ReplicaEpoch};
pub(crate) use run::run_until;
pub use run::snapshot::Snapshot;
pub use run::state::RunState;
pub use run::trained::{Replica, Status, Trained};
pub use run::{run, run_compacting, run_from, stage};
pub use scores::summary::{Outcome, Summary, summarize};
pub use weights::checkpoints::Checkpoints;
pub use weights::loaded::Loaded;
