//! The extension module of the Python package `microglia`: arrays, calls and errors between Python and the library. Everything else is
//! in the library, or in the package's Python files.

mod arrow;
mod call;
mod columns;
mod errors;
mod forecast;
mod frames;
mod machine;
mod options;
mod program;
mod study;
mod tables;
mod train;

use pyo3::prelude::*;

/// The module `microglia._native`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::forecast::{evaluate, forecast, model_info};
    #[pymodule_export]
    use super::frames::Frame;
    #[pymodule_export]
    use super::machine::{compare, devices, profile};
    #[pymodule_export]
    use super::options::{options, search_options, study_options};
    #[pymodule_export]
    use super::program::main;
    #[pymodule_export]
    use super::study::{merge, report, search, study};
    #[pymodule_export]
    use super::tables::Table;
    #[pymodule_export]
    use super::train::train;

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python sees")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
