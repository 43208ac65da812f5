//! Rows that a program has at hand, in place of a file's.

use std::fmt::Display;

use super::dataset::Dataset;
use super::options::{DataOptions, Source};
use crate::error::{Error, Place, Result};

/// A row of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<T> {
    /// Which series of a panel it belongs to; `None` in every row where there is one.
    pub series: Option<String>,
    /// A number, or as text, as a file would write it: `2024-01-31`, `2024-01-31 06:00`, `2024-01-31T06:00Z`.
    pub time: T,
    /// A value per column, in the data's own units; NaN where missing.
    pub values: Vec<f64>,
}

impl<T> Row<T> {
    /// Of the only series.
    pub fn new(time: T, values: impl Into<Vec<f64>>) -> Self {
        Row { series: None, time, values: values.into() }
    }

    /// Of one series of a panel.
    pub fn of(series: impl Into<String>, time: T, values: impl Into<Vec<f64>>) -> Self {
        Row { series: Some(series.into()), time, values: values.into() }
    }
}

/// The names that [`DataOptions::load_rows`] gives the columns of series and times.
const ID: &str = "unique_id";
const TIME: &str = "ds";

impl DataOptions {
    /// As [`DataOptions::load`], from rows in place of a file: what is checked, filled and refused, and every message, is
    /// the same. `columns` names the values of each row. In messages `name` stands for the file, line 1 for `columns`, and
    /// line n + 1 for the n-th row. Options of delimiters, decimal marks and the two columns' names are not asked.
    ///
    /// Loading [`Dataset::resolved`] looks for a file called `name`: a source that comes back must be given rows again.
    ///
    /// # Errors
    /// [`Error::Data`] where a row has another number of values than `columns`, names a series where the first does not,
    /// or the other way round; and those of [`DataOptions::load`].
    pub fn load_rows<T: Display>(
        &self,
        name: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = Row<T>>,
    ) -> Result<Dataset> {
        let mut rows = rows.into_iter().peekable();
        let panel = rows.peek().is_some_and(|row| row.series.is_some());
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |line: u64, cells: &[String]| {
            let place = Place { line: Some(line), ..Place::of(name) };
            writer.write_record(cells).map_err(|error| Error::data(place, error.to_string(), "give other rows"))
        };
        let named = columns.iter().map(|column| column.to_string());
        write(1, &panel.then(|| ID.to_string()).into_iter().chain([TIME.into()]).chain(named).collect::<Vec<_>>())?;
        for (line, row) in (2..).zip(rows) {
            let refuse = |problem: String, help: &str| {
                Err(Error::data(Place { line: Some(line), ..Place::of(name) }, problem, help))
            };
            if row.values.len() != columns.len() {
                let problem = format!("{} values, where {} columns are named", row.values.len(), columns.len());
                return refuse(problem, "give every row a value for each column, NaN where it is missing");
            }
            if row.series.is_some() != panel {
                return refuse("some rows name their series, and some do not".into(), "name it in all rows or in none");
            }
            // Written so that the same number is read back, to the last bit.
            let values = row.values.iter().map(|value| if value.is_nan() { String::new() } else { value.to_string() });
            write(line, &row.series.into_iter().chain([row.time.to_string()]).chain(values).collect::<Vec<_>>())?;
        }
        let bytes = writer
            .into_inner()
            .map_err(|error| Error::data(Place::of(name), error.to_string(), "give fewer rows at a time"))?;
        let options = DataOptions {
            source: Source::File(name.into()),
            time_column: Some(TIME.into()),
            id_column: panel.then(|| ID.into()),
            delimiter: Some(','),
            decimal: Some('.'),
            ..self.clone()
        };
        options.load_bytes(name, name, &bytes)
    }
}
