//! Which columns tell the series of a table apart.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::cells::{Cells, Kind};
use super::table::CsvTable;
use super::text::list;
use super::times::Times;
use crate::error::{Error, Result};

/// Most columns that are tried as ids.
const MOST_TRIED: usize = 12;

/// Rejects a table without ids in which times occur twice, if one or two columns tell the rows of a time apart. `taken` are
/// the columns of times and targets.
///
/// # Errors
/// Names the columns.
pub(super) fn check(table: &CsvTable, cells: &Cells, times: &Times, taken: &[usize]) -> Result<()> {
    let mut seen = HashSet::new();
    let Some(row) = times.stamps.iter().position(|stamp| !seen.insert(stamp.instant)) else { return Ok(()) };
    let distinct = |columns: &[usize], with_time: bool| {
        let hasher = RandomState::new();
        let key = |row: usize| {
            let cells: Vec<&[u8]> = columns.iter().map(|column| table.cell(row, *column)).collect();
            hasher.hash_one((with_time.then(|| times.stamps[row].instant), cells))
        };
        (0..table.rows()).map(key).collect::<HashSet<u64>>().len()
    };
    // Ids are texts or whole numbers that occur again and again.
    let whole = |column: usize| (0..table.rows()).all(|row| table.cell(row, column).iter().all(u8::is_ascii_digit));
    let is_id = |column: &usize| {
        !taken.contains(column)
            && !table.header.names[*column].is_empty()
            && (cells.kind(*column) == Kind::Text || whole(*column))
            && (2..=table.rows() / 2).contains(&distinct(&[*column], false))
    };
    let columns: Vec<usize> = (0..table.columns()).filter(is_id).take(MOST_TRIED).collect();
    let pairs = columns.iter().enumerate().flat_map(|(i, a)| columns[i + 1..].iter().map(move |b| vec![*a, *b]));
    let tried = columns.iter().map(|column| vec![*column]).chain(pairs);
    let Some(ids) = tried.into_iter().find(|columns| distinct(columns, true) == table.rows()) else { return Ok(()) };
    let names: Vec<String> = ids.iter().map(|column| table.header.name(*column)).collect();
    let these = if ids.len() == 1 { "this column tells" } else { "these columns tell" };
    Err(Error::data(
        table.place(row, ids[0]),
        format!("the time is that of another row, and no ‹id-column› is named: {these} the rows apart"),
        format!("‹id-column {}›", list(&names).replace(", ", ",")),
    ))
}
