//! What a command line means: options typed here over options of the file, over the library's defaults.

use std::path::PathBuf;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};
use microglia::data::DataOptions;
use microglia::data::options::{Covariates, parse_decimal, parse_delimiter, parse_list, parse_on_off};
use microglia::gpu::Choice;
use microglia::kernels::tuning::Tuning;
use microglia::models::{ModelKind, ModelOptions, PatchtstOptions};
use microglia::train::options::{LrSchedule, PruningOptions, Regularizer, TrainOptions};
use microglia::train::weights;
use microglia::train::weights::checkpoints::Every;

use super::args::{Auto, DataArgs, ModelArgs, OrNone, PatchtstArgs, PruningArgs, TrainArgs, TrainingArgs};
use super::{config_file, presets};

/// A run as asked for, before the data has settled what is left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub data: DataOptions,
    pub train: TrainOptions,
    pub device: Choice,
    /// `None`: one per core.
    pub threads: Option<usize>,
    pub autotune: bool,
    /// What an earlier autotuning chose.
    pub tuning: Option<Tuning>,
    /// `None`: a new folder under `runs/`.
    pub out: Option<PathBuf>,
    pub overwrite: bool,
    pub json: bool,
    pub checkpoint_every: Every,
    pub keep_checkpoints: usize,
}

impl Config {
    /// The run that `microglia train` was asked for, and remarks on typed options that change nothing.
    pub fn new(typed: &ArgMatches) -> Result<(Config, Vec<String>)> {
        let mut args = TrainArgs::default();
        Config::lay_over(&mut args, typed)?;
        let config = Config::from_args(args)?;
        let remarks = config.idle_options(|id| typed.value_source(id) == Some(ValueSource::CommandLine));
        Ok((config, remarks))
    }

    /// Lays a preset, a file's options and those typed over others.
    pub fn lay_over(args: &mut TrainArgs, typed: &ArgMatches) -> Result<()> {
        if let Some(name) = typed.get_one::<String>("preset") {
            args.update_from_arg_matches(&presets::options(name)?)?;
        }
        if let Some(file) = typed.get_one::<PathBuf>("config") {
            args.update_from_arg_matches(&config_file::read(file)?)?;
        }
        Ok(args.update_from_arg_matches(typed)?)
    }

    pub fn from_args(args: TrainArgs) -> Result<Config> {
        let Model { model, init, horizon } = model_options(args.model, args.patchtst)?;
        let mut data = data_options(args.data)?;
        data.horizon = data.horizon.or(horizon);
        if model.kind == ModelKind::Patchtst && model.patchtst.by_channel() {
            // A channel forecasts itself from itself: what the data set would add is not read.
            data.calendar = data.calendar.or(Some(false));
            data.covariates = data.covariates.or(Some(Covariates::None));
        }
        Ok(Config {
            data,
            train: train_options(args.training, model, init, args.pruning)?,
            device: args.device.device.map_or(Ok(Choice::Auto), |text| text.parse())?,
            threads: args.device.threads.and_then(|threads| threads.0),
            autotune: args.tuning.autotune.unwrap_or(false),
            tuning: args.tuning.tuning.map(|text| config_file::tuning(&text)).transpose()?,
            out: args.output.out,
            overwrite: args.output.overwrite.unwrap_or(false),
            json: args.output.json.unwrap_or(false),
            checkpoint_every: parse(args.output.checkpoint_every, Every::default())?,
            keep_checkpoints: args.output.keep_checkpoints.unwrap_or(2),
        })
    }

    /// Typed options that this run does not read.
    fn idle_options(&self, typed: impl Fn(&str) -> bool) -> Vec<String> {
        let has = |regularizer| self.train.regularizers.has(regularizer);
        let (pruning, mc) = (self.train.regularizers.prunes(), has(Regularizer::McDropout));
        let decay = has(Regularizer::L2) || has(Regularizer::WeightDecay);
        let (rnn, patchtst) = [ModelKind::Rnn, ModelKind::Patchtst].map(|kind| self.train.model.kind == kind).into();
        let recurrent = [("hidden", !patchtst, "--model rnn or lstm"), ("activation", rnn, "--model rnn")];
        let patch_words = PATCHTST_OPTIONS.map(|id| (id, patchtst, "--model patchtst"));
        let kinds = ["attention_dropout", "head_dropout"]
            .map(|id| (id, !patchtst || self.train.regularizers.drops(), "--regularizer dropout or mc-dropout"));
        [
            ("dropout", self.train.regularizers.drops(), "--regularizer dropout or mc-dropout"),
            ("pct_start", self.train.lr_schedule == LrSchedule::OneCycle, "--lr-schedule one-cycle"),
            ("mc_passes", mc, "--regularizer mc-dropout"),
            ("weight_decay", decay, "--regularizer l2 or weight-decay"),
            ("sparsity", pruning, "--regularizer pruning"),
            ("schedule", pruning, "--regularizer pruning"),
            ("warmup", pruning, "--regularizer pruning"),
            ("prune_every", pruning, "--regularizer pruning"),
            ("prune_until", pruning, "--regularizer pruning"),
        ]
        .into_iter()
        .chain(recurrent)
        .chain(patch_words)
        .chain(kinds)
        .filter(|&(id, used, _)| typed(id) && !used)
        .map(|(id, _, needs)| format!("--{} changes nothing without {needs}", id.replace('_', "-")))
        .collect()
    }
}

/// Options of a PatchTST alone.
const PATCHTST_OPTIONS: [&str; 14] = [
    "patchtst_variant",
    "patch",
    "stride",
    "d_model",
    "heads",
    "ff",
    "norm",
    "norm_position",
    "ff_activation",
    "positions",
    "pool",
    "attention_dropout",
    "head_dropout",
    "revin_affine",
];

fn data_options(args: DataArgs) -> Result<DataOptions> {
    Ok(DataOptions {
        source: args.data.map_or(Ok(Default::default()), |text| text.parse())?,
        time_column: set(args.time_column),
        time_format: set(args.time_format),
        id_column: set(args.id_column),
        targets: set(args.target).map(|text| parse_list(&text)),
        covariates: args.covariates.map(|text| text.parse()).transpose()?,
        lookback: args.lookback.and_then(|value| value.0),
        horizon: args.horizon.and_then(|value| value.0),
        season: args.season.and_then(|value| value.0),
        calendar: args.calendar.map(|text| parse_on_off(&text)).transpose()?,
        split: args.split.map(|text| text.parse()).transpose()?,
        calibration: args.calibration.and_then(|OrNone(share)| share),
        scale: args.scale.map(|text| text.parse()).transpose()?,
        impute: args.impute.map(|text| text.parse()).transpose()?,
        missing_values: args.missing_values.map(|text| parse_list(&text)),
        gaps: args.gaps.map(|text| text.parse()).transpose()?,
        delimiter: set(args.delimiter).map(|text| parse_delimiter(&text)).transpose()?,
        decimal: set(args.decimal).map(|text| parse_decimal(&text)).transpose()?,
        ..DataOptions::default()
    })
}

/// A model, the file it starts from, and what that says of the horizon.
struct Model {
    model: ModelOptions,
    init: Option<PathBuf>,
    horizon: Option<usize>,
}

/// Sizes that are not typed come from the file to start from, where it tells them.
fn model_options(args: ModelArgs, patchtst: PatchtstArgs) -> Result<Model> {
    let kind = parse(args.model, ModelOptions::default().kind)?;
    let typed = patchtst.patchtst_variant.as_deref().map(str::parse).transpose()?;
    let mut default = ModelOptions::of(kind, typed.unwrap_or(ModelOptions::default().patchtst.variant));
    let init = args.init.and_then(|init| init.0);
    // A run's folder is its weights.
    let init = init.map(|file| if file.is_dir() { file.join("model.safetensors") } else { file });
    let mut horizon = None;
    if let (ModelKind::Patchtst, Some(file)) = (kind, &init) {
        (default.patchtst, default.layers, horizon) = weights::infer_patchtst(file, typed)?;
    }
    let model = ModelOptions {
        kind,
        hidden: args.hidden.unwrap_or(default.hidden),
        layers: args.layers.unwrap_or(default.layers),
        activation: parse(args.activation, default.activation)?,
        instance_norm: match args.instance_norm.as_deref() {
            None => default.instance_norm,
            Some("none") => None,
            Some(word) => Some(word.parse()?),
        },
        patchtst: patchtst_options(patchtst, default.patchtst)?,
        layer_widths: Vec::new(),
    };
    Ok(Model { model, init, horizon })
}

fn patchtst_options(args: PatchtstArgs, default: PatchtstOptions) -> Result<PatchtstOptions> {
    Ok(PatchtstOptions {
        variant: default.variant,
        patch: args.patch.map_or(default.patch, |Auto(rows)| rows),
        stride: args.stride.map_or(default.stride, |Auto(rows)| rows),
        d_model: args.d_model.unwrap_or(default.d_model),
        heads: args.heads.unwrap_or(default.heads),
        ff: args.ff.unwrap_or(default.ff),
        norm: parse(args.norm, default.norm)?,
        norm_position: parse(args.norm_position, default.norm_position)?,
        ff_activation: parse(args.ff_activation, default.ff_activation)?,
        positions: parse(args.positions, default.positions)?,
        pool: parse(args.pool, default.pool)?,
        attention_dropout: args.attention_dropout.unwrap_or(default.attention_dropout),
        head_dropout: args.head_dropout.unwrap_or(default.head_dropout),
        revin_affine: args.revin_affine.map_or(Ok(default.revin_affine), |text| parse_on_off(&text))?,
        max_words: default.max_words,
    })
}

fn train_options(
    args: TrainingArgs,
    model: ModelOptions,
    init: Option<PathBuf>,
    pruning: PruningArgs,
) -> Result<TrainOptions> {
    let default = TrainOptions::default();
    Ok(TrainOptions {
        model,
        batch: args.batch.unwrap_or(default.batch),
        epochs: args.epochs.unwrap_or(default.epochs),
        patience: args.patience.unwrap_or(default.patience),
        lr: args.lr.unwrap_or(default.lr),
        lr_schedule: parse(args.lr_schedule, default.lr_schedule)?,
        pct_start: args.pct_start.unwrap_or(default.pct_start),
        clip_grad_norm: args.clip_grad_norm.map_or(default.clip_grad_norm, |OrNone(norm)| norm),
        loss: parse(args.loss, default.loss)?,
        seed: args.seed.unwrap_or(default.seed),
        replicas: args.replicas.unwrap_or(default.replicas),
        regularizers: parse(args.regularizer, default.regularizers)?,
        dropout: args.dropout.unwrap_or(default.dropout),
        mc_passes: args.mc_passes.unwrap_or(default.mc_passes),
        weight_decay: args.weight_decay.unwrap_or(default.weight_decay),
        pruning: pruning_options(pruning, default.pruning)?,
        select: parse(args.select, default.select)?,
        init,
        shuffle: !args.no_shuffle.unwrap_or(!default.shuffle),
        max_steps: args.max_steps.map_or(default.max_steps, |OrNone(steps)| steps),
    })
}

fn pruning_options(args: PruningArgs, default: PruningOptions) -> Result<PruningOptions> {
    Ok(PruningOptions {
        sparsity: parse(args.sparsity, default.sparsity)?,
        schedule: parse(args.schedule, default.schedule)?,
        warmup: args.warmup.map_or(default.warmup, |Auto(epoch)| epoch),
        every: args.prune_every.unwrap_or(default.every),
        until: args.prune_until.map_or(default.until, |Auto(epoch)| epoch),
    })
}

/// The option's word as the library reads it, or the default.
fn parse<T>(text: Option<String>, default: T) -> Result<T>
where
    T: std::str::FromStr<Err = microglia::Error>,
{
    Ok(text.map_or(Ok(default), |text| text.parse())?)
}

/// Drops the word that leaves the choice to the program.
fn set(text: Option<String>) -> Option<String> {
    text.filter(|text| text != "auto")
}
