//! Typed numbers, in place of a file's text: what rows and panels have in common.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::cells::{missing_numbers, not_finite, sentinel_notice};
use super::columns::Columns;
use super::dataset::Dataset;
use super::frame::{Frame, Ids, Provenance, check_memory, typed_line};
use super::levels;
use super::options::{DataOptions, Source};
use super::pipeline::{self, Input};
use super::times::Times;
use super::weights;
use crate::error::{Error, Place, Result, Text};

/// The names that typed data's columns of ids and times have.
pub(super) const ID: &str = "unique_id";
pub(super) const TIME: &str = "ds";

/// Rows of all series, in any order that keeps each series' own.
pub(super) struct Typed<'a> {
    /// What messages call it.
    pub name: &'a str,
    pub times: Times,
    pub ids: Ids,
    pub columns: Columns,
    /// The value columns in the order of `columns`, over all rows; NaN where missing.
    pub values: Vec<Vec<f64>>,
    /// Of the rows; empty if they have none.
    pub weights: Vec<f64>,
    pub fingerprint: String,
    /// What there is to report so far.
    pub notices: Vec<Text>,
}

impl Typed<'_> {
    /// Runs the stages that follow the reading of text.
    pub(super) fn dataset(self, options: &DataOptions) -> Result<Dataset> {
        let Typed { name, times, ids, columns, mut values, weights, fingerprint, mut notices } = self;
        check_memory(times.stamps.len(), columns.values(), Place::of(name))?;
        let mut levels = Vec::new();
        for column in columns.categories() {
            levels.push(levels::of_numbers(name, &columns.names()[column], &mut values[column])?);
        }
        for (column, values) in columns.names().iter().zip(&values) {
            if let Some(row) = values.iter().position(|value| !value.is_nan() && !(*value as f32).is_finite()) {
                let value = Some(values[row].to_string());
                let place = Place { column: Some(column.clone()), value, ..place(name, row) };
                return Err(not_finite(place));
            }
            notices.extend(sentinel_notice(column, values));
        }
        if !weights.is_empty() {
            let column = || options.weight.clone();
            let place =
                |row: usize| Place { column: column(), value: Some(weights[row].to_string()), ..place(name, row) };
            weights::check(&weights, &values[..columns.targets()], place)?;
        }
        // Those of the CSV file that would hold these rows.
        let options = DataOptions {
            source: Source::File(name.into()),
            delimiter: Some(','),
            decimal: Some('.'),
            ..options.clone()
        };
        let provenance = Provenance::Typed { name };
        let mut frame = Frame {
            provenance,
            columns,
            times,
            ids,
            thousands: None,
            flags: BTreeMap::new(),
            levels,
            weights,
            order: None,
        };
        frame.sort(&mut values, &options, &mut notices);
        pipeline::dataset(
            Input { name: name.into(), fingerprint, frame, values, closed: None, notices },
            &options,
            None,
        )
    }
}

/// A row, counted from 0, as a place.
pub(super) fn place(name: &str, row: usize) -> Place {
    Place { line: Some(typed_line(row)), ..Place::of(name) }
}

/// Makes NaN of numbers that mean "missing" by the option `missing-values`.
pub(super) fn mark_missing(values: &mut [Vec<f64>], options: &DataOptions) {
    let missing = missing_numbers(options.missing_values.as_deref().unwrap_or_default());
    if !missing.is_empty() {
        values.iter_mut().flatten().filter(|value| missing.contains(value)).for_each(|value| *value = f64::NAN);
    }
}

/// SHA-256, in hex, of the CSV file that would hold these rows: the ids if there are any, the times, and the values, with
/// empty cells where they are missing.
pub(super) fn fingerprint<'a>(
    name: &str,
    columns: impl Iterator<Item = &'a str>,
    ids: Option<&[impl AsRef<str>]>,
    times: impl Iterator<Item = String>,
    values: &[Vec<f64>],
) -> Result<String> {
    let failed = |error: String| Error::data(Place::of(name), error, "give other rows");
    let mut writer = csv::Writer::from_writer(Hash(Sha256::new()));
    let header: Vec<&str> = ids.map(|_| ID).into_iter().chain([TIME]).chain(columns).collect();
    writer.write_record(header).map_err(|error| failed(error.to_string()))?;
    for (row, time) in times.enumerate() {
        // Numbers are written so that reading them gives the same bits.
        let number = |value: f64| if value.is_nan() { String::new() } else { value.to_string() };
        let values = values.iter().map(|column| number(column[row]));
        let record = ids.map(|ids| ids[row].as_ref().to_string()).into_iter().chain([time]).chain(values);
        writer.write_record(record.collect::<Vec<_>>()).map_err(|error| failed(error.to_string()))?;
    }
    let Hash(hash) = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A writer that keeps only the hash of what is written.
struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
