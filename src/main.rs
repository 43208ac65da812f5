//! `microglia`: trains time-series forecasters with synaptic pruning.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    quiet_device_selection();
    let own = std::env::current_exe().map(Into::into).into_iter().collect();
    cli::main(own, std::env::args_os()).into()
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
