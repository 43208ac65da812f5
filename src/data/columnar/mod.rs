//! Typed columns, of Parquet and Arrow files and of data frames → a table of the texts that a CSV file of the same content has.

use std::sync::Arc;

use super::options::DataOptions;
use super::source::Kind;
use super::table::CsvTable;
use crate::error::{Error, Result};

#[cfg(feature = "parquet")]
mod arrow_file;
#[cfg(feature = "parquet")]
mod cells;
#[cfg(feature = "parquet")]
mod frame;
#[cfg(feature = "parquet")]
mod parquet_file;
#[cfg(feature = "parquet")]
mod periods;
#[cfg(feature = "parquet")]
mod reading;
#[cfg(feature = "parquet")]
mod thrift;
#[cfg(feature = "parquet")]
mod times;

/// A data frame in memory, shared by all its copies; or only the word for one, which a configuration keeps of the frame that a run was
/// trained on. Frames are equal where they are the same.
#[derive(Debug, Clone, Default)]
pub struct Frame(Option<Arc<Held>>);

/// The columns of a frame.
#[cfg(feature = "parquet")]
type Held = frame::Columns;
/// Without the feature there are none.
#[cfg(not(feature = "parquet"))]
type Held = std::convert::Infallible;

impl Frame {
    /// The word by which a configuration names a frame.
    pub const WORD: &str = "frame";

    /// Whether its columns are there.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.is_some()
    }

    /// What messages call it.
    #[must_use]
    pub fn label(&self) -> &str {
        match &self.0 {
            #[cfg(feature = "parquet")]
            Some(columns) => columns.label(),
            #[cfg(not(feature = "parquet"))]
            Some(never) => match **never {},
            None => Frame::WORD,
        }
    }

    /// The table of its texts.
    ///
    /// # Errors
    /// A frame that is only named; one without rows, one that does not fit into memory; an option about text.
    pub(super) fn table(&self, options: &DataOptions) -> Result<CsvTable> {
        match &self.0 {
            #[cfg(feature = "parquet")]
            Some(columns) => reading::of_frame(columns, options),
            #[cfg(not(feature = "parquet"))]
            Some(never) => {
                let _ = options;
                match **never {}
            }
            None => Err(gone()),
        }
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Frame) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }
}

impl Eq for Frame {}

/// A frame that was in the memory of the process that trained.
pub(super) fn gone() -> Error {
    let problem = "`frame` means a data frame in the memory of the program that read it, which is not here";
    let help = "‹data› names other data (./frame is a file of that name), ‹train-data› a file of the training data";
    Error::config("data", problem, help)
}

/// Reads a whole file.
///
/// # Errors
/// A file that cannot be read, one without rows, one that does not fit into memory; an option about text.
#[cfg(feature = "parquet")]
pub(super) fn read(file: &str, kind: Kind, bytes: Vec<u8>, options: &DataOptions) -> Result<CsvTable> {
    reading::read(file, kind, bytes, options)
}

/// Rejects the file: reading it is a feature of the crate.
#[cfg(not(feature = "parquet"))]
pub(super) fn read(file: &str, kind: Kind, _bytes: Vec<u8>, _options: &DataOptions) -> Result<CsvTable> {
    use crate::error::Place;
    let problem = format!("{}, which this build does not read", kind.called());
    let help =
        "build the program with the feature (cargo install --path . --features parquet), or export the table as CSV";
    Err(Error::data(Place::of(file), problem, help))
}
