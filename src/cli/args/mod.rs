//! What is typed: the verbs, and what follows each. The flags of the library's options come from their table, see [`flags`].

mod devices;
mod experiment;
mod flags;
mod forecast;
mod help;
mod profile;
mod train;
mod tune;
mod value;
mod weights;

use clap::{Parser, Subcommand};

use help::{
    COMPARE_HELP, DEVICES_HELP, EVALUATE_HELP, EXPERIMENT_HELP, EXPORT_HELP, FORECAST_HELP, PROFILE_HELP, TRAIN_HELP,
    TUNE_HELP,
};

pub(super) use devices::{CompareArgs, DevicesArgs};
pub(super) use experiment::ExperimentArgs;
pub(super) use flags::RunFlags;
pub(super) use forecast::{EvaluateArgs, ForecastArgs};
pub(super) use profile::ProfileArgs;
pub(super) use train::TrainArgs;
pub(super) use tune::TuneArgs;
pub(super) use weights::{ExportArgs, Form, InspectArgs};

/// Train time-series forecasters with synaptic pruning, on any GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "microglia", version, max_term_width = 110)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Train a forecaster and score it on the test rows, beside simple baselines
    #[command(after_help = TRAIN_HELP)]
    Train(Box<TrainArgs>),
    /// Forecast the next rows of each series, with intervals, as CSV and a picture
    #[command(after_help = FORECAST_HELP)]
    Forecast(Box<ForecastArgs>),
    /// Score a trained model on any part of its data, on another file, or by rolling origins
    #[command(after_help = EVALUATE_HELP)]
    Evaluate(Box<EvaluateArgs>),
    /// Compare methods over data sets, models, look-backs and seeds, and write a report
    #[command(after_help = EXPERIMENT_HELP)]
    Experiment(Box<ExperimentArgs>),
    /// Search learning rate, dropout, sparsity, hidden units and other settings of a run, side by side
    #[command(after_help = TUNE_HELP)]
    Tune(Box<TuneArgs>),
    /// List GPU adapters, their limits and the choice of `--device auto`; --check tests each
    #[command(after_help = DEVICES_HELP)]
    Devices(DevicesArgs),
    /// Compare a GPU with the CPU engine: op by op, then in whole training steps
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Compare each op's time in a training step with the device's measured limits
    #[command(after_help = PROFILE_HELP)]
    Profile(Box<ProfileArgs>),
    /// Print a weights file's shapes, sparsity, sizes, history and configuration
    Inspect(InspectArgs),
    /// Write a model's weights: dense, sparse, or without the units that pruning disconnected
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
}
