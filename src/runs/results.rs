//! The files of a run folder.

use std::path::Path;

use super::folder::{RunFolder, WRITABLE};
use crate::config::Config;
use crate::data::{Dataset, LeftOut};
use crate::error::{Error, Result};
use crate::files::{remove, replace};
use crate::tables::CsvWriter;
#[cfg(feature = "plots")]
use crate::train::scores::baselines::BaselineForecasts;
use crate::train::scores::kept::KeptIntervals;
use crate::train::scores::metrics::SeriesScore;
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
        write(path, "scores.csv", &scores(self.dataset, summary)?)?;
        write_or_remove(path, "left_out.csv", left_out(&self.dataset.left_out)?.as_deref())?;
        #[cfg(feature = "plots")]
        for (name, picture) in super::pictures::of_replica(
            self.dataset,
            summary,
            &trained.history,
            replica,
            (self.plan, &self.outcome.test_predictions[replica]),
            self.baselines,
        )? {
            write_or_remove(path, name, picture.as_deref())?;
        }
        let program = &self.plan.program;
        let header = Header::new(self.dataset, self.plan, &trained.replicas[replica], device, &config);
        let kept = &kept[replica];
        let run = trained.end.of_replica(replica);
        let layouts = (&program.params, &program.state);
        save_model(&path.join("model.safetensors"), layouts, &kept.params, &kept.state, &header)?;
        let checkpoint = path.join("checkpoint.safetensors");
        save_checkpoint(&checkpoint, program, &kept.params, &kept.state, &header, &run)?;
        if self.plan.options.loss.is_probabilistic() {
            // The model forecasts its intervals itself; those of an earlier run go.
            let earlier = path.join(KeptIntervals::FILE);
            return if earlier.is_file() { remove(&earlier, WRITABLE) } else { Ok(()) };
        }
        let Outcome { calibrating_predictions, test_predictions, .. } = self.outcome;
        let [calibrating, test] = [calibrating_predictions, test_predictions].map(|all| all[replica].point());
        let kept = KeptIntervals::of(self.dataset, &calibrating, &test, &summary.best.weights_sha256)?;
        replace(&path.join(KeptIntervals::FILE), &kept.file()?)
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    replace(&folder.join(name), text.as_bytes())
}

/// Writes a file that a run has or has not; in the latter case that of an earlier run goes.
fn write_or_remove(folder: &Path, name: &str, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) => write(folder, name, text),
        None if folder.join(name).is_file() => remove(&folder.join(name), WRITABLE),
        None => Ok(()),
    }
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

/// A row per series and target: the model's scores on the test rows, its MAE on the validation rows, and the baselines' on the
/// test rows; and the model's scores weighted by row, if rows have weights. Numbers have the precision of 32 bits; where nothing is known there is no number.
fn scores(dataset: &Dataset, summary: &Summary) -> Result<String> {
    let id = dataset.id_column.as_deref().unwrap_or("unique_id");
    let model = ["values", "mae", "rmse", "mase", "scaled_mae", "scaled_mse"];
    let maes = ["validation_mae", "repeat_last_mae", "seasonal_naive_mae", "ridge_mae"];
    let (best, baselines) = (&summary.best, &summary.baselines);
    let mut head: Vec<String> = [id, "target"].into_iter().chain(model).chain(maes).map(String::from).collect();
    if best.test.weighted.is_some() {
        head.extend(model[1..].iter().map(|name| format!("weighted_{name}")));
    }
    let mut table = CsvWriter::new(&head)?;
    let others = [&best.validation, &baselines.repeat_last, &baselines.seasonal_naive, &baselines.ridge];
    let number = |value: Option<f64>| {
        value.filter(|value| value.is_finite()).map_or_else(String::new, |value| (value as f32).to_string())
    };
    for (place, score) in best.test.per_series.iter().enumerate() {
        let mut cells = vec![score.series.clone().unwrap_or_default(), score.target.clone(), score.scored.to_string()];
        let own = |score: &SeriesScore| {
            [Some(score.mae), Some(score.rmse), score.mase, Some(score.scaled.mae), Some(score.scaled.mse)].map(number)
        };
        cells.extend(own(score));
        cells.extend(others.map(|metrics| number(metrics.per_series.get(place).map(|score| score.mae))));
        if let Some(weighted) = &best.test.weighted {
            cells.extend(own(&weighted.per_series[place]));
        }
        table.row(&cells.iter().map(String::as_str).collect::<Vec<_>>(), &[])?;
    }
    Ok(String::from_utf8_lossy(&table.finish()?).into_owned())
}

/// The series that were left out, and why; `None` if there are none.
fn left_out(series: &[LeftOut]) -> Result<Option<String>> {
    if series.is_empty() {
        return Ok(None);
    }
    let mut table = CsvWriter::new(&["unique_id", "rows", "why"])?;
    for one in series {
        table.row(&[&one.id, &one.rows.to_string(), &one.why], &[])?;
    }
    Ok(Some(String::from_utf8_lossy(&table.finish()?).into_owned()))
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
                // Without validation rows there is none.
                if state.validation_loss.is_nan() { String::new() } else { state.validation_loss.to_string() },
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
