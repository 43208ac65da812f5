//! Windows whose targets lie after the data: the inputs of forecasts.

use std::collections::BTreeMap;

use super::columns::Role;
use super::count::{counted, grouped};
use super::dataset::{Dataset, Series};
use super::features;
use super::future::ToCome;
use super::header::listed;
use super::options::ShortSeries;
use super::origin::Start;
use super::short::LeftOut;
use super::split::{Parts, of_series};
use super::time::Timestamp;
use super::window::Prefix;
use crate::error::{Error, Result};

/// The last row that a forecast reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoff {
    /// Index of the series.
    pub series: usize,
    /// Global row.
    pub row: usize,
}

impl Dataset {
    /// The last row of each series that a forecast from `from` reads, and the series that cannot be forecast from there.
    ///
    /// # Errors
    /// [`Error::Config`] if `from` is no time of this data; if a series has too few rows before it, or one of the rows read has an
    /// input without a value, and [`ShortSeries::Error`] is asked for or no series can be forecast.
    pub fn cutoffs(&self, from: &Start) -> Result<(Vec<Cutoff>, Vec<LeftOut>)> {
        let from = &self.start(from)?.0;
        let instant = match from {
            Start::Time(text) => Some(self.instant(text)?),
            _ => None,
        };
        let strict = self.resolved.short_series == Some(ShortSeries::Error);
        let (mut cutoffs, mut left_out, mut first) = (Vec::new(), Vec::new(), None);
        for (index, series) in self.series.iter().enumerate() {
            match self.cutoff(series, from, instant) {
                Ok(row) => cutoffs.push(Cutoff { series: index, row }),
                Err(told) => {
                    let (why, error) = *told;
                    left_out.push(LeftOut { id: series.id.clone(), rows: series.trimmed + series.rows.len(), why });
                    first = first.or(Some(error));
                }
            }
        }
        match first.filter(|_| strict || cutoffs.is_empty()) {
            Some(error) => Err(error),
            None => Ok((cutoffs, left_out)),
        }
    }

    /// The last row of one series that a forecast reads; else why there is none, in a few words and as an error.
    fn cutoff(&self, series: &Series, from: &Start, instant: Option<i64>) -> Result<usize, Box<(String, Error)>> {
        let whose = of_series(&series.id).replace(" in ", " of ");
        let there = series.trimmed + series.rows.len();
        let seen = match from {
            Start::End => series.rows.len(),
            // Rows of the file, trimmed ones included.
            Start::Row(row) if *row > there => {
                let problem = format!("row {row}, but there are {there}{whose}");
                let help = "a smaller row, counted from 1; a time is written as in the data, or YYYY-MM-DD";
                let error = Error::config("origin", problem, help);
                return Err(Box::new((format!("has {}", counted(there, "row")), error)));
            }
            Start::Row(row) => row.saturating_sub(series.trimmed),
            Start::Time(_) | Start::Written(_) => {
                series.timestamps.partition_point(|stamp| Some(stamp.instant) <= instant)
            }
        };
        let needed = (self.lookback - self.padding).max(1);
        if seen < needed {
            let reads = counted(needed, "row");
            let problem = format!("the model reads {reads} before a forecast, and there are {seen}{whose}");
            let key = if *from == Start::End { "data" } else { "origin" };
            let why = format!("lacks {}", counted(needed - seen, "row"));
            return Err(Box::new((why, Error::config(key, problem, "give more rows before it"))));
        }
        let end = series.rows.start + seen;
        if self.unreadable.between(end - self.lookback, end) > 0 {
            let row = (end - self.lookback..end).find(|row| self.unreadable.between(*row, row + 1) > 0);
            let at = row.map_or_else(String::new, |row| format!(" at {}", self.time_label(row)));
            let problem =
                format!("a value is missing among the {} rows before the forecast{whose},{at}", self.lookback);
            let help = "‹impute ffill› uses the last seen value, ‹impute mean› the mean of the training rows";
            return Err(Box::new((format!("lacks a value{at}"), Error::config("impute", problem, help))));
        }
        Ok(end - 1)
    }

    /// The series that ended: by their calendars, their next row would not lie after the origin, or after the last row of all. They
    /// are named with their last times.
    ///
    /// # Errors
    /// [`Error::Config`] if the origin is no time of this data.
    pub fn ended(&self, from: &Start) -> Result<Vec<(usize, String)>> {
        let last = |series: &Series| series.timestamps.last().copied();
        let now = match &self.start(from)?.0 {
            Start::Row(_) => return Ok(Vec::new()),
            Start::End => self.series.iter().filter_map(last).map(|stamp| stamp.instant).max(),
            Start::Time(text) | Start::Written(text) => Some(self.instant(text)?),
        };
        let ended = |(index, series): (usize, &Series)| {
            let next = series.calendar.next(last(series)?, 1).ok()?.pop()?;
            (Some(next.instant) <= now).then(|| (index, self.written(series.rows.end - 1)))
        };
        Ok(self.series.iter().enumerate().filter_map(ended).collect())
    }

    /// Targets of series of several that ended: they have no value in the last `rows` rows before a forecast, while others have. They
    /// are series and target by index, with the time of their last value, if there is one.
    #[must_use]
    pub fn ended_targets(&self, cutoffs: &[Cutoff], rows: usize) -> Vec<(usize, usize, Option<String>)> {
        let targets = self.targets();
        let mut ended = Vec::new();
        for cutoff in cutoffs {
            let start = self.series[cutoff.series].rows.start;
            let last: Vec<Option<usize>> = (0..targets)
                .map(|target| (start..=cutoff.row).rev().find(|row| !self.raw_targets[row * targets + target].is_nan()))
                .collect();
            let has_ended = |last: &Option<usize>| last.is_none_or(|last| cutoff.row - last >= rows);
            if last.iter().all(has_ended) {
                continue;
            }
            let own = last.iter().enumerate().filter(|(_, last)| has_ended(last));
            ended.extend(own.map(|(target, last)| (cutoff.series, target, last.map(|row| self.written(row)))));
        }
        ended
    }

    /// A data set of one window per cutoff: its look-back's rows, then `rows` future rows, whose targets are unknown and whose
    /// times are those of the data's rows after the cutoff and to come, then those of the series' calendars, and whose future covariates are those that are known: of a
    /// plan, of the rows to come, or of the series' own rows after the cutoff. The windows are test windows.
    ///
    /// # Errors
    /// [`Error::Config`] if a time lies after the year 9999; [`Error::Data`] if a future covariate is not known for a row.
    pub fn ahead(&self, cutoffs: &[Cutoff], rows: usize) -> Result<Dataset> {
        let (channels, lookback, targets) = (self.channels(), self.lookback, self.targets());
        let (past, calendar) = (self.columns.future().start, self.columns.with_role(Role::Calendar));
        let length = lookback + rows;
        let (mut series, mut test) = (Vec::new(), Vec::new());
        let (mut values, mut observed, mut raw_targets, mut known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (place, cutoff) in cutoffs.iter().enumerate() {
            let one = &self.series[cutoff.series];
            let seen = cutoff.row + 1 - lookback..cutoff.row + 1;
            let last = one.timestamps[cutoff.row - one.rows.start];
            // Padding has no times.
            let padding = one.rows.start.saturating_sub(seen.start);
            let mut timestamps =
                one.timestamps[seen.start + padding - one.rows.start..seen.end - one.rows.start].to_vec();
            let own = &one.timestamps[seen.end - one.rows.start..];
            let dates = own.iter().chain(one.to_come.dates_after(own.last().copied().unwrap_or(last)));
            let dates: Vec<Timestamp> = dates.copied().take(rows).collect();
            timestamps.extend(&dates);
            timestamps.extend(one.calendar.next(dates.last().copied().unwrap_or(last), rows - dates.len())?);
            let features = features::named(calendar, &timestamps[lookback - padding..]);
            values.extend_from_slice(&self.values[seen.start * channels..seen.end * channels]);
            let planned = self.planned(cutoff, &timestamps[lookback - padding..])?;
            for (row, planned) in planned.into_iter().enumerate() {
                // A forecast that reads forecasts reads what is constant too.
                let last = &self.values[cutoff.row * channels..][..past];
                let constant =
                    |(column, value): (usize, &f32)| if self.columns.is_static(column) { *value } else { 0.0 };
                values.extend(last.iter().enumerate().map(constant));
                values.extend(planned);
                values.extend(features.iter().map(|column| column[row]));
            }
            let seen_targets = seen.start * targets..seen.end * targets;
            observed.extend_from_slice(&self.observed[seen_targets.clone()]);
            raw_targets.extend_from_slice(&self.raw_targets[seen_targets.clone()]);
            known.extend_from_slice(&self.known[seen_targets]);
            observed.extend(std::iter::repeat_n(0.0, rows * targets));
            raw_targets.extend(std::iter::repeat_n(f64::NAN, rows * targets));
            known.extend(std::iter::repeat_n(false, rows * targets));
            let start = place * length;
            test.push(start as u32);
            series.push(Series {
                rows: start + padding..start + length,
                timestamps,
                parts: Parts::untrained(start + padding..start + length),
                to_come: ToCome::dated(&dates),
                ..one.clone()
            });
        }
        Ok(Dataset {
            name: self.name.clone(),
            time_column: self.time_column.clone(),
            id_column: self.id_column.clone(),
            time_form: self.time_form.clone(),
            calendar: self.calendar.clone(),
            thousands: self.thousands,
            rivals: self.rivals.clone(),
            flags: self.flags.clone(),
            levels: self.levels.clone(),
            columns: self.columns.clone(),
            left_out: Vec::new(),
            fingerprint: self.fingerprint.clone(),
            content: self.content.clone(),
            resolved: self.resolved.clone(),
            observed_count: Prefix::observed(&observed, targets),
            unreadable: Prefix::new((0..cutoffs.len() * length).map(|_| 0)),
            unplanned: Prefix::new((0..cutoffs.len() * length).map(|_| 0)),
            series,
            values,
            observed,
            raw_targets,
            weights: Vec::new(),
            known,
            train: Vec::new(),
            validation: Vec::new(),
            calibration: Vec::new(),
            held_out: Vec::new(),
            test,
            notices: Vec::new(),
            season_notices: Vec::new(),
            lines: BTreeMap::new(),
            fraction: None,
            ..*self
        })
    }

    /// The future covariates of a series at these times, scaled.
    fn planned(&self, cutoff: &Cutoff, times: &[Timestamp]) -> Result<Vec<Vec<f32>>> {
        let (series, columns) = (&self.series[cutoff.series], self.columns.future());
        let scaled = |time: &Timestamp| -> Vec<Option<f32>> {
            if let Some(values) = series.to_come.at(*time) {
                let known =
                    columns.clone().zip(values).map(|(column, value)| series.scalers[column].scale(*value) as f32);
                return known.map(|value| Some(value).filter(|value| value.is_finite())).collect();
            }
            let row = series.timestamps.binary_search_by_key(&time.instant, |stamp| stamp.instant);
            let row =
                row.ok().map(|row| series.rows.start + row).filter(|row| self.unplanned.between(*row, row + 1) == 0);
            columns.clone().map(|column| row.map(|row| self.values[row * self.channels() + column])).collect()
        };
        let all: Vec<Vec<Option<f32>>> = times.iter().map(scaled).collect();
        let lacking =
            all.iter().zip(times).filter_map(|(row, time)| Some((row.iter().position(Option::is_none)?, time)));
        let lacking: Vec<(usize, &Timestamp)> = lacking.collect();
        let Some((column, time)) = lacking.first() else {
            return Ok(all.into_iter().map(|row| row.into_iter().flatten().collect()).collect());
        };
        if let Some(place) = series.to_come.hole_at(**time) {
            let problem = format!("missing value{}", of_series(&series.id));
            let help = "give a value for each time to forecast; in rows of the data, ‹impute ffill› takes the last one, ‹impute mean› the \
                        training rows' mean";
            return Err(Error::data(place.clone(), problem, help));
        }
        let more = match lacking.len() {
            1 => String::new(),
            count => format!(" and {} more", counted(count - 1, "time")),
        };
        let name = &self.columns.names()[columns.start + column];
        let problem =
            format!("`{name}` is not known for {}{more}{}", self.time_form.text(**time), of_series(&series.id));
        if series.timestamps.iter().any(|stamp| stamp.instant == time.instant) {
            let help = "‹impute ffill› uses the last seen value, ‹impute mean› the mean of the training rows";
            return Err(Error::config("impute", problem, help));
        }
        let help = format!(
            "‹future› names a file with {} for each time to forecast; or add such rows to the data, with empty {}",
            listed(self.columns.with_role(Role::FutureCovariate)),
            listed(self.target_names())
        );
        Err(Error::config("future", problem, help))
    }

    /// Of a data set of windows ahead: how many of the first `rows` times of forecasts of a window are those of the data's rows.
    pub fn dated(&self, window: usize, rows: usize) -> usize {
        self.series[window].to_come.dates().min(rows)
    }

    /// Of a data set of windows ahead: where the data's rows after a cutoff, among the first `rows` times, lie otherwise than the
    /// calendar goes on.
    ///
    /// # Errors
    /// [`Error::Config`] for a time after the year 9999.
    pub fn dated_otherwise(&self, rows: usize) -> Result<Option<String>> {
        let (mut first, mut others) = (None, 0);
        for window in 0..self.series.len() {
            let (seen, times) = self.seen_and_to_come(window);
            let dated = self.dated(window, rows);
            let expected = self.series[window].calendar.next(seen[seen.len() - 1], dated)?;
            match times.iter().zip(expected).find(|(time, expected)| time.instant != expected.instant) {
                Some(_) if first.is_some() => others += 1,
                Some((time, expected)) => first = Some((*time, expected, window)),
                None => {}
            }
        }
        let Some((time, expected, window)) = first else { return Ok(None) };
        let more = if others > 0 { format!(", and so in {} more series", grouped(others)) } else { String::new() };
        Ok(Some(format!(
            "the rows to come are dated otherwise than the calendar: {} and not {}{}{more}; forecasts take their dates",
            self.time_form.text(time),
            self.time_form.text(expected),
            of_series(&self.series[window].id)
        )))
    }

    /// Of a data set of windows ahead: the times that a window's look-back reads, and those of the rows to come.
    pub fn seen_and_to_come(&self, window: usize) -> (&[Timestamp], &[Timestamp]) {
        let series = &self.series[window];
        series.timestamps.split_at(self.test[window] as usize + self.lookback - series.rows.start)
    }
}
