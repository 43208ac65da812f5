//! Levels of categorical columns → codes. While rows are read, a code counts a column's levels in their order in the data; then it counts
//! those of the training rows, so that a model knows nothing of others.

use std::collections::HashMap;

use super::cells::{Cell, Cells};
use super::count::{counted, few, grouped};
use super::frame::{Frame, typed_line};
use super::series::RawSeries;
use super::split::Parts;
use crate::error::{Error, Place, Result, Text};

/// Most levels of a column.
pub(crate) const MOST_LEVELS: usize = 10_000;

/// Longest name of a level, in bytes.
const LONGEST: usize = 1000;

/// The codes of a column's cells, and its levels; 0 where a cell is missing.
///
/// # Errors
/// A level that is too long, or no text of one line.
pub(super) fn of_cells(cells: &Cells, column: usize) -> Result<(Vec<f64>, Vec<String>)> {
    let (table, mut found) = (cells.table(), Found::default());
    let code = |row: usize| -> Result<f64> {
        if cells.cell(row, column) == Cell::Missing {
            return Ok(0.0);
        }
        let reject =
            |problem: &str| Error::data(table.place(row, column), problem, "give its levels shorter names of one line");
        let text = std::str::from_utf8(table.cell(row, column)).map_err(|_| reject("the level is not UTF-8"))?;
        if text.contains(char::is_control) || text.len() > LONGEST {
            return Err(reject("a level of more than 1000 bytes, or with a control character"));
        }
        Ok(found.code(text))
    };
    let codes = (0..table.rows()).map(code).collect::<Result<_>>()?;
    Ok((codes, found.levels))
}

/// The same of typed numbers, in place: a level is a number as it is written.
///
/// # Errors
/// A number that is not finite.
pub(super) fn of_numbers(name: &str, column: &str, values: &mut [f64]) -> Result<Vec<String>> {
    let mut found = Found::default();
    for (row, value) in values.iter_mut().enumerate() {
        if value.is_infinite() {
            let (line, value) = (Some(typed_line(row)), Some(value.to_string()));
            let place = Place { line, column: Some(column.into()), value, ..Place::of(name) };
            return Err(Error::data(place, "no level", "give a finite number, or NaN where it is missing"));
        }
        *value = if value.is_nan() { 0.0 } else { found.code(&value.to_string()) };
    }
    Ok(found.levels)
}

/// Levels in the order in which they appear.
#[derive(Default)]
struct Found {
    levels: Vec<String>,
    codes: HashMap<String, usize>,
}

impl Found {
    fn code(&mut self, level: &str) -> f64 {
        if let Some(code) = self.codes.get(level) {
            return *code as f64;
        }
        self.levels.push(level.into());
        self.codes.insert(level.into(), self.levels.len());
        self.levels.len() as f64
    }
}

/// By column, the levels of the training rows of all series, in their order.
///
/// # Errors
/// More levels than a table has rows.
pub(super) fn of_rows(frame: &Frame, series: &[RawSeries], parts: &[Parts]) -> Result<Vec<Vec<String>>> {
    let mut all = Vec::new();
    for (column, names) in frame.columns.categories().zip(&frame.levels) {
        let mut seen = vec![false; names.len() + 1];
        let mut levels = Vec::new();
        for (one, parts) in series.iter().zip(parts) {
            for row in parts.train.clone() {
                let code = one.value(row, column) as usize;
                if code > 0 && !std::mem::replace(&mut seen[code], true) {
                    levels.push(names[code - 1].clone());
                }
            }
        }
        if levels.len() > MOST_LEVELS {
            let place = Place { column: Some(frame.name(column).into()), ..frame.file() };
            let problem =
                format!("{} levels in the training rows, more than {}", grouped(levels.len()), grouped(MOST_LEVELS));
            return Err(Error::data(
                place,
                problem,
                "leave the column out of ‹categorical›, or join rare levels to one",
            ));
        }
        all.push(levels);
    }
    Ok(all)
}

/// Makes the codes those of these levels; 0 for every other one. Returns lines about the levels, and about those that are not known.
///
/// # Errors
/// Other columns than those whose levels are known.
pub(super) fn encode(
    frame: &Frame,
    series: &mut [RawSeries],
    (parts, levels): (&[Parts], &[Vec<String>]),
    trained: bool,
) -> Result<Vec<Text>> {
    if levels.len() != frame.levels.len() {
        let problem =
            format!("{} categorical columns are read, but the model has {}", frame.levels.len(), levels.len());
        return Err(Error::data(frame.file(), problem, "give data of the columns that the model was trained on"));
    }
    let mut lines = Vec::new();
    for ((column, own), known) in frame.columns.categories().zip(&frame.levels).zip(levels) {
        let codes: HashMap<&str, usize> = known.iter().enumerate().map(|(i, level)| (level.as_str(), i + 1)).collect();
        let code_of: Vec<usize> =
            [0].into_iter().chain(own.iter().map(|level| codes.get(level.as_str()).copied().unwrap_or(0))).collect();
        // Rows by code that is not known, 0 for a missing level.
        let mut unknown = vec![0usize; own.len() + 1];
        for (one, parts) in series.iter_mut().zip(parts) {
            let (rows, width) = (parts.all(), one.width);
            for (row, values) in one.values.chunks_exact_mut(width).enumerate() {
                let code = values[column] as usize;
                values[column] = code_of[code] as f64;
                unknown[code] += usize::from(code_of[code] == 0 && rows.contains(&row));
            }
        }
        let name = frame.name(column);
        if !trained {
            let names = few(known.len(), known.iter().map(|level| format!("`{level}`")));
            lines.push(
                format!("categorical `{name}`: {} in the training rows: {names}", counted(known.len(), "level")).into(),
            );
        }
        let others = unknown.iter().enumerate().skip(1).filter(|(_, rows)| **rows > 0);
        let others: Vec<(&String, usize)> = others.map(|(code, rows)| (&own[code - 1], *rows)).collect();
        if !others.is_empty() {
            let rows = counted(others.iter().map(|(_, rows)| rows).sum(), "row");
            let names = few(others.len(), others.iter().map(|(level, rows)| format!("`{level}` {}", grouped(*rows))));
            let whose = if trained { "that the model was not trained on" } else { "that the training rows lack" };
            let count = counted(others.len(), "level");
            lines.push(format!("`{name}`: {count} {whose}, in {rows}, are read as an unknown level: {names}").into());
        }
        if unknown[0] > 0 {
            lines.push(
                format!("`{name}`: {} without a level, read as an unknown level", counted(unknown[0], "row")).into(),
            );
        }
    }
    Ok(lines)
}
