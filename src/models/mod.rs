//! One function per model: declares its weights, then pushes each layer's forward and backward ops.

mod embedding;
mod head;
mod linear;
mod linear_path;
mod patchtst;
mod recurrent;
mod scope;
mod units;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::program::builder::Sizes;
use crate::program::op::{Activation, InstanceNorm, Link, LossKind, Objective};
use crate::program::{Cell, ParamLayout, Program};
use crate::words::words;

pub use crate::layers::NormKind;
pub use crate::program::scope::PruneScore;
pub(crate) use linear_path::{FUTURE as LINEAR_PATH_FUTURE, WEIGHTS as LINEAR_PATH_WEIGHTS};
pub(crate) use patchtst::layer_name;
pub use patchtst::{NormPosition, PatchtstOptions, Pool, Positions, Variant};
pub(crate) use scope::pruned;
pub use scope::{PruneAmong, PruneRule, Regrow};
pub(crate) use units::units as unit_sets;

/// Which network. Each is one function of [`Builder`](crate::program::Builder) calls; see [`build`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelKind {
    /// Stacked Elman RNN layers, as `nn.RNN`.
    Rnn,
    /// Stacked LSTM layers, as `nn.LSTM`.
    Lstm,
    /// Stacked GRU layers, as `nn.GRU`.
    Gru,
    /// A transformer over patches (Nie et al., ICLR 2023).
    Patchtst,
    /// One linear map of the look-back less its last value (Zeng et al., AAAI 2023).
    Nlinear,
    /// Two linear maps, of the look-back's moving average and of what it leaves (Zeng et al., AAAI 2023).
    Dlinear,
    /// The map of nlinear in closed form, with an L2 penalty: the ridge that is a baseline of every other model. It is not trained.
    Ridge,
}
words!(
    ModelKind,
    "model",
    ModelKind::Rnn = "rnn",
    ModelKind::Lstm = "lstm",
    ModelKind::Gru = "gru",
    ModelKind::Patchtst = "patchtst",
    ModelKind::Nlinear = "nlinear",
    ModelKind::Dlinear = "dlinear",
    ModelKind::Ridge = "ridge"
);

impl ModelKind {
    /// Whether its forecast is linear in the look-back, without layers of units.
    #[must_use]
    pub fn is_linear(self) -> bool {
        matches!(self, ModelKind::Nlinear | ModelKind::Dlinear | ModelKind::Ridge)
    }
}

/// What a model is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Stacked cells.
    Recurrent(Cell),
    /// An encoder over patches.
    Transformer,
    /// A linear map, or a sum of two.
    Linear,
}

/// A linear map from a target's normalised look-back to its forecast, shared by all series and targets and added to the network's
/// forecast: the autoregressive highway of LSTNet (arXiv 1703.07015), the residual of TiDE (arXiv 2304.08424).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LinearPath {
    /// The network alone.
    #[default]
    None,
    /// It starts as PyTorch's `nn.Linear` and is trained with the network.
    Train,
    /// It is the ridge of the training rows, with the λ that validation chose, and stays so: the network, whose head starts at zero
    /// and is not pruned, learns what the ridge leaves.
    Ridge,
}
words!(LinearPath, "linear-path", LinearPath::None = "none", LinearPath::Train = "train", LinearPath::Ridge = "ridge");

/// The model's architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelOptions {
    /// Which network.
    pub kind: ModelKind,
    /// H: hidden units per layer of a recurrent model, 1 … 1,024.
    pub hidden: usize,
    /// Recurrent or encoder layers, 1 or more.
    pub layers: usize,
    /// The activation of an RNN; other models do not read it.
    pub activation: Activation,
    /// How windows are normalised; `None` is not at all.
    pub instance_norm: Option<InstanceNorm>,
    /// A linear map beside the network.
    pub linear_path: LinearPath,
    /// D: units of the decoder that reads known future values, 1 or more; a model without them does not read it.
    pub decoder_hidden: usize,
    /// E: words of each categorical column's embedding; `None` by the number of its levels ([`ModelOptions::width_of`]). A model without such
    /// columns does not read it.
    pub embedding_width: Option<usize>,
    /// Whether pruning and decay take embeddings as they take matrices.
    pub prune_embeddings: bool,
    /// M: rows of the moving average of a DLinear, odd; other models do not read it.
    pub moving_average: usize,
    /// The options of a PatchTST; other models do not read them.
    pub patchtst: PatchtstOptions,
    /// One entry per layer if layers differ, as in a compacted model; empty if they are alike.
    pub layer_widths: Vec<LayerWidths>,
}

/// Widths inside one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerWidths {
    /// Hidden units of a recurrent layer, H; elsewhere 0.
    pub hidden: usize,
    /// Attention heads of an encoder layer, A; elsewhere 0.
    pub heads: usize,
    /// Words of a head, E; elsewhere 0.
    pub head: usize,
    /// Hidden units of an encoder layer's feed-forward block; elsewhere 0.
    pub ff: usize,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions::of(ModelKind::Lstm, Variant::Official)
    }
}

impl ModelOptions {
    /// A model's defaults; `variant` is a PatchTST's.
    #[must_use]
    pub fn of(kind: ModelKind, variant: Variant) -> Self {
        let patchtst = kind == ModelKind::Patchtst;
        ModelOptions {
            kind,
            hidden: 64,
            layers: if patchtst { PatchtstOptions::default_layers(variant) } else { 1 },
            activation: Activation::Tanh,
            instance_norm: match (kind, variant) {
                (ModelKind::Dlinear, _) | (ModelKind::Patchtst, Variant::Authors) => None,
                (ModelKind::Patchtst, Variant::Official | Variant::Hf) => Some(InstanceNorm::MeanStd),
                _ => Some(InstanceNorm::Last),
            },
            linear_path: LinearPath::None,
            decoder_hidden: DECODER_HIDDEN,
            embedding_width: None,
            prune_embeddings: false,
            moving_average: MOVING_AVERAGE,
            patchtst: PatchtstOptions::of(variant),
            layer_widths: Vec::new(),
        }
    }

    /// Every way to normalise its windows. A model of each channel on its own must be told the windows' scale.
    pub(crate) fn norms(&self) -> Vec<Option<InstanceNorm>> {
        let scaled = self.kind == ModelKind::Patchtst && self.patchtst.by_channel();
        let norms = InstanceNorm::ALL.iter().copied().map(Some);
        norms.chain([None].into_iter().filter(|_| !scaled)).collect()
    }

    /// What `auto` tries beside the network: the ridge, and nothing. A linear model has nothing beside it, nor has a PatchTST whose
    /// normalisation is learned.
    pub(crate) fn linear_paths(&self) -> Vec<LinearPath> {
        let alone = self.kind.is_linear() || self.patchtst.revin_affine;
        let ridge = [LinearPath::Ridge].into_iter().filter(|_| !alone);
        ridge.chain([LinearPath::None]).collect()
    }

    /// Words of the embedding of a column with so many levels: those that were asked for, or 1.6 · levels^0.56, rounded, at most 50 (the rule
    /// of fastai's tabular models).
    #[must_use]
    pub fn width_of(&self, levels: usize) -> usize {
        let by_levels = || (1.6 * (levels as f64).powf(0.56)).round() as usize;
        self.embedding_width.unwrap_or_else(|| by_levels().clamp(1, MOST_BY_LEVELS))
    }

    /// The cell of a recurrent model.
    #[must_use]
    pub fn cell(&self) -> Option<Cell> {
        match self.kind {
            ModelKind::Rnn => Some(Cell::Rnn(self.activation)),
            ModelKind::Lstm => Some(Cell::Lstm),
            ModelKind::Gru => Some(Cell::Gru),
            ModelKind::Patchtst | ModelKind::Nlinear | ModelKind::Dlinear | ModelKind::Ridge => None,
        }
    }

    /// What it is made of.
    pub(crate) fn family(&self) -> Family {
        match (self.kind, self.cell()) {
            (kind, _) if kind.is_linear() => Family::Linear,
            (_, Some(cell)) => Family::Recurrent(cell),
            (_, None) => Family::Transformer,
        }
    }

    /// The names of the linear map's weight and bias that start as the ridge, where one does.
    pub(crate) fn ridge_weights(&self) -> Option<(&'static str, &'static str)> {
        match (self.kind, self.linear_path) {
            (ModelKind::Ridge, _) => Some(linear::WEIGHTS),
            (_, LinearPath::Ridge) => Some(linear_path::WEIGHTS),
            _ => None,
        }
    }

    /// Widths inside a layer.
    #[must_use]
    pub fn layer(&self, layer: usize) -> LayerWidths {
        let PatchtstOptions { d_model, heads, ff, .. } = self.patchtst;
        self.layer_widths.get(layer).copied().unwrap_or(match self.family() {
            Family::Recurrent(_) => LayerWidths { hidden: self.hidden, heads: 0, head: 0, ff: 0 },
            Family::Transformer => LayerWidths { hidden: 0, heads, head: d_model / heads, ff },
            Family::Linear => LayerWidths { hidden: 0, heads: 0, head: 0, ff: 0 },
        })
    }

    /// The same model as a file describes it: see [`Self::with_layers`].
    pub(crate) fn described(&self) -> ModelOptions {
        if self.layer_widths.is_empty() { self.clone() } else { self.with_layers(&self.layer_widths) }
    }

    /// The same model with these widths of its layers; without widths by layer where they are alike, so that PyTorch's own modules can
    /// hold it.
    pub(crate) fn with_layers(&self, widths: &[LayerWidths]) -> ModelOptions {
        let mut model = self.clone();
        let first = widths[0];
        let whole = first.heads * first.head == model.patchtst.d_model;
        let alike = widths.iter().all(|one| *one == first) && (model.kind != ModelKind::Patchtst || whole);
        model.layer_widths = if alike { Vec::new() } else { widths.to_vec() };
        if alike && model.kind == ModelKind::Patchtst {
            (model.patchtst.ff, model.patchtst.heads) = (first.ff, first.heads);
        } else if model.kind != ModelKind::Patchtst {
            model.hidden = widths.iter().map(|one| one.hidden).max().unwrap_or(1);
        }
        model
    }

    /// The same model at another width. A PatchTST's must be a multiple of its heads, and its feed-forward blocks scale with it;
    /// else `None`. A linear model has no width.
    #[must_use]
    pub fn with_width(&self, width: usize) -> Option<ModelOptions> {
        let mut model = self.clone();
        if self.kind == ModelKind::Patchtst {
            let patchtst = &mut model.patchtst;
            patchtst.ff = (patchtst.ff * width).div_ceil(patchtst.d_model);
            patchtst.d_model = width;
            return (width > 0 && width.is_multiple_of(patchtst.heads)).then_some(model);
        }
        model.hidden = width;
        (width > 0).then_some(model)
    }

    /// Hidden units per layer; a PatchTST's model width.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.kind == ModelKind::Patchtst { self.patchtst.d_model } else { self.hidden }
    }
}

/// What a program needs besides the model; the same for all its replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Whether the program has dropout ops; each replica's step table says how much they drop.
    pub dropout: bool,
    /// Whether gradient norms are computed; each replica's step table says what they are clipped to.
    pub clip: bool,
    /// Whether whole units are pruned, not single weights.
    pub units: bool,
    /// Which of them may be pruned.
    pub rule: PruneRule,
}

impl Training {
    /// For a program that only forecasts.
    #[must_use]
    pub fn scoring() -> Self {
        Training { dropout: false, clip: false, units: false, rule: PruneRule::default() }
    }
}

/// The largest hidden size the recurrent kernels take.
pub const MAX_HIDDEN: usize = 1024;

/// Units of a decoder, unless others are asked for.
const DECODER_HIDDEN: usize = 32;

/// Most words of an embedding, unless more are asked for.
const MOST_BY_LEVELS: usize = 50;

/// The most words of an embedding.
pub const MAX_EMBEDDING: usize = 1024;

/// Rows of a DLinear's moving average in the published code.
const MOVING_AVERAGE: usize = 25;

/// The most rows of a moving average.
pub const MAX_MOVING_AVERAGE: usize = 9_999;

/// The layout of a model's weights.
///
/// # Errors
/// [`Error::Config`] if an option is out of range; it names the option and the range.
pub fn params(model: &ModelOptions, sizes: &Sizes) -> Result<ParamLayout> {
    if sizes.future > 0 {
        check_decoder(model)?;
    }
    if !sizes.categories.is_empty() {
        check_embeddings(model)?;
    }
    check_objective(model, sizes)?;
    let cell = match model.family() {
        Family::Recurrent(cell) => cell,
        Family::Transformer => {
            patchtst::check(model, sizes)?;
            return Ok(patchtst::params(model, sizes));
        }
        Family::Linear if model.linear_path != LinearPath::None => {
            let problem = format!("{} is a linear map itself", model.kind);
            return Err(Error::config("linear-path", problem, "choose ‹linear-path none›"));
        }
        Family::Linear => {
            linear::check(model)?;
            return Ok(linear::params(model, sizes));
        }
    };
    if model.hidden == 0 || model.hidden > MAX_HIDDEN {
        return Err(Error::config(
            "hidden",
            format!("{} is out of range", model.hidden),
            format!("choose ‹hidden› from 1 to {MAX_HIDDEN}"),
        ));
    }
    if model.layers == 0 {
        return Err(Error::config("layers", "0 is out of range", "choose ‹layers› 1 or more"));
    }
    Ok(recurrent::params(model, cell, sizes))
}

/// Rejects future covariates of a model that has no decoder, and a decoder of no size.
fn check_decoder(model: &ModelOptions) -> Result<()> {
    let what = match model.family() {
        Family::Linear => format!("{} is a map of the look-back alone", model.kind),
        Family::Transformer if model.patchtst.by_channel() => {
            format!("the {} PatchTST forecasts each channel from itself alone", model.patchtst.variant)
        }
        _ if !(1..=MAX_HIDDEN).contains(&model.decoder_hidden) => {
            let problem = format!("{} is out of range", model.decoder_hidden);
            return Err(Error::config("decoder-hidden", problem, format!("choose from 1 to {MAX_HIDDEN}")));
        }
        _ => return Ok(()),
    };
    let help = "leave out ‹future-covariates› and ‹future-calendar›, or choose ‹model› rnn, lstm or gru, or patchtst with \
                ‹patchtst-variant authors›";
    Err(Error::config("future-covariates", format!("{what}, and reads no future values"), help))
}

/// Rejects categorical columns of a model that embeds none, and embeddings of no size.
fn check_embeddings(model: &ModelOptions) -> Result<()> {
    let what = match model.family() {
        Family::Transformer if model.patchtst.by_channel() => {
            format!("the {} PatchTST forecasts each channel from itself alone", model.patchtst.variant)
        }
        Family::Linear => format!("{} is a map of the targets alone", model.kind),
        Family::Recurrent(_) | Family::Transformer
            if model.embedding_width.is_some_and(|width| !(1..=MAX_EMBEDDING).contains(&width)) =>
        {
            let problem = format!("{} is out of range", model.embedding_width.unwrap_or_default());
            return Err(Error::config("embedding-width", problem, format!("choose from 1 to {MAX_EMBEDDING}")));
        }
        Family::Recurrent(_) | Family::Transformer => return Ok(()),
    };
    let help =
        "leave out ‹categorical›, or choose ‹model› rnn, lstm or gru, or patchtst with ‹patchtst-variant authors›";
    Err(Error::config("categorical", format!("{what}, and has no embeddings"), help))
}

/// Rejects what a model does not forecast of a value.
fn check_objective(model: &ModelOptions, sizes: &Sizes) -> Result<()> {
    let help = "choose another ‹loss›";
    if model.kind == ModelKind::Ridge && sizes.objective != Objective::Point(LossKind::Mse) {
        return Err(Error::config("loss", "a ridge is fitted in closed form, by squared errors", "choose ‹loss mse›"));
    }
    match &sizes.objective {
        Objective::Point(_) => Ok(()),
        _ if model.patchtst.revin_affine && model.kind == ModelKind::Patchtst => {
            Err(Error::config("revin-affine", "its forecasts are points, without quantiles or distributions", help))
        }
        Objective::Quantiles(levels) => {
            let between = levels.iter().all(|level| *level > 0.0 && *level < 1.0);
            let rising = levels.is_sorted_by(|a, b| a < b);
            let sound = between && rising && levels.get(levels.len() / 2) == Some(&0.5);
            let problem = || format!("{levels:?} are no rising levels with the median in their middle");
            if sound { Ok(()) } else { Err(Error::config("levels", problem(), "levels such as 10,50,90")) }
        }
        Objective::Distribution(distribution) => {
            let link = distribution.is_of_counts().then_some(Link::Above);
            if sizes.link == link {
                return Ok(());
            }
            let problem = match distribution.is_of_counts() {
                true => format!("the values of ‹loss {distribution}› are 0 or more, and nothing else bounds them"),
                false => format!("the values of ‹loss {distribution}› have no bounds"),
            };
            Err(Error::config("bounds", problem, "leave out ‹bounds›, or choose ‹loss quantile›"))
        }
    }
}

/// The program that trains and evaluates `sizes.replicas` models.
///
/// # Errors
/// As [`params`]; [`Error::Shape`] if an op does not fit its tensors.
pub fn build(model: &ModelOptions, training: &Training, sizes: Sizes) -> Result<Program> {
    let layout = pruned(model, training, &sizes)?;
    match model.family() {
        Family::Recurrent(cell) => recurrent::build(model, cell, training, sizes, layout),
        Family::Transformer => patchtst::build(model, training, sizes, layout),
        Family::Linear => linear::build(model, training, sizes, layout),
    }
}

#[cfg(test)]
mod tests {
    use super::{ModelKind, ModelOptions, Variant};

    /// Weights files name a model by its kind and its weights by its cell.
    #[test]
    fn a_recurrent_model_has_the_name_of_its_cell() {
        for kind in [ModelKind::Rnn, ModelKind::Lstm, ModelKind::Gru] {
            let cell = ModelOptions::of(kind, Variant::Official).cell().expect("a recurrent model");
            assert_eq!(cell.form().name, kind.to_string());
        }
    }
}
