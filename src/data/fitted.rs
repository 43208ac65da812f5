//! What training fits to the data, and what a trained model keeps for new data.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::Calendar;
use super::count::{few, grouped};
use super::dataset::{Dataset, Series};
use super::frame::Frame;
use super::options::{DataOptions, Scale, ShortSeries};
use super::scale::{self, Scaler};
use super::series::RawSeries;
use super::settings::Settings;
use super::short::{Kept, UNKNOWN, Why};
use super::split::{Parts, of_series};
use super::step::Step;
use super::study;
use super::writing::Writing;
use crate::error::{Error, Place, Result};

/// Scalers and calendar columns of a training run. New data is read with these: nothing is fitted to it.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The series that the model was trained on.
    pub series: Vec<FittedSeries>,
    /// Ids of those that training left out.
    pub left_out: Vec<String>,
    /// Whether each has scalers of its own.
    pub scale: Scale,
    /// Names of the calendar columns that the model reads.
    pub calendar: Vec<String>,
    /// By column of levels, those that have codes, from 1 on.
    pub levels: Vec<Vec<String>>,
    /// How most of these series go on, and series that the model was not trained on; `None` if it is not known.
    pub usual: Option<Calendar>,
    /// Rows of the training data.
    pub rows: usize,
    /// Days without rows.
    pub holidays: Arc<BTreeSet<NaiveDate>>,
    /// How the training data was written.
    pub writing: Writing,
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

    /// Where rows of new data are another interval apart than those that the model was trained on: this one now, and that one then. A
    /// series that the model was not trained on may go on as any does. `usual` is that of most series, if it is known.
    pub(crate) fn other_step(&self, dataset: &Dataset, usual: Option<Step>) -> Option<(Step, Step)> {
        let known: HashMap<&str, Option<Step>> =
            self.series.iter().map(|one| (one.id.as_str(), one.calendar.as_ref().map(Calendar::step))).collect();
        let differs = |one: &Series| {
            let (now, own) = (one.calendar.step(), known.get(one.id.as_str()).copied());
            let is_any = own.is_none() && known.values().flatten().any(|step| *step == now);
            let then = own.flatten().or(usual).filter(|then| !is_any && *then != now)?;
            Some((now, then))
        };
        // A few of many are told: see `other_calendars`.
        dataset.series.iter().find_map(differs).filter(|_| usual != Some(dataset.step()))
    }

    /// Where series of new data go on by another calendar than the model was trained on, in words.
    pub(crate) fn other_calendars(&self, dataset: &Dataset) -> Option<String> {
        let then = self.calendars(dataset.series.iter().map(|one| one.id.as_str()));
        // As they are written: days without rows and the zone are told elsewhere.
        let differs = |(one, then): (&Series, Option<Calendar>)| {
            let then = then.filter(|then| then.to_string() != one.calendar.to_string())?;
            Some((one.id.clone(), one.calendar.words(), then.words()))
        };
        let mut others = dataset.series.iter().zip(then).filter_map(differs);
        let (id, now, then) = others.next()?;
        let more = match others.count() {
            0 => String::new(),
            others => format!(", and so in {} more series", grouped(others)),
        };
        Some(format!("the calendar differs from that of training: {now}{}, and then {then}{more}", of_series(&id)))
    }

    /// What the model knows of each series. Those that have no scaler, because they are new or training left them out, are left out
    /// here too.
    ///
    /// # Errors
    /// A new series, if none is known or such are to be rejected; other columns than those trained on.
    pub(super) fn of_all(&self, frame: &Frame, settings: &Settings, kept: &mut Kept) -> Result<Vec<FittedSeries>> {
        let by_id: HashMap<&str, &FittedSeries> = self.series.iter().map(|one| (one.id.as_str(), one)).collect();
        let known: Vec<Option<FittedSeries>> = kept.series.iter().map(|one| self.of(&one.id, &by_id)).collect();
        let left_out: HashSet<&str> = self.left_out.iter().map(String::as_str).collect();
        let why = |one: &RawSeries| if left_out.contains(one.id.as_str()) { Why::Unknown } else { Why::New };
        let unknown: Vec<Option<Why>> =
            kept.series.iter().zip(&known).map(|(one, known)| known.is_none().then(|| why(one))).collect();
        let strict = settings.short_series == ShortSeries::Error || known.iter().all(Option::is_none);
        let new = kept.series.iter().zip(&unknown).find(|(_, why)| strict && matches!(why, Some(Why::New)));
        if let Some((one, _)) = new {
            return Err(self.unknown(&one.id, frame.file()));
        }
        kept.leave_out(frame, settings, unknown)?;
        let known: Vec<FittedSeries> = known.into_iter().flatten().collect();
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

    /// The fit of the series with this id. Unless each has scalers of its own, all series have one per column.
    fn of(&self, id: &str, by_id: &HashMap<&str, &FittedSeries>) -> Option<FittedSeries> {
        if let Some(known) = by_id.get(id) {
            return Some((*known).clone());
        }
        let any = self.series.first().filter(|_| self.scale != Scale::Series)?;
        let mase_denominators = vec![None; any.mase_denominators.len()];
        Some(FittedSeries { id: id.into(), mase_denominators, ..any.clone() })
    }

    /// That the data is of other series than the model.
    fn unknown(&self, id: &str, file: Place) -> Error {
        let shown = few(self.series.len(), self.series.iter().map(|one| format!("`{}`", one.id)));
        let problem = match (id.is_empty(), self.series.iter().all(|one| one.id.is_empty())) {
            (true, _) => format!("holds one series without an id, but the model was trained on {shown}"),
            (false, true) => format!("series `{id}`: the model was trained on one series without an id"),
            _ => format!("series `{id}` is none that the model was trained on: {shown}"),
        };
        Error::data(file, problem, UNKNOWN)
    }
}

/// Scalers and MASE denominators of each series, from its training rows. A series without a value there is left out.
///
/// # Errors
/// If none is left, or such are to be rejected.
pub(super) fn fit(
    frame: &Frame,
    kept: &mut Kept,
    settings: &Settings,
    options: &DataOptions,
) -> Result<Vec<FittedSeries>> {
    let rows = |parts: &Vec<Parts>| -> Vec<Range<usize>> {
        parts.iter().map(|parts| study::scaled_by(parts, options, settings)).collect()
    };
    let scalers = scale::fit(frame, &kept.series, (settings.scale, options), &rows(&kept.parts))?;
    let why = scalers.iter().map(|scalers| scalers.as_ref().err().map(|column| Why::Unscaled(*column)));
    kept.leave_out(frame, settings, why.collect())?;
    let fitted = |((one, rows), scalers): ((&RawSeries, Range<usize>), _)| FittedSeries {
        id: one.id.clone(),
        scalers,
        mase_denominators: (0..frame.columns.targets()).map(|target| seasonal_distance(one, target, &rows)).collect(),
        calendar: Some(one.calendar.clone()),
    };
    // Of the training rows alone, whatever scalers see.
    let honest = DataOptions { authors_protocol: None, ..options.clone() };
    let rows = kept.parts.iter().map(|parts| study::scaled_by(parts, &honest, settings));
    Ok(kept.series.iter().zip(rows).zip(scalers.into_iter().flatten()).map(fitted).collect())
}

/// mean |y_t − y_{t−M}| over training rows with both observed; `None` without a pair, or if it is 0.
fn seasonal_distance(series: &RawSeries, target: usize, train: &Range<usize>) -> Option<f64> {
    let season = series.season;
    let later = train.start + season..train.end.max(train.start + season);
    let distances = later.map(|row| (series.value(row, target) - series.value(row - season, target)).abs());
    let (count, sum) = distances.filter(|d| !d.is_nan()).fold((0usize, 0.0), |(count, sum), d| (count + 1, sum + d));
    (sum > 0.0).then(|| sum / count as f64)
}
