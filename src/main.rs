//! `microglia`: trains time-series forecasters with synaptic pruning.
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 done · 1 ran but failed its purpose (training
//! diverged, engines disagree) · 2 bad input or usage · 130 interrupted · 143 terminated.

mod cli;

use std::io::ErrorKind;
use std::process::ExitCode;

fn main() -> ExitCode {
    quiet_device_selection();
    match cli::run(std::env::args_os()) {
        Ok(code) => code.into(),
        // The reader of our stdout has seen enough, as in `microglia devices | head -1`.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            cli::say(&format!("error: {}", cli::words_of(&error)));
            cli::code_of(&error).into()
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Mesa's layer that orders adapters asks the desktop, and where there is none, its client library puts an error on our
/// stderr. So the layer is left out there, unless the user steers it.
fn quiet_device_selection() {
    let unset = |name| std::env::var_os(name).is_none();
    if unset("XDG_RUNTIME_DIR") && unset("MESA_VK_DEVICE_SELECT") {
        // SAFETY: `main` calls this first, before there is any other thread.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}
