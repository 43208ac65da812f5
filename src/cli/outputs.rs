//! The files of a run folder.

use std::path::Path;

use anyhow::{Context, Result};
use microglia::data::Dataset;
use microglia::files::replace;
use microglia::train::plot::{forecast_svg, training_svg};
use microglia::train::scores::baselines::Forecasts;
use microglia::train::weights::checkpoint::{save_checkpoint, save_model};
use microglia::train::weights::header::Header;
use microglia::train::{EpochRow, Outcome, Plan, Summary};

use super::pictures;
use super::run_folder::RunFolder;
use microglia::config::Config;

/// A run that has ended, and what it was asked for, resolved.
pub struct Finished<'a> {
    pub dataset: &'a Dataset,
    pub plan: &'a Plan,
    pub config: &'a Config,
    pub outcome: &'a Outcome,
    pub baselines: &'a Forecasts,
}

impl Finished<'_> {
    /// Writes everything: at the top the replica that is best on validation, below it each where there are several. Only
    /// then does the rest of an earlier run go.
    pub fn write(&self, folder: &RunFolder) -> Result<()> {
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
        let Outcome { trained, kept, device, test_predictions, .. } = self.outcome;
        let config = config.to_toml();
        write(path, "config.toml", &config)?;
        write(path, "metrics.csv", &metrics(&trained.history, replica)?)?;
        write(path, "summary.json", &json(summary)?)?;
        let forecast = pictures::forecast(self.dataset, summary, &test_predictions[replica], self.baselines);
        write(path, "forecast.svg", &forecast_svg(&forecast)?)?;
        write(path, "training.svg", &training_svg(&pictures::training(summary, &trained.history, replica))?)?;
        let program = &self.plan.program;
        let header = Header::new(self.dataset, self.plan, &trained.replicas[replica], device, &config);
        let kept = &kept[replica];
        let run = trained.end.of_replica(replica);
        let layouts = (&program.params, &program.state);
        save_model(&path.join("model.safetensors"), layouts, &kept.params, &kept.state, &header)?;
        let checkpoint = path.join("checkpoint.safetensors");
        save_checkpoint(&checkpoint, program, &kept.params, &kept.state, &header, &run)?;
        Ok(())
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    Ok(replace(&folder.join(name), text.as_bytes())?)
}

pub fn json(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).context("summary")? + "\n")
}

/// A row per epoch that the replica trained.
fn metrics(history: &[EpochRow], replica: usize) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["epoch", "step", "lr", "train_loss", "validation_loss", "sparsity", "best", "seconds"])?;
    let mut active = true;
    for row in history {
        let Some(state) = row.replicas.get(replica).filter(|_| active) else { break };
        writer.write_record([
            row.epoch.to_string(),
            row.step.to_string(),
            row.lr.to_string(),
            state.train_loss.to_string(),
            state.validation_loss.to_string(),
            state.sparsity.to_string(),
            state.best.to_string(),
            format!("{:.3}", row.seconds),
        ])?;
        active = state.active;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
