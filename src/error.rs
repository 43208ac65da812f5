//! The one error type of the library: every variant names where, what value, and what to do.

use std::fmt;
use std::path::PathBuf;

/// What this crate's functions give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the op, tensor, file, line and numbers concerned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A data file that cannot be read as asked. `help` names the flag that would settle it.
    #[error("{place}: {problem}\n  help: {help}")]
    Data { place: Box<Place>, problem: String, help: String },

    /// A setting that cannot be used, alone or with this data. `key` is the option's name in TOML; it is shown as typed.
    #[error("--{key}: {problem}\n  help: {help}")]
    Config { key: String, problem: String, help: String },

    /// Shapes that do not fit one another: a bug in a model builder, or a checkpoint of another model.
    #[error("{op}: tensor `{tensor}` has shape {found:?}, expected {expected:?}")]
    Shape { op: String, tensor: String, expected: Vec<usize>, found: Vec<usize> },

    /// A call on an engine that reads or writes a tensor as what it does not hold: `f32` or `u32`.
    #[error("{op}: tensor `{tensor}` holds {found}, expected {expected}")]
    Element { op: &'static str, tensor: String, expected: &'static str, found: &'static str },

    /// No adapter fits, or the device refused or lost work.
    #[error("device: {problem}\n  help: {help}")]
    Device { problem: String, help: String },

    /// An adapter that cannot be opened, or does not compile a shader: another one, or the CPU engine, may do.
    #[error("device: {problem}\n  help: {help}")]
    Adapter { problem: String, help: String },

    /// A weights file that does not hold what was asked for.
    #[error("{}: {problem}\n  help: {help}", file.display())]
    Checkpoint { file: PathBuf, problem: String, help: String },

    /// Every replica met a non-finite loss, gradient or weight.
    #[error("training diverged: {0}")]
    Diverged(String),

    /// A file that cannot be read or written. The cause stands in the message, so it is no `source` besides.
    #[error("{}: {cause}\n  help: {help}", path.display())]
    Io { path: PathBuf, cause: std::io::Error, help: String },
}

impl Error {
    /// A setting `key` that cannot be used, and what would do.
    pub fn config(key: impl Into<String>, problem: impl Into<String>, help: impl Into<String>) -> Self {
        Error::Config { key: key.into(), problem: problem.into(), help: help.into() }
    }

    /// What is wrong at a place of a data file, and what settles it.
    pub fn data(place: Place, problem: impl Into<String>, help: impl Into<String>) -> Self {
        Error::Data { place: Box::new(place), problem: problem.into(), help: help.into() }
    }

    /// For `map_err`: a file that could not be read or written.
    pub fn io(path: impl Into<PathBuf>, help: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let (path, help) = (path.into(), help.into());
        move |cause| Error::Io { path, cause, help }
    }
}

/// A place in a data file: the file, and as far as known the line (from 1), the column's name and the text found.
#[derive(Debug, Default, Clone)]
pub struct Place {
    pub file: String,
    pub line: Option<u64>,
    pub column: Option<String>,
    pub value: Option<String>,
}

impl Place {
    /// A file as a whole.
    pub fn of(file: impl Into<String>) -> Place {
        Place { file: file.into(), ..Place::default() }
    }
}

/// Longest value, in bytes, that a message shows whole.
const SHOWN: usize = 120;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        match &self.value {
            Some(value) if value.len() > SHOWN => {
                let shown: String = value.chars().take(SHOWN / 2).collect();
                write!(f, ", value {shown:?}… of {} bytes", value.len())
            }
            Some(value) => write!(f, ", value {value:?}"),
            None => Ok(()),
        }
    }
}
