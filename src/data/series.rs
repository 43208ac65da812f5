//! Rows → series in time order.

use std::collections::HashSet;

use super::calendar::Calendar;
use super::frame::Frame;
use super::future::ToCome;
use super::step::Step;
use super::time::{HOUR, TimeKind, Timestamp};
use crate::error::{Error, Place, Result};

/// One series as the data has it, before trimming, splitting, imputing and scaling.
pub(crate) struct RawSeries {
    pub id: String,
    pub stamps: Vec<Timestamp>,
    /// The frame's row of each row; `None` for a row inserted into a gap.
    pub sources: Vec<Option<usize>>,
    /// Targets, then covariates, `[rows, columns]`; NaN where missing.
    pub values: Vec<f64>,
    /// Columns of `values`.
    pub width: usize,
    /// The times at which it has rows; of no meaning until [`calendars`](super::calendars) finds it.
    pub calendar: Calendar,
    /// Rows in a season; of no meaning until absent rows are settled.
    pub season: usize,
    /// What is known of times after its rows.
    pub to_come: ToCome,
}

impl RawSeries {
    pub(super) fn new(id: String, width: usize) -> RawSeries {
        RawSeries {
            id,
            stamps: Vec::new(),
            sources: Vec::new(),
            values: Vec::new(),
            width,
            calendar: Calendar::every(Step::Rows(1)),
            season: 1,
            to_come: ToCome::default(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.stamps.len()
    }

    pub(super) fn value(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.width + column]
    }

    /// Leaves out some of the columns.
    pub(super) fn leave_out(&mut self, columns: &[usize]) {
        let mut place = 0..self.values.len();
        let width = self.width;
        self.values.retain(|_| place.next().is_some_and(|place| !columns.contains(&(place % width))));
        self.width -= columns.len();
    }

    /// The place of a value, in a file or in typed data.
    pub(super) fn place(&self, frame: &Frame, row: usize, column: usize) -> Place {
        match self.sources[row] {
            Some(source) => {
                let place = frame.place(source, column);
                let number = Some(self.value(row, column)).filter(|number| !number.is_nan());
                Place { value: place.value.or(number.map(|number| number.to_string())), ..place }
            }
            None => Place { column: Some(frame.name(column).into()), ..frame.file() },
        }
    }

    /// The place of a row's time.
    pub(super) fn time_place(&self, frame: &Frame, row: usize) -> Place {
        self.sources[row].map_or_else(|| frame.file(), |source| frame.time_place(source))
    }

    /// ` of series X`, or nothing for the single series of a wide file.
    pub(super) fn suffix(&self) -> String {
        if self.id.is_empty() { String::new() } else { format!(" of series `{}`", self.id) }
    }
}

/// Groups rows by series, in the order in which ids first appear. `values` holds the value columns over all rows; NaN where
/// missing.
///
/// # Errors
/// Times that do not rise within a series.
pub(crate) fn group(frame: &Frame, values: Vec<Vec<f64>>) -> Result<Vec<RawSeries>> {
    let ids = &frame.ids;
    let mut series: Vec<RawSeries> =
        ids.names.iter().map(|id| RawSeries::new(id.clone(), frame.columns.values())).collect();
    for (row, (which, stamp)) in ids.of_row.iter().zip(&frame.times.stamps).enumerate() {
        let one = &mut series[*which];
        if let (Some(last), Some(Some(previous))) = (one.stamps.last(), one.sources.last())
            && stamp.instant <= last.instant
        {
            return Err(out_of_order(frame, one, row, *previous));
        }
        one.stamps.push(*stamp);
        one.sources.push(Some(row));
        one.values.extend(values.iter().map(|column| column[row]));
    }
    Ok(series)
}

/// Whether a written time has digits beyond microseconds: a fraction of more than six, or so many nanoseconds since 1970.
fn has_nanoseconds(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 6)
}

fn out_of_order(frame: &Frame, series: &RawSeries, row: usize, previous: usize) -> Error {
    let stamps = &frame.times.stamps;
    let (of, other) = (series.suffix(), frame.called(previous));
    let mut help = Vec::new();
    if frame.ids.column.is_none() {
        help.push("if the file holds several series, ‹id-column› names the column of their ids");
    }
    let back = stamps[previous].instant - stamps[row].instant;
    let [before, text] = [previous, row].map(|row| frame.time_place(row).value.unwrap_or_default());
    let closer = back == 0 && before != text && has_nanoseconds(&text);
    let problem = if back == 0 {
        help.push("if one of the rows is a mistake, remove it");
        match closer {
            true => {
                format!("less than a microsecond after the time{of} in {other}, and times are kept to the microsecond")
            }
            false => format!("the same time{of} as in {other}"),
        }
    } else {
        if frame.ids.column.is_none() && stamps.windows(2).all(|pair| pair[1].instant < pair[0].instant) {
            help = vec!["the file runs from new to old"];
        }
        let mut seen = HashSet::new();
        match (0..stamps.len()).find(|row| !seen.insert((frame.ids.of_row[*row], stamps[*row].instant))) {
            None => help.push("‹sort on› sorts the rows by time"),
            Some(_) if frame.ids.column.is_none() => {}
            Some(_) => help.push("some times occur twice, so that sorting does not help: remove one of the rows"),
        }
        format!("earlier than the time{of} in {other}")
    };
    if frame.times.kind == (TimeKind::Clock { zoned: false }) && back <= HOUR && !closer {
        help.push("a local clock set back repeats an hour: ‹timezone› settles it, or write times with their offset, or in UTC");
    }
    Error::data(frame.time_place(row), problem, help.join("; "))
}
