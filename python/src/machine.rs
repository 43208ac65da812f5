//! The machine: its adapters, whether they compute what the CPU engine does, and where a step's time goes.

use microglia::compare::{compare_on, open_device, smallest_cases, standard_cases};
use microglia::experiment::StudyObserver;
use microglia::gpu::{AdapterSummary, list_adapters};
use microglia::profile::{profile_plan, roofline_svg};
use microglia::runs::{Engines, passed_over};
use microglia::train::{Plan, weights};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use crate::call::call;
use crate::errors::argument;
use crate::frames::Frame;
use crate::options::{json_value, settings};
use microglia::config::Config;

/// The adapters of this machine, each a dict.
#[pyfunction]
pub(crate) fn devices<'py>(watcher: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let list = call(watcher, None, |_| {
        let list: Vec<AdapterSummary> = list_adapters().into_iter().map(|adapter| adapter.summary).collect();
        Ok(list.iter().map(AdapterSummary::to_json).collect::<Vec<Value>>())
    })?;
    json_value(watcher.py(), &list)
}

/// Compares a device with the CPU engine, case by case: a dict of the `device`, whether it `passed`, and its `cases`.
#[pyfunction]
pub(crate) fn compare<'py>(
    watcher: &Bound<'py, PyAny>,
    device: Option<String>,
    steps: usize,
    quick: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let found = call(watcher, None, move |mut link| {
        let (cases, say) = (if quick { smallest_cases() } else { standard_cases() }, link.say());
        let gpu = open_device(device.as_deref(), &cases, move |error| say(&passed_over(error)))?;
        let mut reports = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            if StudyObserver::interrupted(&link) {
                break;
            }
            StudyObserver::progress(&mut link, number, cases.len(), 0.0, None);
            reports.push(compare_on(&gpu, case, steps)?);
        }
        let passed = reports.iter().all(|report| report.passed());
        Ok(json!({ "device": gpu.summary().name, "passed": passed, "cases": reports }))
    })?;
    json_value(watcher.py(), &found)
}

/// Profiles the training steps of a run: figures, and the roofline as SVG.
#[pyfunction]
#[pyo3(signature = (given, data, watcher, steps = None))]
pub(crate) fn profile<'py>(
    given: &Bound<'py, PyDict>,
    data: Option<&Bound<'py, Frame>>,
    watcher: &Bound<'py, PyAny>,
    steps: Option<i64>,
) -> PyResult<Option<(Bound<'py, PyAny>, String)>> {
    let rejected =
        |steps| argument(given.py(), "steps", &format!("{steps} is rejected"), "give a whole number, 1 or more");
    let steps = steps.map(|steps| usize::try_from(steps).map_err(|_| rejected(steps))).transpose()?;
    let settings = settings(given, data)?;
    let found = call(watcher, None, move |link| {
        let (config, say) = (Config::new(&settings)?, link.say());
        let mut engines = Engines::open(&config.device, config.threads, &say)?;
        engines.check_tuning(&config)?;
        config.train.init.as_deref().map_or(Ok(()), weights::check)?;
        let dataset = config.data.load()?;
        dataset.notices.iter().for_each(|line| say(line));
        let plan = Plan::new(&dataset, &config.train.first_choice())?;
        plan.notices.iter().for_each(|line| say(line));
        let tuning = engines.tuned(&config, &plan.program, &say)?;
        let (mut engine, _) = engines.make(&plan.program, tuning.as_ref())?;
        let profile = profile_plan(&dataset, &plan, engine.as_mut(), steps, &|| StudyObserver::interrupted(&link))?;
        profile.map(|profile| Ok((json!(profile), roofline_svg(&profile)?))).transpose()
    })?;
    found.map(|(figures, svg)| Ok((json_value(given.py(), &figures)?, svg))).transpose()
}
