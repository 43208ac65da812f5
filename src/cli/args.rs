//! What is typed after each verb. The flags of the library's options come from their table, see [`super::flags`].

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Args, Parser, Subcommand};

use super::experiment_args::ExperimentArgs;
use super::flags::RunFlags;
use super::forecast_args::{EvaluateArgs, ForecastArgs};
use super::help::{
    COMPARE_HELP, DEVICES_HELP, EVALUATE_HELP, EXPERIMENT_HELP, EXPORT_HELP, FORECAST_HELP, PROFILE_HELP, TRAIN_HELP,
};
use super::profile_args::ProfileArgs;
use super::weights_args::{ExportArgs, InspectArgs};

/// Train time-series forecasters with synaptic pruning, on any GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "microglia", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
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

#[derive(Debug, Clone, Default, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub run: RunFlags,
    /// Resume the run in DIR. Only --device, --threads, --checkpoint-every, --keep-checkpoints, --json and larger
    /// --epochs and --max-steps may change
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "overwrite"], help_heading = "Output")]
    pub resume: Option<PathBuf>,
    /// Settings of a published experiment; --config and typed options override them. `list` prints the names
    #[arg(long, value_name = "NAME|list", help_heading = "Output")]
    pub preset: Option<String>,
    /// TOML file of options, see below; a run folder's config.toml repeats that run
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// Print the JSON Schema of that TOML file, with which editors complete and check it, and do nothing else
    #[arg(long, action = ArgAction::SetTrue, help_heading = "Output")]
    pub schema: bool,
}

#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Check each adapter: open it, compile every kernel, and compare small trainings with the CPU engine
    #[arg(long, action = ArgAction::SetTrue)]
    pub check: bool,
    /// Seconds after which --check gives up an adapter that does not answer
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = whole(1_u64, 100_000), requires = "check")]
    pub patience: u64,
    /// Print as JSON
    #[arg(long, action = ArgAction::SetTrue)]
    pub json: bool,
    /// Index of the adapter that this process checks; --check passes it.
    #[arg(long, hide = true, value_name = "PLACE", conflicts_with_all = ["check", "json"])]
    pub check_adapter: Option<usize>,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// gpu, or part of an adapter's name (llvmpipe) [default: a real GPU, else a software one]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Training steps of each of the two comparisons below
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole(2_usize, 10_000))]
    pub steps: usize,
    /// Print the whole report as JSON
    #[arg(long, action = ArgAction::SetTrue)]
    pub json: bool,
}

/// Reads a whole number within bounds.
pub fn whole<T: FromStr + PartialOrd + Display + Copy>(
    least: T,
    most: T,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("give a whole number from {least} to {most}"))
    }
}
