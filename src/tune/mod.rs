//! A search over the settings of a run: configurations train side by side as replicas, the worse ones rest early, and validation rows
//! choose.
//!
//! ```text
//! space → configurations → groups of one shape → rungs: train, score, drop → the chosen one, its test score
//! ```
//!
//! Test rows are read once the choice is made, for the chosen configuration and for the run's own.

pub mod asked;
mod begin;
pub mod folder;
pub mod halving;
pub mod importance;
pub mod options;
#[cfg(feature = "plots")]
mod picture;
mod ranges;
pub mod results;
pub mod run;
pub mod sample;
pub mod shape;
pub mod space;

pub use asked::{Asked, resumed};
pub use begin::begin;
pub use folder::{Folder, Manifest, Settled};
pub use options::{Budget, Search};
pub use results::{Results, Scored, Tried};
pub use run::{Prepared, Tuning};
pub use space::Space;

use crate::error::Result;
use crate::runs::json;

/// Writes the results, the configuration of the chosen one last; then the runs' states go.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write(results: &Results, folder: &Folder) -> Result<()> {
    folder.write(folder::TABLE, &results.csv()?)?;
    #[cfg(feature = "plots")]
    folder.write(folder::PICTURE, picture::svg(results)?.as_bytes())?;
    folder.write(folder::RESULTS, json(results)?.as_bytes())?;
    if let Some(best) = results.best() {
        folder.write(folder::BEST, best.toml.as_bytes())?;
    }
    folder.remove_runs()
}
