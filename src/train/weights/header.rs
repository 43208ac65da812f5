//! What a weights file says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::data::{Bounds, Dataset, Scaler};
use crate::engine::Engine;
use crate::error::Result;
use crate::models::{LayerWidths, LinearPath, ModelKind, ModelOptions, PatchtstOptions, Variant};
use crate::program::builder::Category;
use crate::train::loss::{Loss, QuantileLevels};
use crate::train::options::Regularizer;
use crate::train::plan::Plan;
use crate::train::run::state::RunState;
use crate::train::run::trained::Replica;

/// Of weights files and of summaries. 2: a run's whole state, and all of a model's settings.
pub const FORMAT_VERSION: u32 = 2;

/// What a file says of itself, as JSON under the metadata key `microglia`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT_VERSION`] of the microglia that wrote it.
    pub format_version: u32,
    /// What to build.
    pub model: ModelHeader,
    /// What it was trained on.
    pub data: DataHeader,
    /// Where a forecast is the mean of passes with dropout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mc_dropout: Option<McHeader>,
    /// Where its replica stands.
    pub progress: ProgressHeader,
    /// What it was trained on.
    pub device: DeviceHeader,
    /// The run's resolved `config.toml`.
    pub config: String,
    /// Where a run stands; absent in a file that holds a model alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunState>,
}

/// A model, so that it can be built again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelHeader {
    /// The word of its [`ModelKind`].
    pub kind: String,
    /// Hidden units per layer; a PatchTST's model width.
    pub hidden: usize,
    /// Stacked layers.
    pub layers: usize,
    /// Of the recurrent layers: `tanh` or `relu`.
    pub activation: String,
    /// `none`, `last` or `mean-std`.
    pub instance_norm: String,
    /// `none`, `train` or `ridge`; a file that says nothing has none.
    #[serde(default = "no_path")]
    pub linear_path: String,
    /// Rows of a DLinear's moving average; `None` for another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving_average: Option<usize>,
    /// `None` for another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patchtst: Option<PatchtstHeader>,
    /// By layer, of a compacted model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layer_widths: Vec<LayerWidths>,
    /// Rows in.
    pub lookback: usize,
    /// Rows out.
    pub horizon: usize,
    /// Input columns in order: targets, past covariates, future covariates, calendar.
    pub channels: Vec<String>,
    /// Columns that are forecast: the first of `channels`.
    pub targets: usize,
    /// Columns that are known for the rows to forecast and read there: the last of `channels`; a file that says nothing has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub future: usize,
    /// Channels of codes, and the levels that these stand for; a file that says nothing has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryHeader>,
    /// Words of their embeddings; `None` by the number of levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_width: Option<usize>,
    /// Whether pruning takes embeddings too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prune_embeddings: bool,
    /// Units of the decoder that reads them; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder_hidden: Option<usize>,
    /// The loss of a model that forecasts quantiles or a distribution; `None` of one that forecasts points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilistic: Option<String>,
    /// Levels of its quantiles, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<String>,
    /// Bounds of its forecasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<String>,
}

/// A categorical column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryHeader {
    /// Its place in `channels`.
    pub channel: usize,
    /// Those of the training rows; the first has code 1.
    pub levels: Vec<String>,
}

/// What a PatchTST's tensors do not say of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchtstHeader {
    /// `official`, `hf` or `authors`.
    pub variant: String,
    /// How windows become patches: `end`, `cut` or `replicate`.
    pub padding: String,
    /// The order of the head's columns: `feature-major`, `patch-major` or `pooled`.
    pub head_order: String,
    /// Whether layers add the attention scores of the layer before.
    pub residual_attention: bool,
    /// Rows of a patch.
    pub patch: usize,
    /// Rows between the beginnings of patches.
    pub stride: usize,
    /// Of attention, in each layer.
    pub heads: usize,
    /// Hidden units of the feed-forward blocks.
    pub ff: usize,
    /// `flatten` or `mean`.
    pub pool: String,
    /// Whether the instance norm has weights.
    pub revin_affine: bool,
    /// Probability of dropping an attention weight.
    pub attention_dropout: f64,
    /// Probability of dropping an input of the head.
    pub head_dropout: f64,
    /// `batch` or `layer`.
    pub norm: String,
    /// `pre` or `post`.
    pub norm_position: String,
    /// Of the feed-forward blocks.
    pub ff_activation: String,
    /// `learned`, `sincos` or `random`.
    pub positions: String,
    /// `none`, `last` or `mean-std`.
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
            ff: p.ff,
            pool: p.pool.to_string(),
            revin_affine: p.revin_affine,
            attention_dropout: p.attention_dropout,
            head_dropout: p.head_dropout,
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

/// Monte Carlo dropout, whose draws are counted by batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct McHeader {
    /// Forecasts averaged.
    pub passes: usize,
    /// Probability of dropping an element.
    pub dropout: f64,
    /// Windows of a batch.
    pub batch: usize,
}

/// The data that a model was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataHeader {
    /// As the data's options have it.
    pub name: String,
    /// SHA-256 of the file's bytes, in hex.
    pub fingerprint: String,
    /// Rows in a season.
    pub season: usize,
    /// The distance between rows, as people read it; empty where it is unknown.
    #[serde(default)]
    pub step: String,
    /// How most series go on, in pandas' notation; empty where it is unknown.
    #[serde(default)]
    pub calendar: String,
    /// Rows before those of each series, counted by `borders` too.
    #[serde(default)]
    pub padding: usize,
    /// Ids of the series that were left out, because they hold no window or cannot be scaled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Whether times are written with the day before the month; absent where that is no question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_first: Option<bool>,
    /// The mark that separates thousands in its file; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// Columns of flags, with the word that is read as 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, String>,
    /// Days without rows, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<String>,
    /// Of a file of typed columns, SHA-256 of its cells by series, in hex; empty of others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// Rows of each series in its file, those left out included; empty where they are unknown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<String, usize>,
    /// In the data's order.
    pub series: Vec<SeriesHeader>,
}

impl DataHeader {
    /// Days without rows.
    pub(crate) fn holidays(&self) -> Arc<BTreeSet<NaiveDate>> {
        Arc::new(self.holidays.iter().filter_map(|day| day.parse().ok()).collect())
    }
}

/// One series of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesHeader {
    /// Empty where there is no id column.
    pub id: String,
    /// Per value column: targets, then covariates.
    pub scalers: Vec<Scaler>,
    /// Global rows that end training, validation and test.
    pub borders: [usize; 3],
    /// Per target, of the training rows; empty where they are unknown.
    #[serde(default)]
    pub mase_denominators: Vec<Option<f64>>,
    /// How its times go on, where otherwise than those of most series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// Where the replica stands. Its generator and data order follow from (seed, step, epoch).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressHeader {
    /// Of initial weights, batch order and dropout.
    pub seed: u32,
    /// Epochs done.
    pub epoch: usize,
    /// Optimizer steps done.
    pub step: usize,
    /// Neither stopped nor diverged.
    pub active: bool,
    /// Prunable weights pruned so far; of units, the halves of weights that were to fall.
    pub pruned: usize,
    /// The lowest validation loss so far, of scaled values.
    pub best_loss: Option<f64>,
    /// Its epoch, from 1.
    pub best_epoch: Option<usize>,
    /// Epochs since then without a better one.
    pub waited: usize,
    /// The epoch whose weights the file's PyTorch names hold; `None` for the last step's.
    pub kept_epoch: Option<usize>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn no_path() -> String {
    LinearPath::None.to_string()
}

impl ModelHeader {
    /// Sets the widths to those of a model that is otherwise the same.
    pub fn set_widths(&mut self, model: &ModelOptions) {
        self.hidden = model.width();
        self.patchtst = PatchtstHeader::new(model);
        self.layer_widths = model.layer_widths.clone();
    }

    /// What it forecasts of each value, as options have it; of points, by whichever loss.
    ///
    /// # Errors
    /// Where a word is unknown.
    pub fn loss(&self) -> Result<(Loss, QuantileLevels)> {
        let loss = self.probabilistic.as_ref().map_or(Ok(Loss::Mse), |loss| loss.parse())?;
        let levels = self.levels.as_ref().map_or(Ok(QuantileLevels::default()), |levels| levels.parse())?;
        Ok((loss, levels))
    }

    /// Its channels of codes, as a program has them.
    pub fn embedded(&self) -> Vec<Category> {
        let category = |one: &CategoryHeader| Category {
            name: self.channels[one.channel].clone(),
            channel: one.channel,
            levels: one.levels.len(),
        };
        self.categories.iter().map(category).collect()
    }

    /// Bounds of its forecasts.
    ///
    /// # Errors
    /// Where they are none.
    pub fn bounds(&self) -> Result<Option<Bounds>> {
        self.bounds.as_ref().map(|bounds| bounds.parse()).transpose()
    }

    /// The model that was trained.
    ///
    /// # Errors
    /// Where a word is unknown.
    pub fn options(&self) -> Result<ModelOptions> {
        let kind: ModelKind = self.kind.parse()?;
        let variant = self.patchtst.as_ref().map_or(Ok(Variant::Official), |p| p.variant.parse())?;
        let mut model = ModelOptions::of(kind, variant);
        model.layers = self.layers;
        model.layer_widths = self.layer_widths.clone();
        model.activation = self.activation.parse()?;
        model.instance_norm = match self.instance_norm.as_str() {
            "none" => None,
            word => Some(word.parse()?),
        };
        model.linear_path = self.linear_path.parse()?;
        model.moving_average = self.moving_average.unwrap_or(model.moving_average);
        model.decoder_hidden = self.decoder_hidden.unwrap_or(model.decoder_hidden);
        (model.embedding_width, model.prune_embeddings) = (self.embedding_width, self.prune_embeddings);
        match &self.patchtst {
            Some(p) => {
                model.patchtst = PatchtstOptions {
                    patch: Some(p.patch),
                    stride: Some(p.stride),
                    d_model: self.hidden,
                    heads: p.heads,
                    ff: p.ff,
                    norm: p.norm.parse()?,
                    norm_position: p.norm_position.parse()?,
                    ff_activation: p.ff_activation.parse()?,
                    positions: p.positions.parse()?,
                    pool: p.pool.parse()?,
                    attention_dropout: p.attention_dropout,
                    head_dropout: p.head_dropout,
                    revin_affine: p.revin_affine,
                    ..model.patchtst
                };
            }
            None => model.hidden = self.hidden,
        }
        Ok(model)
    }
}

/// Which device a run was on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceHeader {
    /// `cpu` or `gpu`.
    pub engine: String,
    /// `cpu`, `software`, `integrated` or `discrete`: what chooses between variants of a kernel.
    pub class: String,
    /// The adapter's or processor's name.
    pub name: String,
}

impl DeviceHeader {
    /// That of an engine.
    pub fn of(engine: &dyn Engine) -> Self {
        DeviceHeader { engine: engine.kind().to_string(), class: engine.class().into(), name: engine.device() }
    }
}

impl Header {
    /// Of one replica where it stands.
    pub fn new(dataset: &Dataset, plan: &Plan, replica: &Replica, device: &DeviceHeader, config: &str) -> Self {
        let model = &plan.options.model.described();
        Header {
            format_version: FORMAT_VERSION,
            model: ModelHeader {
                kind: model.kind.to_string(),
                hidden: model.width(),
                layers: model.layers,
                activation: model.activation.to_string(),
                instance_norm: model.instance_norm.map_or("none".into(), |norm| norm.to_string()),
                linear_path: model.linear_path.to_string(),
                moving_average: (model.kind == ModelKind::Dlinear).then_some(model.moving_average),
                patchtst: PatchtstHeader::new(model),
                layer_widths: model.layer_widths.clone(),
                lookback: dataset.lookback,
                horizon: dataset.horizon,
                channels: dataset.channel_names().to_vec(),
                targets: dataset.targets(),
                future: dataset.future(),
                categories: dataset
                    .columns
                    .categories()
                    .zip(&dataset.levels)
                    .map(|(channel, levels)| CategoryHeader { channel, levels: levels.clone() })
                    .collect(),
                embedding_width: model.embedding_width.filter(|_| !dataset.levels.is_empty()),
                prune_embeddings: model.prune_embeddings && !dataset.levels.is_empty(),
                decoder_hidden: (dataset.future() > 0).then_some(model.decoder_hidden),
                probabilistic: plan.options.loss.is_probabilistic().then(|| plan.options.loss.to_string()),
                levels: (plan.options.loss == Loss::Quantile).then(|| plan.options.levels.to_string()),
                bounds: dataset.resolved.bounds.map(|bounds| bounds.to_string()),
            },
            data: DataHeader {
                name: dataset.name.clone(),
                fingerprint: dataset.fingerprint.clone(),
                content: dataset.content.clone(),
                season: dataset.season,
                step: dataset.step().to_string(),
                calendar: dataset.calendar.to_string(),
                padding: dataset.padding,
                left_out: dataset.left_out.iter().map(|one| one.id.clone()).collect(),
                day_first: dataset.day_first,
                thousands: dataset.thousands,
                flags: dataset.flags.clone(),
                holidays: dataset.calendar.closed().iter().map(ToString::to_string).collect(),
                lines: dataset.lines.clone(),
                series: dataset
                    .series
                    .iter()
                    .map(|series| SeriesHeader {
                        id: series.id.clone(),
                        scalers: series.scalers.clone(),
                        borders: [series.parts.train.end, series.parts.validation.end, series.parts.test.end],
                        mase_denominators: series.mase_denominators.clone(),
                        calendar: (series.calendar != dataset.calendar).then(|| series.calendar.to_string()),
                    })
                    .collect(),
            },
            mc_dropout: plan.options.regularizers.has(Regularizer::McDropout).then_some(McHeader {
                passes: plan.options.mc_passes,
                dropout: plan.options.dropout,
                batch: plan.options.batch,
            }),
            progress: ProgressHeader {
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
            device: device.clone(),
            config: config.into(),
            run: None,
        }
    }
}
