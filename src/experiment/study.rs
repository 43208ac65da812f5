//! What a study is asked to do: a TOML file of lists, each of which multiplies the grid.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use toml::Value;

use super::method::{Setting, sizes};
use crate::data::options::{self, delimiter_word, list};
use crate::data::{DataOptions, Source};
use crate::error::{Error, Result};
use crate::models::{ModelKind, ModelOptions, Variant};
use crate::program::op::InstanceNorm;
use crate::train::options::{PruningOptions, Select, TrainOptions};

/// A study. Every list multiplies the grid; a key left out has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Study {
    pub models: Vec<String>,
    /// Input rows.
    pub lookbacks: Vec<usize>,
    /// Forecast rows.
    pub horizon: usize,
    /// Widths: hidden units of a recurrent net, the model width of a transformer.
    pub hidden: Vec<usize>,
    pub layers: usize,
    /// Arms: the first is the study's own, the others repeat it.
    pub instance_norm: Vec<String>,
    /// See [`Setting::parse`].
    pub methods: Vec<String>,
    /// `MIN..MAX` of every method that prunes and says no other; several are settings of it.
    pub sparsities: Vec<String>,
    /// The same of schedules.
    pub schedules: Vec<String>,
    pub seeds: Vec<u32>,
    /// Of each series the last so many training rows; 0 for all.
    pub train_rows: Vec<usize>,
    /// Consecutive test periods.
    pub origins: usize,
    pub epochs: usize,
    /// Epochs without a better validation loss after which a rival's own best epoch is settled; 0: never.
    pub patience: usize,
    pub batch: usize,
    pub lr: f64,
    pub lr_schedule: String,
    pub loss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_grad_norm: Option<f64>,
    /// Chance of dropping a value.
    pub dropout: f64,
    pub mc_passes: usize,
    /// λ of l2 and weight-decay.
    pub weight_decay: f64,
    /// First epoch that may prune.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<usize>,
    pub prune_every: usize,
    /// Epoch of full sparsity; three quarters of the epochs unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune_until: Option<usize>,
    /// Reproduce the published code's choices, which leak.
    pub authors_protocol: bool,
    /// Data sets by name, with the keys of `microglia train`.
    #[serde(serialize_with = "data_tables")]
    pub data: BTreeMap<String, DataOptions>,
}

impl Default for Study {
    /// Minutes on two cores, on the embedded set. Shorter look-backs and fewer epochs and passes than `train`'s default:
    /// chosen for time alone, not by any result.
    fn default() -> Self {
        let plain = TrainOptions::default();
        let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
        Study {
            models: words(&["rnn", "lstm"]),
            lookbacks: vec![12, 24],
            horizon: 6,
            hidden: vec![64],
            layers: 1,
            instance_norm: words(&["last"]),
            methods: words(&["none", "dropout", "mc-dropout", "pruning"]),
            sparsities: words(&["0.3..0.7"]),
            schedules: words(&["cubic"]),
            seeds: (1..=5).collect(),
            train_rows: vec![0],
            origins: 1,
            epochs: 12,
            patience: 3,
            batch: plain.batch,
            lr: plain.lr,
            lr_schedule: plain.lr_schedule.to_string(),
            loss: plain.loss.to_string(),
            clip_grad_norm: None,
            dropout: plain.dropout,
            mc_passes: 20,
            weight_decay: plain.weight_decay,
            warmup: None,
            prune_every: plain.pruning.every,
            prune_until: None,
            authors_protocol: false,
            data: BTreeMap::from([("weather".to_string(), DataOptions::default())]),
        }
    }
}

/// Most values of a list, and most cells of a grid: more would take hours to list, let alone to train.
const MOST_LISTED: usize = 10_000;
const MOST_CELLS: usize = 100_000;

impl Study {
    /// A study from its table; what the table leaves out is `base`'s. Refused with the key whose value does not fit; whether
    /// the values fit together, [`Study::check`] says.
    pub fn from_table(base: &Study, table: toml::Table) -> Result<Study> {
        let plain = toml::Table::try_from(base).map_err(|error| unwritable(&error))?;
        let known = |key: &str| plain.contains_key(key) || OPTIONAL.contains(&key);
        for (key, value) in &table {
            if !known(key) {
                let problem = format!("unknown key `{key}`");
                return Err(Error::config(
                    "config",
                    problem,
                    "the keys are those of study.toml, which every study writes",
                ));
            }
            if let (true, Value::Table(sets)) = (key == "data", value) {
                sets.iter().try_for_each(|(name, set)| check_set(name, set))?;
            } else {
                let mut whole = plain.clone();
                whole.insert(key.clone(), value.clone());
                let read: Result<Study, toml::de::Error> = whole.try_into();
                read.map_err(|error| {
                    Error::config(key, error.message(), "study.toml of any study shows how it is written")
                })?;
            }
        }
        let mut whole = plain;
        whole.extend(table);
        whole.try_into().map_err(|error: toml::de::Error| unwritable(&error))
    }

    /// As a file that gives this study again.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| unwritable(&error))
    }

    /// Without the places of its files, which fingerprints stand for.
    pub fn placeless(&self) -> Study {
        let mut study = self.clone();
        study.data.values_mut().for_each(|options| options.source = Source::Embedded);
        study
    }

    /// Tells studies apart: SHA-256 of every setting that can change a result.
    pub fn hash(&self) -> Result<String> {
        let digest = Sha256::digest(self.placeless().to_toml()?.as_bytes());
        Ok(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// `sound`, or `LEAKING` under the published code's protocol.
    pub fn protocol(&self) -> &'static str {
        if self.authors_protocol { "LEAKING" } else { "sound" }
    }

    /// Every setting of every method, in the order listed.
    pub fn settings(&self) -> Result<Vec<Setting>> {
        let mut listed: Vec<Setting> = Vec::new();
        for text in &self.methods {
            listed.extend(Setting::parse(text, self)?);
        }
        let sizes = sizes(&listed, self)?;
        let mut all: Vec<Setting> = Vec::new();
        for setting in listed.iter().flat_map(|setting| setting.sized(&sizes)) {
            for one in all.iter().filter(|one| one.name == setting.name) {
                if (&one.regularizers, one.narrower) != (&setting.regularizers, setting.narrower) {
                    let problem = format!("`{}` names two kinds of method", one.name);
                    return Err(Error::config("methods", problem, "give each kind a name of its own with as=NAME"));
                }
                if one.text == setting.text {
                    return Err(Error::config("methods", format!("`{setting}` is listed twice"), "list each once"));
                }
            }
            all.push(setting);
        }
        Ok(all)
    }

    pub fn kinds(&self) -> Result<Vec<ModelKind>> {
        self.models.iter().map(|word| word.parse()).collect()
    }

    pub fn norm(word: &str) -> Result<Option<InstanceNorm>> {
        let norm: Result<InstanceNorm> = word.parse();
        match norm {
            _ if word == "none" => Ok(None),
            Err(Error::Config { problem, help, .. }) => Err(Error::config("instance-norm", problem, help.and(" none"))),
            other => other.map(Some),
        }
    }

    /// What all trainings share; the model is set per cell.
    pub fn options(&self) -> Result<TrainOptions> {
        Ok(TrainOptions {
            batch: self.batch,
            epochs: self.epochs,
            patience: self.patience,
            lr: self.lr,
            lr_schedule: self.lr_schedule.parse()?,
            clip_grad_norm: self.clip_grad_norm,
            loss: self.loss.parse()?,
            dropout: self.dropout,
            mc_passes: self.mc_passes,
            weight_decay: self.weight_decay,
            pruning: PruningOptions {
                warmup: self.warmup,
                every: self.prune_every,
                until: self.prune_until,
                ..PruningOptions::default()
            },
            // The published code scores the last weights.
            select: if self.authors_protocol { Select::Last } else { Select::Best },
            ..TrainOptions::default()
        })
    }

    /// A model of this study. A PatchTST is that of the pruning paper, which reads what the others read; it has its own
    /// number of layers.
    pub fn model(&self, kind: ModelKind, width: usize, norm: Option<InstanceNorm>) -> Result<ModelOptions> {
        let plain = ModelOptions::of(kind, Variant::Authors);
        let layers = if kind == ModelKind::Patchtst { plain.layers } else { self.layers };
        let model = ModelOptions { layers, instance_norm: norm, ..plain };
        model.with_width(width).ok_or_else(|| {
            let problem = format!("{width} is no multiple of the {} heads of {kind}", model.patchtst.heads);
            Error::config("hidden", problem, "choose such a width, or leave the model out")
        })
    }

    /// Refuses what no data could make sense of.
    pub fn check(&self) -> Result<()> {
        let lists = [
            ("models", self.models.len()),
            ("lookbacks", self.lookbacks.len()),
            ("hidden", self.hidden.len()),
            ("instance-norm", self.instance_norm.len()),
            ("methods", self.methods.len()),
            ("seeds", self.seeds.len()),
            ("train-rows", self.train_rows.len()),
            ("data", self.data.len()),
        ];
        if let Some((key, _)) = lists.iter().find(|(_, count)| *count == 0) {
            return Err(Error::config(*key, "nothing is listed", "list one or more"));
        }
        if let Some((key, count)) = lists.iter().find(|(_, count)| *count > MOST_LISTED) {
            return Err(Error::config(*key, format!("{count} are listed"), format!("list at most {MOST_LISTED}")));
        }
        let grid = ["models", "lookbacks", "hidden", "instance-norm", "train-rows", "data"];
        let grid = lists.iter().filter(|(key, _)| grid.contains(key)).map(|(_, count)| *count);
        let cells = grid.fold(self.origins, usize::saturating_mul);
        if cells > MOST_CELLS {
            let problem = format!("{} of {cells} cells", self.origins);
            return Err(Error::config("origins", problem, format!("choose a grid of at most {MOST_CELLS} cells")));
        }
        let least = |list: &[usize]| list.iter().copied().min().unwrap_or(1);
        for (key, least) in [
            ("lookbacks", least(&self.lookbacks)),
            ("hidden", least(&self.hidden)),
            ("horizon", self.horizon),
            ("layers", self.layers),
            ("origins", self.origins),
        ] {
            if least == 0 {
                return Err(Error::config(key, "0 is out of range", "choose 1 or more"));
            }
        }
        let twice =
            |values: &[String]| values.iter().enumerate().find(|(i, v)| values[..*i].contains(v)).map(|f| f.1.clone());
        let texts = |values: &[usize]| values.iter().map(usize::to_string).collect::<Vec<_>>();
        let seeds: Vec<String> = self.seeds.iter().map(u32::to_string).collect();
        for (key, values) in [
            ("models", self.models.clone()),
            ("lookbacks", texts(&self.lookbacks)),
            ("hidden", texts(&self.hidden)),
            ("instance-norm", self.instance_norm.clone()),
            ("seeds", seeds),
            ("train-rows", texts(&self.train_rows)),
        ] {
            if let Some(value) = twice(&values) {
                return Err(Error::config(key, format!("{value} is listed twice"), "list each once"));
            }
        }
        for (name, options) in &self.data {
            check_name(name)?;
            let alike = |other: &&String| *other != name && other.to_lowercase() == name.to_lowercase();
            if let Some(other) = self.data.keys().find(alike) {
                let problem = format!("`{name}` and `{other}` would share files where letter case does not count");
                return Err(Error::config("data", problem, "choose names that differ otherwise"));
            }
            let own = [options.lookback, options.horizon, options.train_rows].iter().any(Option::is_some)
                || options.origin.is_some()
                || options.authors_protocol.is_some();
            if own {
                let problem = "lookback, horizon, train-rows, origin and authors-protocol are the grid's own";
                return Err(Error::config(format!("set {name}"), problem, "set them for the whole study"));
            }
        }
        if self.authors_protocol && self.origins > 1 {
            let problem = "the authors' protocol has one test period";
            return Err(Error::config("origins", problem, "leave out ‹origins› or ‹authors-protocol›"));
        }
        self.kinds()?;
        self.instance_norm.iter().try_for_each(|word| Study::norm(word).map(|_| ()))?;
        self.settings()?;
        Ok(())
    }
}

/// Keys that a study may leave unset.
const OPTIONAL: [&str; 3] = ["clip-grad-norm", "warmup", "prune-until"];

fn unwritable(error: &dyn std::fmt::Display) -> Error {
    Error::config("config", error.to_string(), "please report this")
}

/// Refuses a data set's key or value, naming it as typed.
fn check_set(name: &str, set: &Value) -> Result<()> {
    check_name(name)?;
    let Value::Table(keys) = set else {
        let problem = format!("`data.{name}` is no table");
        return Err(Error::config("config", problem, format!("write [data.{name}] and the set's keys below")));
    };
    for (key, value) in keys {
        let one = toml::Table::from_iter([(key.clone(), value.clone())]);
        let read: Result<DataOptions, toml::de::Error> = one.try_into();
        if let Err(error) = read {
            let help = "the keys and values are those of microglia train";
            return Err(Error::config(format!("set {name}.{key}"), error.message().trim_end(), help));
        }
    }
    Ok(())
}

/// Names of data sets are parts of files' names.
fn check_name(name: &str) -> Result<()> {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    if plain && !name.is_empty() && name.len() <= MOST_BYTES {
        return Ok(());
    }
    let help = format!("write NAME=FILE, NAME of letters, digits, - and _, {MOST_BYTES} bytes at most");
    Err(Error::config("data", format!("{name:?} cannot name a data set"), help))
}

/// Of a data set's name.
const MOST_BYTES: usize = 64;

/// Data sets as TOML reads them.
fn data_tables<S: Serializer>(sets: &BTreeMap<String, DataOptions>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(sets.iter().map(|(name, options)| (name, data_table(options.clone()))))
}

fn data_table(options: DataOptions) -> toml::Table {
    fn word(value: impl ToString) -> Value {
        Value::String(value.to_string())
    }
    fn number(value: usize) -> Value {
        Value::Integer(value.try_into().unwrap_or(i64::MAX))
    }
    let on_off = |on| word(if on { "on" } else { "off" });
    let source = ("data", Some(word(options.source)));
    let said = [
        options.time_column.map(word),
        options.time_format.map(word),
        options.id_column.map(word),
        options.targets.map(|names| word(list(&names))),
        options.covariates.map(word),
        options.season.map(number),
        options.calendar.map(on_off),
        options.split.map(word),
        options.scale.map(word),
        options.impute.map(word),
        options.missing_values.map(|names| word(list(&names))),
        options.gaps.map(word),
        options.delimiter.map(|c| word(delimiter_word(c))),
        options.decimal.map(word),
    ];
    let said = [source].into_iter().chain(options::KEYS.into_iter().zip(said));
    said.filter_map(|(key, value)| Some((key.to_string(), value?))).collect()
}
