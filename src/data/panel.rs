//! Panels of typed series.

use super::columns::{Column, Columns, Role, target_notice};
use super::dataset::Dataset;
use super::frame::Ids;
use super::header::Header;
use super::options::DataOptions;
use super::split::of_series;
use super::time::{TimeKind, Timestamp, label};
use super::time_form::TimeForm;
use super::times::Times;
use super::typed::{ID, TIME, Typed, fingerprint, mark_missing, place};
use super::weights::WEIGHT;
use crate::error::{Error, Place, Result, Text};

/// Typed series with the same columns, in place of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What [`Dataset::name`] and messages call it.
    pub name: String,
    /// What the times of all series count.
    pub time_kind: TimeKind,
    /// The columns of every series. Calendar columns are not among them: they are computed from the times.
    pub columns: Vec<Column>,
    /// One series, or several with ids.
    pub series: Vec<TimeSeries>,
}

/// A series of a [`Panel`].
#[derive(Debug, Clone, PartialEq)]
pub struct TimeSeries {
    /// Which series it is; empty for the only series of a panel without ids.
    pub id: String,
    /// A time per row. They rise.
    pub times: Vec<Timestamp>,
    /// `[columns][rows]`, columns in the order of [`Panel::columns`], in the data's units; NaN where missing.
    pub values: Vec<Vec<f64>>,
}

impl DataOptions {
    /// As [`DataOptions::load`], from typed series in place of a file: the same stages follow, and the data set is, bit by bit,
    /// the one that a CSV file of the same rows gives. In messages the panel's name stands for the file, and line n + 1 for the
    /// n-th row, series after series. Options that choose columns or say how text is read have no effect.
    ///
    /// [`Dataset::fingerprint`] is that of a CSV file with a column `unique_id` if there are ids, a column `ds`, and the
    /// panel's. Loading [`Dataset::resolved`] looks for such a file under the panel's name.
    ///
    /// ```
    /// use microglia::data::{Column, DataOptions, Panel, TimeKind, TimeSeries, Timestamp};
    ///
    /// # fn main() -> microglia::Result<()> {
    /// let hours = 0..200;
    /// let wave = TimeSeries {
    ///     id: String::new(),
    ///     times: hours.clone().map(|hour| Timestamp { instant: hour * 3_600_000_000, offset: 0 }).collect(),
    ///     values: vec![hours.map(|hour| (hour as f64 / 4.0).sin()).collect()],
    /// };
    /// let panel = Panel {
    ///     name: "wave".into(),
    ///     time_kind: TimeKind::Clock { zoned: true },
    ///     columns: vec![Column::target("y")],
    ///     series: vec![wave],
    /// };
    /// let dataset = DataOptions { lookback: Some(12), ..DataOptions::default() }.load_panel(&panel)?;
    /// assert_eq!((dataset.rows(), dataset.targets(), dataset.season), (200, 1, 24));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Data`] if the panel has no target, a calendar column, a column without a name of its own, two series of one id,
    /// a series without rows, values of another length than the times, or times that are none of its kind; and those of
    /// [`DataOptions::load`].
    pub fn load_panel(&self, panel: &Panel) -> Result<Dataset> {
        self.check()?;
        let Panel { name, time_kind: kind, columns, series } = panel;
        let has_ids = series.len() > 1 || series.iter().any(|one| !one.id.is_empty());
        panel.check_columns(has_ids)?;
        if series.is_empty() {
            return Err(panel.error("no rows", "give one series or more"));
        }
        series.iter().try_for_each(|one| panel.check_series(one))?;

        let stamps: Vec<Timestamp> = series.iter().flat_map(|one| &one.times).copied().collect();
        let id_of_row: Vec<&str> = series.iter().flat_map(|one| one.times.iter().map(|_| one.id.as_str())).collect();
        let mut values: Vec<Vec<f64>> = (0..columns.len())
            .map(|column| series.iter().flat_map(|one| &one.values[column]).copied().collect())
            .collect();
        let fingerprint = fingerprint(
            name,
            columns.iter().map(|column| column.name.as_str()),
            has_ids.then_some(&id_of_row[..]),
            stamps.iter().map(|time| label(*kind, *time, false)),
            &values,
        )?;
        let ids = match has_ids {
            false => Ids::none(stamps.len()),
            true => {
                let id_place = |row| Place { column: Some(ID.into()), ..place(name, row) };
                Ids::read(ID.into(), id_of_row.iter().map(|id| id.as_bytes()), id_place)?
            }
        };
        if ids.names.len() < series.len() {
            return Err(Error::data(Place::of(name), "two series have one id", "give every series an id of its own"));
        }
        mark_missing(&mut values, self);
        let mut columns = columns.clone();
        let mut weights = Vec::new();
        if let Some(name) = &self.weight {
            let is_weight = |column: &Column| column.name == *name && column.role == Role::PastCovariate;
            let Some(place) = columns.iter().position(is_weight) else {
                let problem = format!("no past covariate is called `{name}`");
                return Err(Error::config(WEIGHT, problem, "give the weights as a past covariate of that name"));
            };
            columns.remove(place);
            weights = values.remove(place);
        }
        let mut by_role: Vec<(Role, Vec<f64>)> = columns.iter().map(|column| column.role).zip(values).collect();
        by_role.sort_by_key(|(role, _)| *role);
        let columns = Columns::new(columns);
        let reading = if *kind == TimeKind::RowNumbers { "row numbers".into() } else { String::new() };
        let form = TimeForm::pandas(*kind, &stamps);
        let times = Times { name: TIME.into(), kind: *kind, stamps, day_first: None, reading, form, zone: None };
        let notices = vec![times.notice(), target_notice(columns.with_role(Role::Target))];
        let values = by_role.into_iter().map(|(_, values)| values).collect();
        let options = DataOptions { time_format: None, ..self.clone() };
        Typed { name, times, ids, columns, values, weights, fingerprint, notices }.dataset(&options)
    }
}

impl Panel {
    fn check_columns(&self, has_ids: bool) -> Result<()> {
        let names = self.columns.iter().map(|column| column.name.as_str());
        let names = has_ids.then_some(ID).into_iter().chain([TIME]).chain(names);
        let header = Header::read(&self.name, Some(1), names.map(str::as_bytes))?;
        for column in &self.columns {
            match column.role {
                Role::Target => header.expect(&column.name, "target").map(drop)?,
                Role::PastCovariate => header.expect(&column.name, "covariates").map(drop)?,
                Role::FutureCovariate => header.expect(&column.name, "future-covariates").map(drop)?,
                Role::StaticCovariate => header.expect(&column.name, "static-covariates").map(drop)?,
                Role::Category | Role::StaticCategory => header.expect(&column.name, "categorical").map(drop)?,
                Role::Calendar => {
                    let problem = format!("`{}` is given as a calendar column", column.name);
                    return Err(self.error(problem, "leave it out: calendar columns are computed from the times"));
                }
            }
        }
        if self.columns.iter().all(|column| column.role != Role::Target) {
            return Err(self.error("no column is a target", "give at least one column that is forecast"));
        }
        Ok(())
    }

    fn check_series(&self, one: &TimeSeries) -> Result<()> {
        let whose = of_series(&one.id);
        if one.times.is_empty() {
            return Err(self.error(format!("no rows{whose}"), "give every series rows, or leave it out"));
        }
        if one.values.len() != self.columns.len() || one.values.iter().any(|values| values.len() != one.times.len()) {
            let lengths: Vec<String> = one.values.iter().map(|values| values.len().to_string()).collect();
            let problem = format!(
                "{} times and {} columns{whose}, but values of these lengths: {}",
                one.times.len(),
                self.columns.len(),
                lengths.join(", ")
            );
            return Err(self.error(problem, "give every column a value for each time, NaN where it is missing"));
        }
        let Some(time) = one.times.iter().find(|time| !time.fits(self.time_kind)) else { return Ok(()) };
        let problem = format!("{time:?}{whose} is out of range");
        Err(self.error(
            problem,
            "row numbers have at most eight digits; other times lie within the years 1 to 9999; an offset is a number of whole \
             minutes, below 19 hours, and 0 where the times are not zoned",
        ))
    }

    fn error(&self, problem: impl Into<Text>, help: &str) -> Error {
        Error::data(Place::of(&self.name), problem, help)
    }
}
