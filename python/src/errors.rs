//! Errors of the library → exceptions of `microglia._errors`, which name the argument and the row.

use microglia::Error;
use microglia::error::Notation;
use pyo3::exceptions::{PyFileNotFoundError, PyOSError, PyPermissionError, PyRuntimeError};
use pyo3::prelude::*;
use std::io::ErrorKind;

/// Arguments are written as keywords.
pub(crate) fn words(error: &Error) -> String {
    error.to(Notation::Keywords)
}

/// The exception of an error.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let text = words(error);
    let made = match error {
        Error::Config { key, .. } => named(py, "OptionError", (text, key.replace('-', "_"))),
        Error::Data { place, .. } => {
            // Rows count from 1 in sentences, and from 0 in Python.
            let row = place.row.map(|row| row.saturating_sub(1));
            named(py, "DataError", (text, place.file.clone(), row, place.column.clone(), place.value.clone()))
        }
        Error::Checkpoint { file, .. } => named(py, "CheckpointError", (text, file.display().to_string())),
        Error::Diverged(_) => named(py, "DivergedError", (text,)),
        Error::Io { cause, .. } => Ok(match cause.kind() {
            ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
            ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
            _ => PyOSError::new_err(text),
        }),
        Error::Device { .. } | Error::Adapter { .. } => named(py, "DeviceError", (text,)),
        _ => Ok(PyRuntimeError::new_err(text)),
    };
    made.unwrap_or_else(|error| error)
}

/// An exception of the package, by its name.
pub(crate) fn named<'py>(py: Python<'py>, name: &str, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyResult<PyErr> {
    Ok(PyErr::from_value(py.import("microglia._errors")?.getattr(name)?.call1(arguments)?))
}

/// An argument that cannot be used.
pub(crate) fn argument(py: Python<'_>, name: &str, problem: &str, help: &str) -> PyErr {
    raised(py, &Error::config(name.replace('_', "-"), problem, help))
}
