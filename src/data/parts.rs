//! Which rows of each series are kept, and for what.

use super::count::counted;
use super::frame::Frame;
use super::impute;
use super::options::{DataOptions, Impute, Split};
use super::series::RawSeries;
use super::settings::Settings;
use super::split::{Parts, SeriesTimes, borders};
use super::study;
use super::window::check_length;
use crate::error::{Error, Place, Result, Text};

/// The parts of each series, as rows of the series. Each part of each series has room for a window.
///
/// # Errors
/// A series without any value in a column, borders that do not fit, a part that is too short for a window; under
/// [`Impute::Error`], a missing value.
pub(super) fn trained(
    frame: &Frame,
    series: &[RawSeries],
    settings: &Settings,
    options: &DataOptions,
    notices: &mut Vec<Text>,
) -> Result<Vec<Parts>> {
    let trimmed = trim(frame, series, settings.impute, notices)?;
    let (parts, note) = split(frame, series, &trimmed, settings, options)?;
    notices.extend(note.clone().map(Text::from));
    if options.leaks() {
        notices.push(study::LEAK.into());
    }
    let split = &settings.split;
    if let Split::Fractions(fractions) = split
        && fractions.iter().sum::<f64>() < 1.0 - 1e-9
    {
        notices.push(format!("split {split}: validation takes what is left between training and test").into());
    }
    let unused: usize = series.iter().zip(&parts).map(|(one, parts)| one.rows() - parts.test.end).sum();
    if unused > 0 {
        notices.push(format!("{} after the test rows not used", counted(unused, "row")).into());
    }
    for (one, parts) in series.iter().zip(&parts) {
        check_length(&one.id, parts, settings.lookback, settings.horizon, note.as_deref())?;
        if settings.impute == Impute::Error {
            impute::reject_missing(frame, one, parts.all())?;
        }
    }
    Ok(parts)
}

/// For a trained model: all kept rows are test rows.
///
/// # Errors
/// A series without any value in a column.
pub(super) fn untrained(
    frame: &Frame,
    series: &[RawSeries],
    settings: &Settings,
    options: &DataOptions,
    notices: &mut Vec<Text>,
) -> Result<Vec<Parts>> {
    let trimmed = trim(frame, series, settings.impute, notices)?;
    if options.leaks() {
        notices.push(study::LEAK.into());
    }
    Ok(series.iter().zip(&trimmed).map(|(one, start)| Parts::untrained(*start..one.rows())).collect())
}

/// Rows to leave out at the front of each series, because a column has had no value yet.
fn trim(frame: &Frame, series: &[RawSeries], policy: Impute, notices: &mut Vec<Text>) -> Result<Vec<usize>> {
    if policy == Impute::Error {
        return Ok(vec![0; series.len()]);
    }
    let leading: Vec<(usize, usize)> = series.iter().map(impute::leading_rows).collect();
    for (one, (rows, column)) in series.iter().zip(&leading) {
        if *rows == one.rows() {
            let place = Place { column: Some(frame.name(*column).into()), ..frame.file() };
            let help = "leave the column or the series out, or check ‹missing-values›";
            return Err(Error::data(place, format!("no value in any row{}", one.suffix()), help));
        }
    }
    let trimmed: Vec<usize> = leading.iter().map(|(rows, _)| *rows).collect();
    // Of the longest, the first is named.
    if let Some((one, (rows, column))) = series.iter().zip(&leading).rev().max_by_key(|(_, (rows, _))| *rows)
        && *rows > 0
    {
        let total = counted(trimmed.iter().sum(), "leading row");
        let most = if series.len() > 1 { format!(", {rows}{}", one.suffix()) } else { String::new() };
        notices.push(format!("{total} trimmed{most}: `{}` has no value before", frame.name(*column)).into());
    }
    Ok(trimmed)
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
    let (ends, note) = borders(&spans, &settings.split, &frame.times, options.time_format.as_deref())?;
    let part = |(start, [train, validation, test]): (&usize, [usize; 3])| Parts {
        train: *start..start + train,
        validation: start + train..start + validation,
        test: start + validation..start + test,
    };
    let parts = series.iter().zip(trimmed.iter().zip(ends).map(part));
    Ok((parts.map(|(one, parts)| study::cut(&one.id, parts, options)).collect::<Result<_>>()?, note))
}
