//! The one error type of the library. Every error says where, what is wrong, and what to do.

mod shell;
mod text;

use std::fmt;
use std::path::PathBuf;

pub use shell::quoted;
pub use text::{Notation, Text};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the op, tensor, file, line and numbers concerned. [`Error::to`] writes it for a reader; its
/// `Display` is that of [`Notation::Keys`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A data file that cannot be read as asked. `help` names the option that would settle it.
    Data {
        /// Where in the file.
        place: Box<Place>,
        /// What is wrong.
        problem: Text,
        /// What to do.
        help: Text,
    },

    /// A setting that cannot be used, alone or with this data.
    Config {
        /// The option's name in TOML.
        key: String,
        /// The file that it stood in.
        file: Option<PathBuf>,
        /// What is wrong.
        problem: Text,
        /// What to do.
        help: Text,
    },

    /// Shapes that do not fit one another: a bug in a model builder, or a checkpoint of another model.
    Shape {
        /// The op or call.
        op: String,
        /// The tensor's name.
        tensor: String,
        /// The shape that would fit, row-major.
        expected: Vec<usize>,
        /// The shape that there is.
        found: Vec<usize>,
    },

    /// A call on an engine that reads or writes a tensor as what it does not hold: `f32` or `u32`.
    Element {
        /// The call.
        op: &'static str,
        /// The tensor's name.
        tensor: String,
        /// What the call takes.
        expected: &'static str,
        /// What the tensor holds.
        found: &'static str,
    },

    /// No adapter fits, or the device rejected or lost work.
    Device {
        /// What is wrong.
        problem: Text,
        /// What to do.
        help: Text,
    },

    /// An adapter that cannot be opened, or does not compile a shader: another one, or the CPU engine, may do.
    Adapter {
        /// What is wrong.
        problem: Text,
        /// What to do.
        help: Text,
    },

    /// A weights file that does not hold what was asked for.
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: Text,
        /// What to do.
        help: Text,
    },

    /// Every replica met a non-finite loss, gradient or weight.
    Diverged(String),

    /// A file that cannot be read or written. The cause stands in the message, so it is no `source` besides.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
        /// What to do.
        help: Text,
    },
}

impl Error {
    /// A setting `key` that cannot be used, and what would do.
    pub fn config(key: impl Into<String>, problem: impl Into<Text>, help: impl Into<Text>) -> Self {
        Error::Config { key: key.into(), file: None, problem: problem.into(), help: help.into() }
    }

    /// What is wrong at a place of a data file, and what settles it.
    pub fn data(place: Place, problem: impl Into<Text>, help: impl Into<Text>) -> Self {
        Error::Data { place: Box::new(place), problem: problem.into(), help: help.into() }
    }

    /// No adapter fits, or the device rejected or lost work.
    pub fn device(problem: impl Into<Text>, help: impl Into<Text>) -> Self {
        Error::Device { problem: problem.into(), help: help.into() }
    }

    /// An adapter that cannot be opened, or does not compile a shader.
    pub fn adapter(problem: impl Into<Text>, help: impl Into<Text>) -> Self {
        Error::Adapter { problem: problem.into(), help: help.into() }
    }

    /// A weights file that does not hold what was asked for.
    pub fn checkpoint(file: impl Into<PathBuf>, problem: impl Into<Text>, help: impl Into<Text>) -> Self {
        Error::Checkpoint { file: file.into(), problem: problem.into(), help: help.into() }
    }

    /// For `map_err`: a file that could not be read or written.
    pub fn io(path: impl Into<PathBuf>, help: impl Into<Text>) -> impl FnOnce(std::io::Error) -> Self {
        let (path, help) = (path.into(), help.into());
        move |cause| Error::Io { path, cause, help }
    }

    /// The same error about a setting, which stood in a file.
    #[must_use]
    pub fn in_file(mut self, place: impl Into<PathBuf>) -> Error {
        if let Error::Config { file, .. } = &mut self {
            *file = Some(place.into());
        }
        self
    }

    /// What is wrong, without where and what to do; of errors that have no such parts, all.
    pub fn problem(&self) -> Text {
        match self {
            Error::Data { problem, .. }
            | Error::Config { problem, .. }
            | Error::Device { problem, .. }
            | Error::Adapter { problem, .. }
            | Error::Checkpoint { problem, .. } => problem.clone(),
            Error::Io { cause, .. } => cause.to_string().into(),
            Error::Shape { .. } | Error::Element { .. } | Error::Diverged(_) => self.to_string().into(),
        }
    }

    /// What is wrong and where, without what to do.
    pub fn statement(&self) -> Text {
        let place = match self {
            Error::Data { place, .. } => place.to_string(),
            Error::Checkpoint { file, .. } | Error::Io { path: file, .. } => file.display().to_string(),
            _ => return self.problem(),
        };
        Text::from(format!("{place}: ")).and(self.problem())
    }

    /// The same error with other advice, where it has any.
    #[must_use]
    pub fn with_help(mut self, advice: impl Into<Text>) -> Error {
        match &mut self {
            Error::Data { help, .. }
            | Error::Config { help, .. }
            | Error::Device { help, .. }
            | Error::Adapter { help, .. }
            | Error::Checkpoint { help, .. }
            | Error::Io { help, .. } => *help = advice.into(),
            Error::Shape { .. } | Error::Element { .. } | Error::Diverged(_) => {}
        }
        self
    }

    /// The message, with every option written in a notation.
    pub fn to(&self, notation: Notation) -> String {
        let with_help = |what: String, problem: &Text, help: &Text| {
            format!("{what}: {}\n  help: {}", problem.to(notation), help.to(notation))
        };
        match self {
            Error::Data { place, problem, help } => with_help(place.to_string(), problem, help),
            Error::Config { key, file: None, problem, help } => with_help(notation.option(key, None), problem, help),
            Error::Config { key, file: Some(file), problem, help } => {
                with_help(format!("{}: {}", file.display(), Notation::Keys.option(key, None)), problem, help)
            }
            Error::Shape { op, tensor, expected, found } => {
                format!("{op}: tensor `{tensor}` has shape {found:?}, expected {expected:?}")
            }
            Error::Element { op, tensor, expected, found } => {
                format!("{op}: tensor `{tensor}` holds {found}, expected {expected}")
            }
            Error::Device { problem, help } | Error::Adapter { problem, help } => {
                with_help("device".into(), problem, help)
            }
            Error::Checkpoint { file, problem, help } => with_help(file.display().to_string(), problem, help),
            Error::Diverged(what) => format!("training diverged: {what}"),
            Error::Io { path, cause, help } => {
                format!("{}: {cause}\n  help: {}", path.display(), help.to(notation))
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to(Notation::Keys))
    }
}

impl std::error::Error for Error {}

/// A place in a data file: the file, and as far as known the line or row, the column's name and the text found.
#[derive(Debug, Default, Clone)]
pub struct Place {
    /// The file's path.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The row, from 1, of a file that has no lines.
    pub row: Option<u64>,
    /// The column's name.
    pub column: Option<String>,
    /// The text found there.
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
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
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
