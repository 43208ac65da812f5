//! What asks the program to stop: Ctrl-C, and the signals and events by which a system ends its programs.

use std::process;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result};

use super::{Code, say};

/// The code to exit with, once somebody asked; else 0.
static ASKED: AtomicU8 = AtomicU8::new(0);

/// Whether the program was asked to stop, and how it then ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop(());

impl Stop {
    /// From now on the first request is kept, and the second ends the program at once.
    pub(super) fn watch() -> Result<Stop> {
        system::watch().context("cannot watch for Ctrl-C")?;
        Ok(Stop(()))
    }

    pub(super) fn asked(self) -> bool {
        ASKED.load(Ordering::SeqCst) != 0
    }

    /// Of a program that stopped because it was asked to.
    pub(super) fn code(self) -> Code {
        match ASKED.load(Ordering::SeqCst) == Code::Terminated.number() {
            true => Code::Terminated,
            false => Code::Interrupted,
        }
    }
}

fn ask(code: Code) {
    if ASKED.swap(code.number(), Ordering::SeqCst) != 0 {
        process::exit(code.number().into());
    }
    let what = if code == Code::Terminated { "terminated" } else { "interrupted" };
    say(&format!("{what}: ending this step and writing what there is; once more to quit at once"));
}

#[cfg(unix)]
mod system {
    use std::time::Duration;
    use std::{io, thread};

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use super::{Code, ask};

    /// Signals that follow one another faster are one request: `timeout` sends its own to the process and to its group.
    const ONE_REQUEST: Duration = Duration::from_millis(20);

    /// SIGHUP stays what it is: the end of the program where a terminal is closed, and nothing under `nohup`.
    pub(super) fn watch() -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        thread::Builder::new().name("signals".into()).spawn(move || {
            loop {
                let mut sent: Vec<i32> = signals.wait().collect();
                thread::sleep(ONE_REQUEST);
                sent.extend(signals.pending());
                match sent.contains(&SIGTERM) {
                    true => ask(Code::Terminated),
                    false if sent.contains(&SIGINT) => ask(Code::Interrupted),
                    false => {}
                }
            }
        })?;
        Ok(())
    }
}

#[cfg(windows)]
mod system {
    use std::time::Duration;
    use std::{io, thread};

    use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
    use windows_sys::core::BOOL;

    use super::{Code, ask};

    pub fn watch() -> io::Result<()> {
        // SAFETY: the handler is a function of the program, which is there as long as the program.
        match unsafe { SetConsoleCtrlHandler(Some(handler), true.into()) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Called by the system in a thread of its own.
    unsafe extern "system" fn handler(event: u32) -> BOOL {
        if matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT) {
            ask(Code::Interrupted);
            return true.into();
        }
        // The console is closed, the user logs off, or the system shuts down: it ends the program when this returns, or after
        // some seconds.
        ask(Code::Terminated);
        loop {
            thread::sleep(Duration::from_secs(1));
        }
    }
}
