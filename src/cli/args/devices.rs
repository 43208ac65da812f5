//! What is typed after `microglia devices` and `microglia compare`.

use clap::{ArgAction, Args};

use super::value::whole;

#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
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
pub(crate) struct CompareArgs {
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
