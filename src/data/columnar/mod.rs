//! Files of typed columns, Parquet and Arrow → a table of the texts that a CSV file of the same content has.

use super::options::DataOptions;
use super::source::Kind;
use super::table::CsvTable;
use crate::error::Result;

#[cfg(feature = "parquet")]
mod arrow_file;
#[cfg(feature = "parquet")]
mod cells;
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
    use crate::error::{Error, Place};
    let problem = format!("{}, which this build does not read", kind.called());
    let help =
        "build the program with the feature (cargo install --path . --features parquet), or export the table as CSV";
    Err(Error::data(Place::of(file), problem, help))
}
