//! Bytes → a table of text cells: delimiter, header, empty rows and unnamed columns.

use std::borrow::Cow;

use super::count::grouped;
use super::header::Header;
use super::source::{plain_text, take};
use super::text::delimiter_word;
use super::time::parse_written;
use crate::error::{Error, Place, Result};

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A delimited text file, its cells trimmed and kept as bytes. Rows that are wholly empty are left out.
pub(crate) struct CsvTable {
    pub header: Header,
    pub delimiter: char,
    /// Rows left out because all their cells are empty.
    pub empty_rows: usize,
    text: Vec<u8>,
    /// End in `text` of each cell, `[rows, columns]`.
    ends: Vec<usize>,
    /// File line of each row, from 1.
    lines: Vec<u64>,
}

impl CsvTable {
    /// Reads a whole file. Columns that have neither a name nor a value are dropped from the end.
    pub(super) fn read(file: &str, bytes: &[u8], delimiter: Option<char>) -> Result<CsvTable> {
        let bytes = plain_text(file, bytes)?;
        let delimiter = delimiter.unwrap_or_else(|| detect_delimiter(bytes));
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter as u8).has_headers(false).flexible(true).from_reader(bytes);
        let mut record = csv::ByteRecord::new();
        if !read_record(file, &mut reader, &mut record)? {
            let place = Place::of(file);
            return Err(Error::data(place, "the file is empty", "give a file with a header line and rows"));
        }
        let header = Header::read(file, record.iter())?;
        let width = header.columns();
        let cells = bytes.iter().filter(|b| **b == delimiter as u8 || **b == b'\n').count() as u64;
        take(bytes.len() as u64 + 8 * cells, Place::of(file), || format!("{} cells", grouped(cells as usize)))?;
        let mut table = CsvTable {
            header,
            delimiter,
            empty_rows: 0,
            text: Vec::with_capacity(bytes.len()),
            ends: Vec::new(),
            lines: Vec::new(),
        };
        let mut lines = Lines { bytes, at: 0, line: 1 };
        while read_record(file, &mut reader, &mut record)? {
            let line = lines.of(record.position().map_or(0, |position| position.byte() as usize));
            if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                table.empty_rows += 1;
                continue;
            }
            if record.len() < width || record.iter().skip(width).any(|cell| !cell.trim_ascii().is_empty()) {
                let place = Place { line: Some(line), ..Place::of(file) };
                let problem = format!("{} fields, but the header line has {width}", record.len());
                return Err(Error::data(
                    place,
                    problem,
                    format!(
                        "correct the line; the delimiter was `{}`: ‹delimiter› chooses another",
                        delimiter_word(delimiter)
                    ),
                ));
            }
            for cell in record.iter().take(width) {
                table.text.extend_from_slice(cell.trim_ascii());
                table.ends.push(table.text.len());
            }
            table.lines.push(line);
        }
        table.check_header()?;
        if table.rows() == 0 {
            return Err(Error::data(table.header.place(), "no rows below the header line", "give a file with rows"));
        }
        Ok(table)
    }

    /// A table of one column, which has its texts in lines 2 and following.
    pub(super) fn column(file: &str, name: &str, cells: &[String]) -> Result<CsvTable> {
        let mut table = CsvTable {
            header: Header::read(file, [name.as_bytes()])?,
            delimiter: ',',
            empty_rows: 0,
            text: Vec::new(),
            ends: Vec::new(),
            lines: (2..).take(cells.len()).collect(),
        };
        for cell in cells {
            table.text.extend_from_slice(cell.as_bytes().trim_ascii());
            table.ends.push(table.text.len());
        }
        Ok(table)
    }

    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn columns(&self) -> usize {
        self.header.columns()
    }

    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> &[u8] {
        let index = row * self.columns() + column;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    pub(super) fn text(&self, row: usize, column: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.cell(row, column))
    }

    pub(super) fn place(&self, row: usize, column: usize) -> Place {
        Place {
            line: Some(self.lines[row]),
            column: Some(self.header.name(column)),
            value: Some(self.text(row, column).into_owned()),
            ..self.header.place()
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
            return Err(Error::data(Place { line: Some(1), ..self.header.place() }, problem, help));
        }
        Ok(())
    }

    /// The decimal mark, `.` or `,`: the one asked for, else by the cells. A comma is the decimal mark if numbers are written
    /// with it and none with a point. Rejected if both occur, or if every comma may also separate thousands.
    pub(super) fn decimal(&self, asked: Option<char>) -> Result<char> {
        if let Some(decimal) = asked {
            return Ok(decimal);
        }
        if !self.text.contains(&b',') {
            return Ok('.');
        }
        let (mut comma, mut thousands_like, mut point) = (None, None, None);
        for row in 0..self.rows() {
            for column in 0..self.columns() {
                match number_form(self.cell(row, column)) {
                    NumberForm::Comma => comma = comma.or(Some((row, column))),
                    NumberForm::ThousandsLike => thousands_like = thousands_like.or(Some((row, column))),
                    NumberForm::Point => point = point.or(Some((row, column))),
                    NumberForm::Other => {}
                }
            }
        }
        match (comma, thousands_like, point) {
            (Some((row, column)), _, Some((point_row, _))) => Err(Error::data(
                self.place(row, column),
                format!("a decimal comma here, a decimal point in line {}", self.line(point_row)),
                "choose the decimal mark: ‹decimal ,› or ‹decimal .›",
            )),
            (None, Some((row, column)), None) => Err(Error::data(
                self.place(row, column),
                "the comma may be a decimal mark or separate thousands",
                "‹decimal ,› reads it as the decimal mark; commas that separate thousands must be removed from the file",
            )),
            (Some(_), _, None) => Ok(','),
            _ => Ok('.'),
        }
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

enum NumberForm {
    Comma,
    ThousandsLike,
    Point,
    Other,
}

/// How a cell writes a number that has a fraction.
fn number_form(cell: &[u8]) -> NumberForm {
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let unsigned = cell.strip_prefix(b"-").or(cell.strip_prefix(b"+")).unwrap_or(cell);
    let mantissa = unsigned.split(|b| matches!(b, b'e' | b'E')).next().unwrap_or_default();
    let Some(mark) = mantissa.iter().position(|b| matches!(b, b'.' | b',')) else { return NumberForm::Other };
    let (whole, fraction) = (&mantissa[..mark], &mantissa[mark + 1..]);
    if fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return NumberForm::Other;
    }
    if mantissa[mark] == b'.' {
        NumberForm::Point
    } else if fraction.len() == 3 && (1..=3).contains(&whole.len()) && whole[0] != b'0' {
        NumberForm::ThousandsLike
    } else {
        NumberForm::Comma
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
