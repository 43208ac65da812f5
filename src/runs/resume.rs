//! A run continued from its newest checkpoint: what it was asked for, and whether that is what is asked for now.

use std::path::Path;
use std::sync::Arc;

use super::Say;
use crate::config::{Config, Settings, written};
use crate::data::{Closed, Dataset};
use crate::error::{Error, Result, Text};
use crate::files::check_folder;
use crate::gpu::Gpu;
use crate::train::auto::AUTO;
use crate::train::weights::checkpoints;
use crate::train::weights::header::DeviceHeader;
use crate::train::{Loaded, Plan, RunState};

/// A run to continue.
pub(super) struct Resumed {
    /// As asked for then, and now.
    pub(super) config: Config,
    /// As resolved then.
    before: toml::Table,
    loaded: Loaded,
    /// Whether the device is named now: then it may be another one.
    device_named: bool,
}

impl Resumed {
    /// Reads the newest checkpoint of a run folder, and lays what is asked for over what was asked for then.
    pub(super) fn open(folder: &Path, asked: &Settings, say: &Say) -> Result<Resumed> {
        if folder.is_file() {
            let problem = format!("{} is a file", folder.display());
            return Err(Error::config("resume", problem, "name the run folder that it lies in"));
        }
        check_folder("resume", folder, "‹resume› takes the run folder of a training that was begun")?;
        let (loaded, lines) = checkpoints::newest(folder)?;
        lines.into_iter().for_each(|line| say(&line.into()));
        let before = written(&loaded)?;
        let mut settings = Settings::from_table(&before)?;
        let mut asked = asked.clone();
        // What was left to the validation rows has been chosen.
        for key in ["instance-norm", "linear-path"] {
            if asked.get(key) == Some(AUTO) && before.contains_key(key) {
                asked.remove(key);
            }
        }
        let device_named = asked.has("device");
        settings.lay_over(asked);
        let config = Config::of_trained(settings)?;
        Ok(Resumed { config, before, loaded, device_named })
    }

    /// The configuration, without what was measured for another device.
    pub(super) fn config_on(&mut self, gpu: Option<&Arc<Gpu>>) -> Config {
        let adapter = gpu.map(|gpu| &gpu.summary().name);
        if self.device_named && self.config.tuning.as_ref().is_some_and(|tuning| Some(&tuning.adapter) != adapter) {
            self.config.tuning = None;
            self.before.remove("tuning");
        }
        self.config.clone()
    }

    /// Days without rows, which the checkpoint keeps: their file may be gone.
    pub(super) fn holidays(&self) -> Closed {
        self.loaded.header.data.holidays()
    }

    /// As resolved then.
    pub(super) fn before(&self) -> &toml::Table {
        &self.before
    }

    /// Where the run stands, if it is the run that is now asked for.
    ///
    /// # Errors
    /// Names what differs: settings, the data file, the class of device.
    pub(super) fn state(
        &self,
        dataset: &Dataset,
        plan: &Plan,
        config: &Config,
        device: &DeviceHeader,
        say: &Say,
    ) -> Result<RunState> {
        let header = &self.loaded.header;
        let rejected = |problem: Text, help: &str| Err(Error::checkpoint(&self.loaded.file, problem, help));
        let differences = config.differences(&self.before);
        if !differences.is_empty() {
            let list = differences.into_iter().reduce(|all, one| all.and("; ").and(one)).unwrap_or_default();
            let problem = Text::from("the run was asked for other settings: ").and(list);
            return rejected(problem, "leave them out, or begin a new run");
        }
        if header.data.fingerprint != dataset.fingerprint {
            let problem = format!(
                "the data `{}` has changed since the run began: SHA-256 was {}, is {}",
                dataset.name, header.data.fingerprint, dataset.fingerprint
            );
            return rejected(problem.into(), "bring the file back, or begin a new run");
        }
        let (then, now) = (&header.device, device);
        let other = (&then.engine, &then.class) != (&now.engine, &now.class);
        if other && !self.device_named {
            let problem = format!(
                "the run was on {} ({}, {}), and here is {} ({}, {}): the bits would differ",
                then.name, then.engine, then.class, now.name, now.engine, now.class
            );
            let help = "name that device with ‹device›, or this one to resume on it all the same, or begin a new run";
            return rejected(problem.into(), help);
        }
        if then.name != now.name {
            let line = format!(
                "the run was on {}, and resumes on {}: its last bits {} from those of a run that stayed",
                then.name,
                now.name,
                if other { "will differ" } else { "may differ" }
            );
            say(&line.into());
        }
        let state = self.loaded.run()?;
        if state.replicas.len() != plan.members.len() {
            let problem = format!("holds {} replicas, not {}", state.replicas.len(), plan.members.len());
            return rejected(problem.into(), "begin a new run");
        }
        Ok(state)
    }

    /// Rejects more steps than the epochs hold that the run was resolved to.
    pub(super) fn check_reaches(&self, plan: &Plan) -> Result<()> {
        let (epochs, all) = (plan.length.epochs, plan.length.epochs * plan.steps_per_epoch);
        match plan.options.max_steps {
            Some(max) if max > all as u64 && self.config.is_longer(&self.before) => {
                let needed = max.div_ceil(plan.steps_per_epoch as u64);
                let problem = format!("{max} steps are more than the run's {epochs} epochs hold, which are {all}");
                Err(Error::config("max-steps", problem, format!("‹epochs {needed}› as well, or fewer steps")))
            }
            _ => Ok(()),
        }
    }

    /// Whether nothing is left to do: the results are written, and no longer run is asked for.
    pub(super) fn is_finished(&self, folder: &Path) -> bool {
        checkpoints::finished(folder) && !self.config.is_longer(&self.before)
    }
}

/// Optimizer steps that the checkpoint holds, and epochs.
pub(super) fn line(state: &RunState, plan: &Plan) -> Text {
    let (step, epoch) = (state.step(plan.steps_per_epoch), state.epoch.min(plan.length.epochs));
    format!("resuming after step {step}, in epoch {epoch} of {}", plan.length.epochs).into()
}
