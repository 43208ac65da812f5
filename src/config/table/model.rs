//! Options of the network: see [`ModelOptions`](crate::models::ModelOptions).

use super::super::Config;
use super::super::field::{Field, at};
use super::super::kind::{Bounds, Kind};
use super::super::option::{Access, Opt};
use crate::models::{
    LinearPath, MAX_EMBEDDING, MAX_HIDDEN, MAX_MOVING_AVERAGE, ModelKind, NormKind, NormPosition, Pool, Positions,
    Variant,
};
use crate::program::op::{Activation, FeedForward, InstanceNorm};
use crate::train::auto::AUTO;

const fn is_patchtst(config: &Config) -> bool {
    matches!(config.train.model.kind, ModelKind::Patchtst)
}

const fn is_rnn(config: &Config) -> bool {
    matches!(config.train.model.kind, ModelKind::Rnn)
}

fn is_linear(config: &Config) -> bool {
    config.train.model.kind.is_linear()
}

const fn is_dlinear(config: &Config) -> bool {
    matches!(config.train.model.kind, ModelKind::Dlinear)
}

fn decodes(config: &Config) -> bool {
    config.data.plans()
}

fn embeds(config: &Config) -> bool {
    config.data.embeds()
}

fn is_recurrent(config: &Config) -> bool {
    !is_patchtst(config) && !is_linear(config)
}

fn has_layers(config: &Config) -> bool {
    !is_linear(config)
}

/// Where a PatchTST drops what it has of its own to drop.
fn drops_patches(config: &Config) -> bool {
    is_patchtst(config) && config.train.regularizers.drops()
}

const PATCHTST_MODEL: &str = "‹model patchtst›";

const NORMS: [&str; InstanceNorm::WORDS.len() + 1] = and_auto(InstanceNorm::WORDS);
const PATHS: [&str; LinearPath::WORDS.len() + 1] = and_auto(LinearPath::WORDS);

/// A choice's words, and the one that leaves it to the validation rows.
const fn and_auto<const N: usize>(words: &[&'static str]) -> [&'static str; N] {
    let mut all = [AUTO; N];
    let mut i = 0;
    while i < words.len() {
        all[i] = words[i];
        i += 1;
    }
    all
}

/// Under "Model".
pub static MODEL: &[Opt<Config>] = &[
    Opt::new(
        "model",
        Kind::Words(ModelKind::WORDS),
        at!(train.model.kind),
        "Recurrent cell, a transformer over patches, or linear maps: nlinear and dlinear are trained, ridge is fitted in \
         closed form",
    ),
    Opt::new(
        "hidden",
        Kind::Whole(1, MAX_HIDDEN as u64),
        at!(train.model.hidden),
        "Hidden units per layer of a recurrent cell",
    )
    .value("UNITS")
    .aliases(&[("encoder-hidden-size", "Nixtla"), ("hidden-dim", "Darts")])
    .needs(is_recurrent, "‹model rnn›, lstm or gru"),
    Opt::new("activation", Kind::Words(Activation::WORDS), at!(train.model.activation), "Nonlinearity of the RNN cell")
        .needs(is_rnn, "‹model rnn›"),
    Opt::new("layers", Kind::Whole(1, 64), at!(train.model.layers), "Stacked layers")
        .aliases(&[("encoder-n-layers", "Nixtla")])
        .needs(has_layers, "‹model rnn›, lstm or patchtst"),
    Opt::new(
        "instance-norm",
        Kind::Words(&NORMS),
        Access {
            get: |config: &Config| match config.train.auto.instance_norm {
                true => Some(AUTO.into()),
                false => config.train.model.instance_norm.as_ref().map(Field::write),
            },
            set: |config: &mut Config, text| {
                config.train.auto.instance_norm = text == Some(AUTO);
                let norm = text.filter(|text| *text != AUTO).map(Field::read).transpose()?;
                config.train.model.instance_norm = norm;
                Ok(())
            },
        },
        "Normalise the target columns of each input window and undo it on the forecast: last subtracts the last value, \
         mean-std uses mean and deviation; auto tries the three, side by side, and takes the one with the lowest validation loss",
    )
    .or_none(""),
    Opt::new(
        "linear-path",
        Kind::Words(&PATHS),
        Access {
            get: |config: &Config| match config.train.auto.linear_path {
                true => Some(AUTO.into()),
                false => Some(config.train.model.linear_path.write()),
            },
            set: |config: &mut Config, text| {
                config.train.auto.linear_path = text == Some(AUTO);
                let path = text.filter(|text| *text != AUTO).map(Field::read).transpose()?;
                config.train.model.linear_path = path.unwrap_or_default();
                Ok(())
            },
        },
        "Linear map of the target's look-back beside the network: train starts it at random and trains it; ridge fits it in \
         closed form to the training rows, with the λ that validation chooses, and the network learns what it leaves; \
         auto tries ridge and none and takes the one with the lower validation loss",
    ),
    Opt::new(
        "moving-average",
        Kind::Whole(1, MAX_MOVING_AVERAGE as u64),
        at!(train.model.moving_average),
        "Rows of the moving average that splits the look-back into trend and remainder, an odd number",
    )
    .value("ROWS")
    .needs(is_dlinear, "‹model dlinear›"),
    Opt::new(
        "decoder-hidden",
        Kind::Whole(1, MAX_HIDDEN as u64),
        at!(train.model.decoder_hidden),
        "Units of the decoder of future covariates",
    )
    .value("N")
    .needs(decodes, "‹future-covariates› or ‹future-calendar›"),
    Opt::new(
        "embedding-width",
        Kind::Whole(1, MAX_EMBEDDING as u64),
        at!(train.model.embedding_width?),
        "Words of the embedding of each categorical column",
    )
    .value("N")
    .auto("1.6 · levels^0.56, at most 50")
    .needs(embeds, "‹categorical›"),
    Opt::new(
        "prune-embeddings",
        Kind::Switch,
        at!(train.model.prune_embeddings),
        "Prune and decay embeddings as the network's matrices",
    )
    .needs(embeds, "‹categorical›"),
    Opt::new(
        "init",
        Kind::File,
        at!(train.init?),
        "Start every replica from these weights: safetensors with PyTorch's names, for patchtst with those of \
         `transformers`",
    )
    .or_none("initialise from the seed"),
];

/// Under "PatchTST".
pub static PATCHTST: &[Opt<Config>] = &[
    Opt::new(
        "patchtst-variant",
        Kind::Words(Variant::WORDS),
        at!(train.model.patchtst.variant),
        "official: the paper's own code; hf: Hugging Face's `PatchTSTForPrediction`; authors: the smaller encoder of \
         the synaptic-pruning paper, which reads all channels in one patch",
    )
    .value("VARIANT")
    .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new("patch", Kind::at_least(1), at!(train.model.patchtst.patch?), "Rows of a patch")
        .value("ROWS")
        .aliases(&[("patch-len", "PatchTST's code")])
        .auto("16; authors 1 to 4, by look-back")
        .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new("stride", Kind::at_least(1), at!(train.model.patchtst.stride?), "Rows from one patch to the next")
        .value("ROWS")
        .auto("half a patch; authors a whole patch")
        .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new("d-model", Kind::Whole(1, 1 << 16), at!(train.model.patchtst.d_model), "Width of the model")
        .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new(
        "heads",
        Kind::Whole(1, 1 << 16),
        at!(train.model.patchtst.heads),
        "Attention heads; they must divide the width",
    )
    .aliases(&[("n-heads", "PatchTST's code")])
    .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new("ff", Kind::Whole(1, 1 << 20), at!(train.model.patchtst.ff), "Hidden units of the feed-forward blocks")
        .value("UNITS")
        .aliases(&[("d-ff", "PatchTST's code")])
        .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new(
        "norm",
        Kind::Words(NormKind::WORDS),
        at!(train.model.patchtst.norm),
        "Normalise each feature over the batch, or each token over its features",
    )
    .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new(
        "norm-position",
        Kind::Words(NormPosition::WORDS),
        at!(train.model.patchtst.norm_position),
        "Norms after each sum (post), or before each branch (pre)",
    )
    .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new(
        "ff-activation",
        Kind::Words(FeedForward::WORDS),
        at!(train.model.patchtst.ff_activation),
        "Nonlinearity of the feed-forward blocks",
    )
    .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new(
        "positions",
        Kind::Words(Positions::WORDS),
        at!(train.model.patchtst.positions),
        "Position encoding: trained from small uniform numbers, fixed sines and cosines, or trained from normal \
         numbers",
    )
    .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new(
        "pool",
        Kind::Words(Pool::WORDS),
        at!(train.model.patchtst.pool),
        "The head reads all patches side by side, or their mean",
    )
    .needs(is_patchtst, PATCHTST_MODEL),
    Opt::new(
        "attention-dropout",
        Kind::Number(Bounds::Fraction),
        at!(train.model.patchtst.attention_dropout),
        "Probability of dropping an attention probability, for dropout and mc-dropout",
    )
    .value("P")
    .needs(drops_patches, "‹regularizer dropout› or mc-dropout, and ‹model patchtst›"),
    Opt::new(
        "head-dropout",
        Kind::Number(Bounds::Fraction),
        at!(train.model.patchtst.head_dropout),
        "Probability of dropping an input of the head, for dropout and mc-dropout",
    )
    .value("P")
    .needs(drops_patches, "‹regularizer dropout› or mc-dropout, and ‹model patchtst›"),
    Opt::new(
        "revin-affine",
        Kind::Switch,
        at!(train.model.patchtst.revin_affine),
        "Learned scale and shift per channel in the normalisation of the window; official only",
    )
    .needs(is_patchtst, PATCHTST_MODEL),
];
