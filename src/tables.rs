//! CSV files that are written.

use crate::error::{Error, Result};

/// A CSV file that is being written.
#[must_use]
pub struct CsvWriter(csv::Writer<Vec<u8>>);

impl CsvWriter {
    /// A table with this first line.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written.
    pub fn new<S: AsRef<str>>(head: &[S]) -> Result<CsvWriter> {
        let mut table = CsvWriter(csv::Writer::from_writer(Vec::new()));
        table.0.write_record(head.iter().map(AsRef::as_ref)).map_err(written)?;
        Ok(table)
    }

    /// Adds a row of texts, then numbers. A number that is not finite is an empty cell.
    pub fn row(&mut self, texts: &[&str], numbers: &[f64]) -> Result<()> {
        let number = |value: &f64| if value.is_finite() { value.to_string() } else { String::new() };
        let cells = texts.iter().map(|text| text.to_string()).chain(numbers.iter().map(number));
        self.0.write_record(cells).map_err(written)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Io`] where the table cannot be written.
    pub fn finish(self) -> Result<Vec<u8>> {
        self.0.into_inner().map_err(|error| written(error.into_error().into()))
    }
}

fn written(error: csv::Error) -> Error {
    Error::io("csv", "please report this")(std::io::Error::other(error.to_string()))
}
