//! Table rows → series in time order, and the rows that are absent from them.

use std::collections::HashMap;

use super::step::{Interval, Step};
use super::table::Table;
use super::time::{HOUR, Timestamp, month_index};
use super::time_column::{TimeColumn, TimeKind, label};
use crate::error::{Error, Place, Result};

/// The file behind the series: enough to name the place of any value.
pub(crate) struct Frame<'a> {
    pub table: &'a Table,
    pub time: &'a TimeColumn,
    /// Table columns of `RawSeries::values`: targets, then covariates.
    pub columns: Vec<usize>,
    pub id: Option<usize>,
}

impl Frame<'_> {
    pub(super) fn name(&self, column: usize) -> String {
        self.table.name(self.columns[column])
    }

    /// A value's place.
    pub(super) fn place(&self, series: &RawSeries, row: usize, column: usize) -> Place {
        match series.sources[row] {
            Some(source) => self.table.place(source, self.columns[column]),
            None => Place { column: Some(self.name(column)), ..self.file() },
        }
    }

    /// The place of a row's time.
    pub(super) fn time_place(&self, row: usize) -> Place {
        let texts: Vec<_> = self.time.columns.iter().map(|column| self.table.text(row, *column)).collect();
        Place {
            column: Some(self.time.name.clone()),
            value: Some(texts.join(" ")),
            ..self.table.place(row, self.time.columns[0])
        }
    }

    pub(super) fn file(&self) -> Place {
        self.table.whole()
    }

    /// A time as people read it.
    pub(super) fn label(&self, time: Timestamp) -> String {
        label(self.time.kind, time, false)
    }
}

/// One series as the file has it, before trimming, splitting, imputing and scaling.
pub(crate) struct RawSeries {
    pub id: String,
    pub stamps: Vec<Timestamp>,
    /// Table row of each row; `None` for a row inserted into a gap.
    pub sources: Vec<Option<usize>>,
    /// Targets, then covariates, `[rows, columns]`; NaN where missing.
    pub values: Vec<f64>,
    /// Columns of `values`.
    pub width: usize,
}

impl RawSeries {
    fn new(id: String, width: usize) -> RawSeries {
        RawSeries { id, stamps: Vec::new(), sources: Vec::new(), values: Vec::new(), width }
    }

    pub(super) fn rows(&self) -> usize {
        self.stamps.len()
    }

    pub(super) fn value(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.width + column]
    }

    /// ` of series X`, or nothing for the single series of a wide file.
    pub(super) fn suffix(&self) -> String {
        if self.id.is_empty() { String::new() } else { format!(" of series `{}`", self.id) }
    }
}

/// Parts the rows by id, in the order in which ids first appear. Within a series times must rise. `values` are the
/// frame's columns over all table rows.
pub(crate) fn group(frame: &Frame, values: &[Vec<f64>]) -> Result<Vec<RawSeries>> {
    let table = frame.table;
    let mut index: HashMap<&[u8], usize> = HashMap::new();
    let mut series: Vec<RawSeries> = Vec::new();
    let mut last_row: Vec<usize> = Vec::new();
    for row in 0..table.rows() {
        let key = frame.id.map_or(&[][..], |column| table.cell(row, column));
        if let (Some(column), true) = (frame.id, key.is_empty()) {
            let help = "every row needs its id: mend or remove the line";
            return Err(Error::data(table.place(row, column), "no series id", help));
        }
        if let Some(column) = frame.id.filter(|_| !index.contains_key(key)) {
            check_id(key).map_err(|(problem, help)| Error::data(table.place(row, column), problem, help))?;
        }
        let which = *index.entry(key).or_insert_with(|| {
            series.push(RawSeries::new(String::from_utf8_lossy(key).into_owned(), values.len()));
            last_row.push(row);
            series.len() - 1
        });
        let one = &mut series[which];
        let stamp = frame.time.stamps[row];
        if let Some(last) = one.stamps.last()
            && stamp.instant <= last.instant
        {
            return Err(out_of_order(frame, one, row, last_row[which]));
        }
        one.stamps.push(stamp);
        one.sources.push(Some(row));
        one.values.extend(values.iter().map(|column| column[row]));
        last_row[which] = row;
    }
    Ok(series)
}

/// Longest id of a series, in bytes.
const LONGEST_ID: usize = 1000;

/// Ids stand in files, tables and pictures, and must stay different there. `Err` is the problem and the help.
fn check_id(id: &[u8]) -> Result<(), (&'static str, &'static str)> {
    match std::str::from_utf8(id) {
        Err(_) => Err(("the series id is not UTF-8", "save the file as UTF-8")),
        Ok(text) if text.contains(char::is_control) => {
            Err(("a control character in the series id", "remove it, a line break perhaps, from the cell"))
        }
        Ok(text) if text.len() > LONGEST_ID => Err((
            "a series id of more than 1000 bytes",
            "give the series shorter ids; ‹id-column› names another column",
        )),
        Ok(_) => Ok(()),
    }
}

fn out_of_order(frame: &Frame, series: &RawSeries, row: usize, previous: usize) -> Error {
    let stamps = &frame.time.stamps;
    let (of, line) = (series.suffix(), frame.table.line(previous));
    let mut help = Vec::new();
    if frame.id.is_none() {
        help.push("if the file holds several series, ‹id-column› names the column that tells them apart");
    }
    let back = stamps[previous].instant - stamps[row].instant;
    let problem = if back == 0 {
        help.push("if one of the lines is a mistake, remove it");
        format!("the same time{of} as in line {line}")
    } else {
        if frame.id.is_none() && stamps.windows(2).all(|pair| pair[1].instant < pair[0].instant) {
            help = vec!["the file runs from new to old"];
        }
        help.push("sort the file by time, oldest first");
        format!("earlier than the time{of} in line {line}")
    };
    if frame.time.kind == (TimeKind::Clock { zoned: false }) && back <= HOUR {
        help.push("a local clock set back repeats an hour: write times with their offset, or in UTC");
    }
    Error::data(frame.time_place(row), problem, help.join("; "))
}

/// The absent times of all series.
#[derive(Default)]
pub(crate) struct GapCount {
    /// Places where times are absent.
    pub gaps: usize,
    /// Absent times.
    pub missing: i64,
    /// Intervals that are no whole number of steps.
    pub irregular: usize,
    /// Most absent times in one place, and the time before it.
    pub largest: (i64, String),
    /// Series and row after the first gap or irregular interval.
    pub first: Option<(usize, usize)>,
}

impl GapCount {
    pub(super) fn of(frame: &Frame, series: &[RawSeries], step: Step) -> GapCount {
        let mut count = GapCount::default();
        for (which, one) in series.iter().enumerate() {
            for (row, pair) in one.stamps.windows(2).enumerate() {
                match step.interval(pair[0], pair[1]) {
                    Interval::Regular => continue,
                    Interval::Irregular => count.irregular += 1,
                    Interval::Missing(missing) => {
                        count.gaps += 1;
                        count.missing = count.missing.saturating_add(missing);
                        if missing > count.largest.0 {
                            count.largest = (missing, frame.label(pair[0]));
                        }
                    }
                }
                count.first = count.first.or(Some((which, row + 1)));
            }
        }
        count
    }
}

/// Inserts the absent times of every series as rows of missing values.
pub(crate) fn fill_gaps(frame: &Frame, series: &mut [RawSeries], step: Step, missing: i64) -> Result<()> {
    let rows: usize = series.iter().map(RawSeries::rows).sum();
    if missing as usize > 10 * rows + 100_000 {
        let problem = format!("‹gaps fill› would insert {missing} rows into {rows}, at a step of {step}");
        return Err(Error::data(frame.file(), problem, "‹gaps skip› leaves the gaps open; or check the times"));
    }
    for one in series {
        let mut filled = RawSeries::new(one.id.clone(), one.width);
        for row in 0..one.rows() {
            if row > 0 {
                insert_before(frame, one, row, step, &mut filled)?;
            }
            filled.stamps.push(one.stamps[row]);
            filled.sources.push(one.sources[row]);
            filled.values.extend_from_slice(&one.values[row * one.width..(row + 1) * one.width]);
        }
        *one = filled;
    }
    Ok(())
}

fn insert_before(frame: &Frame, one: &RawSeries, row: usize, step: Step, filled: &mut RawSeries) -> Result<()> {
    let (before, after) = (one.stamps[row - 1], one.stamps[row]);
    let missing = match step.interval(before, after) {
        Interval::Regular => 0,
        Interval::Missing(missing) => missing,
        Interval::Irregular => {
            let (late, early, of) = (frame.label(after), frame.label(before), one.suffix());
            let problem = format!("{late} is no whole number of steps ({step}) after {early}{of}");
            let place = one.sources[row].map_or_else(|| frame.file(), |source| frame.time_place(source));
            return Err(Error::data(
                place,
                problem,
                "‹gaps fill› needs a regular grid; ‹gaps skip›, or notice, does not",
            ));
        }
    };
    let month_end = month_index(before).1 && month_index(after).1;
    for k in 1..=missing {
        filled.stamps.push(step.after(before, k, month_end));
        filled.sources.push(None);
        filled.values.extend(std::iter::repeat_n(f64::NAN, one.width));
    }
    Ok(())
}
