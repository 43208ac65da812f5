//! A data frame in memory: record batches of one schema, as the Arrow C data interface hands them over.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Field, Fields, SchemaRef};

use super::Frame;
use super::arrow_file::ArrowFile;
use super::reading::{Columnar, Report, guarded};
use crate::data::source::Kind;
use crate::error::{Error, Place, Result};

/// The columns of a frame.
#[derive(Debug)]
pub(super) struct Columns {
    label: String,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Columns {
    pub(super) fn label(&self) -> &str {
        &self.label
    }
}

impl Columnar for Columns {
    fn fields(&self) -> &Fields {
        &self.schema.fields
    }

    fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    fn batches(&self, columns: &[usize]) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + '_>> {
        let columns = columns.to_vec();
        let project = move |batch: &RecordBatch| batch.project(&columns).map_err(|error| self.damaged(&error));
        Ok(Box::new(self.batches.iter().map(project)))
    }
}

impl Columns {
    fn damaged(&self, error: &ArrowError) -> Error {
        damaged(&self.label, error)
    }
}

fn damaged(label: &str, error: &ArrowError) -> Error {
    Error::data(Place::of(label), format!("a data frame that cannot be read: {error}"), "make the frame anew")
}

impl Frame {
    /// A frame of record batches of one schema, which are shared and not copied. `label` is what messages call it.
    #[must_use]
    pub fn new(label: impl Into<String>, schema: SchemaRef, batches: Vec<RecordBatch>) -> Frame {
        Frame(Some(Arc::new(Columns { label: label.into(), schema, batches })))
    }

    /// The frame in an Arrow file, as [`Frame::to_arrow`] writes it.
    ///
    /// # Errors
    /// Bytes that are no such file.
    pub fn of_arrow(label: impl Into<String>, bytes: Vec<u8>) -> Result<Frame> {
        let label = label.into();
        let report = Report { file: label.clone(), kind: Kind::Arrow };
        guarded(&report, || {
            let file = ArrowFile::open(bytes, report.clone())?;
            let all: Vec<usize> = (0..file.fields().len()).collect();
            let batches = file.batches(&all)?.collect::<Result<Vec<_>>>()?;
            Ok(Frame::new(label, file.schema(), batches))
        })
    }

    /// The column of a name, as its type is.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.0.as_ref()?.schema.field_with_name(name).ok()
    }

    /// An Arrow file of it, which reads back as the same frame.
    ///
    /// # Errors
    /// A frame that is only named; columns of a type that has no place in a file.
    pub fn to_arrow(&self) -> Result<Vec<u8>> {
        let columns = self.0.as_deref().ok_or_else(super::gone)?;
        let written = || -> std::result::Result<Vec<u8>, ArrowError> {
            let mut writer = FileWriter::try_new(Vec::new(), &columns.schema)?;
            columns.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.into_inner()
        };
        written().map_err(|error| columns.damaged(&error))
    }
}
