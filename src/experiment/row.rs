//! A row of `results.csv`: a trained model, and the setting that it is scored for.

use super::grid::{ArmKey, GridCell, no_path};
use super::size::Size;
use crate::train::scores::metrics::Metrics;

/// Which weights of a training are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selection {
    /// Rivals: the best validation epoch by patience; pruning: the same from full sparsity on.
    Own,
    /// Every method: the best of the epochs from pruning's full sparsity on.
    Common,
    /// The last epoch's.
    Last,
}

impl Selection {
    /// The three, in the order of every table: `own` first.
    pub const ALL: [Selection; 3] = [Selection::Own, Selection::Common, Selection::Last];

    /// As tables and columns have it: `own`, `common` or `last`.
    pub fn word(self) -> &'static str {
        ["own", "common", "last"][self as usize]
    }
}

/// MAE, RMSE, MSE and MASE in the data's units, the first three of scaled values; not a number where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores(pub [f64; 7]);

/// What [`Scores`] holds, in order, as the columns have it.
pub const METRICS: [&str; 7] = ["mae", "rmse", "mse", "mase", "scaled_mae", "scaled_rmse", "scaled_mse"];

impl Scores {
    /// Of a model that diverged.
    pub const NONE: Scores = Scores([f64::NAN; 7]);

    /// Of a scored part; RMSE is the root of the mean over all targets.
    pub fn of(metrics: &Metrics) -> Scores {
        let or = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let scaled = metrics.scaled;
        let [mae, rmse, mse, mase] = [metrics.mae, metrics.rmse, metrics.mse, metrics.mase].map(or);
        Scores([mae, rmse, mse, mase, scaled.mae, scaled.mse.sqrt(), scaled.mse])
    }

    /// The study's outcome: MAE in the data's units; with several targets, whose units differ, of scaled values.
    pub fn mae(&self) -> f64 {
        if self.0[0].is_nan() { self.0[4] } else { self.0[0] }
    }
}

/// One model.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultRow {
    /// The cell that it was trained in.
    pub cell: GridCell,
    /// See [`Study::hash`](super::Study::hash).
    pub study_hash: String,
    /// SHA-256 of the data's file.
    pub data_fingerprint: String,
    /// Forecast rows.
    pub horizon: usize,
    /// The method's name.
    pub method: String,
    /// Its settings other than the study's; empty for the plain one.
    pub setting: String,
    /// Of initial weights, batch order and dropout.
    pub seed: u32,
    /// By selection; `None` where there is none.
    pub best_epochs: [Option<usize>; 3],
    /// The epoch in which training ended, from 1.
    pub stop_epoch: usize,
    /// The schedule's goal, a share; `None` where nothing prunes.
    pub sparsity_wanted: Option<f64>,
    /// Share of the prunable weights that is pruned, of the `own` weights.
    pub sparsity: f64,
    /// Prunable weights that are left, of the `own` weights.
    pub living_weights: usize,
    /// Of the `own` weights without the units that they do without; `None` in rows of before it was counted.
    pub size: Option<Size>,
    /// `[selection][validation, test]`
    pub scores: [[Scores; 2]; 3],
    /// `sound`, or `LEAKING` under the published code's protocol.
    pub protocol: String,
    /// Wall seconds of the run that trained it, shared evenly among its models.
    pub seconds: f64,
    /// The adapter's or processor's name.
    pub device: String,
    /// Of the `own` weights.
    pub weights_sha256: String,
    /// What happened, where the model diverged.
    pub diverged: Option<String>,
}

/// What the column `status` says of a model that stayed finite, and what it says before what happened to another.
const DONE: &str = "done";
const DIVERGED: &str = "diverged: ";

impl ResultRow {
    /// MAE under a selection; infinite where the model diverged.
    pub fn mae(&self, selection: Selection, test: bool) -> f64 {
        let mae = self.score(selection, test).mae();
        if self.diverged.is_some() || mae.is_nan() { f64::INFINITY } else { mae }
    }

    /// On the test windows, or on those of validation.
    pub fn score(&self, selection: Selection, test: bool) -> Scores {
        self.scores[selection as usize][usize::from(test)]
    }

    /// What identifies a row: cell, method, setting and seed.
    pub(super) fn key(&self) -> (String, String, String, u32) {
        (self.cell.id(), self.method.clone(), self.setting.clone(), self.seed)
    }

    pub(super) fn header() -> Vec<String> {
        let fixed = [
            "study_hash",
            "data_fingerprint",
            "data",
            "model",
            "instance_norm",
            "lookback",
            "horizon",
            "width",
            "train_rows",
            "origin",
            "method",
            "setting",
            "seed",
            "best_epoch_own",
            "best_epoch_common",
            "best_epoch_last",
            "stop_epoch",
            "sparsity_wanted",
            "sparsity",
            "living_weights",
        ];
        let mut names: Vec<String> = fixed.map(String::from).to_vec();
        for selection in Selection::ALL {
            for part in ["validation", "test"] {
                names.extend(METRICS.map(|metric| format!("{}_{part}_{metric}", selection.word())));
            }
        }
        names.extend(["protocol", "seconds", "device", "weights_sha256", "status", "linear_path"].map(String::from));
        names.extend(["compact_parameters", "compact_operations", "compact_microseconds"].map(String::from));
        names
    }

    pub(super) fn fields(&self) -> Vec<String> {
        let or = |value: Option<String>| value.unwrap_or_default();
        let cell = &self.cell;
        let mut fields = vec![
            self.study_hash.clone(),
            self.data_fingerprint.clone(),
            cell.data.clone(),
            cell.model.clone(),
            cell.arm.instance_norm.clone(),
            cell.lookback.to_string(),
            self.horizon.to_string(),
            cell.width.to_string(),
            cell.train_rows.to_string(),
            cell.origin.to_string(),
            self.method.clone(),
            self.setting.clone(),
            self.seed.to_string(),
        ];
        fields.extend(self.best_epochs.map(|epoch| or(epoch.map(|epoch| epoch.to_string()))));
        fields.extend([
            self.stop_epoch.to_string(),
            or(self.sparsity_wanted.map(|wanted| wanted.to_string())),
            self.sparsity.to_string(),
            self.living_weights.to_string(),
        ]);
        let number = |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
        fields.extend(self.scores.iter().flatten().flat_map(|scores| scores.0.map(number)));
        fields.extend([
            self.protocol.clone(),
            format!("{:.3}", self.seconds),
            self.device.clone(),
            self.weights_sha256.clone(),
            self.diverged.as_ref().map_or(DONE.into(), |what| format!("{DIVERGED}{what}")),
            cell.arm.linear_path.clone(),
            or(self.size.map(|size| size.parameters.to_string())),
            or(self.size.map(|size| size.operations.to_string())),
            or(self.size.and_then(|size| size.microseconds).map(|time| format!("{time:.3}"))),
        ]);
        fields
    }

    /// `None` where a field is torn. Rows of before there were linear paths, sizes and times lack the last ones.
    pub(super) fn parse(record: &csv::StringRecord) -> Option<ResultRow> {
        let mut fields = record.iter();
        let mut text = || fields.next().map(str::to_string);
        let (study_hash, data_fingerprint) = (text()?, text()?);
        let (data, model, instance_norm) = (text()?, text()?, text()?);
        let lookback = text()?.parse().ok()?;
        let horizon = text()?.parse().ok()?;
        let (width, train_rows, origin) = (text()?.parse().ok()?, text()?.parse().ok()?, text()?.parse().ok()?);
        let (method, setting, seed) = (text()?, text()?, text()?.parse().ok()?);
        let mut best_epochs = [None; 3];
        for epoch in &mut best_epochs {
            let word = text()?;
            *epoch = if word.is_empty() { None } else { Some(word.parse().ok()?) };
        }
        let stop_epoch = text()?.parse().ok()?;
        let wanted = text()?;
        let sparsity_wanted = if wanted.is_empty() { None } else { Some(wanted.parse().ok()?) };
        let (sparsity, living_weights) = (text()?.parse().ok()?, text()?.parse().ok()?);
        let mut scores = [[Scores::NONE; 2]; 3];
        for value in scores.iter_mut().flatten().flat_map(|scores| &mut scores.0) {
            let word = text()?;
            *value = if word.is_empty() { f64::NAN } else { word.parse().ok()? };
        }
        let protocol = text()?;
        let (seconds, device, weights_sha256, status) = (text()?.parse().ok()?, text()?, text()?, text()?);
        let diverged = match status.strip_prefix(DIVERGED) {
            Some(what) => Some(what.to_string()),
            None if status == DONE => None,
            None => return None,
        };
        let arm = ArmKey { instance_norm, linear_path: text().unwrap_or_else(no_path) };
        let cell = GridCell { data, model, arm, lookback, width, train_rows, origin };
        let size = match (text(), text()) {
            (Some(parameters), Some(operations)) if !parameters.is_empty() => Some(Size {
                parameters: parameters.parse().ok()?,
                operations: operations.parse().ok()?,
                microseconds: text().filter(|word| !word.is_empty()).map(|word| word.parse()).transpose().ok()?,
            }),
            _ => None,
        };
        Some(ResultRow {
            cell,
            study_hash,
            data_fingerprint,
            horizon,
            method,
            setting,
            seed,
            best_epochs,
            stop_epoch,
            sparsity_wanted,
            sparsity,
            living_weights,
            size,
            scores,
            protocol,
            seconds,
            device,
            weights_sha256,
            diverged,
        })
    }
}
