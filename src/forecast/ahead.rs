//! The next rows of each series, with intervals.

use std::collections::BTreeMap;

use super::table::{Names, Outlook, OutlookSeries, unique_id};
use super::together::in_each;
use super::{Combine, Coverage, Reading, TrainedModel};
use crate::data::{Cutoff, Dataset, LeftOut, Source, Start, counted, few, grouped, reasons};
use crate::error::{Error, Result};
use crate::words::words;

/// What becomes of series whose last row lies before those of others, or before the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ended {
    /// The rows after their own last row are forecast, and the series are named.
    #[default]
    Forecast,
    /// They are named and left out.
    Skip,
}
words!(Ended, "ended", Ended::Forecast = "forecast", Ended::Skip = "skip");

/// What is forecast.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ForecastOptions {
    /// Other data than the run's own.
    pub reading: Reading,
    /// After which row; the last one, unless another is named.
    pub origin: Start,
    /// `None`: the trained horizon.
    pub rows: Option<usize>,
    /// Whether forecasts are read to forecast beyond the trained horizon.
    pub recursive: bool,
    /// What becomes of series that ended.
    pub ended: Ended,
    /// A file of the future covariates of the rows to come.
    pub future: Option<Source>,
}

/// The next rows of each series.
pub struct Ahead {
    /// What the forecasts continue.
    pub data: Dataset,
    /// The last row that each forecast sees.
    pub cutoffs: Vec<Cutoff>,
    /// Series of the data that are not forecast, and why.
    pub left_out: Vec<LeftOut>,
    /// Series that ended before the others or the origin, by index, with their last times.
    pub ended: Vec<(usize, String)>,
    /// Targets that ended before the others of their series, by index of series and target, with the times of their last values.
    pub ended_targets: Vec<(usize, usize, Option<String>)>,
    /// Rows that are forecast.
    pub rows: usize,
    /// The forecasts, by series and target.
    pub outlook: Outlook,
    /// What the intervals held on the test windows, where there are intervals.
    pub coverage: Option<Coverage>,
}

/// Forecasts the next rows of each series.
///
/// # Errors
/// More rows than the model was trained to forecast, unless `recursive`; data that cannot be read; forecasts that are not finite.
pub fn forecast(model: &mut TrainedModel, options: &ForecastOptions) -> Result<Ahead> {
    if options.reading.settings.has("weight") {
        let help = "leave it out: weights are read where forecasts are scored";
        return Err(Error::config("weight", "changes no forecast", help));
    }
    let horizon = model.horizon();
    let rows = options.rows.unwrap_or(horizon);
    if rows > horizon {
        if !options.recursive {
            let trained = counted(horizon, "row");
            let problem = format!("{rows} rows are asked for: the model was trained to forecast {trained}");
            let help = format!("train one with ‹horizon {rows}›, or let it read its own forecasts with ‹recursive›");
            return Err(Error::config("horizon", problem, help));
        }
        if model.strict && !model.levels.is_empty() {
            let problem = format!("residuals are known for {}, and {rows} are asked for", counted(horizon, "row"));
            return Err(Error::config("levels", problem, format!("choose ‹levels none›, or ‹horizon {horizon}›")));
        }
        model.say(format!("rows beyond {horizon} are forecast from forecasts, without intervals"));
        model.levels.clear();
    }

    let named = model.named(&options.reading)?;
    let mut all = model.data(&options.reading, named.as_ref(), false)?;
    if let Some(plan) = &options.future {
        model.read_plan(&mut all, plan)?;
    }
    let data = &all[0];
    model.say(format!("the calendar continues by {}", data.calendar.words()));
    let (origin, told) = data.start(&options.origin)?;
    told.into_iter().for_each(|line| model.say(line));
    let (mut cutoffs, left_out, others) = model.origins(&all, &origin)?;
    if !left_out.is_empty() {
        let (count, all) = (grouped(left_out.len()), grouped(data.series.len()));
        model.say(format!("not forecast: {count} of {all} series (‹short-series›): {}", reasons(&left_out)));
    }
    if let Start::Row(rows) = origin {
        dates_after(data, &cutoffs, rows).into_iter().for_each(|line| model.say(line));
    }
    let ended = data.ended(&origin)?;
    if !ended.is_empty() {
        let names = ended.iter().map(|(series, last)| match &data.series[*series].id {
            id if id.is_empty() => last.clone(),
            id => format!("`{id}` {last}"),
        });
        let before = if matches!(origin, Start::Time(_)) { "‹origin›" } else { "the others" };
        let line = format!("{} of {} series ended before {before}", grouped(ended.len()), grouped(data.series.len()));
        let what = match options.ended {
            Ended::Forecast => "the rows after their own last row are forecast (‹ended skip› leaves them out)",
            Ended::Skip => "they are left out (‹ended skip›)",
        };
        model.say(format!("{line}, and {what}: {}", few(ended.len(), names)));
        if options.ended == Ended::Skip {
            cutoffs.retain(|cutoff| ended.binary_search_by_key(&cutoff.series, |(series, _)| *series).is_err());
        }
        if cutoffs.is_empty() {
            let problem = "leaves no series to forecast: all ended before the origin";
            return Err(Error::config("ended", problem, "an earlier ‹origin›, or ‹ended forecast›"));
        }
    }
    let ended_targets = match origin {
        Start::Row(_) => Vec::new(),
        _ => data.ended_targets(&cutoffs, rows),
    };
    if !ended_targets.is_empty() {
        let name = |(series, target, last): &(usize, usize, Option<String>)| {
            let last = last.as_ref().map_or_else(|| ", no value".into(), |last| format!(" {last}"));
            format!("`{}`{last}", unique_id(data, *series, *target))
        };
        let what = match options.ended {
            Ended::Forecast => "the rows after those of the others are forecast (‹ended skip› leaves them out)",
            Ended::Skip => "they are left out (‹ended skip›)",
        };
        model.say(format!(
            "{} of {} targets ended before the others, and {what}: {}",
            grouped(ended_targets.len()),
            grouped(cutoffs.len() * data.targets()),
            few(ended_targets.len(), ended_targets.iter().map(name))
        ));
    }
    let of_runs = in_each(data, &cutoffs, &others);
    if model.first().is_own(data) {
        model.tell_known_rows(&all, &of_runs);
    }
    let kept = model.whole_kept();
    let needs_training = !model.levels.is_empty() && kept.is_none() || model.combine == Combine::Validation;
    let training =
        needs_training.then(|| model.training_data(named.as_ref(), "‹levels none› forecasts without intervals"));
    model.weigh(training.as_ref().and_then(|training| training.as_ref().ok()))?;
    let (predicted, ahead) = model.ahead(&all, &of_runs, rows, &model.levels)?;
    if predicted.values.iter().any(|value| !value.is_finite()) {
        return Err(Error::checkpoint(
            &model.first().model().file,
            "the model forecasts values that are not finite",
            "its training diverged, or the data lies far from what it was trained on",
        ));
    }
    let calibrated = match training.filter(|_| !model.levels.is_empty()) {
        None => kept,
        Some(Ok(training)) => model.intervals(Ok(&training))?,
        Some(Err(error)) => model.intervals(Err(error))?,
    };
    let has_intervals = calibrated.is_some();
    let (calibration, coverage) = calibrated.map_or((None, None), |own| (own.calibration, own.coverage));
    if !has_intervals {
        model.levels.clear();
    }
    let names = Names::new(data, &model.alias, &model.levels, &[])?;
    if let Some(calibration) = &calibration {
        let unknown = data.series.iter().filter(|series| !calibration.knows(&series.id)).count();
        // Those of the training data have been told.
        if unknown > calibration.pooled_series {
            model.say(format!(
                "{} of {} series to forecast without residuals of their own: intervals there take those of all series together",
                grouped(unknown),
                grouped(data.series.len())
            ));
        }
    }
    let beyond = data.known_beyond(&ahead, &cutoffs);
    if beyond > 0 {
        model.say(format!(
            "{} of what is known ahead are not needed: they lie outside the forecasts",
            counted(beyond, "row")
        ));
    }
    ahead.dated_otherwise(rows)?.into_iter().for_each(|line| model.say(line));
    model.tell_guess(data, &ahead, rows)?;
    let intervals = has_intervals.then(|| model.intervals_of(predicted.ends.as_deref(), calibration.as_ref()));
    let mut outlook = Outlook::new(&ahead, &predicted, rows, names, intervals.as_ref())?;
    if options.ended == Ended::Skip {
        let is_over = |one: &OutlookSeries| {
            ended_targets
                .iter()
                .any(|(series, target, _)| (cutoffs[one.place].series, one.target) == (*series, *target))
        };
        outlook.series.retain(|one| !is_over(one));
    }
    if data.time_form != outlook.form {
        model.say(format!("times are written as {}", outlook.series[0].ds[0]));
    }
    let left_out = [&data.left_out[..], &left_out].concat();
    let data = all.swap_remove(0);
    Ok(Ahead { data, cutoffs, left_out, ended, ended_targets, rows, outlook, coverage })
}

/// At which times so many rows end in series that do not begin together.
fn dates_after(data: &Dataset, cutoffs: &[Cutoff], rows: usize) -> Option<String> {
    let mut groups: BTreeMap<i64, (String, Vec<&str>)> = BTreeMap::new();
    for Cutoff { series, row } in cutoffs {
        let one = &data.series[*series];
        let instant = one.timestamps[row - one.rows.start].instant;
        groups.entry(instant).or_insert_with(|| (data.time_label(*row), Vec::new())).1.push(&one.id);
    }
    let group = |(date, ids): &(String, Vec<&str>)| {
        let named = ids.iter().take(3).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let more = if ids.len() > 3 { ", …" } else { "" };
        format!("{date} in {} series ({named}{more})", grouped(ids.len()))
    };
    (groups.len() > 1).then(|| {
        let groups = few(groups.len(), groups.values().map(group));
        format!(
            "{} (‹origin›) end at different times: {groups}; a time as ‹origin› is the same for all",
            counted(rows, "row")
        )
    })
}
