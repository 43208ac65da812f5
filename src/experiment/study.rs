//! What a study is asked to do: lists, each of which multiplies the grid. Its options are in [`super::options`].

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::grid::{ArmKey, no_path};
use super::method::{Setting, sizes};
use super::options::of_the_grid;
use crate::config::Config;
use crate::data::{DataOptions, Source};
use crate::error::{Error, Result};
use crate::models::{LinearPath, ModelKind, ModelOptions, Variant};
use crate::program::op::InstanceNorm;
use crate::train::auto::Auto;
use crate::train::options::{Select, TrainOptions};

/// A study. Every list multiplies the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Words of [`ModelKind`].
    pub models: Vec<String>,
    /// Input rows.
    pub lookbacks: Vec<usize>,
    /// Widths: hidden units of a recurrent net, the model width of a transformer.
    pub hidden: Vec<usize>,
    /// Instance normalisations, or `none`. With each linear path each is an arm: the first is the study's own, the others repeat it.
    pub instance_norm: Vec<String>,
    /// Words of [`LinearPath`].
    pub linear_path: Vec<String>,
    /// See [`Setting::parse`].
    pub methods: Vec<String>,
    /// `MIN..MAX` of every method that prunes and says no other; several are settings of it.
    pub sparsities: Vec<String>,
    /// The same of schedules.
    pub schedules: Vec<String>,
    /// Each method is trained with each.
    pub seeds: Vec<u32>,
    /// Of each series the last so many training rows; 0 for all.
    pub train_rows: Vec<usize>,
    /// Consecutive test periods.
    pub origins: usize,
    /// Reproduce the published code's choices, which leak.
    pub authors_protocol: bool,
    /// What all trainings share: the horizon, the layers, and of training what no list varies. `patience` is that after which
    /// a rival's own best epoch is settled; none stops early.
    pub run: Config,
    /// Data sets by name.
    pub data: BTreeMap<String, DataOptions>,
}

impl Default for Study {
    /// Minutes on two cores, on the embedded set. Shorter look-backs and fewer epochs and passes than `train`'s default:
    /// chosen for time alone, not by any result.
    fn default() -> Self {
        let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
        let mut run = Config::default();
        run.data.horizon = Some(6);
        (run.train.epochs, run.train.patience, run.train.mc_passes) = (Some(12), Some(3), 20);
        Study {
            models: words(&["rnn", "lstm"]),
            lookbacks: vec![12, 24],
            hidden: vec![64],
            instance_norm: words(&["last"]),
            linear_path: vec![no_path()],
            methods: words(&["none", "dropout", "mc-dropout", "pruning"]),
            sparsities: words(&["0.3..0.7"]),
            schedules: words(&["cubic"]),
            seeds: (1..=5).collect(),
            train_rows: vec![0],
            origins: 1,
            authors_protocol: false,
            run,
            data: BTreeMap::from([("weather".to_string(), DataOptions::default())]),
        }
    }
}

/// Most values of a list, and most cells of a grid: more would take hours to list, let alone to train.
const MOST_LISTED: usize = 10_000;
const MOST_CELLS: usize = 100_000;

impl Study {
    /// Without the places of its files, which fingerprints stand for.
    pub fn placeless(&self) -> Study {
        let mut study = self.clone();
        study.data.values_mut().for_each(|options| options.source = Source::Embedded);
        study
    }

    /// Tells studies apart: SHA-256 of every setting that can change a result.
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.placeless().identity().as_bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
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

    /// The kinds of models.
    ///
    /// # Errors
    /// Lists the words, where one is none of them.
    pub fn kinds(&self) -> Result<Vec<ModelKind>> {
        self.models.iter().map(|word| word.parse()).collect()
    }

    /// Every pair of an instance normalisation and a linear path, the study's own first.
    pub fn arms(&self) -> Vec<ArmKey> {
        let pair = |linear_path: &String, instance_norm: &String| ArmKey {
            instance_norm: instance_norm.clone(),
            linear_path: linear_path.clone(),
        };
        self.linear_path.iter().flat_map(|path| self.instance_norm.iter().map(|norm| pair(path, norm))).collect()
    }

    /// The instance normalisation that a word of a study means; `none`: none.
    ///
    /// # Errors
    /// Lists the words, where it is none of them.
    pub fn norm(word: &str) -> Result<Option<InstanceNorm>> {
        let norm: Result<InstanceNorm> = word.parse();
        match norm {
            _ if word == "none" => Ok(None),
            Err(Error::Config { problem, help, .. }) => Err(Error::config("instance-norm", problem, help.and(" none"))),
            other => other.map(Some),
        }
    }

    /// Forecast rows of a window.
    pub fn horizon(&self) -> usize {
        self.run.data.horizon.unwrap_or(1)
    }

    /// What all trainings share; the model is set per cell.
    pub fn options(&self) -> TrainOptions {
        // The published code scores the last weights.
        let select = if self.authors_protocol { Select::Last } else { Select::Best };
        TrainOptions { select, auto: Auto::default(), ..self.run.train.clone() }
    }

    /// A model of this study. A PatchTST is that of the pruning paper, which reads what the others read; it has its own
    /// number of layers.
    pub fn model(&self, kind: ModelKind, width: usize, arm: &ArmKey) -> Result<ModelOptions> {
        let plain = ModelOptions::of(kind, Variant::Authors);
        let layers = if kind == ModelKind::Patchtst { plain.layers } else { self.run.train.model.layers };
        let (instance_norm, linear_path) = (Study::norm(&arm.instance_norm)?, arm.linear_path.parse()?);
        let model = ModelOptions { layers, instance_norm, linear_path, ..plain };
        model.with_width(width).ok_or_else(|| {
            let problem = format!("{width} is no multiple of the {} heads of {kind}", model.patchtst.heads);
            Error::config("hidden", problem, "choose such a width, or leave the model out")
        })
    }

    /// Rejects what no data could make sense of.
    pub fn check(&self) -> Result<()> {
        let lists = [
            ("models", self.models.len()),
            ("lookbacks", self.lookbacks.len()),
            ("hidden", self.hidden.len()),
            ("instance-norm", self.instance_norm.len()),
            ("linear-path", self.linear_path.len()),
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
        let grid = ["models", "lookbacks", "hidden", "instance-norm", "linear-path", "train-rows", "data"];
        let grid = lists.iter().filter(|(key, _)| grid.contains(key)).map(|(_, count)| *count);
        let cells = grid.fold(self.origins, usize::saturating_mul);
        if cells > MOST_CELLS {
            let problem = format!("{} of {cells} cells", self.origins);
            return Err(Error::config("origins", problem, format!("choose a grid of at most {MOST_CELLS} cells")));
        }
        if self.run.train.loss.is_probabilistic() {
            let problem = format!("a study compares points, and ‹loss {}› forecasts more", self.run.train.loss);
            return Err(Error::config("loss", problem, "choose a loss of points, such as mse"));
        }
        let least = |list: &[usize]| list.iter().copied().min().unwrap_or(1);
        for (key, least) in [
            ("lookbacks", least(&self.lookbacks)),
            ("hidden", least(&self.hidden)),
            ("horizon", self.horizon()),
            ("layers", self.run.train.model.layers),
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
            ("linear-path", self.linear_path.clone()),
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
                return Err(of_the_grid(format!("data.{name}")));
            }
        }
        if self.authors_protocol && self.origins > 1 {
            let problem = "the authors' protocol has one test period";
            return Err(Error::config("origins", problem, "leave out ‹origins› or ‹authors-protocol›"));
        }
        if self.kinds()?.contains(&ModelKind::Ridge) {
            let problem = "the ridge is not trained, and is a baseline of every cell";
            return Err(Error::config("models", problem, "leave it out; nlinear is the same map, trained"));
        }
        let linear = self.kinds()?.into_iter().find(|kind| kind.is_linear());
        if let (Some(kind), Some(path)) = (linear, self.linear_path.iter().find(|path| **path != no_path())) {
            let problem = format!("{path} is listed, and {kind} is a linear map itself");
            return Err(Error::config("linear-path", problem, "leave the model out of ‹models›, or choose none"));
        }
        self.linear_path.iter().try_for_each(|word| word.parse::<LinearPath>().map(|_| ()))?;
        self.instance_norm.iter().try_for_each(|word| Study::norm(word).map(|_| ()))?;
        self.settings()?;
        Ok(())
    }
}

/// Names of data sets are parts of files' names.
pub(super) fn check_name(name: &str) -> Result<()> {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    if plain && !name.is_empty() && name.len() <= MOST_BYTES {
        return Ok(());
    }
    let help = format!("write NAME=FILE, NAME of letters, digits, - and _, {MOST_BYTES} bytes at most");
    Err(Error::config("data", format!("{name:?} cannot name a data set"), help))
}

/// Of a data set's name.
const MOST_BYTES: usize = 64;
