//! What is typed after `microglia inspect` and `microglia export`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A run folder, one of its files (checkpoint.safetensors, model.safetensors, one of checkpoints/), or any file
    /// that `export` wrote
    #[arg(value_name = "F")]
    pub file: PathBuf,
    /// Prune one matrix at a time to 50, 70 and 90 %, train nothing, and print the validation losses. Reads the run's data; on the CPU
    /// engine
    #[arg(long, action = ArgAction::SetTrue)]
    pub sensitivity: bool,
    /// With --sensitivity: the training data, if it has moved [default: the path in the run]
    #[arg(long, value_name = "FILE", requires = "sensitivity")]
    pub train_data: Option<String>,
    /// Write a picture of every matrix's mask, or with --sensitivity of the losses
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Replace the picture if it exists
    #[arg(long, action = ArgAction::SetTrue, requires = "svg")]
    pub overwrite: bool,
    /// Print everything as JSON
    #[arg(long, action = ArgAction::SetTrue)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A run folder, one of its files (checkpoint.safetensors, model.safetensors, one of checkpoints/), or any file
    /// that `export` wrote
    #[arg(value_name = "F")]
    pub file: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Form of the tensors: dense, sparse or compact, see below
    #[arg(long, value_name = "FORM", value_enum, default_value = "dense", hide_possible_values = true)]
    pub form: Form,
    /// Replace the file if it exists
    #[arg(long, action = ArgAction::SetTrue)]
    pub overwrite: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Dense,
    Sparse,
    Compact,
}
