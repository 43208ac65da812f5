//! What a PatchTST can be asked to be, each variant's defaults, and what is rejected.

use crate::error::{Error, Result};
use crate::layers::NormKind;
use crate::models::{LinearPath, ModelOptions};
use crate::program::builder::{MAX_WORDS, Sizes};
use crate::program::op::{FeedForward, MAX_HEAD_WIDTH, Patches};
use crate::words::words;

/// Whose PatchTST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The paper's own code: every channel a sequence, RevIN, end padding, residual attention scores, a head flattened
    /// feature by feature.
    Official,
    /// `transformers`' `PatchTSTForPrediction` with `scaling="std"`: the first rows are cut, plain attention, a head
    /// flattened patch by patch.
    Hf,
    /// The encoder of the synaptic-pruning paper (arXiv 2508.09330): channels flattened into patches that do not overlap,
    /// post-norm, a last norm, mean pooling.
    Authors,
}
words!(Variant, "patchtst-variant", Variant::Official = "official", Variant::Hf = "hf", Variant::Authors = "authors");

/// Where a layer's norms stand: after each residual sum, or before each branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NormPosition {
    /// After each residual sum.
    Post,
    /// Before each branch.
    Pre,
}
words!(NormPosition, "norm-position", NormPosition::Post = "post", NormPosition::Pre = "pre");

/// What is added to each patch to mark its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Positions {
    /// Trained, from uniform ±0.02.
    Learned,
    /// Fixed sines and cosines.
    SinCos,
    /// Trained, from the standard normal distribution.
    Random,
}
words!(
    Positions,
    "positions",
    Positions::Learned = "learned",
    Positions::SinCos = "sincos",
    Positions::Random = "random"
);

/// What of a sequence's tokens the head reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// All of them, side by side.
    Flatten,
    /// Their mean.
    Mean,
}
words!(Pool, "pool", Pool::Flatten = "flatten", Pool::Mean = "mean");

/// The architecture of a PatchTST, besides its layers and instance norm.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchtstOptions {
    /// Whose PatchTST; every other default follows from it.
    pub variant: Variant,
    /// J: rows of a patch; `None` by variant and look-back.
    pub patch: Option<usize>,
    /// Rows from one patch to the next; `None` by variant.
    pub stride: Option<usize>,
    /// D
    pub d_model: usize,
    /// A; divides D.
    pub heads: usize,
    /// Hidden units of the feed-forward blocks.
    pub ff: usize,
    /// Over the batch, or over a token.
    pub norm: NormKind,
    /// After each sum, or before each branch.
    pub norm_position: NormPosition,
    /// Nonlinearity of the feed-forward blocks.
    pub ff_activation: FeedForward,
    /// What marks a patch's position.
    pub positions: Positions,
    /// What the head reads.
    pub pool: Pool,
    /// Probability of dropping an attention probability, where dropout is on.
    pub attention_dropout: f64,
    /// Probability of dropping what the head reads, where dropout is on.
    pub head_dropout: f64,
    /// Whether RevIN learns a scale and a shift per channel.
    pub revin_affine: bool,
    /// Most words of a tensor that can be cut into ranges of the sequences: [`MAX_WORDS`], but in tests.
    pub max_words: usize,
}

impl PatchtstOptions {
    /// A variant's defaults.
    pub fn of(variant: Variant) -> Self {
        let authors = variant == Variant::Authors;
        PatchtstOptions {
            variant,
            patch: None,
            stride: None,
            d_model: if authors { 64 } else { 128 },
            heads: if authors { 4 } else { 16 },
            ff: 256,
            norm: if authors { NormKind::Layer } else { NormKind::Batch },
            norm_position: if variant == Variant::Hf { NormPosition::Pre } else { NormPosition::Post },
            ff_activation: if authors { FeedForward::Relu } else { FeedForward::Gelu },
            positions: match variant {
                Variant::Official => Positions::Learned,
                Variant::Hf => Positions::SinCos,
                Variant::Authors => Positions::Random,
            },
            pool: if authors { Pool::Mean } else { Pool::Flatten },
            attention_dropout: 0.0,
            head_dropout: 0.0,
            revin_affine: false,
            max_words: MAX_WORDS,
        }
    }

    /// Encoder layers where none are asked for.
    pub fn default_layers(variant: Variant) -> usize {
        if variant == Variant::Authors { 2 } else { 3 }
    }

    /// Whether every channel is a sequence of its own.
    pub fn by_channel(&self) -> bool {
        self.variant != Variant::Authors
    }

    /// What a file's metadata says of how windows become patches.
    pub fn padding(&self) -> &'static str {
        match self.variant {
            Variant::Official => "end",
            Variant::Hf => "cut",
            Variant::Authors => "replicate",
        }
    }

    /// Whether the head's columns run through the patches of each feature.
    pub fn feature_major(&self) -> bool {
        self.pool == Pool::Flatten && self.variant == Variant::Official
    }

    /// What a file's metadata says of the order of the head's columns.
    pub fn head_order(&self) -> &'static str {
        match self.pool {
            Pool::Mean => "pooled",
            Pool::Flatten if self.feature_major() => "feature-major",
            Pool::Flatten => "patch-major",
        }
    }

    /// The same with patch and stride set, for a look-back.
    pub fn resolved(&self, lookback: usize) -> Self {
        let authors = match lookback {
            0..=7 => 1,
            8..=14 => 2,
            15..=30 => 3,
            _ => 4,
        };
        let patch = self.patch.unwrap_or(if self.by_channel() { 16 } else { authors });
        let stride = self.stride.unwrap_or(if self.by_channel() { patch.div_ceil(2) } else { patch });
        PatchtstOptions { patch: Some(patch), stride: Some(stride), ..self.clone() }
    }

    /// How a window of `lookback` rows is cut.
    pub fn patches(&self, lookback: usize) -> Patches {
        let resolved = self.resolved(lookback);
        let (rows, stride) = (resolved.patch.unwrap_or(1), resolved.stride.unwrap_or(1));
        let room = lookback - rows;
        match self.variant {
            Variant::Official => Patches { first: 0, stride, rows, count: room / stride + 2 },
            Variant::Hf => Patches { first: room % stride, stride, rows, count: room / stride + 1 },
            Variant::Authors => Patches { first: 0, stride, rows, count: room.div_ceil(stride) + 1 },
        }
    }
}

/// Most tokens that attention takes.
pub(crate) const MAX_TOKENS: usize = 1024;

/// Rejects what cannot be built, with the numbers.
pub(crate) fn check(model: &ModelOptions, sizes: &Sizes) -> Result<()> {
    let options = model.patchtst.resolved(sizes.lookback);
    let (patch, stride) = (options.patch.unwrap_or(1), options.stride.unwrap_or(1));
    for (key, value) in [
        ("patch", patch),
        ("stride", stride),
        ("d-model", options.d_model),
        ("heads", options.heads),
        ("ff", options.ff),
        ("layers", model.layers),
    ] {
        if value == 0 {
            return Err(Error::config(key, "0 is out of range", format!("choose ‹{key}› 1 or more")));
        }
    }
    let (variant, d_model, heads) = (options.variant, options.d_model, options.heads);
    if d_model % heads != 0 {
        let problem = format!("{heads} heads cannot share a model width of {d_model} evenly");
        return Err(Error::config("heads", problem, "choose ‹heads› that divides ‹d-model›"));
    }
    if d_model / heads > MAX_HEAD_WIDTH {
        let problem = format!("{d_model} over {heads} heads is {} a head, above {MAX_HEAD_WIDTH}", d_model / heads);
        return Err(Error::config("heads", problem, "choose more ‹heads›, or a smaller ‹d-model›"));
    }
    if patch > sizes.lookback {
        let problem = format!("a patch of {patch} rows does not fit a look-back of {}", sizes.lookback);
        // Two patches side by side and one between them.
        let fitting = 1 << (sizes.lookback / 2).max(1).ilog2();
        let help =
            format!("choose ‹patch {fitting}› and ‹stride {}›, or choose a longer ‹lookback›", (fitting / 2).max(1));
        return Err(Error::config("patch", problem, help));
    }
    let tokens = options.patches(sizes.lookback).count;
    if tokens > MAX_TOKENS {
        let problem = format!(
            "a look-back of {} with patches of {patch} every {stride} rows is {tokens} patches, above {MAX_TOKENS}",
            sizes.lookback
        );
        return Err(Error::config("stride", problem, "choose a larger ‹stride›, or a shorter ‹lookback›"));
    }
    let (width, ff) = (d_model as u128, options.ff as u128);
    let (attention, feed_forward) = (4 * width * width, 2 * width * ff);
    for (key, value, words) in [
        ("d-model", d_model, attention),
        ("ff", options.ff, feed_forward),
        ("layers", model.layers, model.layers as u128 * (attention + feed_forward)),
    ] {
        if words > u128::from(u32::MAX) {
            let problem = format!("{value} makes {words} weights, more than the {} a kernel can address", u32::MAX);
            return Err(Error::config(key, problem, format!("choose a smaller ‹{key}›")));
        }
    }
    if options.positions == Positions::SinCos && d_model % 2 == 1 {
        let problem = format!("sines and cosines need an even model width, not {d_model}");
        return Err(Error::config("positions", problem, "choose another ‹positions›, or an even ‹d-model›"));
    }
    if options.by_channel() && sizes.channels != sizes.targets {
        let problem = format!(
            "the {variant} PatchTST forecasts each channel from itself alone, and {} of the {} input channels are no \
             targets",
            sizes.channels - sizes.targets,
            sizes.channels
        );
        let help =
            "choose ‹covariates none› and ‹calendar off›, or ‹patchtst-variant authors›, which reads all channels";
        return Err(Error::config("patchtst-variant", problem, help));
    }
    if options.by_channel() && model.instance_norm.is_none() {
        let problem = format!("the {variant} PatchTST brings each window's channels to their own scale");
        return Err(Error::config("instance-norm", problem, "choose ‹instance-norm mean-std› or last"));
    }
    if options.revin_affine && model.linear_path != LinearPath::None {
        let problem = "a learned scale of the window has no gradient through the linear path";
        let help = "choose ‹revin-affine off›, or ‹linear-path none›";
        return Err(Error::config("linear-path", problem, help));
    }
    if options.revin_affine && variant != Variant::Official {
        let problem = format!("the {variant} PatchTST has no learned scale of the window");
        return Err(Error::config(
            "revin-affine",
            problem,
            "choose ‹revin-affine off›, or ‹patchtst-variant official›",
        ));
    }
    Ok(())
}
