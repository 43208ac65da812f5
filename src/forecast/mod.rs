//! Forecasts of rows to come, their intervals, and their errors on rows that were observed.
//!
//! [`TrainedModel`] is a run or several together, [`Forecaster`] the models of a run; [`Calibration`] its split-conformal intervals; [`Scores`] how it did, by fold,
//! series, target and step; `table` the CSV files, in the convention of Nixtla's libraries.

mod ahead;
pub mod backtest;
mod evaluate;
mod evaluation;
mod forecaster;
mod intervals;
mod model;
#[cfg(feature = "plots")]
mod picture;
mod run;
mod scores;
mod sensitivity;
#[cfg(feature = "plots")]
mod sensitivity_picture;
pub mod table;
mod together;
mod views;

pub use ahead::{Ahead, Ended, ForecastOptions, forecast};
pub use evaluate::{EvaluateOptions, evaluate};
pub use evaluation::Evaluation;
pub use forecaster::{Combine, EnsembleSpread, Forecaster, Predicted};
pub use intervals::{Calibrated, Coverage};
pub use model::{ModelOptions, Reading, TrainedModel};
pub use run::Run;
pub use scores::{Score, ScoreKey, Scores};
pub use sensitivity::{MatrixSensitivity, Sensitivity};
pub use together::Share;

pub use crate::train::scores::calibration::{Lack, StepCoverage, apart, coverage, first_targets, non_overlapping};
pub use crate::train::scores::intervals::{IntervalScores, Intervals};
pub use crate::train::scores::{Calibration, Level};
