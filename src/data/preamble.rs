//! Lines above the header.

use super::count::counted;
use super::encoding::Decoded;
use super::number::Marks;
use super::options::DataOptions;
use super::source::plain_text;
use super::table::DELIMITERS;
use super::text::means_missing;
use super::time_text::parse_written;
use crate::error::{Error, Place, Result};

/// Most lines above a header that are looked for.
const MOST_ABOVE: usize = 50;
/// Most bytes that are looked at: lines may be long.
const MOST_BYTES: usize = 1 << 20;
/// Lines below a header that are compared with it.
const COMPARED: usize = 10;

/// The byte at which the line after so many lines begins.
///
/// # Errors
/// A file of fewer lines.
pub(super) fn skip(file: &str, bytes: &[u8], lines: usize) -> Result<usize> {
    let mut at = 0;
    for line in 0..lines {
        let Some(length) = bytes[at..].iter().position(|b| matches!(b, b'\n' | b'\r')) else {
            let problem = format!("the file has {}", counted(line + usize::from(at < bytes.len()), "line"));
            return Err(Error::data(
                Place::of(file),
                problem,
                "‹skip-rows› takes the number of lines above the header",
            ));
        };
        at += length + 1;
        at += usize::from(bytes[at - 1] == b'\r' && bytes.get(at) == Some(&b'\n'));
    }
    Ok(at)
}

/// As [`found`], of a whole file.
pub(super) fn found_in(file: &str, bytes: &[u8], options: &DataOptions) -> Option<Error> {
    let bytes = Decoded::of(plain_text(file, bytes).ok()?).bytes;
    let skipped = options.skip_rows.unwrap_or(0);
    let above = skip(file, &bytes, skipped).ok()?;
    found(file, &bytes[above..], skipped, options.delimiter)
}

/// An error that names the line that looks like the header, if lines of another kind stand above it. `bytes` begin after the
/// lines that are skipped already.
pub(super) fn found(file: &str, bytes: &[u8], skipped: usize, delimiter: Option<char>) -> Option<Error> {
    let looked_at = &bytes[..bytes.len().min(MOST_BYTES)];
    let mut lines: Vec<&[u8]> = looked_at.split(|b| *b == b'\n').take(MOST_ABOVE + COMPARED + 1).collect();
    if looked_at.len() < bytes.len() {
        // Perhaps torn.
        lines.pop();
    }
    let split = |delimiter: char| -> Vec<Vec<&[u8]>> {
        lines.iter().map(|line| fields(line.trim_ascii(), delimiter)).collect()
    };
    // By a delimiter that gives all lines as many fields they are one table, and another delimiter cuts through its values.
    let is_table = |delimiter: &char| {
        let rows = split(*delimiter);
        let mut counts = rows.iter().map(Vec::len).filter(|fields| *fields > 0);
        let first = counts.next().unwrap_or(0);
        first > 1 && counts.all(|fields| fields == first)
    };
    let whole = DELIMITERS.into_iter().find(is_table);
    let above = |delimiter: char| {
        let fields = split(delimiter);
        let line = (1..fields.len().min(MOST_ABOVE)).find(|line| looks_like_header(&fields, *line))?;
        Some((fields[line].len(), line, line == 1 && fields[0].iter().all(is_text)))
    };
    let delimiters = DELIMITERS.into_iter().filter(|one| delimiter.or(whole).is_none_or(|known| known == *one));
    let (_, above, either) = delimiters.filter_map(above).max_by_key(|(fields, ..)| *fields)?;
    let rows = skipped + above;
    let place = Place { line: Some(rows as u64 + 1), ..Place::of(file) };
    if either {
        let problem = format!("this line and line {rows} both look like the header line");
        let help = format!("‹skip-rows {rows}› takes this one; if it holds units or the like, remove it");
        return Some(Error::data(place, problem, help));
    }
    let help = format!("‹skip-rows {rows}› leaves out the lines above it");
    Some(Error::data(place, "this looks like the header line, and other lines are above it", help))
}

/// The fields of a line, without quotes and blanks; none of an empty line.
pub(super) fn fields<'a>(line: &'a [u8], delimiter: char) -> Vec<&'a [u8]> {
    if line.is_empty() {
        return Vec::new();
    }
    let mut quoted = false;
    let parts = line.split(|b| {
        quoted ^= *b == b'"';
        *b == delimiter as u8 && !quoted
    });
    let quotes = |field: &[u8]| field.strip_prefix(b"\"").is_some_and(|rest| rest.ends_with(b"\""));
    let bare = |field: &'a [u8]| {
        let field = field.trim_ascii();
        if quotes(field) { field[1..field.len() - 1].trim_ascii() } else { field }
    };
    parts.map(bare).collect()
}

/// A number, however it is spelled, or a time.
fn is_value(field: &&[u8]) -> bool {
    let is_number = |decimal| Marks { decimal, thousands: None }.read(field).is_some();
    is_number('.') || is_number(',') || parse_written(&String::from_utf8_lossy(field)).is_some()
}

/// A name, perhaps: neither missing nor a value, nor what begins as one.
fn is_text(field: &&[u8]) -> bool {
    !means_missing(field) && !field.starts_with(b"(") && !field[0].is_ascii_digit() && !is_value(field)
}

/// Whether a line names columns: the lines below have as many fields, and a line above has another number of fields. If all
/// above have as many, this line alone has a text in each, and the lines below have values in columns where none above has, or a table
/// above ends in an empty line.
fn looks_like_header(fields: &[Vec<&[u8]>], line: usize) -> bool {
    let names = &fields[line];
    let below: Vec<&Vec<&[u8]>> =
        fields[line + 1..].iter().filter(|fields| !fields.is_empty()).take(COMPARED).collect();
    let rows = below.len() >= 2 && below.iter().all(|row| row.len() == names.len());
    if names.len() < 2 || !rows || !below.iter().any(|row| row.iter().any(is_value)) {
        return false;
    }
    let mut above = fields[..line].iter().filter(|fields| !fields.is_empty());
    if above.clone().any(|row| row.len() != names.len()) {
        return names.first().is_some_and(is_text);
    }
    let holds_values = |column: &usize| {
        let mut cells = below.iter().map(|row| row[*column]).filter(|cell| !means_missing(cell)).peekable();
        cells.peek().is_some() && cells.all(|cell| is_value(&cell))
    };
    let columns: Vec<usize> = (0..names.len()).filter(holds_values).collect();
    // A table of its own above it, which an empty line ends.
    if fields[line - 1].is_empty() && *names != fields[0] && names.iter().all(is_text) && !columns.is_empty() {
        return true;
    }
    let is_row = |row: &Vec<&[u8]>| columns.iter().all(|column| is_value(&row[*column]));
    names.iter().all(is_text) && (!columns.is_empty() && !above.clone().any(is_row) || above.all(has_empty))
}

fn has_empty(row: &Vec<&[u8]>) -> bool {
    row.iter().any(|field| field.is_empty())
}
