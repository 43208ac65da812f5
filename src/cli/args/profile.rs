//! What is typed after `microglia profile`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::train::TrainArgs;
use super::value::whole;

/// The run to profile, as `microglia train` takes it, and what to do with the figures.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("out", |arg| arg.hide(true)), mut_arg("overwrite", |arg| arg.help("Replace existing files")))]
#[command(mut_arg("resume", |arg| arg.hide(true)), mut_arg("schema", |arg| arg.hide(true)), mut_arg("checkpoint-every", |arg| arg.hide(true)))]
#[command(mut_arg("keep-checkpoints", |arg| arg.hide(true)))]
#[command(mut_arg("json", |arg| arg.help("Print the figures as JSON on stdout instead of tables")))]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    pub train: TrainArgs,
    /// Optimizer steps to time, after a warm-up [default: as many as take about two seconds, 5 to 200]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 10_000), help_heading = "Profile")]
    pub steps: Option<usize>,
    /// Write the timed steps as a Chrome trace, for ui.perfetto.dev or chrome://tracing
    #[arg(long, value_name = "FILE", help_heading = "Profile", conflicts_with = "print_program")]
    pub trace: Option<PathBuf>,
    /// Draw the ops under the device's roofline, as SVG
    #[arg(long, value_name = "FILE", help_heading = "Profile", conflicts_with = "print_program")]
    pub svg: Option<PathBuf>,
    /// Profile the CPU engine too, and print both side by side
    #[arg(long, value_name = "cpu", value_parser = ["cpu"], hide_possible_values = true, help_heading = "Profile",
          conflicts_with = "print_program")]
    pub vs: Option<String>,
    /// Run nothing: list every op with shapes, operations and bytes, and predict the step on three machines
    #[arg(long, action = ArgAction::SetTrue, help_heading = "Profile")]
    pub print_program: bool,
}
