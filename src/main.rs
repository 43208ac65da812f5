//! `microglia`: trains time-series forecasters with synaptic pruning.
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 done · 1 ran but failed its purpose (training
//! diverged, engines disagree) · 2 bad input or usage · 130 interrupted.

mod cli;

use std::io::ErrorKind;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(code) => code.into(),
        // The reader of our stdout has seen enough, as in `microglia devices | head -1`.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            cli::say(&format!("error: {error:#}"));
            cli::code_of(&error).into()
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
