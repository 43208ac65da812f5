//! What was asked for: options by name, each with its text, before it is known what they mean together.

use std::collections::BTreeMap;

use toml::Value;

use super::option::Spec;
use super::table::options;
use crate::data::Frame;
use crate::data::options::list;
use crate::error::{Error, Result};

/// Options that are set, by name; from a preset, a file, a command line or keyword arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    texts: BTreeMap<&'static str, String>,
    /// What the text `frame` of the option `data` means.
    frame: Frame,
}

impl Settings {
    /// Of a table of options: each known by its name or an alias, each with a value that it takes.
    ///
    /// # Errors
    /// Names the key and the nearest one, or what it takes.
    pub fn from_table(table: &toml::Table) -> Result<Settings> {
        let mut settings = Settings::default();
        for (spec, text) in read_table(table, &specs())? {
            settings.insert(spec, text);
        }
        Ok(settings)
    }

    /// Sets an option from a text that it takes.
    pub fn insert(&mut self, spec: &Spec, text: String) {
        self.texts.insert(spec.name, text);
    }

    /// Sets an option by its name or an alias, from text.
    ///
    /// # Errors
    /// Names the option and the nearest one, or what it takes.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let spec = find(name, &specs())?;
        self.insert(spec, text_of(spec, &Value::from(text))?);
        Ok(())
    }

    /// Names a data frame as the data.
    pub fn set_frame(&mut self, frame: Frame) {
        self.texts.insert("data", Frame::WORD.into());
        self.frame = frame;
    }

    /// The data frame that they name; one that is only named, unless [`Settings::set_frame`] gave it.
    pub(super) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The text of an option, by its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Whether an option is set, by its name.
    pub fn has(&self, name: &str) -> bool {
        self.texts.contains_key(name)
    }

    /// Leaves an option unset.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.texts.remove(name)
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// Lays other settings over these. Those of one way to cut the parts replace the other way.
    pub fn lay_over(&mut self, other: Settings) {
        let sizes = ["test-size", "val-size"];
        match (other.has("split"), sizes.iter().any(|name| other.has(name))) {
            (true, false) => sizes.iter().for_each(|name| drop(self.remove(name))),
            (false, true) => drop(self.remove("split")),
            _ => {}
        }
        self.texts.extend(other.texts);
        if other.frame.is_held() {
            self.frame = other.frame;
        }
    }
}

fn specs() -> Vec<&'static Spec> {
    options().map(|one| &one.spec).collect()
}

/// What a table sets: each option once, by its name or an alias, with a text that it takes.
///
/// # Errors
/// Names the key and the nearest one, or what it takes.
pub(crate) fn read_table<'a>(table: &toml::Table, specs: &[&'a Spec]) -> Result<Vec<(&'a Spec, String)>> {
    let mut set: Vec<(&Spec, String)> = Vec::new();
    for (key, value) in table {
        let spec = find(key, specs)?;
        if set.iter().any(|(other, _)| other.name == spec.name) {
            let problem = format!("`{key}` and another key set it");
            return Err(Error::config(spec.name, problem, "give it once"));
        }
        set.push((spec, text_of(spec, value)?));
    }
    Ok(set)
}

/// The option that a key names.
///
/// # Errors
/// Names the nearest one.
pub(crate) fn find<'a>(key: &str, specs: &[&'a Spec]) -> Result<&'a Spec> {
    if let Some(spec) = specs.iter().find(|spec| spec.is_named(key)) {
        return Ok(spec);
    }
    let dashed = key.replace('_', "-");
    let similarity = |spec: &Spec| strsim::jaro_winkler(&dashed, spec.name);
    // Measured in the square of its length.
    let near = specs.iter().filter(|spec| dashed.len() < 100 && !spec.hidden);
    let nearest = near.max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let help = match nearest.filter(|spec| similarity(spec) > 0.7) {
        Some(spec) => format!("did you mean `{}`?", spec.name),
        None => "docs/GUIDE.md lists every option".into(),
    };
    Err(Error::config(key, "unknown key", help))
}

/// A TOML value as the text that would be typed, if the option takes it.
///
/// # Errors
/// Names the option and what it takes.
pub(crate) fn text_of(spec: &Spec, value: &Value) -> Result<String> {
    let text = match value {
        Value::Table(table) if spec.kind == super::Kind::Table => table.to_string(),
        Value::Table(_) => {
            let problem = format!("`[{}]` is a table", spec.name);
            return Err(Error::config(spec.name, problem, "write every key at the top level, as `key = value`"));
        }
        value if spec.kind == super::Kind::Table && value.as_str().is_none() => {
            return Err(spec.rejected(&value.to_string()));
        }
        Value::Array(values) if !spec.kind.is_list() || values.iter().any(|one| one.is_array() || one.is_table()) => {
            return Err(spec.rejected(&value.to_string()));
        }
        // Words are no names: `none` keeps its meaning.
        Value::Array(words) if matches!(spec.kind, super::Kind::Several(_)) => {
            words.iter().map(plain_text).collect::<Vec<_>>().join(",")
        }
        value => plain_text(value),
    };
    match spec.check(&text) {
        Ok(()) => Ok(text),
        Err(_) => Err(spec.rejected(&value.to_string())),
    }
}

/// A value without its quotes, lists joined by commas.
fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => list(&values.iter().map(plain_text).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}
