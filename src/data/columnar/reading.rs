//! Columns of a file → a table.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields};

use super::arrow_file::ArrowFile;
use super::cells;
use super::frame::Columns;
use super::parquet_file::ParquetFile;
use super::periods::{self, Period};
use super::times;
use crate::data::count::counted;
use crate::data::header::Header;
use crate::data::options::DataOptions;
use crate::data::source::{Kind, LOOK, take};
use crate::data::table::CsvTable;
use crate::data::time_form::TimeForm;
use crate::error::{Error, Place, Result};

/// A file whose columns can be read one by one, in batches of rows.
pub(super) trait Columnar {
    /// All columns.
    fn fields(&self) -> &Fields;

    /// How many rows there are, as the file says.
    fn rows(&self) -> u64;

    /// The rows of some columns, given by position, in rising order.
    fn batches(&self, columns: &[usize]) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + '_>>;
}

/// How the readers report a file: they know what it is called.
#[derive(Clone)]
pub(super) struct Report {
    pub file: String,
    pub kind: Kind,
}

impl Report {
    /// A file that is not as its format has it.
    pub(super) fn damaged(&self, cause: impl Display) -> Error {
        let problem = format!("{} that cannot be read: {cause}", self.kind.called());
        Error::data(Place::of(&self.file), problem, "write the file anew, or export the table as CSV")
    }

    /// Rejects what takes more memory than is free.
    pub(super) fn take(&self, bytes: u64, what: impl Fn() -> String) -> Result<()> {
        take(bytes, Place::of(&self.file), what)
    }
}

pub(super) fn read(file: &str, kind: Kind, bytes: Vec<u8>, options: &DataOptions) -> Result<CsvTable> {
    let report = Report { file: file.into(), kind };
    let source = guarded(&report, || {
        Ok(match kind {
            Kind::Parquet => Box::new(ParquetFile::open(bytes, report.clone())?) as Box<dyn Columnar>,
            Kind::Arrow => Box::new(ArrowFile::open(bytes, report.clone())?),
            Kind::Frame => unreachable!("a frame has no bytes"),
        })
    })?;
    table(&*source, &report, options)
}

/// The table of a frame, whose arrays are read where they lie.
pub(super) fn of_frame(frame: &Columns, options: &DataOptions) -> Result<CsvTable> {
    table(frame, &Report { file: frame.label().into(), kind: Kind::Frame }, options)
}

fn table(source: &dyn Columnar, report: &Report, options: &DataOptions) -> Result<CsvTable> {
    let Report { file, kind } = report;
    let fields = source.fields();
    let texts: Vec<bool> = fields.iter().map(|field| is_text(field.data_type())).collect();
    check(file, *kind, options, texts.contains(&true))?;
    let mut header = Header::read(file, None, fields.iter().map(|field| field.name().as_bytes()))?;
    let opaque = |field: &Field| periods::of(field).map_or_else(|| cells::opaque(field.data_type()), Result::err);
    let words = |column: usize| Some((column, opaque(&fields[column])?));
    header.opaque = (0..fields.len()).filter_map(words).collect();
    let periods: Vec<Option<Period>> = fields.iter().map(|field| periods::of(field)?.ok()).collect();
    let (columns, rows) = (header.columns(), source.rows());
    let read: Vec<usize> = (0..columns).filter(|column| !header.opaque.contains_key(column)).collect();
    let what = || format!("{} of {}", counted(rows as usize, "row"), counted(columns, "column"));
    // Of each cell its end and a character or more.
    report.take(rows.saturating_mul(9 * columns as u64 + 8), what)?;

    let forms = forms(source, &read, report)?;
    let opaque = header.opaque.clone();
    let mut table = CsvTable::new(header, None);
    table.typed = texts.into_iter().map(|is_text| !is_text).collect();
    let (mut number, mut looked) = (0, 0);
    let mut batches = guarded(report, || source.batches(&read))?;
    while let Some(batch) = guarded(report, || batches.next().transpose())? {
        let mut arrays = batch.columns().iter().zip(&read);
        let mut write = Vec::with_capacity(columns);
        for (column, form) in forms.iter().enumerate() {
            write.push(match opaque.get(&column) {
                Some(words) => cells::constant(words),
                None => match arrays.next() {
                    Some((array, _)) => match periods[column] {
                        Some(period) => period.writer(array),
                        None => cells::writer(array, form.as_ref()),
                    },
                    None => return Err(report.damaged("columns are missing in some of the rows")),
                },
            });
        }
        for row in 0..batch.num_rows() {
            number += 1;
            table.add(number, |column, text| write[column](row, text));
            if table.bytes() - looked > LOOK {
                looked = table.bytes();
                // What grows may have to move to a place of twice the size.
                report.take(looked as u64, what)?;
            }
        }
    }
    if columns == 0 || table.rows() == 0 {
        let what = if columns == 0 { "no columns" } else { "no rows" };
        return Err(Error::data(Place::of(file), what, "give a file with columns and rows"));
    }
    Ok(table)
}

/// Runs the readers of Apache Arrow. Their decoders of pages trust what they unpack, and panic at some damage that no header shows:
/// that is an error of the file, as any other. What they were reading is dropped.
pub(super) fn guarded<T>(report: &Report, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("its reader failed");
        Err(report.damaged(text.lines().next().unwrap_or_default()))
    })
}

/// Whether a column of this type holds texts, which may be numbers as people write them.
pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Rejects options that say how a text file is written; those about numbers, if no column holds texts.
fn check(file: &str, kind: Kind, options: &DataOptions, has_texts: bool) -> Result<()> {
    let given = [
        ("delimiter", options.delimiter.is_some()),
        ("decimal", options.decimal.is_some() && !has_texts),
        ("thousands", options.thousands.is_some() && !has_texts),
        ("skip-rows", options.skip_rows.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((key, _)) => {
            let problem = format!("is for text files, but {file} is {}", kind.called());
            // A model's new data takes the lines that its training data had above the header.
            let help = if key == "skip-rows" {
                "leave it out; ‹skip-rows none› if the run has it"
            } else {
                "leave it out"
            };
            Err(Error::config(key, problem, help))
        }
        None => Ok(()),
    }
}

/// In which form the times of each column are written, where it holds times: one form for all of its rows.
fn forms(source: &dyn Columnar, read: &[usize], report: &Report) -> Result<Vec<Option<TimeForm>>> {
    let fields = source.fields();
    let kind = |column: usize| times::kind(fields[column].data_type());
    let mut forms: Vec<_> = (0..fields.len()).map(|column| Some(TimeForm::pandas(kind(column)?, &[]))).collect();
    let timed: Vec<usize> = read.iter().copied().filter(|column| forms[*column].is_some()).collect();
    if timed.is_empty() {
        return Ok(forms);
    }
    let mut batches = guarded(report, || source.batches(&timed))?;
    while let Some(batch) = guarded(report, || batches.next().transpose())? {
        for (array, column) in batch.columns().iter().zip(&timed) {
            if let (Some(form), Some(kind)) = (forms[*column].take(), kind(*column)) {
                forms[*column] = Some(form.finer(TimeForm::pandas(kind, &times::all(array))));
            }
        }
    }
    Ok(forms)
}
