//! A run, new or resumed.

use std::path::{Path, PathBuf};

use microglia::config::{Config, Settings};
use microglia::runs::{Done, Run, RunFolder};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use crate::call::{Link, call};
use crate::errors::raised;
use crate::frames::Frame;
use crate::options::{json_value, settings};

/// Trains a run into a folder, or resumes the one that is there; `None` where that is finished. Returns a dict: `folder`, and
/// `summary`, as `summary.json` has it; `resolved`, the options with what the data settled.
#[pyfunction]
#[pyo3(signature = (given, data, watcher, resume = None))]
pub(crate) fn train<'py>(
    given: &Bound<'py, PyDict>,
    data: Option<&Bound<'py, Frame>>,
    watcher: &Bound<'py, PyAny>,
    resume: Option<PathBuf>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = given.py();
    let settings = settings(given, data)?;
    let threads = settings.get("threads").and_then(|threads| threads.parse().ok());
    let done = call(watcher, threads, move |link| match resume {
        Some(folder) => resumed(&folder, &settings, link),
        None => begun(&settings, link).map(Some),
    })?;
    done.map(|done| json_value(py, &done)).transpose()
}

fn begun(settings: &Settings, link: Link) -> microglia::Result<Value> {
    let (config, say) = (Config::new(settings)?, link.say());
    config.idle_options(settings).iter().for_each(|line| say(line));
    config.out.as_deref().map_or(Ok(()), |out| RunFolder::check_apart(out, config.inputs()))?;
    finished(Run::new(&config, &say)?, link)
}

fn resumed(folder: &Path, settings: &Settings, link: Link) -> microglia::Result<Option<Value>> {
    Run::resume(folder, settings, &link.say())?.map(|run| finished(run, link)).transpose()
}

fn finished(run: Run, mut link: Link) -> microglia::Result<Value> {
    let resolved = run.config().to_toml();
    let Done { folder, outcome, written } = run.train(&mut link)?;
    written?;
    Ok(json!({ "folder": folder, "summary": outcome.summary, "resolved": resolved }))
}

/// Raises an error of the library.
pub(crate) fn or_raise<T>(py: Python<'_>, result: microglia::Result<T>) -> PyResult<T> {
    result.map_err(|error| raised(py, &error))
}
