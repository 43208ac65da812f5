//! What training fits to the data, and what a trained model keeps for new data.

use std::collections::HashMap;
use std::ops::Range;

use super::calendar::Calendar;
use super::frame::Frame;
use super::options::{DataOptions, Scale};
use super::scale::{self, Scaler};
use super::series::RawSeries;
use super::split::{Parts, of_series};
use super::study;
use crate::error::{Error, Place, Result};

/// Scalers and calendar columns of a training run. New data is read with these: nothing is fitted to it.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The series that the model was trained on.
    pub series: Vec<FittedSeries>,
    /// Whether each has scalers of its own.
    pub scale: Scale,
    /// Names of the calendar columns that the model reads.
    pub calendar: Vec<String>,
    /// How most of these series go on, and series that the model was not trained on; `None` if it is not known.
    pub usual: Option<Calendar>,
}

/// A series of the training data.
#[derive(Debug, Clone)]
pub struct FittedSeries {
    /// Empty for a series without an id.
    pub id: String,
    /// A scaler per value column: targets, then past covariates.
    pub scalers: Vec<Scaler>,
    /// Per target: mean |y_t − y_{t−M}| over the training rows, in the data's units; `None` if it is not known.
    pub mase_denominators: Vec<Option<f64>>,
    /// How its rows follow one another; `None` if it is not known.
    pub calendar: Option<Calendar>,
}

impl Fitted {
    /// The calendars of series with these ids, as far as they are known.
    pub(super) fn calendars<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Vec<Option<Calendar>> {
        let known: HashMap<&str, Option<&Calendar>> =
            self.series.iter().map(|one| (one.id.as_str(), one.calendar.as_ref())).collect();
        ids.map(|id| known.get(id).copied().flatten().or(self.usual.as_ref()).cloned()).collect()
    }

    /// What the model knows of each series.
    ///
    /// # Errors
    /// A series that was not trained on, if each has scalers of its own; other columns than those trained on.
    pub(super) fn of_all(&self, frame: &Frame, series: &[RawSeries]) -> Result<Vec<FittedSeries>> {
        let known: Vec<FittedSeries> =
            series.iter().map(|one| self.of(&one.id, frame.file())).collect::<Result<_>>()?;
        let (values, targets) = (frame.columns.values(), frame.columns.targets());
        let differs = |one: &&FittedSeries| one.scalers.len() != values || one.mase_denominators.len() != targets;
        let Some(other) = known.iter().find(differs) else { return Ok(known) };
        let problem = format!(
            "{targets} targets and {} covariates are read, but the model has {} scalers and {} MASE denominators{}",
            values - targets,
            other.scalers.len(),
            other.mase_denominators.len(),
            of_series(&other.id)
        );
        Err(Error::data(frame.file(), problem, "give data of the columns that the model was trained on"))
    }

    /// The fit of the series with this id. Under [`Scale::Global`] all series have one scaler per column.
    ///
    /// # Errors
    /// A series that was not trained on, if each has scalers of its own.
    fn of(&self, id: &str, file: Place) -> Result<FittedSeries> {
        if let Some(known) = self.series.iter().find(|series| series.id == id) {
            return Ok(known.clone());
        }
        if let (Scale::Global, Some(any)) = (self.scale, self.series.first()) {
            let mase_denominators = vec![None; any.mase_denominators.len()];
            return Ok(FittedSeries { id: id.into(), mase_denominators, ..any.clone() });
        }
        let shown: Vec<String> = self.series.iter().take(6).map(|one| format!("`{}`", one.id)).collect();
        let more = if self.series.len() > 6 { format!(" and {} more", self.series.len() - 6) } else { String::new() };
        let problem = match (id.is_empty(), self.series.iter().all(|one| one.id.is_empty())) {
            (true, _) => {
                format!("holds one series without an id, but the model was trained on {}{more}", shown.join(", "))
            }
            (false, true) => format!("series `{id}`: the model was trained on one series without an id"),
            _ => format!("series `{id}` is none that the model was trained on: {}{more}", shown.join(", ")),
        };
        let help = "each series is scaled by its own training rows: rename or leave it out, or train with ‹scale global›, \
             which forecasts any series";
        Err(Error::data(file, problem, help))
    }
}

/// Scalers and MASE denominators of each series, from its training rows.
///
/// # Errors
/// A column without a single value there.
pub(super) fn fit(
    frame: &Frame,
    series: &[RawSeries],
    parts: &[Parts],
    scale: Scale,
    options: &DataOptions,
) -> Result<Vec<FittedSeries>> {
    let rows: Vec<Range<usize>> = parts.iter().map(|parts| study::scaled_by(parts, options)).collect();
    let scalers = scale::fit(frame, series, scale, &rows)?;
    let fitted = |((one, parts), scalers): ((&RawSeries, &Parts), _)| FittedSeries {
        id: one.id.clone(),
        scalers,
        mase_denominators: (0..frame.columns.targets())
            .map(|target| seasonal_distance(one, target, &parts.train))
            .collect(),
        calendar: Some(one.calendar.clone()),
    };
    Ok(series.iter().zip(parts).zip(scalers).map(fitted).collect())
}

/// mean |y_t − y_{t−M}| over training rows with both observed; `None` without a pair, or if it is 0.
fn seasonal_distance(series: &RawSeries, target: usize, train: &Range<usize>) -> Option<f64> {
    let season = series.season;
    let later = train.start + season..train.end.max(train.start + season);
    let distances = later.map(|row| (series.value(row, target) - series.value(row - season, target)).abs());
    let (count, sum) = distances.filter(|d| !d.is_nan()).fold((0usize, 0.0), |(count, sum), d| (count + 1, sum + d));
    (sum > 0.0).then(|| sum / count as f64)
}
