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

/// Rejects a table in which a series has a time twice, if one or two columns, beside those of ids, tell such rows apart. `ids` are
/// the columns of ids, of which there may be none, and `taken` those of times and targets.
///
/// # Errors
/// Names the columns.
pub(super) fn check(table: &CsvTable, cells: &Cells, times: &Times, ids: &[usize], taken: &[usize]) -> Result<()> {
    let hasher = RandomState::new();
    let key = |row: usize, columns: &[usize], with_time: bool| {
        let cells = columns.iter().map(|column| table.cell(row, *column));
        hasher.hash_one((with_time.then(|| times.stamps[row].instant), cells.collect::<Vec<_>>()))
    };
    let mut seen = HashSet::new();
    let Some(row) = (0..table.rows()).find(|row| !seen.insert(key(*row, ids, true))) else { return Ok(()) };
    let distinct = |columns: &[usize], with_time: bool| {
        (0..table.rows()).map(|row| key(row, columns, with_time)).collect::<HashSet<u64>>().len()
    };
    // Ids are texts or whole numbers that occur again and again.
    let whole = |column: usize| (0..table.rows()).all(|row| table.cell(row, column).iter().all(u8::is_ascii_digit));
    let is_id = |column: &usize| {
        !taken.contains(column)
            && !ids.contains(column)
            && !table.header.names[*column].is_empty()
            && (cells.kind(*column) == Kind::Text || whole(*column))
            && (2..=table.rows() / 2).contains(&distinct(&[*column], false))
    };
    let columns: Vec<usize> = (0..table.columns()).filter(is_id).take(MOST_TRIED).collect();
    let pairs = columns.iter().enumerate().flat_map(|(i, a)| columns[i + 1..].iter().map(move |b| vec![*a, *b]));
    let tried = columns.iter().map(|column| vec![*column]).chain(pairs);
    let with = |more: &Vec<usize>| distinct(&[ids, more].concat(), true) == table.rows();
    let Some(more) = tried.into_iter().find(with) else { return Ok(()) };
    let these = if more.len() == 1 { "this column tells" } else { "these columns tell" };
    let names = |columns: &[usize]| -> Vec<String> {
        columns.iter().map(|column| list(&[table.header.name(*column)])).collect()
    };
    let without = match ids {
        [] => "no ‹id-column› is named".into(),
        ids => format!("{} alone is no ‹id-column›", names(ids).join(",")),
    };
    Err(Error::data(
        table.place(row, more[0]),
        format!("the time is that of another row, and {without}: {these} the rows apart"),
        format!("‹id-column {}›", names(&[ids, &more].concat()).join(",")),
    ))
}
