//! The files of a run folder.

use std::path::Path;

use super::folder::RunFolder;
use crate::config::Config;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::files::replace;
#[cfg(feature = "plots")]
use crate::train::scores::baselines::BaselineForecasts;
use crate::train::scores::residuals::KeptIntervals;
use crate::train::weights::checkpoint::{save_checkpoint, save_model};
use crate::train::weights::header::Header;
use crate::train::{EpochRow, Outcome, Plan, Summary};

/// A run that has ended, and what it was asked for, resolved.
pub(super) struct Finished<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) plan: &'a Plan,
    pub(super) config: &'a Config,
    pub(super) outcome: &'a Outcome,
    #[cfg(feature = "plots")]
    pub(super) baselines: &'a BaselineForecasts,
}

impl Finished<'_> {
    /// Writes everything: at the top the replica that is best on validation, below it each where there are several. Only
    /// then does the rest of an earlier run go.
    pub(super) fn write(&self, folder: &RunFolder) -> Result<()> {
        let summary = &self.outcome.summary;
        self.write_replica(folder.path(), summary.best.replica, summary, self.config)?;
        let several = if summary.replicas.len() > 1 { summary.replicas.len() } else { 0 };
        for r in 0..several {
            // Replica r is the lone run with its own seed.
            let summary = summary.of_replica(r);
            let mut config = self.config.clone();
            config.train.seed = summary.best.seed;
            config.train.replicas = 1;
            self.write_replica(&folder.replica(r)?, r, &summary, &config)?;
        }
        folder.remove_replicas(several)
    }

    /// The files of one replica, whose summary and configuration these are.
    fn write_replica(&self, path: &Path, replica: usize, summary: &Summary, config: &Config) -> Result<()> {
        let Outcome { trained, kept, device, .. } = self.outcome;
        let config = config.to_toml();
        write(path, "config.toml", &config)?;
        write(path, "metrics.csv", &metrics(&trained.history, replica)?)?;
        write(path, "summary.json", &json(summary)?)?;
        #[cfg(feature = "plots")]
        for (name, picture) in super::pictures::of_replica(
            self.dataset,
            summary,
            &trained.history,
            replica,
            &self.outcome.test_predictions[replica].point(),
            self.baselines,
        )? {
            write(path, name, &picture)?;
        }
        let program = &self.plan.program;
        let header = Header::new(self.dataset, self.plan, &trained.replicas[replica], device, &config);
        let kept = &kept[replica];
        let run = trained.end.of_replica(replica);
        let layouts = (&program.params, &program.state);
        save_model(&path.join("model.safetensors"), layouts, &kept.params, &kept.state, &header)?;
        let checkpoint = path.join("checkpoint.safetensors");
        save_checkpoint(&checkpoint, program, &kept.params, &kept.state, &header, &run)?;
        let predictions = &self.outcome.calibrating_predictions[replica].point();
        let intervals = KeptIntervals::file(self.dataset, predictions, &summary.best.weights_sha256)?;
        replace(&path.join(KeptIntervals::FILE), &intervals)
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    replace(&folder.join(name), text.as_bytes())
}

/// As JSON for people, too.
///
/// # Errors
/// Where a value has no form in JSON.
pub fn json(value: &impl serde::Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| unwritable("JSON", &error))?;
    Ok(text + "\n")
}

fn unwritable(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::config("out", format!("the results cannot be written as {what}: {error}"), "please report this")
}

/// A row per epoch that the replica trained.
fn metrics(history: &[EpochRow], replica: usize) -> Result<String> {
    let broken = |error: csv::Error| unwritable("CSV", &error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(["epoch", "step", "lr", "train_loss", "validation_loss", "sparsity", "best", "seconds"])
        .map_err(broken)?;
    let mut active = true;
    for row in history {
        let Some(state) = row.replicas.get(replica).filter(|_| active) else { break };
        writer
            .write_record([
                row.epoch.to_string(),
                row.step.to_string(),
                row.lr.to_string(),
                state.train_loss.to_string(),
                state.validation_loss.to_string(),
                state.sparsity.to_string(),
                state.best.to_string(),
                format!("{:.3}", row.seconds),
            ])
            .map_err(broken)?;
        active = state.active;
    }
    let bytes = writer.into_inner().map_err(|error| unwritable("CSV", &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
