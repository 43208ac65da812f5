//! Parquet files.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::ParquetMetaData;

use super::reading::{Columnar, Report, is_text};
use super::thrift;
use crate::error::Result;

/// Rows that are decoded at a time.
const BATCH: usize = 1024;

/// A Parquet file in memory.
pub(super) struct ParquetFile {
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
    report: Report,
}

impl ParquetFile {
    /// Reads the footer, and checks that the columns lie in the file.
    ///
    /// # Errors
    /// A file that is damaged or encrypted, or states sizes that do not fit into memory.
    pub(super) fn open(bytes: Vec<u8>, report: Report) -> Result<ParquetFile> {
        check_footer(&bytes).map_err(|what| report.damaged(what))?;
        let bytes = Bytes::from(bytes);
        let found = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).map_err(|e| report.damaged(e))?;
        let pages = check_columns(found.metadata(), &bytes).map_err(|what| report.damaged(what))?;
        report.take(pages, || "its unpacked pages".into())?;
        // Texts are views of their pages: a batch of copies of one long text would take any memory.
        let fields: Fields = found.schema().fields().iter().map(|field| viewed(field)).collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let metadata =
            ArrowReaderMetadata::try_new(found.metadata().clone(), options).map_err(|e| report.damaged(e))?;
        Ok(ParquetFile { bytes, metadata, report })
    }
}

impl Columnar for ParquetFile {
    fn fields(&self) -> &Fields {
        self.metadata.schema().fields()
    }

    fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().unsigned_abs()
    }

    fn batches(&self, columns: &[usize]) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + '_>> {
        let columns = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone())
            .with_projection(columns)
            .with_batch_size(BATCH)
            .build()
            .map_err(|error| self.report.damaged(error))?;
        Ok(Box::new(reader.map(|batch| batch.map_err(|error| self.report.damaged(error)))))
    }
}

/// A column whose texts are views.
fn viewed(field: &Field) -> Field {
    if is_text(field.data_type()) { field.clone().with_data_type(DataType::Utf8View) } else { field.clone() }
}

/// Deepest nesting of columns: the reader follows it by recursion.
const DEEPEST: usize = 64;

/// Checks what the reader takes from the end of the file as it is, before it reads it.
fn check_footer(bytes: &[u8]) -> Result<(), &'static str> {
    let Some((front, [a, b, c, d, magic @ ..])) = bytes.split_last_chunk::<8>() else {
        return Err("it ends before its footer");
    };
    match magic {
        b"PAR1" => {}
        b"PARE" => return Err("it is encrypted"),
        _ => return Err("it has no footer: it is torn, perhaps"),
    }
    let start = front.len().checked_sub(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
    let footer = start.and_then(|start| front.get(start..)).ok_or("a footer larger than the file")?;
    match thrift::nesting(footer) {
        None => Err("its footer is damaged"),
        Some(levels) if levels > DEEPEST => Err("its columns are nested too deep"),
        Some(_) => Ok(()),
    }
}

/// Checks the places that a footer names, which the reader takes as they are. → The bytes that pages take when they are unpacked, one
/// of each column at a time.
fn check_columns(metadata: &ParquetMetaData, bytes: &[u8]) -> Result<u64, &'static str> {
    let (mut rows, mut largest) = (0u64, 0);
    for group in metadata.row_groups() {
        let more = u64::try_from(group.num_rows()).map_err(|_| "a negative number of rows")?;
        rows = rows.checked_add(more).ok_or("a number of rows that cannot be")?;
        let mut pages = 0u64;
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let [start, length] = [start, column.compressed_size()].map(|number| usize::try_from(number).ok());
            let part = start.zip(length).and_then(|(start, length)| bytes.get(start..)?.get(..length));
            let part = part.ok_or("a column that lies outside of the file")?;
            pages =
                pages.saturating_add(thrift::largest_page(part).ok_or("a column's pages are damaged, or encrypted")?);
        }
        largest = largest.max(pages);
    }
    match u64::try_from(metadata.file_metadata().num_rows()) {
        Ok(all) if all == rows => Ok(largest),
        _ => Err("its parts have another number of rows than the file"),
    }
}
