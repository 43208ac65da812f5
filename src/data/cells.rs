//! Cells → numbers: missing-value words, decimal mark, and which columns are numeric.

use super::count::counted;
use super::table::CsvTable;
use crate::error::{Error, Place, Result, Text};

/// Words that always mean "missing" (any case), besides the empty cell.
const MISSING: [&str; 11] = ["na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", "nil", "?", "-"];

/// Numbers that instruments and archives write for "missing".
const SENTINELS: [f64; 10] = [-99.0, -99.9, -200.0, -999.0, -999.9, -9999.0, -99999.0, 9999.0, 99999.0, 999999.0];

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    Missing,
    /// Perhaps not finite.
    Number(f64),
    Text,
}

/// How the cells of one table are read.
pub(crate) struct Cells<'a> {
    table: &'a CsvTable,
    missing_words: Vec<String>,
    missing_numbers: Vec<f64>,
    decimal: char,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// More than half of the cells that are not missing are numbers. The others are rejected when the column is read.
    Numeric,
    Text,
    /// Missing in every row.
    Empty,
}

impl<'a> Cells<'a> {
    /// `missing` is the option `missing-values`: a cell matches by its text, or as a number.
    pub(super) fn new(table: &'a CsvTable, missing: &[String], decimal: char) -> Cells<'a> {
        Cells { table, missing_words: missing.to_vec(), missing_numbers: missing_numbers(missing), decimal }
    }

    pub(super) fn missing(&self, row: usize, column: usize) -> bool {
        self.is_missing_word(self.table.cell(row, column))
    }

    fn is_missing_word(&self, cell: &[u8]) -> bool {
        cell.is_empty()
            || MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes()))
            || self.missing_words.iter().any(|word| cell == word.as_bytes())
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> Cell {
        let cell = self.table.cell(row, column);
        match self.number(cell) {
            Some(number) if number.is_nan() || self.missing_numbers.contains(&number) => Cell::Missing,
            Some(number) => Cell::Number(number),
            None if self.is_missing_word(cell) => Cell::Missing,
            None => Cell::Text,
        }
    }

    fn number(&self, cell: &[u8]) -> Option<f64> {
        let text = std::str::from_utf8(cell).ok()?;
        if self.decimal == ',' {
            return if text.contains('.') { None } else { text.replacen(',', ".", 1).parse().ok() };
        }
        text.parse().ok()
    }

    pub(super) fn kind(&self, column: usize) -> Kind {
        let (mut numbers, mut texts) = (0usize, 0usize);
        for row in 0..self.table.rows() {
            match self.cell(row, column) {
                Cell::Number(_) => numbers += 1,
                Cell::Text => texts += 1,
                Cell::Missing => {}
            }
        }
        match (numbers, texts) {
            (0, 0) => Kind::Empty,
            _ if numbers > texts => Kind::Numeric,
            _ => Kind::Text,
        }
    }

    /// The column's numbers, NaN where missing. `key` is the option that chose the column.
    ///
    /// # Errors
    /// A text, or a number beyond f32's range, with its line.
    pub(super) fn numbers(&self, column: usize, key: &str) -> Result<Vec<f64>> {
        let read = |row: usize| match self.cell(row, column) {
            Cell::Missing => Ok(f64::NAN),
            Cell::Number(number) if (number as f32).is_finite() => Ok(number),
            Cell::Number(_) => Err(not_finite(self.table.place(row, column))),
            Cell::Text => {
                let help = if self.kind(column) == Kind::Numeric {
                    format!(
                        "correct the cell, or name the text in ‹missing-values›; the decimal mark was `{}` (‹decimal›)",
                        self.decimal
                    )
                } else {
                    format!("‹{key}› takes numeric columns; the decimal mark was `{}` (‹decimal›)", self.decimal)
                };
                Err(Error::data(self.table.place(row, column), "not a number", help))
            }
        };
        (0..self.table.rows()).map(read).collect()
    }
}

/// The numbers that the option `missing-values` names.
pub(crate) fn missing_numbers(missing: &[String]) -> Vec<f64> {
    missing.iter().filter_map(|word| word.parse().ok()).collect()
}

/// A number that a 32-bit float cannot hold.
pub(crate) fn not_finite(place: Place) -> Error {
    Error::data(place, "not a finite 32-bit number", "correct the cell, or name the value in ‹missing-values›")
}

/// The notice about a column whose lowest or highest value looks like a code for "missing".
pub(crate) fn sentinel_notice(name: &str, values: &[f64]) -> Option<Text> {
    let (code, count) = sentinel(values)?;
    let times = counted(count, "time");
    let notice = format!(
        "column `{name}` holds {code} {times}, far from all other values: if it means missing, ‹missing-values {code}›"
    );
    Some(notice.into())
}

/// A lowest or highest value that looks like a code for "missing": the value and how often it occurs. It is one of the
/// usual codes and lies farther from the rest than the rest spans.
fn sentinel(values: &[f64]) -> Option<(f64, usize)> {
    let suspect = |code: f64| {
        let rest = values.iter().copied().filter(|v| !v.is_nan() && *v != code);
        let (low, high) = rest.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let far = if code < low { low - code } else { code - high };
        low <= high && far > high - low
    };
    let count = |code: f64| values.iter().filter(|v| **v == code).count();
    SENTINELS.into_iter().map(|code| (code, count(code))).find(|(code, count)| *count > 0 && suspect(*code))
}
