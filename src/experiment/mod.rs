//! Whole studies: methods compared over data sets, models, look-backs and seeds.
//!
//! ```text
//! study.toml → grid of cells → each cell one run of many replicas → results.csv → report
//! ```

pub mod cell;
mod clock;
pub mod estimate;
mod fan;
pub mod folder;
pub mod grid;
pub mod method;
pub mod narrower;
pub mod options;
pub mod preset;
pub mod report;
pub mod results;
pub mod row;
pub mod run;
mod score;
mod size;
pub mod statistics;
pub mod study;

pub use grid::{ArmKey, GridCell, Shard};
pub use method::Setting;
pub use run::{Ended, Preparation, StudyObserver, prepare, run_study};
pub use study::Study;

/// What helps where a file of a study's folder cannot be read or written.
pub(crate) const FILES: &str = "is ‹out› a folder of a study, on a disk with room, that you may write to?";

/// Where per-window forecasts lie in a study's folder.
pub(crate) const PREDICTIONS: &str = "predictions";
