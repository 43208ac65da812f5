//! Bytes → a table of text cells: delimiter, header, empty rows and unnamed columns.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::count::grouped;
use super::encoding::{Decoded, Encoding};
use super::header::Header;
use super::options::{DataOptions, Layout};
use super::preamble;
use super::source::{plain_text, take};
use super::text::delimiter_word;
use super::time_text::parse_written;
use crate::error::{Error, Place, Result};

pub(super) const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A table's cells as text, in UTF-8. Rows that are wholly empty are left out.
pub(crate) struct CsvTable {
    pub header: Header,
    /// `None` in a file of typed columns.
    pub delimiter: Option<char>,
    /// Rows left out because all their cells are empty.
    pub empty_rows: usize,
    /// By column, whether numbers are written as programs do; empty in a file of text.
    pub typed: Vec<bool>,
    pub encoding: Encoding,
    /// What is said of bytes that are no UTF-8.
    pub encoding_notice: Option<String>,
    text: Vec<u8>,
    /// End in `text` of each cell, `[rows, columns]`.
    ends: Vec<usize>,
    /// Where each row stands in the file, from 1: its line, or its row if the header has no line. 0 if it stands in neither.
    numbers: Vec<u64>,
}

impl CsvTable {
    /// Reads a whole file. Columns that have neither a name nor a value are dropped from the end.
    pub(super) fn read(file: &str, bytes: &[u8], options: &DataOptions) -> Result<CsvTable> {
        let Decoded { bytes, encoding, notice } = Decoded::of(plain_text(file, bytes)?);
        let bytes = &bytes[..];
        let skipped = options.skip_rows.unwrap_or(0);
        let above = preamble::skip(file, bytes, skipped)?;
        let delimiter = options.delimiter.unwrap_or_else(|| detect_delimiter(&bytes[above..]));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter as u8)
            .has_headers(false)
            .flexible(true)
            .from_reader(&bytes[above..]);
        let mut record = csv::ByteRecord::new();
        if !read_record(file, &mut reader, &mut record)? {
            let place = Place::of(file);
            return Err(Error::data(place, "the file is empty", "give a file with a header line and rows"));
        }
        let mut lines = Lines { bytes, at: above, line: skipped as u64 + 1 };
        let start = |record: &csv::ByteRecord| record.position().map_or(0, |position| above + position.byte() as usize);
        let header = Header::read(file, Some(lines.of(start(&record))), record.iter())?;
        let found = || preamble::found(file, &bytes[above..], skipped, options.delimiter);
        if (header.columns() == 1 || header.names.iter().any(String::is_empty))
            && let Some(error) = found()
        {
            return Err(error);
        }
        let width = header.columns();
        let cells = bytes.iter().filter(|b| **b == delimiter as u8 || **b == b'\n').count() as u64;
        take(bytes.len() as u64 + 8 * cells, Place::of(file), || format!("{} cells", grouped(cells as usize)))?;
        let mut table = CsvTable { encoding, encoding_notice: notice, ..CsvTable::new(header, Some(delimiter)) };
        table.text.reserve(bytes.len());
        while read_record(file, &mut reader, &mut record)? {
            let line = lines.of(start(&record));
            let blank = record.iter().all(|cell| cell.trim_ascii().is_empty());
            if record.len() < width && !blank || record.iter().skip(width).any(|cell| !cell.trim_ascii().is_empty()) {
                let place = Place { line: Some(line), ..Place::of(file) };
                let problem = format!("{} fields, but the header line has {width}", record.len());
                let help = format!(
                    "correct the row; the delimiter was `{}`: ‹delimiter› chooses another",
                    delimiter_word(delimiter)
                );
                return Err(found().unwrap_or_else(|| Error::data(place, problem, help)));
            }
            table.add(line, |column, text| text.extend(record.get(column).unwrap_or_default()));
        }
        if options.layout != Some(Layout::Rows) {
            table.check_header().map_err(|error| found().unwrap_or(error))?;
        }
        if table.rows() == 0 {
            return Err(Error::data(table.header.place(), "no rows below the header line", "give a file with rows"));
        }
        Ok(table)
    }

    /// A table without rows.
    pub(super) fn new(header: Header, delimiter: Option<char>) -> CsvTable {
        CsvTable {
            header,
            delimiter,
            empty_rows: 0,
            typed: Vec::new(),
            encoding: Encoding::default(),
            encoding_notice: None,
            text: Vec::new(),
            ends: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// A table of one column. `line` says in which line each text is; 0 if it is in none.
    pub(super) fn column(file: &str, name: &str, cells: &[String], line: impl Fn(usize) -> u64) -> Result<CsvTable> {
        let mut table = CsvTable::new(Header::read(file, Some(1), [name.as_bytes()])?, Some(','));
        for (row, cell) in cells.iter().enumerate() {
            table.text.extend_from_slice(cell.as_bytes());
            table.ends.push(table.text.len());
            table.numbers.push(line(row));
        }
        Ok(table)
    }

    /// Adds a row, unless it is wholly empty. `write` writes a column's cell.
    pub(super) fn add(&mut self, number: u64, mut write: impl FnMut(usize, &mut Vec<u8>)) {
        let (text, ends) = (self.text.len(), self.ends.len());
        for column in 0..self.columns() {
            write(column, &mut self.text);
            self.ends.push(self.text.len());
        }
        if self.text[text..].trim_ascii().is_empty() {
            self.text.truncate(text);
            self.ends.truncate(ends);
            self.empty_rows += 1;
        } else {
            self.numbers.push(number);
        }
    }

    /// What the cells and their places take.
    #[cfg(feature = "parquet")]
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&self.ends[..]) + size_of_val(&self.numbers[..])
    }

    pub(super) fn rows(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn columns(&self) -> usize {
        self.header.columns()
    }

    /// Whether the numbers of a column are written as programs do.
    pub(super) fn is_typed(&self, column: usize) -> bool {
        self.typed.get(column).copied().unwrap_or(false)
    }

    /// Where a row stands, as a place.
    pub(super) fn at(&self, row: usize) -> Place {
        let number = Some(self.numbers[row]).filter(|number| *number > 0);
        let (line, row) = if self.header.line.is_some() { (number, None) } else { (None, number) };
        Place { line, row, ..self.header.place() }
    }

    /// The same in words.
    pub(super) fn called(&self, row: usize) -> String {
        match self.at(row) {
            Place { line: Some(line), .. } => format!("line {line}"),
            Place { row: Some(row), .. } => format!("row {row}"),
            _ => "the columns' names".into(),
        }
    }

    /// Without the blanks around it.
    pub(super) fn cell(&self, row: usize, column: usize) -> &[u8] {
        self.whole_cell(row, column).trim_ascii()
    }

    /// As it stands in the file.
    pub(super) fn whole_cell(&self, row: usize, column: usize) -> &[u8] {
        let index = row * self.columns() + column;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    pub(super) fn text(&self, row: usize, column: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.cell(row, column))
    }

    /// SHA-256, in hex, of the columns' names and of these rows' cells.
    pub(super) fn digest(&self, rows: impl Iterator<Item = usize>) -> String {
        let mut hash = Sha256::new();
        let mut add = |text: &[u8]| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        self.header.names.iter().for_each(|name| add(name.as_bytes()));
        for row in rows {
            (0..self.columns()).for_each(|column| add(self.whole_cell(row, column)));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Leaves out all rows but these, which rise.
    pub(super) fn keep(&mut self, rows: &[usize]) {
        let numbers = rows.iter().map(|row| self.numbers[*row]).collect();
        let (mut text, mut ends) = (Vec::new(), Vec::with_capacity(rows.len() * self.columns()));
        for row in rows {
            for column in 0..self.columns() {
                text.extend_from_slice(self.whole_cell(*row, column));
                ends.push(text.len());
            }
        }
        (self.text, self.ends, self.numbers) = (text, ends, numbers);
    }

    pub(super) fn place(&self, row: usize, column: usize) -> Place {
        Place {
            column: Some(self.header.name(column)),
            value: Some(self.text(row, column).into_owned()),
            ..self.at(row)
        }
    }

    /// Rejects a first line that is no header: only numbers, or a time beside a number.
    fn check_header(&self) -> Result<()> {
        let is_value = |name: &str| name.replace(',', ".").parse::<f64>().is_ok();
        let values = self.header.names.iter().filter(|name| is_value(name)).count();
        let times = self.header.names.iter().filter(|name| !is_value(name) && parse_written(name).is_some()).count();
        if values == self.columns() || values > 0 && times > 0 {
            let help = "put a header line with the columns' names above the rows, one of them the time";
            let problem = "the first line holds values, not names: there is no header";
            return Err(Error::data(self.header.at(), problem, help));
        }
        Ok(())
    }
}

/// Counts lines along a file. The reader's own count is one short where lines end in CR LF.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line, from 1, of the first character at or after byte `start`; starts must rise.
    fn of(&mut self, start: usize) -> u64 {
        while let Some(byte) = self.bytes.get(self.at) {
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => self.bytes.get(self.at + 1) != Some(&b'\n'),
                _ => false,
            };
            if self.at >= start && !matches!(byte, b'\n' | b'\r') {
                break;
            }
            self.line += u64::from(ends_line);
            self.at += 1;
        }
        self.line
    }
}

fn read_record(file: &str, reader: &mut csv::Reader<&[u8]>, record: &mut csv::ByteRecord) -> Result<bool> {
    reader.read_byte_record(record).map_err(|error| {
        let line = error.position().map(|position| position.line());
        Error::data(Place { line, ..Place::of(file) }, error.to_string(), "correct the file")
    })
}

/// The delimiter that separates the first lines into equally many fields, the most if several do; else the most frequent one
/// in the header line; else a comma.
fn detect_delimiter(bytes: &[u8]) -> char {
    let counts = |line: &[u8], delimiter: char| {
        let mut quoted = false;
        let mut count = 0;
        for b in line {
            quoted ^= *b == b'"';
            count += usize::from(!quoted && *b == delimiter as u8);
        }
        count
    };
    let mut lines = bytes.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(20);
    let Some(header) = lines.next() else { return ',' };
    let rows: Vec<&[u8]> = lines.collect();
    let rank = |delimiter: &char| {
        let fields = counts(header, *delimiter);
        (fields > 0 && rows.iter().all(|row| counts(row, *delimiter) == fields), fields)
    };
    // `max_by_key` keeps the last of equals; reversed, the first named wins.
    DELIMITERS.into_iter().rev().max_by_key(rank).unwrap_or(',')
}
