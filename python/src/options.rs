//! Keyword arguments → options, each as the library's own table defines it.

use std::num::NonZeroU32;

use microglia::config::{Kind, Opt, SECTIONS, Settings, Spec, default_words, option};
use microglia::error::{Notation, Text};
use microglia::{Error, experiment, tune};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use serde::Serialize;
use toml::{Table, Value};

use crate::errors::{argument, raised};
use crate::frames::Frame;

/// An option as Python sees it.
fn described<'py>(py: Python<'py>, spec: &Spec, section: &str, default: &str) -> PyResult<Bound<'py, PyDict>> {
    let about = PyDict::new(py);
    let plain = |text: &str| Text::from(text).to(Notation::Keywords);
    let aliases: Vec<(String, &str)> = spec.aliases.iter().map(|(name, of)| (name.replace('-', "_"), *of)).collect();
    let (kind, words): (_, &[&str]) = match spec.kind {
        Kind::Words(words) => ("words", words),
        Kind::Several(words) => ("several", words),
        Kind::Switch | Kind::Flag => ("switch", &[]),
        Kind::Whole(..) => ("whole", &[]),
        Kind::Number(_) => ("number", &[]),
        Kind::Wholes(..) => ("wholes", &[]),
        Kind::List => ("list", &[]),
        Kind::File | Kind::Place => ("path", &[]),
        _ => ("text", &[]),
    };
    about.set_item("name", spec.name.replace('-', "_"))?;
    about.set_item("aliases", aliases)?;
    about.set_item("section", section)?;
    about.set_item("kind", kind)?;
    about.set_item("words", words)?;
    about.set_item("range", spec.value_name.contains(".."))?;
    about.set_item("unset", spec.unset.map(|(word, _)| word))?;
    about.set_item("wanted", spec.wanted())?;
    about.set_item("default", plain(default))?;
    about.set_item("help", plain(spec.help))?;
    Ok(about)
}

/// Every option of a run, in the order of the guide.
#[pyfunction]
pub(crate) fn options(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let all = SECTIONS.iter().flat_map(|(section, options)| options.iter().map(|one| (one.spec.hidden, *section, one)));
    let shown = all.filter(|(hidden, ..)| !hidden);
    shown
        .map(|(_, section, one): (_, _, &Opt<_>)| described(py, &one.spec, section.heading(), &default_words(one)))
        .collect()
}

/// The options of a study, beside those of a run that all its trainings share.
#[pyfunction]
pub(crate) fn study_options(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    experiment::options::options().map(|(spec, section, note)| described(py, spec, section.heading(), &note)).collect()
}

/// The options of a search, beside those of the run that it varies.
#[pyfunction]
pub(crate) fn search_options(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    tune::options::options().map(|(spec, note)| described(py, spec, "Search", &note)).collect()
}

/// Keyword arguments of a call, which are taken out one by one; what is left are options.
pub(crate) struct Given<'py>(Bound<'py, PyDict>);

impl<'py> Given<'py> {
    pub(crate) fn of(given: &Bound<'py, PyDict>) -> PyResult<Given<'py>> {
        given.copy().map(Given)
    }

    /// An argument that is not `None`.
    pub(crate) fn any(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(value) = self.0.get_item(name)? else { return Ok(None) };
        self.0.del_item(name)?;
        Ok(Some(value).filter(|value| !value.is_none()))
    }

    /// The same of a Python type; `wanted` says which.
    pub(crate) fn value<T: FromPyObjectOwned<'py>>(&self, name: &str, wanted: &str) -> PyResult<Option<T>> {
        let Some(value) = self.any(name)? else { return Ok(None) };
        let rejected = |_| argument(value.py(), name, &format!("{value} is rejected"), &format!("give {wanted}"));
        value.extract().map(Some).map_err(rejected)
    }

    /// The same as a number of rows or folds.
    pub(crate) fn count(&self, name: &str) -> PyResult<Option<usize>> {
        let count: Option<NonZeroU32> = self.value(name, "a whole number, 1 or more")?;
        Ok(count.map(|count| count.get() as usize))
    }

    /// The same as one of a type's words.
    pub(crate) fn word<T: std::str::FromStr<Err = Error>>(&self, name: &str) -> PyResult<Option<T>> {
        let text: Option<String> = self.value(name, "a text")?;
        text.as_deref().map(str::parse).transpose().map_err(|error| raised(self.0.py(), &error))
    }

    /// Whether an argument is true.
    pub(crate) fn flag(&self, name: &str) -> PyResult<bool> {
        self.value(name, "True or False").map(Option::unwrap_or_default)
    }

    /// What was not taken, as settings.
    pub(crate) fn settings(&self) -> PyResult<Settings> {
        settings(&self.0, None)
    }
}

/// The settings of keyword arguments, and of a frame; those that are `None` are not set.
pub(crate) fn settings(given: &Bound<'_, PyDict>, frame: Option<&Bound<'_, Frame>>) -> PyResult<Settings> {
    let spec = |name: &str| option(name).map(|one| &one.spec);
    let mut settings = Settings::from_table(&table(given, spec)?).map_err(|error| raised(given.py(), &error))?;
    if let Some(frame) = frame {
        settings.set_frame(frame.get().0.clone());
    }
    Ok(settings)
}

/// The definition of an option of a study, or of its data sets.
pub(crate) fn study_spec(name: &str) -> Option<&'static Spec> {
    let own = experiment::options::options().map(|(spec, ..)| spec).find(|spec| spec.is_named(name));
    own.or_else(|| option(name).map(|one| &one.spec))
}

/// The same as a TOML table. `spec` finds an option.
pub(crate) fn table<'a>(given: &Bound<'_, PyDict>, spec: impl Fn(&str) -> Option<&'a Spec>) -> PyResult<Table> {
    let mut table = Table::new();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_none()) {
        let key = name.extract::<String>()?.replace('_', "-");
        let value = toml_value(&key, &value, spec(&key))?;
        table.insert(key, value);
    }
    Ok(table)
}

fn toml_value(key: &str, value: &Bound<'_, PyAny>, spec: Option<&Spec>) -> PyResult<Value> {
    let py = value.py();
    if value.is_instance_of::<PyBool>() {
        return Ok(Value::Boolean(value.extract()?));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(value.extract::<i64>().map_or_else(|_| Value::String(value.to_string()), Value::Integer));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Value::Float(value.extract()?));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Value::String(value.extract()?));
    }
    // NumPy's scalars.
    if let Ok(plain) = value.call_method0("item")
        && !plain.is(value)
    {
        return toml_value(key, &plain, spec);
    }
    if let Ok(path) = value.call_method0("__fspath__") {
        return Ok(Value::String(path.extract()?));
    }
    if let Ok(day) = value.call_method0("isoformat") {
        return Ok(Value::String(day.extract()?));
    }
    let Ok(values) = value.try_iter().and_then(Iterator::collect::<PyResult<Vec<_>>>) else {
        let kind = value.get_type().name()?;
        return Err(argument(
            py,
            key,
            &format!("{kind} is no type of an option's values"),
            "give a number, a text, a path or a list",
        ));
    };
    let values = values.iter().map(|one| toml_value(key, one, None)).collect::<PyResult<Vec<_>>>()?;
    // Values that are one text in a file, such as (0.3, 0.7) of `0.3..0.7`.
    match spec.filter(|spec| !matches!(spec.kind, Kind::Wholes(..) | Kind::Several(_) | Kind::List)) {
        Some(spec) if !names_columns(spec) => {
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let mark = if spec.value_name.contains("..") { ".." } else { "," };
            Ok(Value::String(values.iter().map(plain).collect::<Vec<_>>().join(mark)))
        }
        Some(_) => Ok(Value::String(microglia::data::options::list(&texts(py, key, &values)?))),
        None => Ok(Value::Array(values)),
    }
}

/// Whether a text is a list of columns' names, in which a comma stands in quotes.
fn names_columns(spec: &Spec) -> bool {
    spec.value_name.starts_with("A,B") || spec.value_name.starts_with("A[")
}

fn texts(py: Python<'_>, key: &str, values: &[Value]) -> PyResult<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_string);
    let wrong = || argument(py, key, "names of columns are texts", "give a list of texts");
    values.iter().map(text).collect::<Option<_>>().ok_or_else(wrong)
}

/// What a value is as JSON, as Python's own types.
pub(crate) fn json_value<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text =
        serde_json::to_string(value).map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}

/// Lists of a study's files and folders.
pub(crate) fn paths(list: &Bound<'_, PyList>) -> PyResult<Vec<std::path::PathBuf>> {
    list.iter().map(|one| one.extract()).collect()
}
