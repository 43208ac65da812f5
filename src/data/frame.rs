//! Rows of typed numbers, before they are series: where reading text ends, and where typed data begins.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::columns::Columns;
use super::count::counted;
use super::encoding::Encoding;
use super::source::take;
use super::table::CsvTable;
use super::time::{Timestamp, label};
use super::times::Times;
use crate::error::{Error, Place, Result, Text};

/// Everything about the rows but their values.
pub(crate) struct Frame<'a> {
    pub provenance: Provenance<'a>,
    /// Targets, then past covariates.
    pub columns: Columns,
    /// A time per row.
    pub times: Times,
    pub ids: Ids,
    /// The mark that separates thousands in some number.
    pub thousands: Option<char>,
    /// Columns of flags, with the word that is read as 1.
    pub flags: BTreeMap<String, String>,
    /// By column of levels, those of the rows: the first is code 1, and 0 is a missing one.
    pub levels: Vec<Vec<String>>,
    /// By row, NaN where missing; empty if rows have no weights.
    pub weights: Vec<f64>,
    /// Where each row stands in what was read, where rows were sorted.
    pub order: Option<Vec<usize>>,
}

/// Where rows come from: enough to name the place of any value.
pub(crate) enum Provenance<'a> {
    /// A table, its columns of the time, and those of values.
    Text { table: &'a CsvTable, time: Vec<usize>, values: Vec<usize> },
    /// A table that has a series in each row: row and column of each value.
    InRows { table: &'a CsvTable, cells: Vec<(u32, u32)> },
    /// Data that the caller calls `name`. Its n-th row is called line n + 1, as in a file with a header line.
    Typed { name: &'a str },
}

/// Which series each row belongs to.
pub(crate) struct Ids {
    /// The column that holds them, or several, as the option `id-column` takes them; `None` if there is one series without
    /// an id.
    pub column: Option<String>,
    /// The id of each series, in the order in which they first appear.
    pub names: Vec<String>,
    /// The series of each row, an index of `names`.
    pub of_row: Vec<usize>,
}

impl Frame<'_> {
    /// Leaves out some of the targets.
    pub(super) fn leave_out(&mut self, targets: &[usize]) {
        self.columns = self.columns.without_targets(targets);
        if let Provenance::Text { values, .. } = &mut self.provenance {
            let mut column = 0..;
            values.retain(|_| column.next().is_some_and(|column| !targets.contains(&column)));
        }
    }

    pub(super) fn name(&self, column: usize) -> &str {
        &self.columns.names()[column]
    }

    pub(super) fn file(&self) -> Place {
        match &self.provenance {
            Provenance::Text { table, .. } | Provenance::InRows { table, .. } => table.header.place(),
            Provenance::Typed { name } => Place::of(*name),
        }
    }

    /// How the characters of what was read are written.
    pub(super) fn encoding(&self) -> Encoding {
        match &self.provenance {
            Provenance::Text { table, .. } | Provenance::InRows { table, .. } => table.encoding,
            Provenance::Typed { .. } => Encoding::default(),
        }
    }

    /// Of a file of typed columns, the digest of its cells by series; else empty.
    pub(super) fn content(&self) -> String {
        match &self.provenance {
            Provenance::Text { table, .. } if table.delimiter.is_none() => {
                let mut rows: Vec<usize> = (0..self.ids.of_row.len()).collect();
                rows.sort_by_key(|row| (&self.ids.names[self.ids.of_row[*row]], self.read_at(*row)));
                table.digest(rows.into_iter().map(|row| self.read_at(row)))
            }
            _ => String::new(),
        }
    }

    /// How many rows of a file there are of each series, and of typed data in the text that it would be; none of series in rows.
    pub(super) fn lines(&self) -> BTreeMap<String, usize> {
        let mut lines = BTreeMap::new();
        if !matches!(self.provenance, Provenance::InRows { .. }) {
            let mut counts = vec![0; self.ids.names.len()];
            self.ids.of_row.iter().for_each(|series| counts[*series] += 1);
            lines.extend(self.ids.names.iter().cloned().zip(counts));
        }
        lines
    }

    /// A row's place in what was read.
    fn read_at(&self, row: usize) -> usize {
        self.order.as_ref().map_or(row, |order| order[row])
    }

    /// Where a row stands in what was read: its line, or its row if that has no lines.
    fn at(&self, row: usize) -> Place {
        let row = self.read_at(row);
        match &self.provenance {
            Provenance::Text { table, .. } => table.at(row),
            Provenance::InRows { table, cells } => table.at(cells[row].0 as usize),
            Provenance::Typed { .. } => Place { line: Some(typed_line(row)), ..self.file() },
        }
    }

    /// The same in words.
    pub(super) fn called(&self, row: usize) -> String {
        let row = self.read_at(row);
        match &self.provenance {
            Provenance::Text { table, .. } => table.called(row),
            Provenance::InRows { table, cells } => table.called(cells[row].0 as usize),
            Provenance::Typed { .. } => format!("line {}", typed_line(row)),
        }
    }

    /// The place of the value in a row and value column.
    pub(super) fn place(&self, row: usize, column: usize) -> Place {
        match &self.provenance {
            Provenance::Text { table, values, .. } => table.place(self.read_at(row), values[column]),
            Provenance::InRows { table, cells } => {
                let (row, column) = cells[self.read_at(row)];
                table.place(row as usize, column as usize)
            }
            Provenance::Typed { .. } => Place { column: Some(self.name(column).into()), ..self.at(row) },
        }
    }

    /// The place of a row's time.
    pub(super) fn time_place(&self, row: usize) -> Place {
        let value = match &self.provenance {
            Provenance::Text { table, time, .. } => {
                let row = self.read_at(row);
                time.iter().map(|column| table.text(row, *column)).collect::<Vec<_>>().join(" ")
            }
            Provenance::InRows { table, cells } => table.header.names[cells[self.read_at(row)].1 as usize].clone(),
            Provenance::Typed { .. } => self.label(self.times.stamps[row]),
        };
        Place { column: Some(self.times.name.clone()), value: Some(value), ..self.at(row) }
    }

    /// A time as people read it.
    pub(super) fn label(&self, time: Timestamp) -> String {
        label(self.times.kind, time, false)
    }
}

/// The line by which messages name a row of typed data, counted from 0: line 1 is the header's.
pub(super) fn typed_line(row: usize) -> u64 {
    row as u64 + 2
}

impl Ids {
    /// One series without an id.
    pub(super) fn none(rows: usize) -> Ids {
        Ids { column: None, names: vec![String::new()], of_row: vec![0; rows] }
    }

    /// A line about ids that differ in blanks around them alone.
    pub(super) fn alike(&self) -> Option<Text> {
        let mut bare: HashMap<&str, &str> = HashMap::with_capacity(self.names.len());
        let (one, other) = self.names.iter().find_map(|name| Some((bare.insert(name.trim(), name)?, name)))?;
        Some(format!("the ids `{one}` and `{other}` differ in blanks alone: they are two series").into())
    }

    /// Whether each row of a series is later than the one above.
    pub(super) fn rise(&self, times: &Times) -> bool {
        let mut last: Vec<Option<i64>> = vec![None; self.names.len()];
        let mut rows = self.of_row.iter().zip(&times.stamps);
        rows.all(|(series, stamp)| last[*series].replace(stamp.instant).is_none_or(|last| stamp.instant > last))
    }

    /// Of the ids of all rows. `place` names a row's id in an error.
    ///
    /// # Errors
    /// An id that is empty, too long, or no text of one line.
    pub(super) fn read<'a>(
        column: String,
        ids: impl Iterator<Item = &'a [u8]>,
        place: impl Fn(usize) -> Place,
    ) -> Result<Ids> {
        Ids::joined(column, ids.map(|id| [id]), place)
    }

    /// Of ids in parts: a cell of each of several columns. The id is the parts as they are written, blanks included, joined by
    /// `/`.
    ///
    /// # Errors
    /// A part that is empty, too long, or no text of one line; two ids that are called the same.
    pub(super) fn joined<'a>(
        column: String,
        ids: impl Iterator<Item = impl IntoIterator<Item = &'a [u8]>>,
        place: impl Fn(usize) -> Place,
    ) -> Result<Ids> {
        let mut index: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut called: HashSet<String> = HashSet::new();
        let (mut names, mut of_row) = (Vec::new(), Vec::new());
        let mut key = Vec::new();
        for (row, parts) in ids.enumerate() {
            key.clear();
            for (i, part) in parts.into_iter().enumerate() {
                if i > 0 {
                    key.push(PARTS);
                }
                key.extend_from_slice(part);
            }
            let series = match index.get(&key) {
                Some(series) => *series,
                None => {
                    let reject = |(problem, help): (&str, &str)| Error::data(place(row), problem, help);
                    let parts = key.split(|byte| *byte == PARTS).map(check_id).collect::<Result<Vec<_>, _>>();
                    let name = parts.map_err(reject)?.join("/");
                    check_id(name.as_bytes()).map_err(reject)?;
                    if !called.insert(name.clone()) {
                        return Err(reject(("another series has this id", "choose other columns as ‹id-column›")));
                    }
                    names.push(name);
                    index.insert(key.clone(), names.len() - 1);
                    names.len() - 1
                }
            };
            of_row.push(series);
        }
        Ok(Ids { column: Some(column), names, of_row })
    }
}

/// Stands between the parts of an id, which hold no control character.
const PARTS: u8 = 0x1f;

/// Longest id of a series, in bytes.
const LONGEST_ID: usize = 1000;

/// Ids are written into files, tables and pictures, and must stay different there. `Err` is the problem and the help.
fn check_id(id: &[u8]) -> Result<&str, (&'static str, &'static str)> {
    match std::str::from_utf8(id) {
        Err(_) => Err(("the series id is not UTF-8", "save the file as UTF-8")),
        Ok(text) if text.trim_ascii().is_empty() => {
            Err(("no series id", "every row needs its id: correct or remove the row"))
        }
        Ok(text) if text.contains(char::is_control) => {
            Err(("a control character in the series id", "remove it, a line break perhaps, from the cell"))
        }
        Ok(text) if text.len() > LONGEST_ID => Err((
            "a series id of more than 1000 bytes",
            "give the series shorter ids; ‹id-column› names another column",
        )),
        Ok(text) => Ok(text),
    }
}

/// Rejects rows that do not fit into memory: raw, grouped, imputed and scaled values, and a row's time, place and order.
pub(super) fn check_memory(rows: usize, columns: usize, file: Place) -> Result<()> {
    take((rows as u64).saturating_mul(33 * columns as u64 + 72), file, || {
        format!("{} of {}", counted(rows, "row"), counted(columns, "column"))
    })
}
