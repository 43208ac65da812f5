//! The program around the library: what was typed, what it means, and a file per verb. The Python package shares these files.
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 done · 1 ran but failed its purpose (training
//! diverged, engines disagree) · 2 bad input or usage · 130 interrupted · 143 terminated.

mod args;
mod asked;
mod check;
mod check_process;
mod compare;
mod devices;
mod evaluate;
mod evaluate_text;
mod experiment;
mod export;
mod forecast;
mod inspect;
mod places;
mod profile;
mod profile_text;
mod progress;
mod report;
mod stop;
mod study_config;
mod table;
mod train;
mod tune;
mod tune_text;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::Result;
use args::{Cli, Verb};
use clap::{CommandFactory, FromArgMatches};
use microglia::Error;
use microglia::error::{Notation, Text};
use microglia::runs::Say;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Done,
    /// It ran, but failed its purpose: training diverged, or engines disagree.
    Failed,
    /// Bad input or usage.
    Rejected,
    /// By Ctrl-C.
    Interrupted,
    /// By SIGTERM, or by what a system ends its programs with.
    Terminated,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code.number())
    }
}

impl Code {
    pub fn number(self) -> u8 {
        match self {
            Code::Done => 0,
            Code::Failed => 1,
            Code::Rejected => 2,
            Code::Interrupted => 130,
            Code::Terminated => 143,
        }
    }
}

/// The words that start the program again, in a process of its own.
static PROGRAM: OnceLock<Vec<OsString>> = OnceLock::new();

/// The whole program: runs the verb that was typed, and says what was wrong. `program` are the words that start it again.
pub(crate) fn main(program: Vec<OsString>, args: impl Iterator<Item = OsString>) -> Code {
    PROGRAM.get_or_init(|| program);
    match run(args) {
        Ok(code) => code,
        // The reader of our stdout has seen enough, as in `microglia devices | head -1`.
        Err(error) if is_closed_pipe(&error) => Code::Done,
        Err(error) => {
            say(&format!("error: {}", words_of(&error)));
            code_of(&error)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Runs the verb that was typed.
fn run(args: impl Iterator<Item = OsString>) -> Result<Code> {
    let typed = match Cli::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(message) => {
            // Help goes to stdout, rejections to stderr; the stream may be closed.
            let printed = message.print();
            return if message.use_stderr() { Ok(Code::Rejected) } else { printed.map(|()| Code::Done).map_err(told) };
        }
    };
    match (Cli::from_arg_matches(&typed)?.verb, typed.subcommand()) {
        (Verb::Train(_), Some((_, typed))) => train::run(typed),
        (Verb::Forecast(args), _) => forecast::run(&args),
        (Verb::Evaluate(args), _) => evaluate::run(&args),
        (Verb::Devices(args), _) => devices::run(&args),
        (Verb::Compare(args), _) => compare::run(&args),
        (Verb::Experiment(args), _) => experiment::run(&args),
        (Verb::Profile(_), Some((_, typed))) => profile::run(typed),
        (Verb::Tune(_), Some((_, typed))) => tune::run(typed),
        (Verb::Inspect(args), _) => inspect::run(&args),
        (Verb::Export(args), _) => export::run(&args),
        (Verb::Train(_) | Verb::Profile(_) | Verb::Tune(_), None) => unreachable!("a verb was typed"),
    }
}

/// What an error means to the caller of the program.
fn code_of(error: &anyhow::Error) -> Code {
    match error.downcast_ref() {
        Some(Error::Diverged(_)) => Code::Failed,
        _ => Code::Rejected,
    }
}

/// Without the control characters, but line breaks and tabs, that a file's names may hold and a terminal would obey.
fn plain(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(obeyed) { text.replace(obeyed, "\u{fffd}").into() } else { text.into() }
}

/// Longest line on stderr, in characters: a value of megabytes is quoted by its beginning.
const SHOWN: usize = 4000;

/// Each line's beginning, where it is long.
fn short(text: &str) -> Cow<'_, str> {
    if text.lines().all(|line| line.len() <= SHOWN) {
        return text.into();
    }
    let cut = |line: &str| match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… of {} bytes", &line[..end], line.len()),
        None => line.to_string(),
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n").into()
}

/// A line on stderr. Nobody may be listening.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", plain(&short(line)));
}

/// A sentence of the library's on stderr.
pub(crate) fn say_text(text: &Text) {
    say(&text.to(Notation::Flags));
}

/// What says a sentence of the library's on stderr.
pub(crate) fn teller() -> Say {
    Arc::new(say_text)
}

/// An error as the user reads it: all that was being done, and what was wrong, with the options as flags.
fn words_of(error: &anyhow::Error) -> String {
    let cause = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<Error>() {
        Some(error) => error.to(Notation::Flags),
        None => cause.to_string(),
    };
    error.chain().map(cause).collect::<Vec<_>>().join(": ")
}

/// Text on stdout.
pub(crate) fn print(text: &str) -> Result<()> {
    print_bytes(plain(text).as_bytes())
}

/// As [`print`], of a table in another encoding than UTF-8.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(told)
}

/// What stdout did not take; a closed pipe stays what it is, for it is no error.
fn told(error: std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => error.into(),
        _ => {
            Error::io("stdout", "send it to a place that has room; the files that the command names are written")(error)
                .into()
        }
    }
}
