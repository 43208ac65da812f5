//! Names of columns, and how options name them.

use std::collections::{BTreeMap, HashMap};

use super::count::grouped;
use super::text::list;
use crate::error::{Error, Place, Result};

/// Longest name of a column, in bytes; longer ones are data without a header.
const LONGEST_NAME: usize = 1000;
/// Most columns that a message lists.
const MOST_LISTED: usize = 40;

/// The names of all columns, in their order.
pub(crate) struct Header {
    /// The file's name in messages.
    pub file: String,
    /// Its line, from 1; `None` in a file of typed columns, which has no lines.
    pub line: Option<u64>,
    /// Trimmed, line breaks and other control characters made blanks; empty for an unnamed column.
    pub names: Vec<String>,
    /// Whether no other column has this name; else it is called by its position.
    own_name: Vec<bool>,
    /// Columns of what is neither number, text nor time, with what they hold: no option takes them.
    pub opaque: BTreeMap<usize, &'static str>,
}

impl Header {
    /// # Errors
    /// A name of more than 1000 bytes.
    pub(super) fn read<'a>(file: &str, line: Option<u64>, cells: impl IntoIterator<Item = &'a [u8]>) -> Result<Header> {
        let clean = |cell| String::from_utf8_lossy(cell).replace(char::is_control, " ").trim().to_string();
        let names: Vec<String> = cells.into_iter().map(clean).collect();
        if let Some(column) = names.iter().position(|name| name.len() > LONGEST_NAME) {
            let problem = format!("column #{} has a name of {} bytes", column + 1, names[column].len());
            let help = format!("names have {LONGEST_NAME} bytes at most: put a header line above the rows");
            return Err(Error::data(Place { line, ..Place::of(file) }, problem, help));
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        names.iter().for_each(|name| *counts.entry(name).or_default() += 1);
        let own_name = names.iter().map(|name| !name.is_empty() && counts[name.as_str()] == 1).collect();
        Ok(Header { file: file.into(), line, own_name, names, opaque: BTreeMap::new() })
    }

    pub(super) fn columns(&self) -> usize {
        self.names.len()
    }

    /// What options call a column: its name, or its position, as in `#3`, if it has no name of its own.
    pub(super) fn name(&self, column: usize) -> String {
        if self.own_name[column] { self.names[column].clone() } else { format!("#{}", column + 1) }
    }

    /// Finds a column by its exact name, or by position (from 1). A name that several columns have is rejected, and so is a
    /// column that no option takes; `key` is the option that is meant.
    pub(super) fn find(&self, name: &str, key: &str) -> Result<Option<usize>> {
        let position = || name.strip_prefix('#')?.parse::<usize>().ok()?.checked_sub(1).filter(|i| *i < self.columns());
        let mut found = (0..self.columns()).filter(|column| !name.is_empty() && self.names[*column] == name);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => {
                let problem = format!("columns #{} and #{} have one name", first + 1, second + 1);
                let help = format!("‹{key}› takes a position, as in #{}; or rename one in the header line", first + 1);
                let place = Place { column: Some(name.into()), ..self.at() };
                Err(Error::data(place, problem, help))
            }
            (first, _) => match first.or_else(position) {
                Some(column) if self.opaque.contains_key(&column) => {
                    let place = Place { column: Some(self.name(column)), ..self.place() };
                    let help = format!("‹{key}› takes another column; or write it as numbers, texts or times");
                    Err(Error::data(place, format!("the column holds {}", self.opaque[&column]), help))
                }
                found => Ok(found),
            },
        }
    }

    /// As [`Header::find`]; an unknown name is rejected with the list of columns.
    pub(super) fn expect(&self, name: &str, key: &str) -> Result<usize> {
        self.find(name, key)?.ok_or_else(|| {
            let help = format!("‹{key}› takes one of: {}; or a position, as in #1", self.listed(0..self.columns()));
            Error::data(self.place(), format!("no column `{name}`"), help)
        })
    }

    /// Columns by name, as an option takes them; of many, the first.
    pub(super) fn listed(&self, columns: impl IntoIterator<Item = usize>) -> String {
        listed(&columns.into_iter().map(|column| self.name(column)).collect::<Vec<_>>())
    }

    /// The header's line as a place.
    pub(super) fn at(&self) -> Place {
        Place { line: self.line, ..self.place() }
    }

    /// The file as a place.
    pub(super) fn place(&self) -> Place {
        Place::of(&self.file)
    }
}

/// Names as an option takes them; of many, the first.
pub(super) fn listed(names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(MOST_LISTED));
    if more.is_empty() { list(shown) } else { format!("{}, and {} more", list(shown), grouped(more.len())) }
}
