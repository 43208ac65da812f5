//! Studies and searches.

use std::path::{Path, PathBuf};

use microglia::config::{Config, Settings};
use microglia::data::Source;
use microglia::engine::Engine;
use microglia::error::Error;
use microglia::experiment::preset::preset;
use microglia::experiment::{Shard, Study, folder, prepare, report as reports, run_study};
use microglia::kernels::waves;
use microglia::program::Program;
use microglia::runs::{Engines, Say};
use microglia::tune::{self, Asked, Search};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::{Value, json};
use toml::Table;

use crate::call::{Link, call};
use crate::frames::Frame;
use crate::options::{json_value, paths, settings, study_spec, table};
use crate::train::or_raise;

/// Where a study lies and what of it is run.
struct Place {
    out: PathBuf,
    shard: Option<Shard>,
    predictions: bool,
}

/// Runs a study, or a shard of it, into a folder; what is there is not repeated. `data` is a dict of dicts of options by name, in which
/// `frame` may hold a frame. Returns the report as [`report`] does, or `None` where a shard has no cells.
#[pyfunction]
#[pyo3(signature = (given, data, base, out, shard, predictions, on, watcher))]
#[allow(clippy::too_many_arguments, reason = "those of the Python function")]
pub(crate) fn study<'py>(
    given: &Bound<'py, PyDict>,
    data: &Bound<'py, PyDict>,
    base: &str,
    out: PathBuf,
    shard: Option<&str>,
    predictions: bool,
    on: &Bound<'py, PyDict>,
    watcher: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = given.py();
    let mut all = table(given, study_spec)?;
    let (mut sets, mut frames) = (Table::new(), Vec::new());
    for (name, options) in data.iter() {
        let (name, options) = (name.extract::<String>()?, options.cast::<PyDict>()?.copy()?);
        if let Some(frame) = options.get_item("frame")? {
            options.del_item("frame")?;
            frames.push((name.clone(), frame.cast::<Frame>()?.get().0.clone()));
        }
        sets.insert(name, table(&options, study_spec)?.into());
    }
    if !sets.is_empty() {
        all.insert("data".into(), sets.into());
    }
    let mut study = or_raise(py, preset(base).and_then(|base| Study::from_table(&base, &all)))?;
    for (name, frame) in frames {
        study.data.entry(name).or_default().source = Source::Frame(frame);
    }
    or_raise(py, study.check())?;
    let shard = or_raise(py, shard.map(Shard::parse).transpose())?;
    let device = settings(on, None)?;
    let threads = device.get("threads").and_then(|threads| threads.parse().ok());
    let place = Place { out, shard, predictions };
    let found = call(watcher, threads, move |link| run(&study, &place, &device, link))?;
    found.map(|found| json_value(py, &found)).transpose()
}

fn run(study: &Study, place: &Place, device: &Settings, mut link: Link) -> microglia::Result<Option<Value>> {
    let mut on = Config::default();
    on.apply(device)?;
    let mut engines = Engines::open(&on.device, on.threads, &link.say())?;
    folder::check_apart(&place.out, study, Vec::new())?;
    let waves_of = |program: &Program| engines.gpu().map_or(Ok(1), |gpu| waves(gpu, program));
    let preparation = prepare(study, place.shard, &waves_of)?;
    let mut open = |program: Program| engines.make(&program, None).map(|(engine, _)| engine);
    let ended = run_study(study, &preparation, &place.out, place.predictions, &mut open, &mut link)?;
    // What was interrupted has no report yet; the signal or callback is raised by the call.
    match ended.interrupted || ended.all == 0 {
        true => Ok(None),
        false => reported(&place.out).map(Some),
    }
}

fn reported(folder: &Path) -> microglia::Result<Value> {
    let report = reports::write(folder)?;
    Ok(json!({ "folder": folder, "report": report.html, "digest": report.digest, "analysis": report.analysis }))
}

/// Writes the report of a study's folder: a dict of `folder`, `report`, the file, `digest`, some lines, and `analysis`.
#[pyfunction]
pub(crate) fn report<'py>(folder: PathBuf, watcher: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let found = call(watcher, None, move |_| {
        folder::check_study(&folder, "report")?;
        reported(&folder)
    })?;
    json_value(watcher.py(), &found)
}

/// Joins the folders of a study's shards into one, and writes its report.
#[pyfunction]
pub(crate) fn merge<'py>(
    out: PathBuf,
    parts: &Bound<'py, PyList>,
    watcher: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let parts = paths(parts)?;
    let found = call(watcher, None, move |_| {
        folder::merge(&out, &parts)?;
        reported(&out)
    })?;
    json_value(watcher.py(), &found)
}

/// Searches over the options of a run: a dict of `folder`, `results`, as the search writes them, and `best`, the chosen options.
/// `None` where it was interrupted.
#[pyfunction]
pub(crate) fn search<'py>(
    given: &Bound<'py, PyDict>,
    search: &Bound<'py, PyDict>,
    data: Option<&Bound<'py, Frame>>,
    watcher: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = given.py();
    let settings = settings(given, data)?;
    let spec = |name: &str| tune::options::options().map(|(spec, _)| spec).find(|spec| spec.is_named(name));
    let asked: Vec<(String, String)> = table(search, spec)?
        .into_iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            (name, text)
        })
        .collect();
    let wanted = or_raise(py, Search::new(asked.iter().map(|(name, text)| (name.as_str(), text.as_str()))))?;
    let threads = settings.get("threads").and_then(|threads| threads.parse().ok());
    let found = call(watcher, threads, move |link| searched(&settings, &wanted, link))?;
    found.map(|found| json_value(py, &found)).transpose()
}

fn searched(settings: &Settings, search: &Search, mut link: Link) -> microglia::Result<Option<Value>> {
    let (config, say): (_, Say) = (Config::new(settings)?, link.say());
    let mut engines = Engines::open(&config.device, config.threads, &say)?;
    let mut make = |program: &Program| -> Result<Box<dyn Engine>, Error> { Ok(engines.make(program, None)?.0) };
    let asked = Asked::new(settings, search, &say)?;
    let place = (config.out.as_deref(), config.overwrite);
    let Some((held, tuning)) = tune::begin(&asked, place, config.inputs(), &mut make, &mut link, &say)? else {
        return Ok(None);
    };
    say(&tuning.words().into());
    let Some(results) = tuning.run(&held, &mut make, &mut link)? else { return Ok(None) };
    tune::write(&results, &held)?;
    let best: Option<Table> = results.best().and_then(|best| best.toml.parse().ok());
    Ok(Some(json!({ "folder": held.path(), "results": results, "best": best })))
}
