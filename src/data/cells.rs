//! Cells → numbers: missing-value words, marks, flags, and which columns hold what.

use std::collections::BTreeMap;

use super::chunks;
use super::count::counted;
use super::marks::FileMarks;
use super::number::Written;
use super::spelling::{Spelled, Spellings};
use super::table::CsvTable;
use super::text::means_missing;
use crate::error::{Error, Place, Result, Text};

/// Numbers that instruments and archives write for "missing".
const SENTINELS: [f64; 10] = [-99.0, -99.9, -200.0, -999.0, -999.9, -9999.0, -99999.0, 9999.0, 99999.0, 999999.0];

/// Pairs of words (any case) that stand for 1 and 0 where a column holds nothing else.
const FLAGS: [[&str; 2]; 8] = [
    ["true", "false"],
    ["yes", "no"],
    ["wahr", "falsch"],
    ["ja", "nein"],
    ["vrai", "faux"],
    ["oui", "non"],
    ["t", "f"],
    ["y", "n"],
];

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
    marks: FileMarks,
    /// Pairs of flags by column, as training read them.
    flags: BTreeMap<usize, usize>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// More than half of the cells that are not missing are numbers. The others are rejected when the column is read.
    Numeric,
    /// The two words of a pair such as `True` and `False`, by its index, read as 1 and 0.
    Flags(usize),
    Text,
    /// Missing in every row.
    Empty,
}

impl<'a> Cells<'a> {
    /// `missing` is the option `missing-values`: a cell matches by its text, or as a number.
    pub(super) fn new(table: &'a CsvTable, missing: &[String], marks: FileMarks) -> Cells<'a> {
        let (missing_words, missing_numbers) = (missing.to_vec(), missing_numbers(missing));
        Cells { table, missing_words, missing_numbers, marks, flags: BTreeMap::new() }
    }

    /// These columns, by name, hold flags, of which this word is read as 1.
    pub(super) fn with_flags(mut self, flags: &BTreeMap<String, String>) -> Cells<'a> {
        let pair = |column: usize| {
            let word = flags.get(&self.table.header.name(column))?;
            Some((column, FLAGS.iter().position(|[one, _]| one == word)?))
        };
        self.flags = (0..self.table.columns()).filter_map(pair).collect();
        self
    }

    pub(super) fn missing(&self, row: usize, column: usize) -> bool {
        self.is_missing_word(self.table.cell(row, column))
    }

    fn is_missing_word(&self, cell: &[u8]) -> bool {
        means_missing(cell) || self.missing_words.iter().any(|word| cell == word.as_bytes())
    }

    pub(super) fn table(&self) -> &CsvTable {
        self.table
    }

    /// The marks of a column's numbers.
    pub(super) fn marks(&self, column: usize) -> FileMarks {
        if self.table.is_typed(column) { FileMarks::plain() } else { self.marks }
    }

    /// A cell as a number; NaN in words is one.
    pub(super) fn number(&self, row: usize, column: usize) -> Option<Written> {
        self.marks(column).marks.read(self.table.cell(row, column))
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> Cell {
        match self.number(row, column) {
            Some(number) if self.means_missing(number) => Cell::Missing,
            Some(number) => Cell::Number(number.value),
            None if self.missing(row, column) => Cell::Missing,
            None => Cell::Text,
        }
    }

    fn means_missing(&self, number: Written) -> bool {
        number.value.is_nan() || self.missing_numbers.contains(&number.value)
    }

    pub(super) fn kind(&self, column: usize) -> Kind {
        // Of some rows the numbers, the texts, and per pair of flags how often each word occurs.
        let count = |rows: std::ops::Range<usize>| {
            let (mut numbers, mut texts, mut flags) = (0usize, 0usize, [[0usize; 2]; FLAGS.len()]);
            for row in rows {
                match self.cell(row, column) {
                    Cell::Number(_) => numbers += 1,
                    Cell::Missing => {}
                    Cell::Text => {
                        texts += 1;
                        if let Some((pair, word)) = flag(self.table.cell(row, column)) {
                            flags[pair][word] += 1;
                        }
                    }
                }
            }
            Ok((numbers, texts, flags))
        };
        let counts = chunks::of_rows(self.table.rows(), count).unwrap_or_default();
        let (mut numbers, mut texts, mut flags) = (0, 0, [[0; 2]; FLAGS.len()]);
        for (own_numbers, own_texts, own_flags) in counts {
            (numbers, texts) = (numbers + own_numbers, texts + own_texts);
            flags.iter_mut().flatten().zip(own_flags.iter().flatten()).for_each(|(sum, own)| *sum += own);
        }
        // One letter is a flag beside its opposite alone, unless it was one in training.
        let trained = self.flags.get(&column);
        let paired = |pair: usize| {
            trained == Some(&pair) || FLAGS[pair][0].len() > 1 || flags[pair].iter().all(|count| *count > 0)
        };
        let pair = (0..FLAGS.len()).find(|pair| flags[*pair].iter().sum::<usize>() == texts && paired(*pair));
        match (numbers, texts, pair) {
            (0, 0, _) => Kind::Empty,
            (0, _, Some(pair)) => Kind::Flags(pair),
            _ if numbers > texts => Kind::Numeric,
            _ => Kind::Text,
        }
    }

    /// The first text of a column.
    pub(super) fn example(&self, column: usize) -> Option<String> {
        let row = (0..self.table.rows()).find(|row| !self.missing(*row, column))?;
        Some(self.table.text(row, column).into_owned())
    }

    /// The numbers of a column, NaN where missing, and how they are spelled. `key` is the option that chose the column.
    ///
    /// # Errors
    /// A text, a number beyond f32's range, or one that can be read in two ways, with its line.
    pub(super) fn numbers(&self, column: usize, key: &str) -> Result<(Vec<f64>, Vec<Spelled>)> {
        let first = (0..self.table.rows()).find(|row| !self.missing(*row, column));
        if first.is_some_and(|row| flag(self.table.cell(row, column)).is_some())
            && let Kind::Flags(pair) = self.kind(column)
        {
            let value = |row: usize| match flag(self.table.cell(row, column)) {
                Some((_, word)) => 1.0 - word as f64,
                None => f64::NAN,
            };
            let values = (0..self.table.rows()).map(value).collect();
            return Ok((values, vec![Spelled::flags(FLAGS[pair])]));
        }
        let help = || match self.kind(column) {
            Kind::Numeric => "correct the cell, or name the text in ‹missing-values›".into(),
            _ => match self.flags.get(&column).map(|pair| FLAGS[*pair]) {
                Some([one, zero]) => format!("training read `{one}` as 1 and `{zero}` as 0 in this column"),
                None => format!("‹{key}› takes numeric columns"),
            },
        };
        let rows = self.table.rows();
        let chunks = chunks::of_rows(rows, |rows| self.look(rows.map(|row| (row, column)), help))?;
        let (mut spellings, mut values) = (Spellings::default(), Vec::with_capacity(rows));
        for (own, seen) in chunks {
            values.extend(own);
            spellings.append(self, seen)?;
        }
        Ok((values, spellings.finish(self)?))
    }

    /// The numbers of cells that belong together, given by row and column. `help` is advice about a text.
    ///
    /// # Errors
    /// Those of [`Cells::numbers`].
    pub(super) fn read(
        &self,
        cells: impl Iterator<Item = (usize, usize)>,
        help: impl Fn() -> String,
    ) -> Result<(Vec<f64>, Vec<Spelled>)> {
        let (values, spellings) = self.look(cells, help)?;
        Ok((values, spellings.finish(self)?))
    }

    /// The numbers of some of these cells, and what was seen of how they are spelled.
    fn look(
        &self,
        cells: impl Iterator<Item = (usize, usize)>,
        help: impl Fn() -> String,
    ) -> Result<(Vec<f64>, Spellings)> {
        let (mut spellings, mut values) = (Spellings::default(), Vec::with_capacity(cells.size_hint().0));
        for (row, column) in cells {
            let place = || self.table.place(row, column);
            values.push(match self.number(row, column) {
                Some(number) if self.means_missing(number) => f64::NAN,
                Some(number) if !(number.value as f32).is_finite() => return Err(not_finite(place())),
                Some(number) => {
                    spellings.add(self, (row, column), number)?;
                    number.value
                }
                None if self.missing(row, column) => f64::NAN,
                None => {
                    let mark = || format!("; the decimal mark was `{}` (‹decimal›)", self.marks.marks.decimal);
                    let told = self.table.delimiter.is_some() || self.marks.told && !self.table.is_typed(column);
                    let mark = if told { mark() } else { String::new() };
                    return Err(Error::data(place(), "not a number", help() + &mark));
                }
            });
        }
        Ok((values, spellings))
    }
}

/// A word of a pair of flags: the pair, and 0 for its first word, which means 1.
fn flag(cell: &[u8]) -> Option<(usize, usize)> {
    let of = |pair: &[&str; 2]| pair.iter().position(|word| cell.eq_ignore_ascii_case(word.as_bytes()));
    FLAGS.iter().enumerate().find_map(|(index, pair)| Some((index, of(pair)?)))
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
