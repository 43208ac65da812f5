//! Times that are absent from the series.

use super::count::{counted, grouped};
use super::frame::Frame;
use super::options::Gaps;
use super::series::RawSeries;
use super::step::{Interval, Step};
use super::time::month_index;
use crate::error::{Error, Result, Text};

/// Counts absent times, and treats them by the policy `gaps`.
///
/// # Errors
/// The first gap under [`Gaps::Error`]; under [`Gaps::Fill`], an interval that is no whole number of steps, or too many
/// absent times.
pub(super) fn settle(
    frame: &Frame,
    series: Vec<RawSeries>,
    step: Step,
    gaps: Gaps,
    notices: &mut Vec<Text>,
) -> Result<Vec<RawSeries>> {
    let count = GapCount::of(frame, &series, step);
    let Some((which, row)) = count.first else { return Ok(series) };
    if gaps == Gaps::Error {
        let one = &series[which];
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
    if gaps == Gaps::Fill { fill(frame, series, step, count.missing) } else { Ok(series) }
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
    fn of(frame: &Frame, series: &[RawSeries], step: Step) -> GapCount {
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
fn fill(frame: &Frame, series: Vec<RawSeries>, step: Step, missing: i64) -> Result<Vec<RawSeries>> {
    let rows: usize = series.iter().map(RawSeries::rows).sum();
    if missing as usize > 10 * rows + 100_000 {
        let problem = format!("‹gaps fill› would insert {missing} rows into {rows}, at a step of {step}");
        return Err(Error::data(frame.file(), problem, "‹gaps skip› leaves the gaps open; or check the times"));
    }
    let fill = |one: RawSeries| {
        let mut filled = RawSeries::new(one.id.clone(), one.width);
        for row in 0..one.rows() {
            if row > 0 {
                insert_before(frame, &one, row, step, &mut filled)?;
            }
            filled.stamps.push(one.stamps[row]);
            filled.sources.push(one.sources[row]);
            filled.values.extend_from_slice(&one.values[row * one.width..(row + 1) * one.width]);
        }
        Ok(filled)
    };
    series.into_iter().map(fill).collect()
}

fn insert_before(frame: &Frame, one: &RawSeries, row: usize, step: Step, filled: &mut RawSeries) -> Result<()> {
    let (before, after) = (one.stamps[row - 1], one.stamps[row]);
    let missing = match step.interval(before, after) {
        Interval::Regular => 0,
        Interval::Missing(missing) => missing,
        Interval::Irregular => {
            let (late, early, of) = (frame.label(after), frame.label(before), one.suffix());
            let problem = format!("{late} is no whole number of steps ({step}) after {early}{of}");
            return Err(Error::data(
                one.time_place(frame, row),
                problem,
                "‹gaps fill› needs a regular grid; ‹gaps skip› and ‹gaps notice› do not",
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
