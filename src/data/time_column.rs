//! The time column: which one it is, and what it says.

use super::cells::Cells;
use super::options::DataOptions;
use super::table::CsvTable;
use super::text::delimiter_word;
use super::time_cells::{FORMAT_HELP, Number, Reader, is_year, is_years, whole_numbers};
use super::time_form::TimeForm;
use super::time_text::{parse_compact, parse_format, parse_written};
use super::times::Times;
use super::writing::Writing;
use crate::error::{Error, Result};

/// Names that mean the time, in order of preference.
const NAMES: [&str; 11] = [
    "ds",
    "date",
    "datetime",
    "date_time",
    "timestamp",
    "time",
    "time_hour",
    "utc_timestamp",
    "utc_time",
    "index",
    "period",
];

/// The columns of a table that hold the time, and what they say.
pub(crate) struct TimeColumn {
    /// CsvTable columns that make up the time.
    pub columns: Vec<usize>,
    /// Of each table row.
    pub times: Times,
}

impl TimeColumn {
    /// By the options. Where they and the rows leave something open, times are read as in training.
    pub(super) fn read(
        table: &CsvTable,
        cells: &Cells,
        options: &DataOptions,
        trained: &Writing,
    ) -> Result<TimeColumn> {
        let columns = match &options.time_column {
            Some(name) => named(table, name)?,
            None => {
                let columns = detect(table, cells, options)?;
                columns
                    .iter()
                    .try_for_each(|column| table.header.find(&table.header.names[*column], "time-column").map(drop))?;
                columns
            }
        };
        // A position stands for the name that is there.
        let name = columns.iter().map(|column| table.header.name(*column)).collect::<Vec<_>>().join("+");
        let reader = Reader { table, cells, columns: &columns, trained: trained.day_first };
        let likely = trained.time_format.as_deref().filter(|format| reader.by_format(format).is_ok());
        let format = options.time_format.as_deref().or(likely);
        // strptime's `%s` takes whole seconds alone.
        let with_fraction = |(_, numbers): &(usize, Vec<Number>)| numbers.iter().any(|number| number.millionths > 0);
        let seconds = if format == Some("%s") { reader.numbers()?.filter(with_fraction) } else { None };
        let (stamps, kind, day_first, mut reading) = if let Some((column, numbers)) = seconds {
            whole_numbers(&reader, column, &numbers)?
        } else if let Some(format) = format {
            reader.by_format(format)?
        } else if reader.is_parts() {
            reader.parts()?
        } else if let Some((column, numbers)) = reader.numbers()? {
            whole_numbers(&reader, column, &numbers)?
        } else {
            reader.texts()?
        };
        let text = |row| reader.text(row).unwrap_or_default();
        let form = TimeForm::of(kind, &stamps, text, format, day_first);
        let form = form.unwrap_or_else(|| {
            let form = TimeForm::pandas(kind, &stamps);
            let written = stamps.first().map_or_else(String::new, |first| form.text(*first));
            reading += if reading.is_empty() { "" } else { ", " };
            reading += &format!("in a form that is not written: times to come are written as {written}");
            form
        });
        Ok(TimeColumn { columns, times: Times { name, kind, stamps, day_first, reading, form, zone: None } })
    }
}

fn named(table: &CsvTable, name: &str) -> Result<Vec<usize>> {
    if name.contains('+') && table.header.find(name, "time-column")?.is_none() {
        return name.split('+').map(|part| table.header.expect(part.trim(), "time-column")).collect();
    }
    Ok(vec![table.header.expect(name, "time-column")?])
}

/// A column called as times are; date and time in two columns; year, month, day, hour in columns of their own; else the
/// first column whose texts read as times.
fn detect(table: &CsvTable, cells: &Cells, options: &DataOptions) -> Result<Vec<usize>> {
    let called = |name: &str| table.header.names.iter().position(|header| header.eq_ignore_ascii_case(name));
    let filled = |column: usize| (0..table.rows()).filter(move |row| !cells.missing(*row, column)).take(20);
    let reads = |column: usize, with: &dyn Fn(&str) -> bool| {
        filled(column).next().is_some() && filled(column).all(|row| with(&table.text(row, column)))
    };
    let by_format = |text: &str| options.time_format.as_ref().is_some_and(|form| parse_format(text, form).is_ok());
    let is_time = |text: &str| by_format(text) || parse_written(text).is_some();
    let is_number = |text: &str| Number::read(text).is_some();
    let is_time_of_day = |text: &str| parse_written(&format!("2000-01-01 {text}")).is_some() && !is_number(text);

    if let (Some(date), Some(time)) = (called("date"), called("time"))
        && reads(time, &is_time_of_day)
        && !reads(date, &|text| text.contains(':'))
    {
        return Ok(vec![date, time]);
    }
    let named = || NAMES.iter().filter_map(|name| called(name));
    let is_either = |text: &str| is_time(text) || is_number(text);
    // The first cell of a column called as times are that is written as a time of no known form.
    let unread = |columns: &mut dyn Iterator<Item = usize>| {
        let mut cells = columns.flat_map(|column| filled(column).map(move |row| (row, column)));
        let has_digits = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
        let text = |(row, column): &(usize, usize)| table.text(*row, *column);
        cells.find(|cell| has_digits(&text(cell)) && !is_either(&text(cell)))
    };
    let unknown = |(row, column): (usize, usize)| {
        let help = format!("{FORMAT_HELP}; ‹time-column› names another column");
        Error::data(table.place(row, column), "not a time in a known form", help)
    };
    if let Some(column) = named().find(|column| reads(*column, &is_either)) {
        // Row numbers do not stand in for times that cannot be read.
        let before = &mut named().take_while(|other| *other != column);
        return match unread(before).filter(|_| reads(column, &is_number)) {
            Some(cell) => Err(unknown(cell)),
            None => Ok(vec![column]),
        };
    }
    if let (Some(year), Some(month)) = (called("year"), called("month")) {
        let mut parts = vec![year, month];
        for name in ["day", "hour", "minute", "second"] {
            match called(name) {
                Some(column) => parts.push(column),
                None => break,
            }
        }
        return Ok(parts);
    }
    let rises = |column: usize| {
        let numbers = || (0..table.rows()).map(|row| parse_compact(&table.text(row, column)).map(|time| time.instant));
        numbers().all(|time| time.is_some())
            && (numbers().is_sorted_by(|a, b| a < b) || numbers().is_sorted_by(|a, b| a > b))
    };
    let first = |fits: &dyn Fn(usize) -> bool| (0..table.columns()).find(|column| fits(*column));
    first(&|column| reads(column, &|text| is_time(text) && !is_number(text)))
        .or_else(|| first(&|column| is_years(&table.header.names[column]) && reads(column, &is_year)))
        .or_else(|| first(&|column| reads(column, &by_format)))
        .or_else(|| first(&|column| reads(column, &|text| matches!(text.len(), 6 | 8)) && rises(column)))
        .map(|c| vec![c])
        .ok_or_else(|| {
            if let Some(cell) = unread(&mut named()) {
                return unknown(cell);
            }
            // A column called as times are that holds nothing that is read.
            let names = || named().map(|column| &table.header.names[column]);
            if let Some(error) = names().find_map(|name| table.header.find(name, "time-column").err()) {
                return error;
            }
            let separated = |delimiter| format!(", separated by `{}`", delimiter_word(delimiter));
            let help = format!(
                "‹time-column› names it (A+B if date and time are in two columns), {FORMAT_HELP}; if there is no time, add a \
                 column of row numbers. Columns{}: {}",
                table.delimiter.map(separated).unwrap_or_default(),
                table.header.listed(0..table.columns())
            );
            Error::data(table.header.place(), "no column reads as a time", help)
        })
}
