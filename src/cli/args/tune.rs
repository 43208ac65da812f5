//! What is typed after `microglia tune`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::flags::{RunFlags, SearchFlags};

/// The run whose settings are searched, as `microglia train` takes it, and the search.
#[derive(Debug, Clone, Default, Args)]
#[command(mut_arg("replicas", |arg| arg.hide(true)), mut_arg("autotune", |arg| arg.hide(true)))]
#[command(mut_arg("out", |arg| arg.help("The search's folder [default: runs/<date>-<time>-<model>]")))]
#[command(mut_arg("overwrite", |arg| arg.help("Replace the search in that folder")))]
#[command(mut_arg("json", |arg| arg.help("Print the results as JSON on stdout instead of tables")))]
pub(crate) struct TuneArgs {
    #[command(flatten)]
    pub search: SearchFlags,
    /// Print configurations, runs and memory, and train nothing
    #[arg(long, action = ArgAction::SetTrue, help_heading = "Search", conflicts_with = "resume")]
    pub dry_run: bool,
    #[command(flatten)]
    pub run: RunFlags,
    /// Continue the search in DIR. Only --device, --threads, --checkpoint-every, --keep-checkpoints and --json may change
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "overwrite"], help_heading = "Output")]
    pub resume: Option<PathBuf>,
    /// Settings of a published experiment; --config and typed options override them. `list` prints the names
    #[arg(long, value_name = "NAME|list", help_heading = "Output")]
    pub preset: Option<String>,
    /// TOML file of options of `train`: the run whose settings are searched
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub config: Option<PathBuf>,
}
