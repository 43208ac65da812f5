//! Times that are absent from the series.

use super::calendar::Interval;
use super::count::{counted, grouped};
use super::frame::{Frame, check_memory};
use super::options::{FillMissing, Gaps};
use super::series::RawSeries;
use super::time::Timestamp;
use crate::error::{Error, Result, Text};

/// Counts absent times, and treats them by the policy `gaps`.
///
/// # Errors
/// The first gap under [`Gaps::Error`]; under [`Gaps::Fill`], an interval that is no whole number of steps, or too many
/// absent times.
pub(super) fn settle(
    frame: &Frame,
    series: Vec<RawSeries>,
    gaps: Gaps,
    notices: &mut Vec<Text>,
) -> Result<Vec<RawSeries>> {
    let count = GapCount::of(frame, &series);
    let Some((which, row)) = count.first else { return Ok(series) };
    if gaps == Gaps::Error {
        let one = &series[which];
        let step = one.calendar.words();
        let (late, early, of) = (frame.label(one.stamps[row]), frame.label(one.stamps[row - 1]), one.suffix());
        let help = "‹gaps notice› runs windows over the rows that are there, ‹gaps fill› inserts the missing times, ‹gaps skip› lets \
             no window span a gap";
        return Err(Error::data(
            one.time_place(frame, row),
            format!("{late} is not one step ({step}) after {early}{of}"),
            help,
        ));
    }
    let done = match gaps {
        Gaps::Fill => "inserted as missing rows",
        Gaps::Skip => "no window spans one",
        Gaps::Notice | Gaps::Error => "windows run over the rows that are there (‹gaps›)",
    };
    if count.missing > 0 {
        let (times, gaps) = (counted(count.missing as usize, "missing time"), counted(count.gaps, "gap"));
        let (most, after) = &count.largest;
        notices.push(format!("{times} in {gaps}, at most {} after {after}: {done}", grouped(*most as usize)).into());
    }
    if count.irregular > 0 {
        let intervals = counted(count.irregular, "interval");
        notices.push(format!("{intervals} of no whole number of steps: {done}").into());
    }
    if gaps != Gaps::Fill {
        return Ok(series);
    }
    let rows = series.iter().map(RawSeries::rows).sum();
    absent(&series[which], count.missing, rows, frame, FILL)?;
    let empty = vec![f64::NAN; frame.columns.values()];
    series.iter().map(|one| fill(frame, one, &empty, FILL)).collect()
}

/// The absent times of all series.
#[derive(Default)]
struct GapCount {
    /// Places where times are absent.
    gaps: usize,
    /// Absent times.
    missing: i64,
    /// Intervals that are no whole number of steps.
    irregular: usize,
    /// Most absent times in one place, and the time before it.
    largest: (i64, String),
    /// Series and row after the first gap or irregular interval.
    first: Option<(usize, usize)>,
}

impl GapCount {
    fn of(frame: &Frame, series: &[RawSeries]) -> GapCount {
        let mut count = GapCount::default();
        for (which, one) in series.iter().enumerate() {
            for (row, pair) in one.stamps.windows(2).enumerate() {
                match one.calendar.interval(pair[0], pair[1]) {
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

/// Makes times without a row rows of zeros, in every series from the panel's first time to its last, but before the rows to come of its
/// own: where no row means that nothing was sold. Covariates of such rows are missing.
///
/// # Errors
/// An interval that is no whole number of steps, or too many absent times.
pub(super) fn zeros(
    frame: &Frame,
    series: Vec<RawSeries>,
    policy: FillMissing,
    notices: &mut Vec<Text>,
) -> Result<Vec<RawSeries>> {
    if policy == FillMissing::None {
        return Ok(series);
    }
    let times = || series.iter().flat_map(|one| &one.stamps);
    let (first, last) = (times().map(|time| time.instant).min(), times().map(|time| time.instant).max());
    let (Some(first), Some(last)) = (first, last) else { return Ok(series) };
    let rows: usize = series.iter().map(RawSeries::rows).sum();
    let mut row = vec![f64::NAN; frame.columns.values()];
    row[..frame.columns.targets()].fill(0.0);
    let mut filled = Vec::with_capacity(series.len());
    let (mut inserted, mut checked) = (0, rows);
    for one in series {
        absent(&one, GapCount::of(frame, std::slice::from_ref(&one)).missing, rows, frame, ZERO)?;
        let mut all = fill(frame, &one, &row, ZERO)?;
        let (Some(start), Some(end)) = (all.stamps.first().copied(), all.stamps.last().copied()) else { continue };
        let planned = all.to_come.dates_after(end).first().map_or(i64::MAX, |date| date.instant);
        let after = outside(&all, end, |time| time.instant <= last && time.instant < planned, 1, most_absent(rows));
        let mut before = outside(&all, start, |time| time.instant >= first, -1, most_absent(rows));
        absent(&one, (before.len() + after.len()) as i64, rows, frame, ZERO)?;
        before.reverse();
        all = joined(before, all, after, &row);
        inserted += all.rows() - one.rows();
        if inserted > checked {
            check_memory(rows + inserted, frame.columns.values(), frame.file())?;
            checked = 2 * inserted;
        }
        filled.push(all);
    }
    notices
        .push(format!("{} without a row: their targets are 0 (‹fill-missing zero›)", counted(inserted, "time")).into());
    Ok(filled)
}

/// The times of a series' calendar beyond its first or last row, as far as they are wanted; one more than `most` at most.
fn outside(
    one: &RawSeries,
    from: Timestamp,
    wanted: impl Fn(&Timestamp) -> bool,
    way: i64,
    most: usize,
) -> Vec<Timestamp> {
    let mut times: Vec<Timestamp> = Vec::new();
    while times.len() <= most {
        let last = times.last().copied().unwrap_or(from);
        let next = match way {
            1 => one.calendar.next(last, 1).ok(),
            _ => one.calendar.previous(last, 1),
        };
        match next.and_then(|mut next| next.pop()).filter(&wanted) {
            Some(time) => times.push(time),
            None => break,
        }
    }
    times
}

/// A series with rows before and after.
fn joined(before: Vec<Timestamp>, one: RawSeries, after: Vec<Timestamp>, row: &[f64]) -> RawSeries {
    let mut all = RawSeries { calendar: one.calendar, to_come: one.to_come, ..RawSeries::new(one.id, one.width) };
    let (leading, trailing) = (before.len(), after.len());
    all.stamps = before.into_iter().chain(one.stamps).chain(after).collect();
    all.sources =
        std::iter::repeat_n(None, leading).chain(one.sources).chain(std::iter::repeat_n(None, trailing)).collect();
    all.values = row.repeat(leading);
    all.values.extend(one.values);
    all.values.extend(row.repeat(trailing));
    all
}

/// More rows than anybody means to insert into so many.
fn most_absent(rows: usize) -> usize {
    10 * rows + 100_000
}

/// What to do where rows cannot be inserted: as missing ones, and as zeros.
const FILL: &str = "‹gaps skip› and ‹gaps notice› leave gaps open; or check the times";
const ZERO: &str = "‹fill-missing none› leaves gaps open; or check the times, or name their interval by ‹freq›";

/// Rejects too many rows.
fn absent(one: &RawSeries, missing: i64, rows: usize, frame: &Frame, help: &str) -> Result<()> {
    if usize::try_from(missing).is_ok_and(|missing| missing <= most_absent(rows)) {
        return Ok(());
    }
    let (missing, rows) = (grouped(usize::try_from(missing).unwrap_or(usize::MAX)), grouped(rows));
    let problem = format!(
        "{missing} rows or more would be inserted into {rows}, at a step of {}{}",
        one.calendar.words(),
        one.suffix()
    );
    Err(Error::data(frame.file(), problem, help))
}

/// Inserts the absent times of a series as rows of these values. `help` is for one that has no regular steps.
fn fill(frame: &Frame, one: &RawSeries, row: &[f64], help: &str) -> Result<RawSeries> {
    let mut filled = RawSeries {
        calendar: one.calendar.clone(),
        to_come: one.to_come.clone(),
        ..RawSeries::new(one.id.clone(), one.width)
    };
    for (place, time) in one.stamps.iter().enumerate() {
        if place > 0 {
            for time in between(frame, one, place, help)? {
                filled.stamps.push(time);
                filled.sources.push(None);
                filled.values.extend(row);
            }
        }
        filled.stamps.push(*time);
        filled.sources.push(one.sources[place]);
        filled.values.extend_from_slice(&one.values[place * one.width..(place + 1) * one.width]);
    }
    Ok(filled)
}

/// The absent times before a row.
fn between(frame: &Frame, one: &RawSeries, row: usize, help: &str) -> Result<Vec<Timestamp>> {
    let (before, after) = (one.stamps[row - 1], one.stamps[row]);
    match one.calendar.interval(before, after) {
        Interval::Regular => Ok(Vec::new()),
        Interval::Missing(missing) => one.calendar.next(before, missing as usize),
        Interval::Irregular => {
            let (late, early, of) = (frame.label(after), frame.label(before), one.suffix());
            let step = one.calendar.words();
            let problem = format!("{late} is no whole number of steps ({step}) after {early}{of}");
            let help = format!("inserting rows needs regular steps: {help}");
            Err(Error::data(one.time_place(frame, row), problem, help))
        }
    }
}
