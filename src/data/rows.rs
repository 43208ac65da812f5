//! Rows from an iterator, in place of a file's.

use std::fmt::Display;

use super::cells::{Cells, Kind};
use super::dataset::Dataset;
use super::frame::{Ids, typed_line};
use super::header::Header;
use super::marks::FileMarks;
use super::options::DataOptions;
use super::roles::Roles;
use super::table::CsvTable;
use super::time_column::TimeColumn;
use super::typed::{ID, TIME, Typed, fingerprint, mark_missing, place};
use super::writing::Writing;
use crate::error::{Error, Place, Result};

/// A row of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<T> {
    /// Which series of a panel it belongs to; `None` in every row if there is one series.
    pub series: Option<String>,
    /// A number, or a text as a file has it: `2024-01-31`, `2024-01-31 06:00`, `2024-01-31T06:00Z`.
    pub time: T,
    /// A value per column, in the data's units; NaN where missing.
    pub values: Vec<f64>,
}

impl<T> Row<T> {
    /// A row of the only series.
    #[must_use]
    pub fn new(time: T, values: impl Into<Vec<f64>>) -> Self {
        Row { series: None, time, values: values.into() }
    }

    /// A row of one series of a panel.
    #[must_use]
    pub fn of(series: impl Into<String>, time: T, values: impl Into<Vec<f64>>) -> Self {
        Row { series: Some(series.into()), time, values: values.into() }
    }
}

impl DataOptions {
    /// As [`DataOptions::load`], from rows in place of a file: what is checked, filled and rejected, and every message, is
    /// the same. `columns` names the values of each row. In messages `name` stands for the file, line 1 for `columns`, and
    /// line n + 1 for the n-th row. Options of text (delimiter, marks, lines above the header, layout) and of
    /// the two columns' names have no effect. If times
    /// are [`Timestamp`](super::Timestamp)s, see [`DataOptions::load_panel`].
    ///
    /// Loading [`Dataset::resolved`] looks for a file called `name`.
    ///
    /// # Errors
    /// [`Error::Data`] if a row has another number of values than `columns`, or names a series and the first does not, or the
    /// other way round; and those of [`DataOptions::load`].
    pub fn load_rows<T: Display>(
        &self,
        name: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = Row<T>>,
    ) -> Result<Dataset> {
        let options = DataOptions {
            time_column: Some(TIME.into()),
            id_column: None,
            delimiter: None,
            decimal: None,
            thousands: None,
            skip_rows: None,
            layout: None,
            ..self.clone()
        };
        options.check()?;
        let Collected { panel, ids, times, mut values } = Collected::of(name, columns, rows)?;

        let header = panel.then_some(ID).into_iter().chain([TIME]).chain(columns.iter().copied());
        let header = Header::read(name, Some(1), header.map(str::as_bytes))?;
        let id = panel.then(|| header.expect(ID, "id-column")).transpose()?;
        let taken: Vec<usize> = [header.expect(TIME, "time-column")?].into_iter().chain(id).collect();
        let fingerprint =
            fingerprint(name, columns.iter().copied(), panel.then_some(&ids[..]), times.iter().cloned(), &values)?;
        let table = CsvTable::column(name, TIME, &times, typed_line)?;
        let words = options.missing_values.as_deref().unwrap_or_default();
        let TimeColumn { times, .. } =
            TimeColumn::read(&table, &Cells::new(&table, words, FileMarks::plain()), &options, &Writing::default())?;
        let mut notices = vec![times.notice()];

        mark_missing(&mut values, &options);
        let kind = |column: usize| match values[column - taken.len()].iter().all(|value| value.is_nan()) {
            true => Kind::Empty,
            false => Kind::Numeric,
        };
        let roles = Roles::choose(&header, kind, |_| None, &options, &taken)?;
        if let Some(column) = roles.positions().into_iter().find(|column| taken.contains(column)) {
            let problem = format!("`{}` holds no values", header.name(column));
            return Err(Error::data(header.place(), problem, "choose other columns as ‹target› and ‹covariates›"));
        }
        let weights = roles.weight.map(|column| values[column - taken.len()].clone()).unwrap_or_default();
        let values = roles.positions().into_iter().map(|column| std::mem::take(&mut values[column - taken.len()]));
        let values = values.collect();
        let columns = roles.columns(&header);
        notices.extend(roles.notices);
        let ids = match panel {
            false => Ids::none(times.stamps.len()),
            true => {
                let id_place = |row| Place { column: Some(ID.into()), ..place(name, row) };
                Ids::read(ID.into(), ids.iter().map(String::as_bytes), id_place)?
            }
        };
        Typed { name, times, ids, columns, values, weights, fingerprint, notices }.dataset(&options)
    }
}

/// The rows of an iterator, by column.
struct Collected {
    /// Whether the rows name their series.
    panel: bool,
    /// Of each row, if they do.
    ids: Vec<String>,
    times: Vec<String>,
    values: Vec<Vec<f64>>,
}

impl Collected {
    fn of<T: Display>(name: &str, columns: &[&str], rows: impl IntoIterator<Item = Row<T>>) -> Result<Collected> {
        let mut rows = rows.into_iter().peekable();
        let panel = rows.peek().is_some_and(|row| row.series.is_some());
        let mut all = Collected { panel, ids: Vec::new(), times: Vec::new(), values: vec![Vec::new(); columns.len()] };
        for row in rows {
            let reject = |problem: String, help: &str| Err(Error::data(place(name, all.times.len()), problem, help));
            if row.values.len() != columns.len() {
                let problem = format!("{} values, but {} columns are named", row.values.len(), columns.len());
                return reject(problem, "give every row a value for each column, NaN where it is missing");
            }
            if row.series.is_some() != panel {
                return reject("some rows name their series, and some do not".into(), "name it in all rows or in none");
            }
            all.ids.extend(row.series);
            all.times.push(row.time.to_string());
            all.values.iter_mut().zip(row.values).for_each(|(column, value)| column.push(value));
        }
        if all.times.is_empty() {
            return Err(Error::data(Place::of(name), "no rows", "give one row or more"));
        }
        Ok(all)
    }
}
