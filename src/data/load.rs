//! A file's bytes → a [`Dataset`].

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::calendar::Closed;
use super::columnar::Frame;
use super::dataset::Dataset;
use super::fitted::Fitted;
use super::grown::Own;
use super::marks::FileMarks;
use super::options::{DataOptions, Layout, Source};
use super::pipeline::{self, Input};
use super::source::Format;
use super::table::CsvTable;
use super::writing::Writing;
use super::{columnar, embedded, in_rows, preamble, reading, source};
use crate::error::{Error, Result};

/// What a source holds, read once: the standard input is gone then.
pub(crate) struct Content<'a> {
    /// [`Dataset::name`].
    name: String,
    /// What messages call it.
    pub(super) file: String,
    /// Unpacked; none of a frame.
    pub(super) bytes: Cow<'a, [u8]>,
    /// In place of bytes.
    pub(super) frame: Option<Frame>,
    /// Of a file of typed columns the rows that count, and the fingerprint of the file that held them alone.
    rows: Option<(&'a [usize], &'a str)>,
}

impl Content<'_> {
    /// # Errors
    /// `Error::Io` if it cannot be read; `Error::Data` for what is no data, or does not fit into memory.
    pub(crate) fn read(source: &Source) -> Result<Content<'static>> {
        Ok(match source {
            Source::Embedded => Content {
                name: embedded::NAME.into(),
                file: embedded::FILE.into(),
                bytes: Cow::Borrowed(embedded::CSV.as_bytes()),
                frame: None,
                rows: None,
            },
            Source::Frame(frame) if !frame.is_held() => return Err(columnar::gone()),
            Source::Frame(frame) => Content {
                name: frame.label().into(),
                file: frame.label().into(),
                bytes: Cow::Borrowed(&[]),
                frame: Some(frame.clone()),
                rows: None,
            },
            Source::File(path) => {
                let bytes = source::read(path, "‹data› takes a data file that can be read")?;
                let (name, file) = (source::stem(path), source::label(path));
                Content { name, file, bytes: Cow::Owned(bytes), frame: None, rows: None }
            }
        })
    }

    /// The bytes that a caller gives, unpacked if they are gzip's.
    fn of<'b>(name: &str, file: &str, bytes: &'b [u8]) -> Result<Content<'b>> {
        let bytes = source::of_bytes(file, bytes)?;
        Ok(Content { name: name.into(), file: file.into(), bytes, frame: None, rows: None })
    }

    /// All of it again, or what of it is the training data.
    pub(crate) fn part<'a>(&'a self, own: Option<&'a Own>) -> Content<'a> {
        let (bytes, rows) = match own {
            None => (&self.bytes[..], None),
            Some(Own::First(bytes)) => (&self.bytes[..*bytes], None),
            Some(Own::Lines(lines)) => (&lines[..], None),
            Some(Own::Rows { rows, fingerprint, .. }) => (&self.bytes[..], Some((&rows[..], &fingerprint[..]))),
        };
        let (name, file, frame) = (self.name.clone(), self.file.clone(), self.frame.clone());
        Content { name, file, bytes: Cow::Borrowed(bytes), frame, rows }
    }
}

/// The table that a file holds, and its bytes, if they are text.
///
/// # Errors
/// Those of reading a table; `file` is what they call the file.
pub(super) fn table<'a>(
    file: &str,
    bytes: Cow<'a, [u8]>,
    options: &DataOptions,
) -> Result<(CsvTable, Option<Cow<'a, [u8]>>)> {
    Ok(match Format::of(&bytes) {
        Format::Text => (CsvTable::read(file, &bytes, options)?, Some(bytes)),
        Format::Columns(kind) => (columnar::read(file, kind, bytes.into_owned(), options)?, None),
    })
}

impl DataOptions {
    /// Reads the file, or the embedded set.
    ///
    /// # Errors
    /// `Error::Io` if the file cannot be read, `Error::Data` with file, line, column and value if its content does not
    /// fit, `Error::Config` if an option fits no data or not this data. Each names the option that fixes it.
    pub fn load(&self) -> Result<Dataset> {
        self.load_source(None, None)
    }

    /// As [`DataOptions::load`], for a trained model: the data is scaled by the model's scalers, has its calendar columns, and is
    /// not split: all windows are test windows. A window that reads a missing value is left out, also under
    /// [`Impute::Error`](super::Impute::Error).
    ///
    /// # Errors
    /// Those of [`DataOptions::load`], and a series or columns that the model was not trained on.
    pub fn load_fitted(&self, fitted: &Fitted) -> Result<Dataset> {
        self.load_source(Some(fitted), Some(&fitted.holidays))
    }

    /// As [`DataOptions::load`], where the days without rows are known: a file of them is not read.
    ///
    /// # Errors
    /// Those of [`DataOptions::load`].
    pub(crate) fn load_closed(&self, closed: &Closed) -> Result<Dataset> {
        let known = DataOptions { holidays: None, ..self.clone() };
        let mut dataset = known.load_source(None, Some(closed))?;
        dataset.resolved.holidays.clone_from(&self.holidays);
        Ok(dataset)
    }

    fn load_source(&self, fitted: Option<&Fitted>, closed: Option<&Closed>) -> Result<Dataset> {
        self.load_content(Content::read(&self.source)?, fitted, closed)
    }

    /// As [`DataOptions::load`], or [`DataOptions::load_fitted`], of what was read from these options' source; `closed` are the days
    /// without rows, where they are known.
    ///
    /// # Errors
    /// Theirs, but those of reading.
    pub(crate) fn load_content(
        &self,
        content: Content,
        fitted: Option<&Fitted>,
        closed: Option<&Closed>,
    ) -> Result<Dataset> {
        match self.source {
            Source::Embedded => {
                let options = self.clone().or(embedded::options(self.targets.as_deref())?);
                options.load_file(content, fitted, closed)
            }
            Source::File(_) | Source::Frame(_) => self.load_file(content, fitted, closed),
        }
    }

    /// As [`DataOptions::load`], from a file's bytes. `name` is [`Dataset::name`]; `file` is what messages call it.
    ///
    /// # Errors
    /// Those of [`DataOptions::load`].
    pub fn load_bytes(&self, name: &str, file: &str, bytes: &[u8]) -> Result<Dataset> {
        self.load_file(Content::of(name, file, bytes)?, None, None)
    }

    /// As [`DataOptions::load_fitted`], from a file's bytes.
    ///
    /// # Errors
    /// Those of [`DataOptions::load_fitted`].
    pub fn load_bytes_fitted(&self, name: &str, file: &str, bytes: &[u8], fitted: &Fitted) -> Result<Dataset> {
        self.load_file(Content::of(name, file, bytes)?, Some(fitted), Some(&fitted.holidays))
    }

    fn load_file(&self, content: Content, fitted: Option<&Fitted>, closed: Option<&Closed>) -> Result<Dataset> {
        self.check()?;
        let mut notices = Vec::new();
        let Content { name, file, bytes, frame, rows } = content;
        let file = &file[..];
        let of_bytes = frame.is_none().then(|| Sha256::digest(&bytes));
        let (mut table, text) = match frame {
            Some(frame) => (frame.table(self)?, None),
            None => table(file, bytes, self)?,
        };
        let fingerprint = match (rows, of_bytes) {
            (Some((_, fingerprint)), _) => fingerprint.into(),
            (None, Some(digest)) => digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            // A frame is known by its cells, whichever library holds them.
            (None, None) => table.digest(0..table.rows()),
        };
        rows.into_iter().for_each(|(rows, _)| table.keep(rows));
        // A line above the header that looks like one is found where its columns do not fit.
        let elsewhere = |error| match (&error, &text) {
            (Error::Data { .. }, Some(text)) => preamble::found_in(file, text, self).unwrap_or(error),
            _ => error,
        };
        let (none, fitted_writing) = (Writing::default(), fitted.map(|fitted| &fitted.writing));
        let trained = fitted_writing.unwrap_or(&none);
        let marks = FileMarks::of(&table, self.decimal, self.thousands, trained)?;
        let (mut frame, mut values) = match self.layout.unwrap_or_default() {
            Layout::Columns => reading::read(&table, marks, (self, trained), &mut notices).map_err(elsewhere)?,
            Layout::Rows => in_rows::read(&table, marks, (self, trained), &mut notices)?,
        };
        drop(text);
        frame.sort(&mut values, self, &mut notices);
        let decimal = marks.known.then_some(marks.marks.decimal);
        let options = DataOptions { delimiter: table.delimiter, decimal, ..self.clone() };
        let closed = closed.cloned();
        pipeline::dataset(Input { name, fingerprint, frame, values, closed, notices }, &options, fitted)
    }
}
