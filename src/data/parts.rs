//! Which rows of each series are kept, and for what.

use super::count::counted;
use super::frame::Frame;
use super::impute;
use super::options::{DataOptions, Impute, Split};
use super::series::RawSeries;
use super::settings::Settings;
use super::short::{Kept, Why};
use super::split::{Parts, SeriesTimes, borders};
use super::study;
use crate::error::{Result, Text};

/// The series that hold a window, and their parts, as rows of the series. Targets that nothing scales leave `frame`.
///
/// # Errors
/// Borders that do not fit; series without a window or a value, if none is left or they are to be rejected; under
/// [`Impute::Error`], a missing value.
pub(super) fn trained(
    frame: &mut Frame,
    series: Vec<RawSeries>,
    settings: &Settings,
    options: &DataOptions,
    notices: &mut Vec<Text>,
) -> Result<Kept> {
    let mut kept = whole(series);
    kept.leave_out_targets(frame, settings, (Parts::all, Why::Empty), notices)?;
    let starts = trim(frame, &mut kept, impute::empty_column, settings, notices)?;
    let (parts, note) = split(frame, &kept.series, &starts, settings, options)?;
    kept.parts = parts;
    notices.extend(note.map(Text::from));
    if options.leaks() {
        notices.push(study::LEAK.into());
    }
    if let (Split::Fractions(fractions), None) = (&settings.split, settings.sizes)
        && fractions.iter().sum::<f64>() < 1.0 - 1e-9
    {
        let split = &settings.split;
        notices.push(format!("split {split}: validation takes what is left between training and test").into());
    }
    let short = |parts: &Parts| {
        let holds = parts.hold_one(settings.reach_of(parts), settings.horizon);
        (!holds).then(|| Why::Short(parts.clone()))
    };
    let why = kept.parts.iter().map(short).collect();
    kept.leave_out(frame, settings, why)?;
    let rows = |parts: &Parts| study::scaled_by(parts, options, settings);
    kept.leave_out_targets(frame, settings, (rows, Why::Unscaled), notices)?;
    notices.extend(impute::late_targets(frame, &kept.series, settings.impute));
    if settings.sizes.is_some() || matches!(settings.split, Split::Rows(_)) {
        notices.extend(overlap(&kept).map(Text::from));
    }
    let unused: usize = kept.series.iter().zip(&kept.parts).map(|(one, parts)| one.rows() - parts.test.end).sum();
    if unused > 0 {
        notices.push(format!("{} after the test rows not used", counted(unused, "row")).into());
    }
    if settings.impute == Impute::Error {
        for (one, parts) in kept.series.iter().zip(&kept.parts) {
            impute::reject_missing(frame, one, parts.all(), options.fill_missing.unwrap_or_default())?;
        }
    }
    Ok(kept)
}

/// For a trained model: all kept rows are test rows. A target without any value is one that begins later.
///
/// # Errors
/// Series without any value in a covariate, or in all targets, if none is left or they are to be rejected.
pub(super) fn untrained(
    frame: &Frame,
    series: Vec<RawSeries>,
    settings: &Settings,
    options: &DataOptions,
    notices: &mut Vec<Text>,
) -> Result<Kept> {
    let (mut kept, targets) = (whole(series), frame.columns.targets());
    let starts = trim(frame, &mut kept, |one| impute::empty_input(one, targets), settings, notices)?;
    notices.extend(impute::late_targets(frame, &kept.series, settings.impute));
    if options.leaks() {
        notices.push(study::LEAK.into());
    }
    kept.parts = kept.series.iter().zip(&starts).map(|(one, start)| Parts::untrained(*start..one.rows())).collect();
    Ok(kept)
}

/// All series, with all rows in one part.
fn whole(series: Vec<RawSeries>) -> Kept {
    let parts = series.iter().map(|one| Parts::untrained(0..one.rows())).collect();
    Kept { series, parts, left_out: Vec::new(), targets_left_out: Vec::new() }
}

/// Leaves out the series that have an `empty` column; returns the rows to leave out at the front of each other one, because a column
/// has had no value yet.
fn trim(
    frame: &Frame,
    kept: &mut Kept,
    empty: impl Fn(&RawSeries) -> Option<usize>,
    settings: &Settings,
    notices: &mut Vec<Text>,
) -> Result<Vec<usize>> {
    if settings.impute == Impute::Error {
        return Ok(vec![0; kept.series.len()]);
    }
    let targets = frame.columns.targets();
    let why = kept.series.iter().map(|one| empty(one).map(Why::Empty)).collect();
    kept.leave_out(frame, settings, why)?;
    let leading: Vec<(usize, usize)> = kept.series.iter().map(|one| impute::leading_rows(one, targets)).collect();
    let trimmed: Vec<usize> = leading.iter().map(|(rows, _)| *rows).collect();
    // Of the longest, the first is named.
    if let Some((one, (rows, column))) = kept.series.iter().zip(&leading).rev().max_by_key(|(_, (rows, _))| *rows)
        && *rows > 0
    {
        let total = counted(trimmed.iter().sum(), "leading row");
        let most = if kept.series.len() > 1 { format!(", {rows}{}", one.suffix()) } else { String::new() };
        notices.push(format!("{total} trimmed{most}: `{}` has no value before", frame.name(*column)).into());
    }
    Ok(trimmed)
}

/// A line that names two series, if a training row of one is later than the first test row of the other.
fn overlap(kept: &Kept) -> Option<String> {
    let series = || kept.series.iter().zip(&kept.parts);
    let last_train = |(one, parts): (&RawSeries, &Parts)| {
        let row = parts.train.end.checked_sub(1).filter(|row| *row >= parts.train.start)?;
        Some((one.stamps[row].instant, one.id.clone()))
    };
    let first_test = |(one, parts): (&RawSeries, &Parts)| {
        Some((one.stamps.get(parts.test.start).filter(|_| !parts.test.is_empty())?.instant, one.id.clone()))
    };
    let (last_train, trained) = series().filter_map(last_train).max_by_key(|(time, _)| *time)?;
    let (first_test, tested) = series().filter_map(first_test).min_by_key(|(time, _)| *time)?;
    (last_train > first_test).then(|| {
        format!("training rows of series `{trained}` are later than the first test rows of series `{tested}`: a split by times avoids that")
    })
}

/// The training, validation and test rows of each series, and a line about them if there is something to report.
fn split(
    frame: &Frame,
    series: &[RawSeries],
    trimmed: &[usize],
    settings: &Settings,
    options: &DataOptions,
) -> Result<(Vec<Parts>, Option<String>)> {
    let spans: Vec<SeriesTimes> = series
        .iter()
        .zip(trimmed)
        .map(|(one, start)| SeriesTimes { id: &one.id, stamps: &one.stamps[*start..], trimmed: *start })
        .collect();
    let how = (&settings.split, settings.sizes);
    let (ends, note) = borders(&spans, how, &frame.times, options.time_format.as_deref())?;
    let part = |(start, [train, validation, test]): (&usize, [usize; 3])| Parts {
        train: *start..start + train,
        validation: start + train..start + validation,
        test: start + validation..start + test,
    };
    let parts = trimmed.iter().zip(ends).map(part).collect();
    Ok((study::cut(parts, options)?, note))
}
