//! Arrow's IPC files.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::{Block, Message, MessageHeader, MetadataVersion, root_as_footer, root_as_message};
use arrow_schema::{Fields, SchemaRef};

use super::reading::{Columnar, Report};
use crate::error::Result;

/// Stands before the length of a message, in files of today.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// An Arrow file in memory. All its blocks lie in it, and so do the buffers that they name.
pub(super) struct ArrowFile {
    buffer: Buffer,
    schema: SchemaRef,
    version: MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
    rows: u64,
    report: Report,
}

impl ArrowFile {
    /// Reads the footer, and checks each block.
    ///
    /// # Errors
    /// A file that is damaged, or states sizes that do not fit into it or into memory.
    pub(super) fn open(bytes: Vec<u8>, report: Report) -> Result<ArrowFile> {
        let damaged = |what: &str| report.damaged(what);
        let (front, tail) = bytes.split_last_chunk::<10>().ok_or_else(|| damaged("no footer"))?;
        let length = read_footer_length(*tail).map_err(|error| report.damaged(error))?;
        let start = front.len().checked_sub(length).ok_or_else(|| damaged("a footer larger than the file"))?;
        let footer = root_as_footer(&front[start..]).map_err(|error| report.damaged(error))?;
        let schema = footer.schema().ok_or_else(|| damaged("no schema"))?;
        if !schema.endianness().equals_to_target_endianness() {
            return Err(damaged("its bytes are in another order than this machine's"));
        }
        let schema = Arc::new(try_fb_to_schema(schema).map_err(|error| report.damaged(error))?);
        let version = footer.version();
        let dictionaries: Vec<Block> = footer.dictionaries().iter().flatten().copied().collect();
        let batches: Vec<Block> = footer.recordBatches().iter().flatten().copied().collect();
        let mut file =
            ArrowFile { buffer: Buffer::from_vec(bytes), schema, version, dictionaries, batches, rows: 0, report };
        for block in file.dictionaries.iter().chain(&file.batches) {
            file.check(block)?;
        }
        for block in &file.batches {
            file.rows = file.rows.saturating_add(file.check(block)?.rows);
        }
        Ok(file)
    }

    /// Of all columns.
    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The bytes of a block: the message, and its body.
    fn block(&self, block: &Block) -> Option<Buffer> {
        let [start, message, body] = [block.offset(), block.metaDataLength().into(), block.bodyLength()]
            .map(|number| usize::try_from(number).ok());
        let length = message?.checked_add(body?)?;
        let within = start?.checked_add(length)? <= self.buffer.len();
        within.then(|| self.buffer.slice_with_length(start.unwrap_or_default(), length))
    }

    /// Checks what the reader takes as it is: that the buffers of a block lie in it, and that they fit into memory when they are
    /// unpacked.
    fn check(&self, block: &Block) -> Result<Checked> {
        let damaged = |what: &str| self.report.damaged(what);
        let outside = || damaged("a block that lies outside of the file");
        let bytes = self.block(block).ok_or_else(outside)?;
        let (message, body) = bytes.split_at(block.metaDataLength() as usize);
        let message = match message {
            [a, b, c, d, _, _, _, _, rest @ ..] if [*a, *b, *c, *d] == CONTINUATION => rest,
            [_, _, _, _, rest @ ..] if message.len() >= 8 => rest,
            _ => return Err(outside()),
        };
        let message: Message = root_as_message(message).map_err(|error| self.report.damaged(error))?;
        let batch = match message.header_type() {
            MessageHeader::RecordBatch => message.header_as_record_batch(),
            MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|batch| batch.data()),
            _ => None,
        };
        let batch = batch.ok_or_else(|| damaged("a block without rows"))?;
        let mut unpacked = 0u64;
        for buffer in batch.buffers().iter().flatten() {
            let part = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
            let part = part.and_then(|(start, length)| body.get(start..)?.get(..length)).ok_or_else(outside)?;
            if let (Some(_), Some(length)) = (batch.compression(), part.first_chunk()) {
                // -1: it is not packed.
                unpacked = unpacked.saturating_add(u64::try_from(i64::from_le_bytes(*length)).unwrap_or(0));
            }
        }
        let rows = u64::try_from(batch.length()).map_err(|_| damaged("a negative number of rows"))?;
        for node in batch.nodes().iter().flatten() {
            if node.length() < 0 || node.null_count() < 0 || node.null_count() > node.length() {
                return Err(damaged("a column of an impossible length"));
            }
        }
        Ok(Checked { rows, unpacked })
    }
}

/// What a block holds.
struct Checked {
    rows: u64,
    /// Bytes of its buffers, where they are packed.
    unpacked: u64,
}

impl Columnar for ArrowFile {
    fn fields(&self) -> &Fields {
        &self.schema.fields
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn batches(&self, columns: &[usize]) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + '_>> {
        let mut decoder = FileDecoder::new(self.schema.clone(), self.version).with_projection(columns.to_vec());
        let bytes = |block: &Block| -> Result<Buffer> {
            let unpacked = self.check(block)?.unpacked;
            self.report.take(unpacked, || "its unpacked rows".into())?;
            self.block(block).ok_or_else(|| self.report.damaged("a block that lies outside of the file"))
        };
        for block in &self.dictionaries {
            decoder.read_dictionary(block, &bytes(block)?).map_err(|error| self.report.damaged(error))?;
        }
        let read = move |block: &Block| -> Result<Option<RecordBatch>> {
            decoder.read_record_batch(block, &bytes(block)?).map_err(|error| self.report.damaged(error))
        };
        Ok(Box::new(self.batches.iter().filter_map(move |block| read(block).transpose())))
    }
}
