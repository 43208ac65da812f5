//! Calendar features: the position of a row's written clock in the day, the week and the year.

use std::f64::consts::TAU;

use chrono::{Datelike, NaiveDateTime};
use rayon::prelude::*;

use super::series::RawSeries;
use super::split::Parts;
use super::step::Step;
use super::time::{DAY, TimeKind, Timestamp};
use crate::error::Text;

/// A cycle of the calendar; gives two columns, `<name>_sin` and `<name>_cos`.
struct Cycle {
    name: &'static str,
    /// Shortest training span that covers the whole cycle, microseconds.
    period: i64,
    /// Whether rows at this step move through the cycle.
    fits: fn(Step) -> bool,
    /// 0 … 1 through the cycle.
    phase: fn(NaiveDateTime) -> f64,
}

const CYCLES: [Cycle; 4] = [
    Cycle { name: "hour", period: DAY, fits: |step| matches!(step, Step::Time(s) if s < DAY), phase: of_day },
    Cycle {
        name: "weekday",
        period: 7 * DAY,
        fits: |step| matches!(step, Step::Time(s) if s < 7 * DAY),
        phase: |time| (f64::from(time.weekday().num_days_from_monday()) + of_day(time)) / 7.0,
    },
    Cycle {
        name: "yearday",
        period: 365 * DAY,
        fits: |step| matches!(step, Step::Time(s) if s < 365 * DAY),
        phase: |time| (f64::from(time.ordinal0()) + of_day(time)) / if time.date().leap_year() { 366.0 } else { 365.0 },
    },
    Cycle {
        name: "month",
        period: 365 * DAY,
        fits: |step| matches!(step, Step::Months(m) if m < 12),
        phase: |time| f64::from(time.month0()) / 12.0,
    },
];

/// The columns of these names, as [`features`] calls them, for any rows; 0 for an unknown name.
pub(crate) fn named(names: &[String], stamps: &[Timestamp]) -> Vec<Vec<f32>> {
    let column = |name: &String| {
        let cycle = CYCLES.iter().find(|cycle| name.strip_prefix(cycle.name).is_some_and(|rest| rest.starts_with('_')));
        let wave = |stamp: &Timestamp| {
            let angle = TAU * cycle.map_or(0.0, |cycle| (cycle.phase)(stamp.written()));
            (if name.ends_with("_cos") { angle.cos() } else { angle.sin() }) as f32
        };
        stamps.par_iter().map(wave).collect()
    };
    names.iter().map(column).collect()
}

fn of_day(time: NaiveDateTime) -> f64 {
    (time.and_utc().timestamp_micros().rem_euclid(DAY)) as f64 / DAY as f64
}

/// The columns for these rows, in order: hour (steps below a day), weekday (below a week), day of the year (below a
/// year), month (monthly, quarterly), each as sine and cosine.
///
/// A cycle is left out if the training rows do not cover it (`span`, microseconds): a phase of the year that was
/// never trained on is worse than none. A column that is constant over the rows is left out too. Row numbers have none.
fn features(step: Step, span: i64, stamps: &[Timestamp]) -> Vec<(String, Vec<f32>)> {
    let written: Vec<NaiveDateTime> = stamps.par_iter().map(|stamp| stamp.written()).collect();
    let column = |phase: fn(NaiveDateTime) -> f64, wave: fn(f64) -> f64| -> Vec<f32> {
        written.par_iter().map(|time| wave(TAU * phase(*time)) as f32).collect()
    };
    let fitting = CYCLES.iter().filter(|cycle| (cycle.fits)(step) && span >= cycle.period);
    fitting
        .flat_map(|cycle| {
            [
                (format!("{}_sin", cycle.name), column(cycle.phase, f64::sin)),
                (format!("{}_cos", cycle.name), column(cycle.phase, f64::cos)),
            ]
        })
        .filter(|(_, values)| {
            let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            high - low > 1e-6
        })
        .collect()
}

/// The calendar columns over all kept rows of all series: those that fit the training rows, or those of a trained model.
pub(crate) fn of_series(
    kind: TimeKind,
    step: Step,
    (series, parts): (&[RawSeries], &[Parts]),
    trained: Option<&[String]>,
    notices: &mut Vec<Text>,
) -> Vec<(String, Vec<f32>)> {
    if kind == TimeKind::RowNumbers {
        notices.push("row numbers have no calendar: no calendar features".into());
        return Vec::new();
    }
    let stamps: Vec<_> = series.iter().zip(parts).flat_map(|(one, parts)| &one.stamps[parts.all()]).copied().collect();
    if let Some(names) = trained {
        return names.iter().cloned().zip(named(names, &stamps)).collect();
    }
    // A row covers the step that it begins.
    let span = |(one, parts): (&RawSeries, &Parts)| {
        let rows = &one.stamps[parts.train.clone()];
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return 0 };
        let next = one.calendar.next(*last, 1).map_or(*last, |times| times[0]);
        next.clock() - first.clock()
    };
    let features = features(step, series.iter().zip(parts).map(span).max().unwrap_or(0), &stamps);
    let names: Vec<&str> = features.iter().map(|(name, _)| name.as_str()).collect();
    let listed = if names.is_empty() { "none fits".into() } else { names.join(", ") };
    notices.push(format!("calendar features: {listed}").into());
    features
}
