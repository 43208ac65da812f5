//! A table's text → typed rows.

use super::apart;
use super::cells::{Cells, sentinel_notice};
use super::count::counted;
use super::frame::{Frame, Ids, Provenance, check_memory};
use super::levels;
use super::marks::FileMarks;
use super::options::DataOptions;
use super::roles::{CATEGORICAL, Roles};
use super::spelling::{self, Spelled};
use super::table::CsvTable;
use super::text::{delimiter_word, list, parse_list};
use super::time_column::TimeColumn;
use super::weights::{self, WEIGHT};
use super::writing::Writing;
use crate::error::{Error, Result, Text};

/// Columns that hold ids of series, unless an option names another one.
const ID_NAMES: [&str; 2] = ["unique_id", "item_id"];

/// Chooses the columns and reads them: everything about the rows, and the value columns with NaN where missing.
///
/// # Errors
/// A column that is named but not there, a cell that cannot be read as what its column holds.
pub(super) fn read<'a>(
    table: &'a CsvTable,
    marks: FileMarks,
    (options, trained): (&DataOptions, &Writing),
    notices: &mut Vec<Text>,
) -> Result<(Frame<'a>, Vec<Vec<f64>>)> {
    let choose = |cells: &Cells, taken: &[usize]| {
        Roles::choose(&table.header, |column| cells.kind(column), |column| cells.example(column), options, taken)
    };
    read_columns(table, marks, (options, trained), choose, notices)
}

/// The same of the columns that `choose` takes, beside those of the time and the id.
///
/// # Errors
/// As [`read`].
pub(super) fn read_columns<'a>(
    table: &'a CsvTable,
    marks: FileMarks,
    (options, trained): (&DataOptions, &Writing),
    choose: impl FnOnce(&Cells, &[usize]) -> Result<Roles>,
    notices: &mut Vec<Text>,
) -> Result<(Frame<'a>, Vec<Vec<f64>>)> {
    let missing = options.missing_values.as_deref().unwrap_or_default();
    let cells = Cells::new(table, missing, marks).with_flags(&trained.flags);
    table_notices(table, marks, notices);
    let id = id_columns(table, options)?;
    let TimeColumn { columns: time, times } = TimeColumn::read(table, &cells, options, trained)?;
    notices.push(times.notice());
    let taken = [&time[..], &id[..]].concat();
    let roles = choose(&cells, &taken)?;
    let (columns, positions) = (roles.columns(&table.header), roles.positions());
    check_memory(table.rows(), positions.len(), table.header.place())?;
    let (mut values, mut spelled) = (Vec::with_capacity(positions.len()), Vec::new());
    let mut levels = Vec::new();
    for (column, key) in roles.chosen() {
        if key == CATEGORICAL {
            let (codes, own) = levels::of_cells(&cells, column)?;
            levels.push(own);
            values.push(codes);
            continue;
        }
        let (numbers, how) = cells.numbers(column, key)?;
        notices.extend(sentinel_notice(&table.header.name(column), &numbers));
        spelled.push((table.header.name(column), how));
        values.push(numbers);
    }
    let mut weights = Vec::new();
    if let Some(column) = roles.weight {
        let (numbers, how) = cells.numbers(column, WEIGHT)?;
        spelled.push((table.header.name(column), how));
        weights = numbers;
        weights::check(&weights, &values[..columns.targets()], |row| table.place(row, column))?;
    }
    notices.extend(roles.notices);
    notices.extend(spelling::notices(&spelled));
    let one = |(name, how): &(String, Vec<Spelled>)| Some((name.clone(), how.iter().find_map(|how| how.one)?.into()));
    let flags = spelled.iter().filter_map(one).collect();
    let thousands = spelled.iter().flat_map(|(_, how)| how).find_map(Spelled::thousands);
    let ids = ids(table, &id)?;
    notices.extend(ids.alike());
    if !ids.rise(&times) {
        apart::check(table, &cells, &times, &id, &[&time[..], &roles.targets].concat())?;
    }
    let provenance = Provenance::Text { table, time, values: positions };
    Ok((Frame { provenance, columns, times, ids, thousands, flags, levels, weights, order: None }, values))
}

/// How the text is written.
pub(super) fn table_notices(table: &CsvTable, marks: FileMarks, notices: &mut Vec<Text>) {
    let decimal = marks.marks.decimal;
    let trained = if marks.trained && !marks.told { ", as in training" } else { "" };
    if let Some(delimiter) = table.delimiter.map(delimiter_word) {
        notices.push(format!("delimiter `{delimiter}`, decimal mark `{decimal}`{trained}").into());
    }
    if table.delimiter.is_none() && marks.told {
        notices.push(format!("decimal mark `{decimal}` in columns of text").into());
    }
    notices.extend(table.encoding_notice.iter().map(|line| line.as_str().into()));
    if table.empty_rows > 0 {
        notices.push(format!("{} skipped", counted(table.empty_rows, "empty row")).into());
    }
}

/// The columns whose cells identify a series; none if there is one series.
pub(super) fn id_columns(table: &CsvTable, options: &DataOptions) -> Result<Vec<usize>> {
    let header = &table.header;
    let Some(text) = &options.id_column else {
        let found = ID_NAMES.iter().find_map(|name| header.find(name, "id-column").transpose()).transpose()?;
        return Ok(found.into_iter().collect());
    };
    if let Some(column) = header.find(text, "id-column")? {
        return Ok(vec![column]);
    }
    let names = match text.contains([',', '"']) {
        true => parse_list(text),
        false => text.split('+').map(|name| name.trim().to_string()).collect(),
    };
    let columns: Vec<usize> = names.iter().map(|name| header.expect(name, "id-column")).collect::<Result<_>>()?;
    match (1..columns.len()).find(|i| columns[..*i].contains(&columns[*i])) {
        Some(i) => Err(Error::config("id-column", format!("column `{}` is named twice", names[i]), "name it once")),
        None => Ok(columns),
    }
}

/// The series of each row, by these columns.
///
/// # Errors
/// A cell that is no id.
pub(super) fn ids(table: &CsvTable, columns: &[usize]) -> Result<Ids> {
    let Some(first) = columns.first() else { return Ok(Ids::none(table.rows())) };
    let parts = (0..table.rows()).map(|row| columns.iter().map(move |column| table.whole_cell(row, *column)));
    Ids::joined(ids_called(table, columns), parts, |row| table.place(row, *first))
}

/// Columns of ids as the option takes them.
pub(super) fn ids_called(table: &CsvTable, columns: &[usize]) -> String {
    let names: Vec<String> = columns.iter().map(|column| table.header.name(*column)).collect();
    let joined = names.join("+");
    // A name may hold marks itself, or be what others make together.
    let marked = names.iter().any(|name| name.contains(['+', ',', '"'])) || table.header.names.contains(&joined);
    if names.len() > 1 && marked { list(&names) } else { joined }
}
