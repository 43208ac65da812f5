//! The options of a study: lists that multiply its grid, and those of a run that all its trainings share.

use std::collections::BTreeMap;

use serde_json::json;
use toml::{Table, Value};

use super::preset::preset;
use super::study::Study;
use crate::config::{
    self, Access, Config, DATA, Field, Kind, Opt, Section, Spec, at, find, help, of_spec, option, plain_words,
    read_table, schema_of, text_of,
};
use crate::data::DataOptions;
use crate::data::options::{MOST_ROWS, list, parse_list};
use crate::error::{Error, Result};
use crate::models::{LinearPath, MAX_HIDDEN, ModelKind};
use crate::program::op::InstanceNorm;
use crate::train::options::Schedule;

/// The models that are trained: all but the last, the ridge.
const MODELS: &[&str] = ModelKind::WORDS.split_at(ModelKind::WORDS.len() - 1).0;
const _: () = assert!(matches!(ModelKind::ALL[MODELS.len()], ModelKind::Ridge));

/// `none`, and the instance normalisations.
const NORMS: &[&str] = &{
    let mut words = ["none"; InstanceNorm::WORDS.len() + 1];
    let mut place = 1;
    while place < words.len() {
        words[place] = InstanceNorm::WORDS[place - 1];
        place += 1;
    }
    words
};

/// What a study varies.
static GRID: &[Opt<Study>] = &[
    Opt::new("models", Kind::Several(MODELS), at!(Study: models), "Models; the ridge is a baseline of every cell"),
    Opt::new(
        "lookbacks",
        Kind::Wholes(1, MOST_ROWS),
        at!(Study: lookbacks),
        "Input rows; all look-backs score the same target rows",
    ),
    Opt::new(
        "hidden",
        Kind::Wholes(1, MAX_HIDDEN as u64),
        at!(Study: hidden),
        "Widths: hidden units, or the model width of a transformer",
    ),
    Opt::new(
        "instance-norm",
        Kind::Several(NORMS),
        at!(Study: instance_norm),
        "Instance normalisations. The first is the study's own; the others repeat the study",
    ),
    Opt::new(
        "linear-path",
        Kind::Several(LinearPath::WORDS),
        at!(Study: linear_path),
        "Linear maps beside the network. The first is the study's own; the others repeat the study",
    ),
    Opt::new("methods", Kind::List, at!(Study: methods), "Methods and their settings, see below"),
    Opt::new(
        "sparsities",
        Kind::List,
        at!(Study: sparsities),
        "MIN..MAX of methods that prune. Several values are competing settings",
    ),
    Opt::new(
        "schedules",
        Kind::Several(Schedule::WORDS),
        at!(Study: schedules),
        "Curves of methods that prune. Several values are competing settings",
    ),
    Opt::new("seeds", Kind::Wholes(0, u32::MAX as u64), at!(Study: seeds), "Seeds, as `1..5` or `1,2,3`"),
    Opt::new(
        "train-rows",
        Kind::List,
        Access {
            get: |study: &Study| Some(study.train_rows.write()),
            set: |study: &mut Study, text| {
                let words = parse_list(text.unwrap_or_default());
                let number = |word: String| if word == "all" { "0".into() } else { word };
                let numbers = words.into_iter().map(number).collect::<Vec<_>>().join(",");
                if !Kind::Wholes(0, MOST_ROWS).takes(&numbers) {
                    let help = "list whole numbers or all, or write FIRST..LAST, both included";
                    return Err(Error::config(
                        "train-rows",
                        format!("{:?} is rejected", text.unwrap_or_default()),
                        help,
                    ));
                }
                study.train_rows = Field::read(&numbers)?;
                Ok(())
            },
        },
        "Training rows: the last so many of each series, or all",
    )
    .value("LIST"),
    Opt::new("origins", Kind::Whole(1, 1000), at!(Study: origins), "Repeat the grid over K consecutive test periods")
        .value("K"),
    Opt::new(
        "patience",
        Kind::at_least(0),
        at!(Study: run.train.patience?),
        "After this many epochs without a better validation loss, a method's own best epoch is final; 0: never before \
         the last epoch. No training stops early",
    )
    .value("EPOCHS"),
    Opt::new(
        "authors-protocol",
        Kind::Flag,
        Access {
            get: |study: &Study| Some(Value::Boolean(study.authors_protocol)),
            set: |study: &mut Study, text| {
                study.authors_protocol = text == Some("true");
                Ok(())
            },
        },
        "Repeat the choices of the published code, which LEAK: 80/20 split, validation rows = test rows, scalers fitted \
         on all rows",
    ),
];

/// Every option of a study, in the order of its file. Those that [`GRID`] does not hold are those of a run.
const ORDER: [&str; 27] = [
    "models",
    "lookbacks",
    "horizon",
    "hidden",
    "layers",
    "instance-norm",
    "linear-path",
    "methods",
    "sparsities",
    "schedules",
    "seeds",
    "train-rows",
    "origins",
    "epochs",
    "patience",
    "batch",
    "lr",
    "lr-schedule",
    "loss",
    "clip-grad-norm",
    "dropout",
    "mc-passes",
    "weight-decay",
    "warmup",
    "prune-every",
    "prune-until",
    "authors-protocol",
];

/// Options that the first studies had not.
const LATER: [&str; 1] = ["linear-path"];

/// An option of a study.
#[derive(Clone, Copy)]
enum Of {
    /// The study's own.
    Grid(&'static Opt<Study>),
    /// One of [`Study::run`]'s.
    Run(&'static Opt<Config>),
}

impl Of {
    fn spec(self) -> &'static Spec {
        match self {
            Of::Grid(one) => &one.spec,
            Of::Run(one) => &one.spec,
        }
    }

    fn get(self, study: &Study) -> Option<Value> {
        match self {
            Of::Grid(one) => one.get(study),
            Of::Run(one) => one.get(&study.run),
        }
    }

    fn set(self, study: &mut Study, text: &str) -> Result<()> {
        match self {
            Of::Grid(one) => one.set(study, text),
            Of::Run(one) => one.set(&mut study.run, text),
        }
    }
}

/// In the order of a study's file.
fn all() -> impl Iterator<Item = Of> {
    let grid = |name: &str| GRID.iter().find(|one| one.spec.name == name).map(Of::Grid);
    ORDER.into_iter().map(move |name| grid(name).or_else(|| option(name).map(Of::Run)).expect("ORDER names options"))
}

/// What a study's options are, each with the heading it is listed under and the words for its default.
pub fn options() -> impl Iterator<Item = (&'static Spec, Section, String)> {
    all().map(|one| {
        let of_grid = matches!(one, Of::Grid(_)) && one.spec().name != "patience" || one.spec().name == "horizon";
        (one.spec(), if of_grid { Section::Grid } else { Section::Training }, default_words(one))
    })
}

/// The default, and those of other presets where they differ.
fn default_words(one: Of) -> String {
    let words = |study: &Study| match (one.get(study), one.spec().unset) {
        (Some(Value::Boolean(_)), _) => String::new(),
        (Some(Value::Array(values)), _) => listed(one.spec(), &values),
        (Some(value), _) => plain_words(&value),
        (None, Some((word, ""))) => word.into(),
        (None, Some((word, meaning))) => format!("{word}: {meaning}"),
        (None, None) => String::new(),
    };
    let plain = words(&Study::default());
    let others = ["paper", "sparsity"].iter().filter_map(|name| Some((name, words(&preset(name).ok()?))));
    let others = others.filter(|(_, own)| *own != plain).map(|(name, own)| format!("; {name}: {own}"));
    plain.clone() + &others.collect::<String>()
}

/// A list as it would be typed; consecutive numbers as `1..5`.
fn listed(spec: &Spec, values: &[Value]) -> String {
    let numbers: Vec<i64> = values.iter().filter_map(Value::as_integer).collect();
    if spec.name == "train-rows" && numbers == [0] {
        return "all".into();
    }
    if numbers.len() > 2 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1) {
        return format!("{}..{}", numbers[0], numbers[numbers.len() - 1]);
    }
    values.iter().map(plain_words).collect::<Vec<_>>().join(",")
}

impl Study {
    /// A study from its table; what the table leaves out is `base`'s. Whether the values fit together, [`Study::check`] says.
    ///
    /// # Errors
    /// Names the key: one that there is not, or whose value does not fit.
    pub fn from_table(base: &Study, table: &Table) -> Result<Study> {
        let mut study = base.clone();
        let specs: Vec<&Spec> = all().map(Of::spec).collect();
        let mut own = table.clone();
        if let Some(sets) = own.remove("data") {
            study.data = data_sets(&sets)?;
        }
        for (spec, text) in read_table(&own, &specs)? {
            study.set(spec.name, &text)?;
        }
        Ok(study)
    }

    /// Sets an option by its name, from text.
    ///
    /// # Errors
    /// Names the option: one that there is not, or that does not take the text.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        match all().find(|one| one.spec().name == name) {
            Some(one) => one.set(self, text),
            None => Err(Error::config(name, "unknown key", KEYS)),
        }
    }

    /// As a file that gives this study again.
    pub fn to_toml(&self) -> String {
        self.written(|_| true)
    }

    /// What tells studies apart: the file, without options that the first studies had not where they stand as those would have them.
    pub(super) fn identity(&self) -> String {
        let plain = Study::default();
        self.written(|one| !LATER.contains(&one.spec().name) || one.get(self) != one.get(&plain))
    }

    fn written(&self, counts: impl Fn(&Of) -> bool) -> String {
        let line = |one: Of| Some(format!("{} = {}\n", one.spec().name, one.get(self)?));
        let mut text: String = all().filter(counts).filter_map(line).collect();
        for (name, options) in &self.data {
            text += &format!("\n[data.{name}]\n{}", data_table(options));
        }
        text
    }
}

const KEYS: &str = "the keys are those of study.toml, which every study writes";

/// The options of a data set of a study: those of a run, but for those that the grid holds.
fn of_data_set() -> impl Iterator<Item = &'static Opt<Config>> {
    DATA.iter().filter(|one| !matches!(one.spec.name, "lookback" | "horizon"))
}

/// Whether an option is one that each data set has for itself.
pub(super) fn is_of_data_set(key: &str) -> bool {
    key != "data" && of_data_set().any(|one| one.spec.name == key)
}

/// Data sets of tables `[data.NAME]`.
fn data_sets(value: &Value) -> Result<BTreeMap<String, DataOptions>> {
    let Value::Table(sets) = value else {
        return Err(Error::config("data", "`data` is no table", "write [data.NAME] and the set's keys below"));
    };
    sets.iter().map(|(name, set)| Ok((name.clone(), data_set(name, set)?))).collect()
}

fn data_set(name: &str, set: &Value) -> Result<DataOptions> {
    super::study::check_name(name)?;
    let Value::Table(keys) = set else {
        let problem = format!("`data.{name}` is no table");
        return Err(Error::config(
            format!("data.{name}"),
            problem,
            format!("write [data.{name}] and the set's keys below"),
        ));
    };
    let mut options = DataOptions::default();
    let mut set: Vec<&str> = Vec::new();
    for (key, value) in keys {
        let named = set_of_data(&mut options, name, key, value)?;
        if set.contains(&named) {
            let problem = format!("`{key}` and another key set it");
            return Err(Error::config(format!("data.{name}.{named}"), problem, "give it once"));
        }
        set.push(named);
    }
    Ok(options)
}

/// Sets an option of the data set `name`, and returns the option's own name.
///
/// # Errors
/// Names the set and the key: one that it has not, or whose value does not fit.
pub fn set_of_data(options: &mut DataOptions, name: &str, key: &str, value: &Value) -> Result<&'static str> {
    let grids = ["lookback", "horizon", "train-rows", "origin", "authors-protocol"];
    let place = || format!("data.{name}.{key}");
    let of_grid = option(key).map_or(key, |one| one.spec.name);
    if grids.contains(&of_grid) {
        return Err(of_the_grid(place()));
    }
    let specs: Vec<&'static Spec> = of_data_set().map(|one| &one.spec).collect();
    let read = || {
        let spec = find(key, &specs)?;
        let mut config = Config { data: options.clone(), ..Config::default() };
        let text = text_of(spec, value)?;
        option(spec.name).map_or(Ok(()), |one| one.set(&mut config, &text))?;
        Ok((config.data, spec.name))
    };
    let (read, named) = read().map_err(|error| match error {
        Error::Config { file, problem, help, .. } => Error::Config { key: place(), file, problem, help },
        other => other,
    })?;
    *options = read;
    Ok(named)
}

/// A data set has an option of its own that is the grid's.
pub(super) fn of_the_grid(key: String) -> Error {
    let problem = "lookback, horizon, train-rows, origin and authors-protocol are the grid's own";
    Error::config(key, problem, "set them for the whole study")
}

/// A data set's table: what is set, lists as text.
fn data_table(options: &DataOptions) -> Table {
    let config = Config { data: options.clone(), ..Config::default() };
    let names = |values: Vec<Value>| {
        let names: Vec<String> = values.iter().filter_map(|value| Some(value.as_str()?.to_string())).collect();
        Value::from(list(&names))
    };
    let value = |one: &Opt<Config>| match one.get(&config)? {
        Value::Array(values) => Some(names(values)),
        other => Some(other),
    };
    DATA.iter().filter_map(|one| Some((one.spec.name.to_string(), value(one)?))).collect()
}

/// The JSON Schema (draft 2020-12) of a study's TOML file.
pub fn schema() -> serde_json::Value {
    let mut properties = serde_json::Map::new();
    for (spec, _, default) in options() {
        let mut property = match spec.kind {
            Kind::List => {
                let one = json!({ "type": ["string", "number"] });
                json!({ "anyOf": [one, { "type": "array", "items": one }], "description": help(spec) })
            }
            _ => of_spec(spec),
        };
        if !default.is_empty() {
            property["description"] = format!("{}. Default: {default}", help(spec)).into();
        }
        config::insert(&mut properties, spec, property);
    }
    let mut set = serde_json::Map::new();
    of_data_set().for_each(|one| config::insert(&mut set, &one.spec, of_spec(&one.spec)));
    let set = json!({ "type": "object", "additionalProperties": false, "properties": set });
    properties.insert("data".into(), json!({ "type": "object", "additionalProperties": set }));
    schema_of("Study of microglia experiment", properties)
}
