//! A file of what is known of rows to come: the future covariates of each series, by time.

use std::collections::HashMap;

use super::ahead::Cutoff;
use super::cells::Cells;
use super::columns::Role;
use super::count::{counted, few, grouped};
use super::dataset::Dataset;
use super::fitted::Fitted;
use super::frame::Provenance;
use super::future::ToCome;
use super::header::listed;
use super::load::table;
use super::marks::FileMarks;
use super::options::{DataOptions, Source};
use super::reading::{id_columns, read_columns};
use super::roles::Roles;
use super::series::group;
use super::source;
use super::writing::Writing;
use super::zone;
use crate::error::{Error, Place, Result, Text};

impl Dataset {
    /// Takes the future covariates of rows to come from a file with the data's columns of times and ids. They count before those
    /// that the data has. Returns lines about what was read, and about what was not needed.
    ///
    /// # Errors
    /// Data without future covariates; a file that lacks a column, or cannot be read as the data was; no id in common.
    pub fn read_plan(&mut self, path: &Source, fitted: &Fitted) -> Result<Vec<Text>> {
        let names = self.columns.with_role(Role::FutureCovariate).to_vec();
        if names.is_empty() {
            let problem = "the model was trained without future covariates";
            return Err(Error::config("future", problem, "leave it out, or train with ‹future-covariates›"));
        }
        let (file, source) = match path {
            Source::Embedded => {
                return Err(Error::config("future", "the embedded data is no plan", "name a file"));
            }
            Source::File(path) => (source::label(path), Err(path)),
            Source::Frame(frame) => (frame.label().into(), Ok(frame)),
        };
        // It may be written otherwise than the data.
        let options = DataOptions {
            time_column: self.resolved.time_column.clone(),
            id_column: self.id_column.clone(),
            delimiter: None,
            decimal: None,
            thousands: None,
            time_format: None,
            skip_rows: None,
            ..self.resolved.clone()
        };
        let table = match source {
            Ok(frame) => frame.table(&options)?,
            Err(path) => {
                let bytes = source::read(path, "‹future› takes a data file that can be read")?;
                table(&file, bytes.into(), &options)?.0
            }
        };
        // What it leaves open is as in the data, whose marks the options may name.
        let ours = Writing {
            decimal: self.resolved.decimal.or(fitted.writing.decimal),
            thousands: self.thousands.or(fitted.writing.thousands),
            ..fitted.writing.clone()
        };
        let marks = FileMarks::of(&table, None, None, &ours)?;
        let mut told = Vec::new();
        let choose = |_: &Cells, _: &[usize]| Roles::plan(&table.header, &names);
        let (mut frame, mut values) = read_columns(&table, marks, (&options, &fitted.writing), choose, &mut told)?;
        let mut read = id_columns(&table, &options)?;
        if let Provenance::Text { time, values, .. } = &frame.provenance {
            read.extend(time.iter().chain(values));
        }
        frame.sort(&mut values, &options, &mut told);
        if let Some(name) = &options.timezone {
            zone::settle(&mut frame, zone::named(name)?, &mut told)?;
        }
        let mut planned: HashMap<String, ToCome> = group(&frame, values)?
            .into_iter()
            .map(|one| (one.id.clone(), ToCome::of(&frame, &one, 0, 0..names.len())))
            .collect();
        let rows: usize = planned.values().map(ToCome::len).sum();
        for series in &mut self.series {
            if let Some(known) = planned.remove(&series.id) {
                series.to_come.extend(known);
            }
        }
        let mut unknown: Vec<&String> = planned.keys().collect();
        unknown.sort();
        if unknown.len() == frame.ids.names.len() {
            let ours = few(self.series.len(), self.series.iter().map(|one| format!("`{}`", one.id)));
            let theirs = few(unknown.len(), unknown.iter().map(|id| format!("`{id}`")));
            let problem = format!("holds series {theirs}, and the data {ours}");
            return Err(Error::data(Place::of(&file), problem, "give the ids as the data has them"));
        }
        let mut lines: Vec<Text> = told.into_iter().map(|line| Text::from(format!("{file}: ")).and(line)).collect();
        lines.push(format!("{file}: {} of {}", listed(&names), counted(rows, "row")).into());
        let others: Vec<usize> = (0..table.header.columns()).filter(|column| !read.contains(column)).collect();
        if !others.is_empty() {
            lines.push(format!("{file}: columns that are not needed: {}", table.header.listed(others)).into());
        }
        if !unknown.is_empty() {
            let names = few(unknown.len(), unknown.iter().map(|id| format!("`{id}`")));
            lines.push(
                format!("{file}: not needed: {} series that are not forecast: {names}", grouped(unknown.len())).into(),
            );
        }
        Ok(lines)
    }

    /// How many of the times to come that are known lie outside a data set of windows ahead of these cutoffs.
    pub fn known_beyond(&self, ahead: &Dataset, cutoffs: &[Cutoff]) -> usize {
        let unused = |(window, cutoff): (usize, &Cutoff)| {
            let known = &self.series[cutoff.series].to_come;
            let (_, times) = ahead.seen_and_to_come(window);
            known.len() - times.iter().filter(|time| known.at(**time).is_some()).count()
        };
        cutoffs.iter().enumerate().map(unused).sum()
    }
}
