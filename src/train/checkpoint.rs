//! The two weights files of a run: `model.safetensors` is exactly PyTorch's state dict; `checkpoint.safetensors` is the
//! same plus, under the prefix `microglia.`, all that is needed to go on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::{Dtype, View, serialize};
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::summary::{FORMAT_VERSION, TrainedWeights};
use super::trained::Replica;
use crate::data::{Dataset, Scaler};
use crate::error::{Error, Result};
use crate::models::{ModelKind, ModelOptions, Variant};
use crate::program::{ParamLayout, Program, StateLayout};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patchtst: Option<PatchtstHeader>,
    pub lookback: usize,
    pub horizon: usize,
    /// Input columns in order: targets, covariates, calendar.
    pub channels: Vec<String>,
    pub targets: usize,
}

/// What a PatchTST's tensors do not say of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchtstHeader {
    pub variant: String,
    /// How windows become patches: `end`, `cut` or `replicate`.
    pub padding: String,
    /// The order of the head's columns: `feature-major`, `patch-major` or `pooled`.
    pub head_order: String,
    /// Whether layers add the attention scores of the layer before.
    pub residual_attention: bool,
    pub patch: usize,
    pub stride: usize,
    pub heads: usize,
    pub norm: String,
    pub norm_position: String,
    pub ff_activation: String,
    pub positions: String,
    pub instance_norm: String,
}

impl PatchtstHeader {
    /// `None` for another model.
    pub fn new(model: &ModelOptions) -> Option<Self> {
        let p = &model.patchtst;
        (model.kind == ModelKind::Patchtst).then(|| PatchtstHeader {
            variant: p.variant.to_string(),
            padding: p.padding().into(),
            head_order: p.head_order().into(),
            residual_attention: p.variant == Variant::Official,
            patch: p.patch.unwrap_or_default(),
            stride: p.stride.unwrap_or_default(),
            heads: p.heads,
            norm: p.norm.to_string(),
            norm_position: p.norm_position.to_string(),
            ff_activation: p.ff_activation.to_string(),
            positions: p.positions.to_string(),
            instance_norm: model.instance_norm.map_or("none".into(), |norm| norm.to_string()),
        })
    }

    /// The settings that differ, as `name: theirs, here ours`.
    pub fn differences(&self, here: &PatchtstHeader) -> Vec<String> {
        let values = |header: &PatchtstHeader| {
            [
                ("variant", header.variant.clone()),
                ("padding", header.padding.clone()),
                ("head order", header.head_order.clone()),
                ("residual attention", header.residual_attention.to_string()),
                ("patch", header.patch.to_string()),
                ("stride", header.stride.to_string()),
                ("heads", header.heads.to_string()),
                ("norm", header.norm.clone()),
                ("norm position", header.norm_position.clone()),
                ("ff activation", header.ff_activation.clone()),
                ("positions", header.positions.clone()),
                ("instance norm", header.instance_norm.clone()),
            ]
        };
        let pairs = values(self).into_iter().zip(values(here));
        pairs.filter(|(a, b)| a.1 != b.1).map(|(a, b)| format!("{}: {}, here {}", a.0, a.1, b.1)).collect()
    }
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
                hidden: model.width(),
                layers: model.layers,
                activation: model.activation.to_string(),
                instance_norm: model.instance_norm.map_or("none".into(), |norm| norm.to_string()),
                patchtst: PatchtstHeader::new(model),
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
    bytes: Cow<'a, [u8]>,
}

impl View for Entry<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes the kept weights and state by PyTorch's names, and nothing else.
pub fn save_model(path: &Path, program: &Program, weights: &TrainedWeights, header: &Header) -> Result<()> {
    write(path, state_dict("", program, &weights.kept, &weights.kept_state), header)
}

/// Writes the kept weights and state by PyTorch's names, and under `microglia.` the last ones, both moments and the mask.
pub fn save_checkpoint(path: &Path, program: &Program, weights: &TrainedWeights, header: &Header) -> Result<()> {
    let mut entries = state_dict("", program, &weights.kept, &weights.kept_state);
    entries.extend(state_dict("microglia.last.", program, &weights.last, &weights.last_state));
    entries.extend(named("microglia.moment1.", &program.params, &weights.moment1));
    entries.extend(named("microglia.moment2.", &program.params, &weights.moment2));
    let bytes = Cow::Borrowed(bytemuck::cast_slice(&weights.mask));
    entries.push(("microglia.mask".into(), Entry { dtype: Dtype::U32, shape: vec![weights.mask.len()], bytes }));
    write(path, entries, header)
}

fn state_dict<'a>(prefix: &str, program: &Program, params: &'a [f32], state: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let mut entries = named(prefix, &program.params, params);
    entries.extend(running(prefix, &program.state, state));
    entries
}

fn named<'a>(prefix: &str, layout: &ParamLayout, row: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let entry = |param: &crate::program::Param| {
        let bytes = match param.turned {
            0 => Cow::Borrowed(bytemuck::cast_slice(&row[param.range()])),
            _ => Cow::Owned(bytemuck::cast_slice(&param.named(row)).to_vec()),
        };
        (format!("{prefix}{}", param.name), Entry { dtype: Dtype::F32, shape: param.shape.clone(), bytes })
    };
    layout.params.iter().map(entry).collect()
}

/// Counts are PyTorch's 64-bit integers.
fn running<'a>(prefix: &str, layout: &StateLayout, row: &'a [f32]) -> Vec<(String, Entry<'a>)> {
    let entry = |entry: &crate::program::Running| {
        let (dtype, bytes) = match entry.is_count() {
            true => (Dtype::I64, Cow::Owned(entry.count(row).to_le_bytes().to_vec())),
            false => (Dtype::F32, Cow::Borrowed(bytemuck::cast_slice(&row[entry.range()]))),
        };
        (format!("{prefix}{}", entry.name), Entry { dtype, shape: entry.shape.clone(), bytes })
    };
    layout.entries.iter().map(entry).collect()
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
