//! `microglia train --resume`: a run as it was asked for, from where its newest checkpoint stands.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};
use microglia::data::Dataset;
use microglia::gpu::Gpu;
use microglia::train::options::LrSchedule;
use microglia::train::weights::checkpoints;
use microglia::train::weights::header::DeviceHeader;
use microglia::train::{Loaded, Plan, RunState};

use super::args::TrainArgs;
use super::config::Config;
use super::{config_file, say};

/// Options that change no bit of a run.
const FREE: [&str; 4] = ["device", "threads", "checkpoint-every", "keep-checkpoints"];

/// A run to go on with.
pub struct Resumed {
    /// As asked for then, and typed now.
    pub config: Config,
    /// As resolved then.
    before: toml::Table,
    loaded: Loaded,
    /// Whether the device was typed now: then it may be another one.
    device_typed: bool,
}

impl Resumed {
    /// Reads the newest checkpoint of a run folder, and lays what was typed over what was asked for then.
    pub fn open(folder: &Path, typed: &ArgMatches) -> Result<Resumed> {
        if folder.is_file() {
            bail!("--resume {}: is a file\n  help: name the run folder that it lies in", folder.display());
        }
        let (loaded, lines) = checkpoints::newest(folder)?;
        lines.iter().for_each(|line| say(line));
        let mut before: toml::Table = loaded.header.config.parse()?;
        // Files of before there was the option say nothing of it.
        before.entry("calibration").or_insert_with(|| "none".into());
        let mut asked = before.clone();
        // The weights are the checkpoint's: the file that they started from need not be there any more.
        asked.remove("init");
        let mut args = TrainArgs::from_arg_matches(&config_file::parse(&asked)?)?;
        Config::lay_over(&mut args, typed)?;
        let mut config = Config::from_args(args)?;
        if config.train.init.is_none() {
            let file = before.get("init").and_then(toml::Value::as_str).filter(|file| *file != "none");
            config.train.init = file.map(Into::into);
        }
        let device_typed = typed.value_source("device") == Some(ValueSource::CommandLine);
        Ok(Resumed { config, before, loaded, device_typed })
    }

    /// The configuration, without what was measured for another device.
    pub fn config_on(&mut self, gpu: Option<&Arc<Gpu>>) -> Config {
        let adapter = gpu.map(|gpu| &gpu.summary().name);
        if self.device_typed && self.config.tuning.as_ref().is_some_and(|tuning| Some(&tuning.adapter) != adapter) {
            self.config.tuning = None;
            self.before.remove("tuning");
        }
        self.config.clone()
    }

    /// Where the run stands, if it is the run that is now asked for.
    ///
    /// # Errors
    /// Names what differs: settings, the data file, the class of device.
    pub fn state(&self, dataset: &Dataset, plan: &Plan, config: &Config, device: &DeviceHeader) -> Result<RunState> {
        let header = &self.loaded.header;
        let place = self.loaded.file.display();
        let differences = self.differences(config);
        if !differences.is_empty() {
            let list = differences.join("; ");
            bail!("{place}: the run was asked for other settings: {list}\n  help: leave them out, or begin a new run");
        }
        if header.data.fingerprint != dataset.fingerprint {
            bail!(
                "{place}: the data `{}` has changed since the run began: SHA-256 was {}, is {}\n  help: bring the file back, \
                 or begin a new run",
                dataset.name,
                header.data.fingerprint,
                dataset.fingerprint
            );
        }
        let (then, now) = (&header.device, device);
        let other = (&then.engine, &then.class) != (&now.engine, &now.class);
        if other && !self.device_typed {
            bail!(
                "{place}: the run was on {} ({}, {}), and here is {} ({}, {}): the bits would differ\n  help: name that \
                 device with --device, or this one to go on on it all the same, or begin a new run",
                then.name,
                then.engine,
                then.class,
                now.name,
                now.engine,
                now.class
            );
        }
        if then.name != now.name {
            say(&format!(
                "the run was on {}, and goes on on {}: its last bits {} from those of a run that stayed",
                then.name,
                now.name,
                if other { "will differ" } else { "may differ" }
            ));
        }
        let state = self.loaded.run()?;
        if state.replicas.len() != plan.members.len() {
            bail!("{place}: holds {} replicas, not {}", state.replicas.len(), plan.members.len());
        }
        Ok(state)
    }

    /// The run's settings that are not those of its beginning, as `key: before, here now`.
    pub fn differences(&self, config: &Config) -> Vec<String> {
        let text = |value: Option<&toml::Value>| value.map_or("unset".into(), toml::Value::to_string);
        let now: toml::Table = config_file::write(config).parse().expect("a configuration is written as TOML");
        let keys: std::collections::BTreeSet<&String> = self.before.keys().chain(now.keys()).collect();
        keys.into_iter()
            .filter(|key| !FREE.contains(&key.as_str()))
            .filter(|key| self.before.get(*key) != now.get(*key) && !(*key == "epochs" && self.only_longer(config)))
            .map(|key| format!("{key} was {}, here {}", text(self.before.get(key)), text(now.get(key))))
            .collect()
    }

    /// Whether more epochs are asked for where they change nothing of those before: then the run is the one that was asked
    /// for so many from the beginning, with the pruning schedule as it was resolved.
    fn only_longer(&self, config: &Config) -> bool {
        let before = self.before.get("epochs").and_then(toml::Value::as_integer);
        let longer = before.and_then(|n| usize::try_from(n).ok()).is_some_and(|n| n < config.train.epochs);
        longer && matches!(config.train.lr_schedule, LrSchedule::Constant | LrSchedule::Decay)
    }

    /// Whether nothing is left to do: the results are written, and no more epochs are asked for.
    pub fn is_finished(&self, folder: &Path) -> bool {
        checkpoints::finished(folder) && !self.only_longer(&self.config)
    }

    /// Optimizer steps that the checkpoint holds, and epochs.
    pub fn line(&self, state: &RunState, plan: &Plan) -> String {
        let (step, epoch) = (state.step(plan.steps_per_epoch), state.epoch.min(plan.options.epochs));
        format!("going on after step {step}, in epoch {epoch} of {}", plan.options.epochs)
    }
}
