//! A table's text → typed rows.

use super::cells::{Cells, sentinel_notice};
use super::count::counted;
use super::frame::{Frame, Ids, Provenance, check_memory};
use super::options::DataOptions;
use super::roles::Roles;
use super::table::CsvTable;
use super::text::delimiter_word;
use super::time_column::TimeColumn;
use crate::error::{Result, Text};

/// Columns that hold ids of series, unless an option names another one.
const ID_NAMES: [&str; 2] = ["unique_id", "item_id"];

/// Chooses the columns and reads them: everything about the rows, and the value columns with NaN where missing.
///
/// # Errors
/// A column that is named but not there, a cell that cannot be read as what its column holds.
pub(super) fn read<'a>(
    table: &'a CsvTable,
    decimal: char,
    options: &DataOptions,
    notices: &mut Vec<Text>,
) -> Result<(Frame<'a>, Vec<Vec<f64>>)> {
    let cells = Cells::new(table, options.missing_values.as_deref().unwrap_or_default(), decimal);
    notices.push(format!("delimiter `{}`, decimal mark `{decimal}`", delimiter_word(table.delimiter)).into());
    if table.empty_rows > 0 {
        notices.push(format!("{} skipped", counted(table.empty_rows, "empty row")).into());
    }
    let id = id_column(table, options)?;
    let TimeColumn { columns: time, times } = TimeColumn::read(table, &cells, options)?;
    notices.push(times.notice());
    let taken: Vec<usize> = time.iter().copied().chain(id).collect();
    let roles = Roles::choose(&table.header, |column| cells.kind(column), options, &taken)?;
    let (columns, positions) = (roles.columns(&table.header), roles.positions());
    check_memory(table.rows(), positions.len(), table.header.place())?;
    notices.extend(roles.notices);
    let targets = roles.targets.iter().map(|column| (*column, "target"));
    let mut values = Vec::with_capacity(positions.len());
    for (column, key) in targets.chain(roles.covariates.iter().map(|column| (*column, "covariates"))) {
        let numbers = cells.numbers(column, key)?;
        notices.extend(sentinel_notice(&table.header.name(column), &numbers));
        values.push(numbers);
    }
    let ids = match id {
        None => Ids::none(table.rows()),
        Some(column) => {
            let ids = (0..table.rows()).map(|row| table.cell(row, column));
            Ids::read(table.header.name(column), ids, |row| table.place(row, column))?
        }
    };
    let provenance = Provenance::Text { table, time, values: positions };
    Ok((Frame { provenance, columns, times, ids }, values))
}

fn id_column(table: &CsvTable, options: &DataOptions) -> Result<Option<usize>> {
    match &options.id_column {
        Some(name) => table.header.expect(name, "id-column").map(Some),
        None => ID_NAMES.iter().find_map(|name| table.header.find(name, "id-column").transpose()).transpose(),
    }
}
