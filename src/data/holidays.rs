//! Days without rows, from a file.

use std::path::Path;
use std::sync::Arc;

use super::calendar::Closed;
use super::cells::Cells;
use super::count::counted;
use super::encoding::Decoded;
use super::marks::FileMarks;
use super::options::DataOptions;
use super::preamble::fields;
use super::source;
use super::table::{CsvTable, DELIMITERS};
use super::time::TimeKind;
use super::time_column::TimeColumn;
use super::time_text::{names_day, parse_compact, parse_format, parse_written};
use super::times::Times;
use super::writing::Writing;
use crate::error::{Error, Place, Result, Text};

const HELP: &str = "‹holidays› takes one date a line, as YYYY-MM-DD; names and other columns may stand beside it";

/// Reads a file of dates that name a day, in any form and column that data files may have. A first line without a date is a header; empty lines and
/// lines that begin with `#` are left out. What the file leaves open, such as whether the day or the month comes first, is read as in
/// the data's times.
///
/// # Errors
/// A file that cannot be read; a line without a date; dates that can be read in two ways.
pub(super) fn read(path: &Path, times: &Times, format: Option<&str>, notices: &mut Vec<Text>) -> Result<Closed> {
    let file = source::label(path);
    let bytes = source::read(path, "‹holidays› takes a text file of dates, one a line")?;
    let Decoded { bytes, .. } = Decoded::of(source::plain_text(&file, &bytes)?);
    let is_row = |(_, line): &(u64, &[u8])| !line.is_empty() && !line.starts_with(b"#");
    let lines: Vec<(u64, &[u8])> =
        (1..).zip(bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii)).filter(is_row).collect();
    let by_format = |text: &str| format.is_some_and(|format| parse_format(text, format).is_ok());
    let is_time = |text: &str| by_format(text) || parse_written(text).is_some() || parse_compact(text).is_some();
    let is_day = |text: &str| {
        let compact = || parse_compact(text).is_some() && text.len() >= "YYYYMMDD".len();
        by_format(text) && format.is_some_and(names_day)
            || parse_written(text).map_or_else(compact, |written| written.is_day())
    };
    let no_day = |line: u64, text: &str| {
        let place = Place { line: Some(line), value: Some(text.into()), ..Place::of(&file) };
        Error::data(place, "names no day", HELP)
    };
    let Some((delimiter, column)) = column_of_dates(&lines, is_day) else {
        let period = |(line, text): &(u64, &[u8])| {
            let cells = DELIMITERS.into_iter().flat_map(|delimiter| fields(text, delimiter));
            let mut texts = cells.map(|cell| String::from_utf8_lossy(cell).into_owned());
            texts.find(|text| is_time(text)).map(|text| no_day(*line, &text))
        };
        // A header has no digits.
        let meant = lines.iter().find(|(_, line)| line.iter().any(u8::is_ascii_digit));
        let none = || match meant.or(lines.first()) {
            Some((line, text)) => no_day(*line, &String::from_utf8_lossy(text)),
            None => Error::data(Place::of(&file), "no dates", HELP),
        };
        return Err(lines.iter().find_map(period).unwrap_or_else(none));
    };
    let cell = |line: &[u8]| {
        let cell = fields(line, delimiter).get(column).copied().unwrap_or_default();
        String::from_utf8_lossy(cell).into_owned()
    };
    let header = lines.first().map(|(_, line)| cell(line)).filter(|text| !is_time(text));
    let rows = &lines[usize::from(header.is_some())..];
    let cells: Vec<String> = rows.iter().map(|(_, line)| cell(line)).collect();
    if let Some(row) = cells.iter().position(|text| is_time(text) && !is_day(text)) {
        return Err(no_day(rows[row].0, &cells[row]));
    }
    let table = CsvTable::column(&file, "date", &cells, |row| rows[row].0)?;
    let options = DataOptions { time_column: Some("date".into()), ..DataOptions::default() };
    let likely = Writing { time_format: format.map(String::from), day_first: times.day_first, ..Writing::default() };
    let TimeColumn { times: read, .. } =
        TimeColumn::read(&table, &Cells::new(&table, &[], FileMarks::plain()), &options, &likely)
            .map_err(|error| error.with_help(HELP))?;
    if read.kind == TimeKind::RowNumbers {
        return Err(Error::data(table.place(0, 0), "no date", HELP));
    }
    let days: Closed = Arc::new(read.stamps.iter().map(|time| time.written().date()).collect());
    let reading = if read.reading.is_empty() { String::new() } else { format!(" ({})", read.reading) };
    notices.push(format!("{} without rows, from {file}{reading}", counted(days.len(), "day")).into());
    Ok(days)
}

/// The delimiter and the column with the most dates; of equal ones the first.
fn column_of_dates(lines: &[(u64, &[u8])], is_day: impl Fn(&str) -> bool) -> Option<(char, usize)> {
    let mut best = None;
    for delimiter in DELIMITERS {
        let mut counts: Vec<usize> = Vec::new();
        for (_, line) in lines {
            for (column, cell) in fields(line, delimiter).into_iter().enumerate() {
                counts.resize(counts.len().max(column + 1), 0);
                counts[column] += usize::from(is_day(&String::from_utf8_lossy(cell)));
            }
        }
        for (column, count) in counts.into_iter().enumerate() {
            if count > best.map_or(0, |(count, _)| count) {
                best = Some((count, (delimiter, column)));
            }
        }
    }
    best.map(|(_, place)| place)
}
