//! The program `microglia`, whose source the wheel shares.

use std::ffi::OsString;

use pyo3::prelude::*;

#[path = "../../src/cli/mod.rs"]
mod cli;

/// Runs a command line, whose first word is the program's name; `program` are the words that start it in another process. Returns its
/// exit code.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, program: Vec<OsString>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| cli::main(program, arguments.into_iter()).number())
}
