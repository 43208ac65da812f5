//! Forecasts and scores of trained models.

use std::path::PathBuf;

use microglia::config::Config;
use microglia::data::{Source, Start};
use microglia::forecast::table::{Outlook, Predictions};
use microglia::forecast::{
    Ended, EvaluateOptions, ForecastOptions, Level, ModelOptions, Reading, Score, TrainedModel, evaluate as evaluated,
    forecast as forecast_ahead,
};
use microglia::train::Loaded;
use microglia::train::plot::outlook_svg;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use crate::call::{Link, call};
use crate::errors::argument;
use crate::frames::{Frame, source};
use crate::options::{Given, json_value};
use crate::tables::{Columns, Table, wrong};
use crate::train::or_raise;

/// The frames of a call, and which model it is about.
struct Asked {
    model: ModelOptions,
    reading: Reading,
    /// Whose types ids and times have in the results.
    like: Option<microglia::data::Frame>,
}

/// `given` are keyword arguments: those of a model, and options of reading and of the device.
fn asked(
    folders: Vec<PathBuf>,
    py: Python<'_>,
    given: &Given<'_>,
    trained_on: Option<&Bound<'_, Frame>>,
    data: Option<&Bound<'_, Frame>>,
) -> PyResult<Asked> {
    let mut model = ModelOptions::default();
    model.checkpoints = folders;
    model.train_data = source(trained_on);
    model.ensemble = given.word("ensemble")?;
    model.alias = given.value("alias", "a text")?;
    model.conformal = given.flag("conformal")?;
    model.levels = given.any("levels")?.map(|value| levels(&value)).transpose()?;
    let mut settings = given.settings()?;
    let mut on = Config::default();
    let mut device = microglia::config::Settings::default();
    for name in ["device", "threads"] {
        if let Some(text) = settings.remove(name) {
            or_raise(py, device.set(name, &text))?;
        }
    }
    or_raise(py, on.apply(&device))?;
    (model.device, model.threads) = (on.device, on.threads);
    let named: Option<Source> = or_raise(py, settings.remove("data").as_deref().map(str::parse).transpose())?;
    let reading = Reading { source: source(data).or(named), settings };
    let like = data.or(trained_on).map(|frame| frame.get().0.clone());
    Ok(Asked { model, reading, like })
}

/// Percentages, the smallest first.
fn levels(given: &Bound<'_, PyAny>) -> PyResult<Vec<Level>> {
    let py = given.py();
    let numbers: Vec<f64> = given.extract().map_err(|_| {
        argument(py, "levels", &format!("{given} is rejected"), "give percentages, as in [80, 95], or []")
    })?;
    let mut levels: Vec<Level> =
        numbers.iter().map(|one| or_raise(py, one.to_string().parse())).collect::<PyResult<_>>()?;
    levels.sort_by(|a, b| a.percent().total_cmp(&b.percent()));
    levels.dedup();
    Ok(levels)
}

/// The next rows of each series. Returns the table, a picture as SVG where `picture` asks for one, and what else there is to say.
#[pyfunction]
#[pyo3(signature = (folders, given, watcher, trained_on = None, data = None, future = None, picture = false))]
pub(crate) fn forecast<'py>(
    folders: Vec<PathBuf>,
    given: &Bound<'py, PyDict>,
    watcher: &Bound<'py, PyAny>,
    trained_on: Option<&Bound<'py, Frame>>,
    data: Option<&Bound<'py, Frame>>,
    future: Option<&Bound<'py, PyAny>>,
    picture: bool,
) -> PyResult<(Table, Option<String>, Bound<'py, PyAny>)> {
    let py = given.py();
    let given = Given::of(given)?;
    let mut options = ForecastOptions::default();
    options.rows = given.count("horizon")?;
    options.recursive = given.flag("recursive")?;
    options.ended = given.word::<Ended>("ended")?.unwrap_or_default();
    let origin = given.any("origin")?.map(|origin| origin.str().map(|text| text.to_string())).transpose()?;
    options.origin = origin.map_or(Start::End, Start::Written);
    options.future = future.map(plan).transpose()?;
    let Asked { model, reading, like } = asked(folders, py, &given, trained_on, data)?;
    let like = like.filter(|_| reading.source.is_none() || data.is_some());
    options.reading = reading;
    let threads = model.threads;
    let (columns, svg, more) = call(watcher, threads, move |link| {
        let mut model = TrainedModel::open(model, &link.say())?;
        let ahead = forecast_ahead(&mut model, &options)?;
        let svg = picture.then(|| outlook_svg(&ahead.picture(&model.alias))).transpose()?;
        let more = json!({ "coverage": ahead.coverage.as_ref().map(|held| &held.steps), "left_out": ahead.left_out });
        Ok((outlook_columns(&ahead.outlook, like.as_ref()), svg, more))
    })?;
    Ok((columns.table().map_err(wrong)?, svg, json_value(py, &more)?))
}

/// What is known of the rows to come: a frame, or the path of a file.
fn plan(future: &Bound<'_, PyAny>) -> PyResult<Source> {
    match future.cast::<Frame>() {
        Ok(frame) => Ok(Source::Frame(frame.get().0.clone())),
        Err(_) => Ok(Source::File(future.extract()?)),
    }
}

fn outlook_columns(outlook: &Outlook, like: Option<&microglia::data::Frame>) -> Columns {
    let Outlook { names, form, levels, series, .. } = outlook;
    let mut columns = Columns::default();
    let ids: Vec<String> = series.iter().map(|one| one.unique_id.clone()).collect();
    let of_row: Vec<usize> = series.iter().enumerate().flat_map(|(id, one)| vec![id; one.forecast.len()]).collect();
    columns.ids(&names.id, &ids, &of_row, like.and_then(|like| like.field(&names.id)));
    let times: Vec<_> = series.iter().flat_map(|one| one.times.iter().copied()).collect();
    columns.times(&names.time, &times, form, like.and_then(|like| like.field(&names.time)));
    let mut all = names.forecasts(levels).into_iter();
    let mut add = |values: Vec<f64>| {
        if let Some(name) = all.next() {
            columns.numbers(&name, values);
        }
    };
    add(series.iter().flat_map(|one| one.forecast.iter().copied()).collect());
    for level in (0..levels.len()).rev() {
        add(series.iter().flat_map(|one| one.low[level].iter().copied()).collect());
    }
    for level in 0..levels.len() {
        add(series.iter().flat_map(|one| one.high[level].iter().copied()).collect());
    }
    if series.iter().any(|one| one.spread.is_some()) {
        for (place, name) in outlook.spread_names().into_iter().enumerate() {
            let spread =
                series.iter().flat_map(|one| one.spread.iter().flat_map(|spread| spread[place].iter().copied()));
            columns.numbers(&name, spread);
        }
    }
    columns
}

/// Scores a model. Returns the forecasts of every window where `predictions` asks for them, and scores as dicts; `None` where it was
/// interrupted.
#[pyfunction]
#[pyo3(signature = (folders, given, watcher, trained_on = None, data = None, predictions = false))]
pub(crate) fn evaluate<'py>(
    folders: Vec<PathBuf>,
    given: &Bound<'py, PyDict>,
    watcher: &Bound<'py, PyAny>,
    trained_on: Option<&Bound<'py, Frame>>,
    data: Option<&Bound<'py, Frame>>,
    predictions: bool,
) -> PyResult<Option<(Option<Table>, Bound<'py, PyAny>)>> {
    let py = given.py();
    let given = Given::of(given)?;
    let mut options = EvaluateOptions::default();
    options.folds = given.count("folds")?;
    options.step = given.count("step")?;
    options.refit = given.flag("refit")?;
    options.part = given.word("part")?;
    options.predictions = predictions;
    let Asked { mut model, reading, like } = asked(folders, py, &given, trained_on, data)?;
    model.scored = true;
    options.reading = reading;
    let threads = model.threads;
    let done = call(watcher, threads, move |mut link: Link| {
        let model = TrainedModel::open(model, &link.say())?;
        let Some(evaluation) = evaluated(&model, &options, &mut link)? else { return Ok(None) };
        let columns = evaluation.predictions().map(|all| predicted_columns(all, like.as_ref()));
        let scores = &evaluation.scores;
        let named = |groups: Vec<(String, Vec<Score>)>| {
            groups.into_iter().map(|(name, scores)| json!({ "of": name, "scores": scores })).collect::<Vec<Value>>()
        };
        let by_series = scores.by(|place| (place.series, place.target));
        let by_series =
            by_series.into_iter().map(|((series, target), own)| (evaluation.ids[series][target].clone(), own));
        let by_step = scores.by(|place| place.step).into_iter().map(|(step, own)| ((step + 1).to_string(), own));
        let (windows, apart) = evaluation.windows();
        let levels: Vec<f64> = model.levels.iter().map(|level| level.percent()).collect();
        let folds = if options.folds.is_some() { named(evaluation.by_fold()) } else { Vec::new() };
        let scores = json!({
            "windows": windows, "non_overlapping_windows": apart, "levels": levels,
            "total": scores.total(), "by_fold": folds,
            "by_series": named(by_series.collect()), "by_step": named(by_step.collect()),
        });
        Ok(Some((columns, scores)))
    })?;
    let Some((columns, scores)) = done else { return Ok(None) };
    let table = columns.map(|columns| columns.table().map_err(wrong)).transpose()?;
    Ok(Some((table, json_value(py, &scores)?)))
}

fn predicted_columns(all: &Predictions, like: Option<&microglia::data::Frame>) -> Columns {
    let (names, rows) = (&all.names, &all.rows);
    let field = |name: &str| like.and_then(|like| like.field(name));
    let mut columns = Columns::default();
    columns.ids(&names.id, &all.ids, &rows.iter().map(|row| row.id).collect::<Vec<_>>(), field(&names.id));
    let time = field(&names.time);
    columns.times(&names.time, &rows.iter().map(|row| row.ds).collect::<Vec<_>>(), &all.form, time);
    columns.times("cutoff", &rows.iter().map(|row| row.cutoff).collect::<Vec<_>>(), &all.form, time);
    for (index, name) in all.columns().iter().enumerate() {
        columns.numbers(name, all.column(index));
    }
    columns
}

/// What a run folder or weights file holds: a dict of `model`, `config`, `weights_sha256` and `file`.
#[pyfunction]
pub(crate) fn model_info<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyAny>> {
    let loaded = or_raise(py, py.detach(|| Loaded::open(&path)))?;
    let (config, model) = (&loaded.header.config, loaded.model.kind.to_string());
    let settings: toml::Table = config.parse().map_err(|error: toml::de::Error| {
        pyo3::exceptions::PyValueError::new_err(format!("{}: {error}", path.display()))
    })?;
    json_value(
        py,
        &json!({
            "model": model, "config": settings, "toml": config, "weights_sha256": loaded.weights_sha256(), "file": loaded.file,
        }),
    )
}
