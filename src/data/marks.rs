//! The decimal mark of a file, and what separates thousands in it.

use std::ops::Range;

use super::chunks;
use super::number::{Evidence, Marks, evidence, group_class};
use super::table::CsvTable;
use super::writing::Writing;
use crate::error::{Error, Result};

/// The marks of a file, and how they are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileMarks {
    pub marks: Marks,
    /// Whether it is settled by the options which mark is which: then no cell is ambiguous.
    pub settled: bool,
    /// Whether the training data has this decimal mark.
    pub trained: bool,
    /// The mark that separates thousands in the training data.
    pub apart: Option<char>,
    /// Whether it is more than a guess: settled, told, or the mark of a number that is read.
    pub known: bool,
    /// Whether a cell of the file can be read in one way only, and so tells the decimal mark.
    pub told: bool,
    /// Whether the file comes from where commas are decimal marks: its columns are separated by `;`.
    pub foreign: bool,
}

impl FileMarks {
    /// By the options `decimal` and `thousands`, else by the cells. A mark is the decimal mark if a number can be read only
    /// so. Without such a number it is that of the training data; without that the point, and
    /// [`Cells::read`](super::cells::Cells::read) rejects columns that may mean something else.
    ///
    /// # Errors
    /// Numbers with either decimal mark.
    pub(super) fn of(
        table: &CsvTable,
        decimal: Option<char>,
        thousands: Option<char>,
        trained: &Writing,
    ) -> Result<FileMarks> {
        let decimal = decimal.or(match thousands {
            Some('.') => Some(','),
            Some(',') => Some('.'),
            _ => None,
        });
        let foreign = table.delimiter == Some(';');
        if let Some(decimal) = decimal {
            let marks = Marks { decimal, thousands };
            return Ok(FileMarks {
                marks,
                settled: true,
                trained: false,
                apart: None,
                known: true,
                told: false,
                foreign,
            });
        }
        let found = chunks::of_rows(table.rows(), |rows| Ok(Found::of(table, rows)))?;
        let Found { written, implied, either } = found.into_iter().fold(Found::default(), Found::and);
        let found = if written == [None; 2] { implied } else { written };
        let told = match found {
            [None, None] => None,
            [Some(_), None] => Some('.'),
            [None, Some(_)] => Some(','),
            [Some(_), Some(_)] if trained.decimal.is_some() => None,
            [Some((point, _)), Some((row, column))] => {
                return Err(Error::data(
                    table.place(row, column),
                    format!("a decimal comma here, a decimal point in {}", table.called(point)),
                    "choose the decimal mark: ‹decimal ,› or ‹decimal .›",
                ));
            }
        };
        let decimal = told.or(trained.decimal).unwrap_or('.');
        let as_trained = trained.decimal == Some(decimal);
        Ok(FileMarks {
            marks: Marks { decimal, thousands },
            settled: false,
            trained: as_trained,
            apart: trained.thousands.filter(|_| as_trained),
            known: as_trained || told.is_some() || either,
            told: told.is_some(),
            foreign,
        })
    }

    /// Of numbers that a program wrote, and of texts that are no numbers of a file.
    pub(super) fn plain() -> FileMarks {
        let marks = Marks { decimal: '.', thousands: None };
        FileMarks { marks, settled: true, trained: false, apart: None, known: true, told: true, foreign: false }
    }
}

/// Of each decimal mark, the first number that is written with it, and the first that only has the other mark between its thousands. The
/// latter may be another text, an address perhaps, so the former wins.
#[derive(Default)]
struct Found {
    written: [Option<(usize, usize)>; 2],
    implied: [Option<(usize, usize)>; 2],
    /// Whether a mark may be either.
    either: bool,
}

impl Found {
    /// Of some rows.
    fn of(table: &CsvTable, rows: Range<usize>) -> Found {
        let Found { mut written, mut implied, mut either } = Found::default();
        for row in rows {
            for column in (0..table.columns()).filter(|column| !table.is_typed(*column)) {
                let cell = table.cell(row, column);
                let count = |mark| cell.iter().filter(|b| **b == mark).count();
                // One point tells nothing more once one is a decimal mark.
                if count(b',') == 0 && count(b'.') < 1 + usize::from(written[0].is_some()) {
                    continue;
                }
                match evidence(cell) {
                    Evidence::Decimal(mark) => {
                        let found = if count(mark as u8) > 0 { &mut written } else { &mut implied };
                        found[usize::from(mark == ',')].get_or_insert((row, column));
                    }
                    Evidence::Either(_) => either = true,
                    Evidence::None => {}
                }
            }
        }
        Found { written, implied, either }
    }

    /// With what later rows tell.
    fn and(self, later: Found) -> Found {
        let first = |own: [Option<(usize, usize)>; 2], other: [Option<(usize, usize)>; 2]| {
            [own[0].or(other[0]), own[1].or(other[1])]
        };
        Found {
            written: first(self.written, later.written),
            implied: first(self.implied, later.implied),
            either: self.either || later.either,
        }
    }
}

/// `.` `,` `'` `space` → the mark that separates thousands.
pub fn parse_thousands(text: &str) -> Result<char> {
    let mark = if text == "space" { Some(' ') } else { text.parse::<char>().ok().and_then(group_class) };
    mark.ok_or_else(|| Error::config("thousands", format!("unknown value `{text}`"), "one of . , ' space"))
}

/// The mark as its option takes it.
pub fn thousands_word(mark: char) -> String {
    if mark == ' ' { "space".into() } else { mark.to_string() }
}
