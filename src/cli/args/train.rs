//! What is typed after `microglia train`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::flags::RunFlags;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TrainArgs {
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
