//! What was typed after `microglia experiment`.

use std::path::PathBuf;

use clap::Args;

use super::flags::{DeviceFlags, StudyFlags};

#[derive(Debug, Default, Args)]
pub(crate) struct ExperimentArgs {
    /// A data set; repeatable [default: the embedded weather set; required with paper]
    #[arg(long, value_name = "NAME=FILE", help_heading = "Grid")]
    pub data: Vec<String>,
    /// A data option of `train` for one data set, without dashes: sales.target=units; repeatable
    #[arg(long, value_name = "NAME.KEY=VALUE", help_heading = "Grid", allow_hyphen_values = true)]
    pub set: Vec<String>,
    #[command(flatten)]
    pub grid: StudyFlags,
    /// quick; paper: the study of arXiv 2508.09330, with training, validation and test rows separated; sparsity: error,
    /// size and work over sparsity, of each way to prune and its rivals [default: quick]
    #[arg(long, value_name = "quick|paper|sparsity", help_heading = "Grid")]
    pub preset: Option<String>,
    /// TOML file of a study, see below; every study writes its own, study.toml
    #[arg(long, value_name = "FILE", help_heading = "Grid")]
    pub config: Option<PathBuf>,
    /// Print the JSON Schema of that TOML file, and do nothing else
    #[arg(long, help_heading = "Grid")]
    pub schema: bool,
    /// Run the I-th of N parts of the grid, into a folder of its own
    #[arg(long, value_name = "I/N", help_heading = "Running")]
    pub shard: Option<String>,
    /// Join the folders of a study's parts into --out
    #[arg(long, value_name = "DIR", num_args = 1.., help_heading = "Running")]
    pub merge: Vec<PathBuf>,
    /// Print plan, memory and time, and run nothing
    #[arg(long, help_heading = "Running")]
    pub dry_run: bool,
    /// Write the report of a study's folder again
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceFlags,
    /// Keep every test forecast, per window, under predictions/, of cells trained from now on
    #[arg(long, help_heading = "Output")]
    pub save_predictions: bool,
    /// The study's folder [default: runs/study-<hash>, the same for the same study]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print the analysis as JSON on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
