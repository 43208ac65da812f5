//! Forecasts of rows to come, their intervals, and their errors on rows that were observed.
//!
//! [`Forecaster`] is one model or several together; [`Calibration`] its split-conformal intervals; [`Scores`] how it did, by fold,
//! series, target and step; `table` the CSV files, in the convention of Nixtla's libraries.

pub mod backtest;
mod calibration;
mod conformal;
mod forecaster;
mod scores;
pub mod table;

pub use calibration::{Calibration, StepCoverage, apart, first_targets, non_overlapping};
pub use conformal::Level;
pub use forecaster::{Combine, Forecaster, Open, Predicted, Spread};
pub use scores::{Place, Score, Scores};
