//! One definition of every option, and what a set of them means.
//!
//! [`options`] are all of them. Of each follow its flag and line of help, its key in TOML files, in the configuration that a
//! run writes and in the JSON [`schema()`], the comparison at resume, and the row in the guide's table of names. [`Settings`] are
//! options that were asked for, wherever; [`Config::new`] says what they mean.
//!
//! ```
//! use microglia::config::{Config, Settings};
//!
//! # fn main() -> microglia::Result<()> {
//! let mut settings = Settings::from_table(&"model = 'rnn'\nhidden = 8".parse().unwrap())?;
//! settings.set("input-size", "12")?;
//! let config = Config::new(&settings)?;
//! assert_eq!((config.train.model.hidden, config.data.lookback), (8, Some(12)));
//! assert!(config.to_toml().contains("hidden = 8"));
//! # Ok(())
//! # }
//! ```

mod defaults;
mod escapes;
mod field;
mod file;
mod kind;
mod names;
mod of_run;
mod option;
pub mod presets;
mod resume;
mod schema;
mod serde;
mod settings;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::path::PathBuf;

use crate::data;
use crate::data::DataOptions;
use crate::data::options::{Covariates, Scale, Source};
use crate::error::{Error, Result, Text};
use crate::files::Input;
use crate::gpu::Choice;
use crate::kernels::tuning::Tuning;
use crate::models::{ModelKind, ModelOptions, Variant};
use crate::program::op::InstanceNorm;
use crate::train::TrainOptions;
use crate::train::auto::Auto;
use crate::train::weights;
use crate::train::weights::checkpoints::Every;

pub(crate) use defaults::plain_words;
pub use defaults::{default_note, default_words};
pub(crate) use field::{Field, at};
pub(crate) use file::names_file;
pub use file::{read, read_file, resolve_paths};
pub use kind::{Bounds, Kind};
pub use names::names_table;
pub use of_run::written;
pub(crate) use option::Access;
pub use option::{AtResume, Opt, Section, Spec};
pub use schema::schema;
pub(crate) use schema::{help, insert, of_properties as schema_of, of_spec};
pub use settings::Settings;
pub(crate) use settings::{find, read_table, text_of};
pub use table::{CHECKPOINTS, DATA, DEVICE, MODEL, OUTPUT, PATCHTST, PRUNING, SECTIONS, TRAINING, TUNING};
pub use table::{option, options};

/// A run as asked for, before the data has settled what is left open.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// What is read, and how it becomes windows.
    pub data: DataOptions,
    /// The network and its training.
    pub train: TrainOptions,
    /// Where it is computed.
    pub device: Choice,
    /// Threads of the CPU engine; `None`: one per core.
    pub threads: Option<usize>,
    /// Whether the matrix products are timed first.
    pub autotune: bool,
    /// What an earlier autotuning chose.
    pub tuning: Option<Tuning>,
    /// When a checkpoint is saved.
    pub checkpoint_every: Every,
    /// Newest checkpoints that stay.
    pub keep_checkpoints: usize,
    /// The run folder; `None`: a new one under `runs/`.
    pub out: Option<PathBuf>,
    /// Whether a run that is in the folder is replaced.
    pub overwrite: bool,
    /// Whether the program prints JSON instead of tables.
    pub json: bool,
}

impl Default for Config {
    fn default() -> Self {
        let model = ModelOptions::default();
        Config::of(model.kind, model.patchtst.variant)
    }
}

impl Config {
    /// The defaults of a model; `variant` is a PatchTST's.
    pub fn of(kind: ModelKind, variant: Variant) -> Config {
        let model = ModelOptions::of(kind, variant);
        let mut data = DataOptions::default();
        if kind == ModelKind::Patchtst && model.patchtst.by_channel() {
            // A channel forecasts itself from itself: what the data set would add is not read.
            (data.calendar, data.covariates) = (Some(false), Some(Covariates::None));
        }
        // A transformer is as it was published, and a linear map has none beside it.
        let auto = Auto { linear_path: model.cell().is_some(), ..Auto::default() };
        Config {
            data,
            train: TrainOptions { model, auto, ..TrainOptions::default() },
            device: Choice::default(),
            threads: None,
            autotune: false,
            tuning: None,
            checkpoint_every: Every::default(),
            keep_checkpoints: 2,
            out: None,
            overwrite: false,
            json: false,
        }
    }

    /// What settings mean: the defaults of the model that they name, or of the file that it starts from, and each of them
    /// over these.
    ///
    /// # Errors
    /// Names the option whose value cannot be used, or what is wrong with the file that `init` names.
    pub fn new(settings: &Settings) -> Result<Config> {
        let plain = ModelOptions::default();
        let kind = settings.get("model").map_or(Ok(plain.kind), str::parse)?;
        let variant = settings.get("patchtst-variant").map(str::parse).transpose()?;
        let mut config = Config::of(kind, variant.unwrap_or(plain.patchtst.variant));
        let init = option("init").filter(|_| settings.has("init"));
        init.map_or(Ok(()), |init| init.set(&mut config, settings.get("init").unwrap_or_default()))?;
        // A run's folder is its weights.
        let init = config.train.init.take();
        let init = init.map(|file| if file.is_dir() { file.join("model.safetensors") } else { file });
        if let (ModelKind::Patchtst, Some(file)) = (kind, &init) {
            let model = &mut config.train.model;
            (model.patchtst, model.layers, config.data.horizon) = weights::infer_patchtst(file, variant)?;
        }
        config.apply(settings)?;
        if let (Some(file), true) = (&init, config.train.auto.linear_path) {
            config.train.auto.linear_path = false;
            // A file that cannot be read is rejected before anything is trained.
            config.train.model.linear_path = weights::infer_linear_path(file).unwrap_or_default();
        }
        config.train.init = init;
        if config.train.loss.is_of_counts() {
            // Counts have no other bounds.
            config.data.bounds = config.data.bounds.or(Some(data::Bounds::NOT_NEGATIVE));
        }
        config.window_norm(settings)?;
        let told = ["epochs", "max-steps"].iter().any(|name| settings.has(name)) || kind == ModelKind::Ridge;
        if config.data.val_size == Some(0) && !told {
            let problem = "0 leaves no validation rows, so nothing says when to stop training";
            return Err(Error::config("val-size", problem, "say how long to train: ‹epochs› or ‹max-steps›"));
        }
        Ok(config)
    }

    /// Windows that are standardised by themselves are so by the network's own normalisation.
    fn window_norm(&mut self, settings: &Settings) -> Result<()> {
        let own = Some(InstanceNorm::MeanStd);
        let norm = (self.train.model.instance_norm, self.train.auto.instance_norm);
        if self.data.scale != Some(Scale::Window) || norm == (own, false) {
            return Ok(());
        }
        if settings.has("instance-norm") {
            let problem = "‹scale window› standardises each window by its own mean and deviation";
            return Err(Error::config("instance-norm", problem, "leave it out, or choose ‹scale global›"));
        }
        (self.train.model.instance_norm, self.train.auto.instance_norm) = (own, false);
        Ok(())
    }

    /// Sets what settings hold, and leaves the rest.
    ///
    /// # Errors
    /// Names the option whose value cannot be used.
    pub fn apply(&mut self, settings: &Settings) -> Result<()> {
        options().try_for_each(|one| settings.get(one.spec.name).map_or(Ok(()), |text| one.set(self, text)))?;
        if let Source::Frame(frame) = &mut self.data.source
            && settings.frame().is_held()
        {
            frame.clone_from(settings.frame());
        }
        Ok(())
    }

    /// The files that a run of it reads.
    pub fn inputs(&self) -> Vec<Input> {
        let init = self.train.init.iter().map(|file| ("init".to_string(), file.clone()));
        self.data.inputs().into_iter().chain(init).collect()
    }

    /// A remark for each of the settings that changes nothing.
    pub fn idle_options(&self, settings: &Settings) -> Vec<Text> {
        options().filter(|one| settings.has(one.spec.name)).filter_map(|one| one.idle(self)).collect()
    }
}
