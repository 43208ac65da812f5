//! Table rows → series in time order, and the rows that are absent from them.

use std::collections::HashMap;

use super::step::{Interval, Step};
use super::table::Table;
use super::time::{Timestamp, month_index};
use super::time_column::{TimeColumn, TimeKind, label};
use crate::error::{Error, Place, Result};

/// One series as the file has it, before trimming, splitting, imputing and scaling.
pub(crate) struct RawSeries {
    pub id: String,
    pub stamps: Vec<Timestamp>,
    /// File line of each row; `None` for a row inserted into a gap.
    pub lines: Vec<Option<u64>>,
    /// Targets, then covariates, `[rows, columns]`; NaN where missing.
    pub values: Vec<f64>,
    /// Columns of `values`.
    pub width: usize,
}

impl RawSeries {
    pub fn rows(&self) -> usize {
        self.stamps.len()
    }

    pub fn value(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.width + column]
    }

    /// ` of series X`, or nothing for the single series of a wide file.
    pub fn suffix(&self) -> String {
        if self.id.is_empty() { String::new() } else { format!(" of series `{}`", self.id) }
    }
}

/// Parts the rows by id, in the order in which ids first appear. Within a series times must rise.
pub(crate) fn group(
    table: &Table,
    time: &TimeColumn,
    id: Option<usize>,
    columns: &[Vec<f64>],
) -> Result<Vec<RawSeries>> {
    let mut index: HashMap<&[u8], usize> = HashMap::new();
    let mut series: Vec<RawSeries> = Vec::new();
    let mut last_row: Vec<usize> = Vec::new();
    for row in 0..table.rows() {
        let key = id.map_or(&[][..], |column| table.cell(row, column));
        if let (Some(column), true) = (id, key.is_empty()) {
            return Err(Error::data(
                table.place(row, column),
                "no series id",
                "every row needs its id: mend or remove the line",
            ));
        }
        let which = *index.entry(key).or_insert_with(|| {
            let id = String::from_utf8_lossy(key).into_owned();
            series.push(RawSeries { id, stamps: vec![], lines: vec![], values: vec![], width: columns.len() });
            last_row.push(row);
            series.len() - 1
        });
        let one = &mut series[which];
        let stamp = time.stamps[row];
        if let Some(last) = one.stamps.last()
            && stamp.instant <= last.instant
        {
            return Err(out_of_order(table, time, id, row, last_row[which]));
        }
        one.stamps.push(stamp);
        one.lines.push(Some(table.line(row)));
        one.values.extend(columns.iter().map(|column| column[row]));
        last_row[which] = row;
    }
    Ok(series)
}

fn out_of_order(table: &Table, time: &TimeColumn, id: Option<usize>, row: usize, previous: usize) -> Error {
    let mut place = table.place(row, time.columns[0]);
    place.column = Some(time.name.clone());
    place.value = Some(time.columns.iter().map(|c| table.text(row, *c)).collect::<Vec<_>>().join(" "));
    let line = table.line(previous);
    let of = id.map_or(String::new(), |column| format!(" of series `{}`", table.text(row, column)));
    let panel_help = match id {
        None => "if the file holds several series, --id-column names the column that tells them apart; ",
        Some(_) => "",
    };
    if time.stamps[row].instant == time.stamps[previous].instant {
        let help = format!(
            "{panel_help}else remove one of the lines; a local clock set back repeats an hour: write times with their offset"
        );
        return Error::data(place, format!("the same time{of} as in line {line}"), help);
    }
    let falls = id.is_none() && time.stamps.windows(2).all(|pair| pair[1].instant < pair[0].instant);
    let help = if falls {
        "the file runs from new to old: sort it by time, oldest first".to_string()
    } else {
        format!("{panel_help}else sort the file by time, oldest first")
    };
    Error::data(place, format!("earlier than the time{of} in line {line}"), help)
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
    pub fn of(series: &[RawSeries], step: Step, kind: TimeKind) -> GapCount {
        let mut count = GapCount::default();
        for (which, one) in series.iter().enumerate() {
            for (row, pair) in one.stamps.windows(2).enumerate() {
                match step.interval(pair[0], pair[1]) {
                    Interval::Regular => continue,
                    Interval::Irregular => count.irregular += 1,
                    Interval::Missing(missing) => {
                        count.gaps += 1;
                        count.missing += missing;
                        if missing > count.largest.0 {
                            count.largest = (missing, label(kind, pair[0], step.is_days()));
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
pub(crate) fn fill_gaps(
    file: &str,
    series: &mut [RawSeries],
    step: Step,
    kind: TimeKind,
    count: &GapCount,
) -> Result<()> {
    let rows: usize = series.iter().map(RawSeries::rows).sum();
    let place = |line: Option<u64>| Place { file: file.into(), line, ..Place::default() };
    if count.missing as usize > 10 * rows + 100_000 {
        let problem = format!("--gaps fill would insert {} rows into {rows}, at a step of {step}", count.missing);
        return Err(Error::data(place(None), problem, "--gaps skip leaves the gaps open; or check the times"));
    }
    for one in series {
        let width = one.width;
        let mut filled = RawSeries { id: one.id.clone(), stamps: vec![], lines: vec![], values: vec![], width };
        for row in 0..one.rows() {
            if row > 0 {
                let (before, after) = (one.stamps[row - 1], one.stamps[row]);
                let missing = match step.interval(before, after) {
                    Interval::Regular => 0,
                    Interval::Missing(missing) => missing,
                    Interval::Irregular => {
                        let problem = format!(
                            "{} is no whole number of steps ({step}) after {}{}",
                            label(kind, after, false),
                            label(kind, before, false),
                            one.suffix()
                        );
                        let help = "--gaps fill needs a regular grid; --gaps skip, or notice, does not";
                        return Err(Error::data(place(one.lines[row]), problem, help));
                    }
                };
                let month_end = month_index(before).1 && month_index(after).1;
                for k in 1..=missing {
                    filled.stamps.push(step.after(before, k, month_end));
                    filled.lines.push(None);
                    filled.values.extend(std::iter::repeat_n(f64::NAN, width));
                }
            }
            filled.stamps.push(one.stamps[row]);
            filled.lines.push(one.lines[row]);
            filled.values.extend_from_slice(&one.values[row * width..(row + 1) * width]);
        }
        *one = filled;
    }
    Ok(())
}
