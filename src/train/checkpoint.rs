//! The two weights files of a run: `model.safetensors` is exactly PyTorch's state dict; `checkpoint.safetensors` is the
//! same plus, under the prefix `microglia.`, all that is needed to go on.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::{Dtype, View, serialize};
use serde::Serialize;

use super::plan::Plan;
use super::summary::{FORMAT_VERSION, TrainedWeights};
use super::trained::Replica;
use crate::data::{Dataset, Scaler};
use crate::error::{Error, Result};
use crate::program::ParamLayout;

/// What a file says of itself, as JSON under the metadata key `microglia`.
#[derive(Debug, Clone, Serialize)]
pub struct Header {
    pub format_version: u32,
    pub model: ModelHeader,
    pub data: DataHeader,
    pub progress: Progress,
    /// The run's resolved `config.toml`.
    pub config: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct ModelHeader {
    pub kind: String,
    pub hidden: usize,
    pub layers: usize,
    pub activation: String,
    pub instance_norm: String,
    pub lookback: usize,
    pub horizon: usize,
    /// Input columns in order: targets, covariates, calendar.
    pub channels: Vec<String>,
    pub targets: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct DataHeader {
    pub name: String,
    pub fingerprint: String,
    pub series: Vec<SeriesHeader>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SeriesHeader {
    pub id: String,
    /// Per value column: targets, then covariates.
    pub scalers: Vec<Scaler>,
    /// Global rows that end training, validation and test.
    pub borders: [usize; 3],
}

/// Where the replica stands. Its generator and data order follow from (seed, step, epoch).
#[derive(Debug, Clone, Serialize)]
pub struct Progress {
    pub seed: u32,
    pub epoch: usize,
    pub step: usize,
    pub active: bool,
    pub pruned: usize,
    pub best_loss: Option<f64>,
    pub best_epoch: Option<usize>,
    pub waited: usize,
    /// The epoch whose weights the file's PyTorch names hold; `None` for the last step's.
    pub kept_epoch: Option<usize>,
}

impl Header {
    pub fn new(dataset: &Dataset, plan: &Plan, replica: &Replica, config: &str) -> Self {
        let model = &plan.options.model;
        Header {
            format_version: FORMAT_VERSION,
            model: ModelHeader {
                kind: model.kind.to_string(),
                hidden: model.hidden,
                layers: model.layers,
                activation: model.activation.to_string(),
                instance_norm: model.instance_norm.map_or("none".into(), |norm| norm.to_string()),
                lookback: dataset.lookback,
                horizon: dataset.horizon,
                channels: dataset.channel_names.clone(),
                targets: dataset.targets,
            },
            data: DataHeader {
                name: dataset.name.clone(),
                fingerprint: dataset.fingerprint.clone(),
                series: dataset
                    .series
                    .iter()
                    .map(|series| SeriesHeader {
                        id: series.id.clone(),
                        scalers: series.scalers.clone(),
                        borders: [series.parts.train.end, series.parts.validation.end, series.parts.test.end],
                    })
                    .collect(),
            },
            progress: Progress {
                seed: replica.seed,
                epoch: replica.epochs,
                step: replica.steps,
                active: replica.active,
                pruned: replica.pruned,
                best_loss: replica.best.map(|best| best.0),
                best_epoch: replica.best.map(|best| best.1),
                waited: replica.waited,
                kept_epoch: replica.kept,
            },
            config: config.into(),
        }
    }
}

/// A tensor in a file.
struct Entry<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: &'a [u8],
}

impl View for Entry<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        self.bytes.into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes the kept weights by PyTorch's names, and nothing else.
pub fn save_model(path: &Path, layout: &ParamLayout, weights: &TrainedWeights, header: &Header) -> Result<()> {
    write(path, named("", layout, &weights.kept), header)
}

/// Writes the kept weights by PyTorch's names, and under `microglia.` the last weights, both moments and the mask.
pub fn save_checkpoint(path: &Path, layout: &ParamLayout, weights: &TrainedWeights, header: &Header) -> Result<()> {
    let mut entries = named("", layout, &weights.kept);
    entries.extend(named("microglia.last.", layout, &weights.last));
    entries.extend(named("microglia.moment1.", layout, &weights.moment1));
    entries.extend(named("microglia.moment2.", layout, &weights.moment2));
    let mask = Entry { dtype: Dtype::U32, shape: vec![weights.mask.len()], bytes: bytemuck::cast_slice(&weights.mask) };
    entries.push(("microglia.mask".into(), mask));
    write(path, entries, header)
}

fn named<'a>(prefix: &str, layout: &ParamLayout, row: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let entry = |param: &crate::program::Param| {
        let bytes = bytemuck::cast_slice(&row[param.range()]);
        (format!("{prefix}{}", param.name), Entry { dtype: Dtype::F32, shape: param.shape.clone(), bytes })
    };
    layout.params.iter().map(entry).collect()
}

fn write(path: &Path, entries: Vec<(String, Entry)>, header: &Header) -> Result<()> {
    let json = serde_json::to_string(header).map_err(|error| Error::Checkpoint {
        file: path.to_path_buf(),
        problem: format!("cannot describe the run: {error}"),
        help: "please report this".into(),
    })?;
    // PyTorch's loaders look for `format`.
    let metadata = HashMap::from([("format".into(), "pt".into()), ("microglia".into(), json)]);
    let bytes = serialize(entries, Some(metadata)).map_err(|error| Error::Checkpoint {
        file: path.to_path_buf(),
        problem: format!("cannot be laid out: {error}"),
        help: "please report this".into(),
    })?;
    replace(path, &bytes)
}

/// Writes a whole file or leaves the old one: a temporary file beside it, flushed, then renamed over it.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("partial");
    let write = || {
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        // So that the rename itself survives a power cut; not every system can open a folder.
        match path.parent().map(std::fs::File::open) {
            Some(Ok(folder)) => folder.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(|cause| {
        // What was not renamed is of no use; if it cannot be removed either, nothing is lost.
        let _ = std::fs::remove_file(&temporary);
        Error::io(path, "--out names a folder that can be written to, with room for the run")(cause)
    })
}
