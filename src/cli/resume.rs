//! `microglia train --resume`: a run as it was asked for, from where its newest checkpoint stands.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use microglia::config::{Config, Settings, written};
use microglia::data::Dataset;
use microglia::error::Notation;
use microglia::gpu::Gpu;
use microglia::train::weights::checkpoints;
use microglia::train::weights::header::DeviceHeader;
use microglia::train::{Loaded, Plan, RunState};

use super::say;

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
    pub fn open(folder: &Path, typed: &Settings) -> Result<Resumed> {
        if folder.is_file() {
            bail!("--resume {}: is a file\n  help: name the run folder that it lies in", folder.display());
        }
        let (loaded, lines) = checkpoints::newest(folder)?;
        lines.iter().for_each(|line| say(line));
        let before = written(&loaded)?;
        let mut settings = Settings::from_table(&before)?;
        settings.lay_over(typed.clone());
        let config = Config::of_trained(settings)?;
        Ok(Resumed { config, before, loaded, device_typed: typed.has("device") })
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
        config.differences(&self.before).iter().map(|one| one.to(Notation::Flags)).collect()
    }

    /// Whether nothing is left to do: the results are written, and no more epochs are asked for.
    pub fn is_finished(&self, folder: &Path) -> bool {
        checkpoints::finished(folder) && !self.config.is_longer(&self.before)
    }

    /// Optimizer steps that the checkpoint holds, and epochs.
    pub fn line(&self, state: &RunState, plan: &Plan) -> String {
        let (step, epoch) = (state.step(plan.steps_per_epoch), state.epoch.min(plan.options.epochs));
        format!("going on after step {step}, in epoch {epoch} of {}", plan.options.epochs)
    }
}
