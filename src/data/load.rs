//! A file's bytes → a [`Dataset`].

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::dataset::Dataset;
use super::fitted::Fitted;
use super::marks::FileMarks;
use super::options::{DataOptions, Layout, Source};
use super::pipeline::{self, Input};
use super::source::Format;
use super::table::CsvTable;
use super::writing::Writing;
use super::{columnar, embedded, in_rows, reading, source};
use crate::error::Result;

impl DataOptions {
    /// Reads the file, or the embedded set.
    ///
    /// # Errors
    /// `Error::Io` if the file cannot be read, `Error::Data` with file, line, column and value if its content does not
    /// fit, `Error::Config` if an option fits no data or not this data. Each names the option that fixes it.
    pub fn load(&self) -> Result<Dataset> {
        self.load_source(None)
    }

    /// As [`DataOptions::load`], for a trained model: the data is scaled by the model's scalers, has its calendar columns, and is
    /// not split: all windows are test windows. A window that reads a missing value is left out, also under
    /// [`Impute::Error`](super::Impute::Error).
    ///
    /// # Errors
    /// Those of [`DataOptions::load`], and a series or columns that the model was not trained on.
    pub fn load_fitted(&self, fitted: &Fitted) -> Result<Dataset> {
        self.load_source(Some(fitted))
    }

    fn load_source(&self, fitted: Option<&Fitted>) -> Result<Dataset> {
        match &self.source {
            Source::Embedded => {
                let options = self.clone().or(embedded::options(self.targets.as_deref())?);
                options.load_file(embedded::NAME, embedded::FILE, embedded::CSV.as_bytes().into(), fitted)
            }
            Source::File(path) => {
                let bytes = source::read(path, "‹data› takes a data file that can be read")?;
                self.load_file(&source::stem(path), &source::label(path), bytes.into(), fitted)
            }
        }
    }

    /// As [`DataOptions::load`], from a file's bytes. `name` is [`Dataset::name`]; `file` is what messages call it.
    ///
    /// # Errors
    /// Those of [`DataOptions::load`].
    pub fn load_bytes(&self, name: &str, file: &str, bytes: &[u8]) -> Result<Dataset> {
        self.load_file(name, file, source::of_bytes(file, bytes)?, None)
    }

    /// As [`DataOptions::load_fitted`], from a file's bytes.
    ///
    /// # Errors
    /// Those of [`DataOptions::load_fitted`].
    pub fn load_bytes_fitted(&self, name: &str, file: &str, bytes: &[u8], fitted: &Fitted) -> Result<Dataset> {
        self.load_file(name, file, source::of_bytes(file, bytes)?, Some(fitted))
    }

    fn load_file(&self, name: &str, file: &str, bytes: Cow<[u8]>, fitted: Option<&Fitted>) -> Result<Dataset> {
        self.check()?;
        let mut notices = Vec::new();
        let fingerprint = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let table = match Format::of(&bytes) {
            Format::Text => CsvTable::read(file, &bytes, self)?,
            Format::Columns(kind) => columnar::read(file, kind, bytes.into_owned(), self)?,
        };
        let (none, fitted_writing) = (Writing::default(), fitted.map(|fitted| &fitted.writing));
        let trained = fitted_writing.unwrap_or(&none);
        let marks = FileMarks::of(&table, self.decimal, self.thousands, trained)?;
        let (mut frame, mut values) = match self.layout.unwrap_or_default() {
            Layout::Columns => reading::read(&table, marks, (self, trained), &mut notices)?,
            Layout::Rows => in_rows::read(&table, marks, (self, trained), &mut notices)?,
        };
        frame.sort(&mut values, self, &mut notices);
        let decimal = table.delimiter.and(marks.known.then_some(marks.marks.decimal));
        let options = DataOptions { delimiter: table.delimiter, decimal, ..self.clone() };
        pipeline::dataset(Input { name: name.into(), fingerprint, frame, values, notices }, &options, fitted)
    }
}
