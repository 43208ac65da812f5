//! What a command line means: options typed here over options of the file, over the library's defaults.

use std::path::PathBuf;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};
use microglia::data::DataOptions;
use microglia::data::options::{parse_decimal, parse_delimiter, parse_list, parse_on_off};
use microglia::gpu::Choice;
use microglia::models::{ModelKind, ModelOptions};
use microglia::train::options::{PruningOptions, Regularizer, TrainOptions};

use super::args::{Auto, DataArgs, ModelArgs, OrNone, PruningArgs, TrainArgs, TrainingArgs};
use super::config_file;

/// A run as asked for, before the data has settled what is left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub data: DataOptions,
    pub train: TrainOptions,
    pub device: Choice,
    /// `None`: one per core.
    pub threads: Option<usize>,
    /// `None`: a new folder under `runs/`.
    pub out: Option<PathBuf>,
    pub overwrite: bool,
    pub json: bool,
}

impl Config {
    /// The run that `microglia train` was asked for, and remarks on typed options that change nothing.
    pub fn new(typed: &ArgMatches) -> Result<(Config, Vec<String>)> {
        let mut args = match typed.get_one::<PathBuf>("config") {
            Some(file) => config_file::read(file)?,
            None => TrainArgs::default(),
        };
        args.update_from_arg_matches(typed)?;
        let config = Config::from_args(args)?;
        let remarks = config.idle_options(|id| typed.value_source(id) == Some(ValueSource::CommandLine));
        Ok((config, remarks))
    }

    pub fn from_args(args: TrainArgs) -> Result<Config> {
        Ok(Config {
            data: data_options(args.data)?,
            train: train_options(args.training, model_options(args.model)?, args.pruning)?,
            device: args.device.device.map_or(Ok(Choice::Auto), |text| text.parse())?,
            threads: args.device.threads.and_then(|threads| threads.0),
            out: args.output.out,
            overwrite: args.output.overwrite.unwrap_or(false),
            json: args.output.json.unwrap_or(false),
        })
    }

    /// Typed options that this run does not read.
    fn idle_options(&self, typed: impl Fn(&str) -> bool) -> Vec<String> {
        let has = |regularizer| self.train.regularizers.has(regularizer);
        let (pruning, mc) = (self.train.regularizers.prunes(), has(Regularizer::McDropout));
        let decay = has(Regularizer::L2) || has(Regularizer::WeightDecay);
        let rnn = self.train.model.kind == ModelKind::Rnn;
        [
            ("dropout", self.train.regularizers.drops(), "--regularizer dropout or mc-dropout"),
            ("mc_passes", mc, "--regularizer mc-dropout"),
            ("weight_decay", decay, "--regularizer l2 or weight-decay"),
            ("sparsity", pruning, "--regularizer pruning"),
            ("schedule", pruning, "--regularizer pruning"),
            ("warmup", pruning, "--regularizer pruning"),
            ("prune_every", pruning, "--regularizer pruning"),
            ("prune_until", pruning, "--regularizer pruning"),
            ("activation", rnn, "--model rnn"),
        ]
        .into_iter()
        .filter(|&(id, used, _)| typed(id) && !used)
        .map(|(id, _, needs)| format!("--{} changes nothing without {needs}", id.replace('_', "-")))
        .collect()
    }
}

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
        scale: args.scale.map(|text| text.parse()).transpose()?,
        impute: args.impute.map(|text| text.parse()).transpose()?,
        missing_values: args.missing_values.map(|text| parse_list(&text)),
        gaps: args.gaps.map(|text| text.parse()).transpose()?,
        delimiter: set(args.delimiter).map(|text| parse_delimiter(&text)).transpose()?,
        decimal: set(args.decimal).map(|text| parse_decimal(&text)).transpose()?,
        ..DataOptions::default()
    })
}

fn model_options(args: ModelArgs) -> Result<(ModelOptions, Option<PathBuf>)> {
    let default = ModelOptions::default();
    let model = ModelOptions {
        kind: parse(args.model, default.kind)?,
        hidden: args.hidden.unwrap_or(default.hidden),
        layers: args.layers.unwrap_or(default.layers),
        activation: parse(args.activation, default.activation)?,
        instance_norm: match args.instance_norm.as_deref() {
            None => default.instance_norm,
            Some("none") => None,
            Some(word) => Some(word.parse()?),
        },
    };
    Ok((model, args.init.and_then(|init| init.0)))
}

fn train_options(
    args: TrainingArgs,
    (model, init): (ModelOptions, Option<PathBuf>),
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
