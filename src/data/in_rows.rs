//! A table that has a series in each row, one column per time → typed rows.

use std::collections::BTreeMap;

use super::cells::Cells;
use super::columns::{Column, Columns};
use super::count::{counted, grouped};
use super::frame::{Frame, Ids, Provenance, check_memory};
use super::marks::FileMarks;
use super::options::{Covariates, DataOptions};
use super::reading::{id_columns, ids_called, table_notices};
use super::spelling::{self, Spelled};
use super::table::CsvTable;
use super::time::{ROW_NUMBERS_END, TimeKind, Timestamp};
use super::time_cells::is_year;
use super::time_column::TimeColumn;
use super::time_form::TimeForm;
use super::time_text::{parse_compact, parse_format, parse_written};
use super::times::Times;
use super::weights::WEIGHT;
use super::writing::Writing;
use crate::error::{Error, Result, Text};

/// What the values and their times are called.
const VALUE: &str = "y";
const TIME: &str = "ds";
/// The same where the columns are called by years.
const YEAR: &str = "year";

/// Reads every series from its first to its last value. `values` are those of the one target, `y`.
///
/// # Errors
/// Columns that are not called by times or numbered in order; two rows of one id; a cell that is no number.
pub(super) fn read<'a>(
    table: &'a CsvTable,
    marks: FileMarks,
    (options, trained): (&DataOptions, &Writing),
    notices: &mut Vec<Text>,
) -> Result<(Frame<'a>, Vec<Vec<f64>>)> {
    check(options)?;
    table_notices(table, marks, notices);
    let cells = Cells::new(table, options.missing_values.as_deref().unwrap_or_default(), marks);
    let mut id = id_columns(table, options)?;
    if id.is_empty() {
        id.push(0);
    }
    let first = id.iter().max().map_or(0, |last| last + 1);
    let (start, end, by_time) = value_columns(table, first, (options, trained))?;
    let times = times(table, start..end, by_time, (options, trained))?;
    notices.push(times.notice());
    let shown = [start, end - 1].map(|column| table.header.name(column));
    notices
        .push(format!("series in rows: `{}` to `{}` are {}", shown[0], shown[1], counted(end - start, "time")).into());
    let left = table.header.listed((0..start).filter(|column| !id.contains(column)));
    if !left.is_empty() {
        notices.push(format!("columns that are not read: {left}").into());
    }

    // From the first to the last value of each row.
    let span = |row: usize| {
        let first = (start..end).find(|column| !cells.missing(row, *column))?;
        let last = (start..end).rfind(|column| !cells.missing(row, *column))?;
        Some((row, first..last + 1))
    };
    let spans: Vec<_> = (0..table.rows()).filter_map(span).collect();
    let without = table.rows() - spans.len();
    if without > 0 {
        notices.push(format!("{} series without a value left out", grouped(without)).into());
    }
    let count = spans.iter().map(|(_, columns)| columns.len()).sum();
    check_memory(count, 1, table.header.place())?;
    let of_cells: Vec<(u32, u32)> =
        spans.iter().flat_map(|(row, columns)| columns.clone().map(|column| (*row as u32, column as u32))).collect();

    let parts = spans.iter().map(|(row, _)| id.iter().map(|column| table.whole_cell(*row, *column)));
    let place = |index: usize| table.place(spans[index].0, id[0]);
    let ids = Ids::joined(ids_called(table, &id), parts, place)?;
    if let Some(index) = ids.of_row.iter().enumerate().position(|(index, series)| *series < index) {
        let help = "give every row an id of its own; ‹id-column› takes several columns";
        return Err(Error::data(place(index), "two rows have one id", help));
    }
    notices.extend(ids.alike());
    let of_row = spans.iter().enumerate().flat_map(|(series, (_, columns))| columns.clone().map(move |_| series));
    let ids = Ids { of_row: of_row.collect(), ..ids };
    let read = of_cells.iter().map(|(row, column)| (*row as usize, *column as usize));
    let (values, how) = cells.read(read, || "correct the cell, or name the text in ‹missing-values›".into())?;
    let thousands = how.iter().find_map(Spelled::thousands);
    notices.extend(spelling::notices(&[(VALUE.into(), how)]));
    let stamps = of_cells.iter().map(|(_, column)| times.stamps[*column as usize - start]).collect();
    let frame = Frame {
        provenance: Provenance::InRows { table, cells: of_cells },
        columns: Columns::new([Column::target(VALUE)]),
        times: Times { stamps, ..times },
        ids,
        thousands,
        flags: BTreeMap::new(),
        levels: Vec::new(),
        weights: Vec::new(),
        order: None,
    };
    Ok((frame, vec![values]))
}

/// Rejects options about columns that such a table does not have.
fn check(options: &DataOptions) -> Result<()> {
    let reject = |key: &str, what: String| {
        Err(Error::config(key, format!("{what}, but ‹layout rows› reads one target, `{VALUE}`"), "leave it out"))
    };
    if let Some(targets) = options.targets.as_ref().filter(|targets| targets[..] != [VALUE]) {
        return reject("target", format!("`{}` is asked for", targets.join(", ")));
    }
    if let Some(Covariates::Names(names)) = &options.covariates {
        return reject("covariates", format!("`{}` are asked for", names.join(", ")));
    }
    if let Some(names) = options.future_covariates.as_ref().filter(|names| !names.is_empty()) {
        return reject("future-covariates", format!("`{}` are asked for", names.join(", ")));
    }
    for (key, names) in [("static-covariates", &options.static_covariates), ("categorical", &options.categorical)] {
        if let Some(names) = names.as_ref().filter(|names| !names.is_empty()) {
            return reject(key, format!("`{}` are asked for", names.join(", ")));
        }
    }
    if let Some(name) = &options.weight {
        return reject(WEIGHT, format!("`{name}` is asked for"));
    }
    match options.time_column.as_deref() {
        None | Some(TIME | YEAR) => Ok(()),
        Some(name) => reject("time-column", format!("`{name}` is asked for")),
    }
}

/// The columns of values, the last of the table: first, end, and whether they are called by times.
fn value_columns(
    table: &CsvTable,
    first: usize,
    (options, trained): (&DataOptions, &Writing),
) -> Result<(usize, usize, bool)> {
    let names = &table.header.names;
    let end = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    let format = options.time_format.as_ref().or(trained.time_format.as_ref());
    let is_time = |name: &str| {
        format.is_some_and(|format| parse_format(name, format).is_ok())
            || parse_written(name).is_some()
            || parse_compact(name).is_some()
            || is_year(name)
    };
    let run = |follows: &dyn Fn(usize) -> bool| {
        (first..end).rev().take_while(|column| follows(*column)).last().unwrap_or(end)
    };
    let by_time = run(&|column| is_time(&names[column]));
    // A number that is left out is a time without a column.
    let last = names[..end].last().and_then(|name| number(name)).map_or(0, |(_, last)| last);
    let numbered = run(&|column| {
        column + 1 == end
            || number(&names[column])
                .zip(number(&names[column + 1]))
                .is_some_and(|(one, next)| one.0 == next.0 && one.1 < next.1 && last - one.1 < ROW_NUMBERS_END - 1)
    });
    let start = by_time.min(numbered);
    if start + 2 > end {
        let help = "behind the ids, the columns of values are called by their times (2024-01, 2024-02) or numbered in order \
             (V2, V3; d_1, d_2); ‹id-column› names the ids";
        return Err(Error::data(table.header.place(), "no columns of values for ‹layout rows›", help));
    }
    Ok((start, end, by_time <= numbered))
}

/// A name that ends with a number: what is before it, and the number.
fn number(name: &str) -> Option<(&str, u64)> {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (prefix, number) = name.split_at(name.len() - digits);
    Some((prefix, number.parse().ok()?))
}

/// The time of each column of values; of numbered ones their numbers, from 1.
fn times(
    table: &CsvTable,
    columns: std::ops::Range<usize>,
    by_time: bool,
    (options, trained): (&DataOptions, &Writing),
) -> Result<Times> {
    if !by_time {
        let numbers: Vec<u64> =
            columns.clone().filter_map(|column| Some(number(&table.header.names[column])?.1)).collect();
        let is_date = |column: usize| {
            let digits = table.header.names[column].trim_start_matches(|c: char| !c.is_ascii_digit());
            digits.len() >= "YYYYMM".len() && parse_compact(digits).is_some()
        };
        if let Some(at) =
            numbers.windows(2).position(|pair| pair[1] - pair[0] > 1).filter(|_| columns.clone().all(is_date))
        {
            let [one, next] = [0, 1].map(|step| table.header.name(columns.start + at + step));
            let problem = format!("no numbers lie between `{one}` and `{next}` if these are dates");
            let help = "call the columns of values by their dates alone, as in 2024-01-31";
            return Err(Error::data(table.header.at(), problem, help));
        }
        let stamps: Vec<Timestamp> =
            numbers.iter().map(|number| Timestamp { instant: 1 + (number - numbers[0]) as i64, offset: 0 }).collect();
        let (kind, reading) = (TimeKind::RowNumbers, "numbered columns".into());
        let form = TimeForm::pandas(kind, &stamps);
        return Ok(Times { name: TIME.into(), kind, stamps, day_first: None, reading, form, zone: None });
    }
    let names = &table.header.names[columns];
    let name = if names.iter().all(|name| is_year(name)) { YEAR } else { TIME };
    let header = CsvTable::column(&table.header.file, name, names, |_| table.header.line.unwrap_or(0))?;
    let options = DataOptions { time_column: Some(name.into()), ..options.clone() };
    TimeColumn::read(&header, &Cells::new(&header, &[], FileMarks::plain()), &options, trained).map(|read| read.times)
}
