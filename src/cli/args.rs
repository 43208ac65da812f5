//! What was typed, and no more: every option is `None` unless it stands on the command line (or, by the same names, in
//! the configuration file). What it all means, defaults included, is decided in [`super::config`].

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use microglia::models::MAX_HIDDEN;
use microglia::reference::MAX_THREADS;

use super::experiment_args::ExperimentArgs;
use super::forecast_args::{EvaluateArgs, ForecastArgs};
use super::help::{
    COMPARE_HELP, DEVICES_HELP, EVALUATE_HELP, EXPERIMENT_HELP, EXPORT_HELP, FORECAST_HELP, PROFILE_HELP, TRAIN_HELP,
};
use super::profile_args::ProfileArgs;
use super::weights_args::{ExportArgs, InspectArgs};

/// Train time-series forecasters with synaptic pruning, on any GPU or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "microglia", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Train a forecaster and score it on the test rows, beside simple baselines
    #[command(after_help = TRAIN_HELP)]
    Train(Box<TrainArgs>),
    /// Forecast the next rows of each series, with intervals, as CSV and a picture
    #[command(after_help = FORECAST_HELP)]
    Forecast(Box<ForecastArgs>),
    /// Score a trained model on any part of its data, on another file, or by rolling origins
    #[command(after_help = EVALUATE_HELP)]
    Evaluate(Box<EvaluateArgs>),
    /// Compare methods over data sets, models, look-backs and seeds, and write a report
    #[command(after_help = EXPERIMENT_HELP)]
    Experiment(Box<ExperimentArgs>),
    /// List GPU adapters, their limits and the choice of `--device auto`; --check tests each
    #[command(after_help = DEVICES_HELP)]
    Devices(DevicesArgs),
    /// Compare a GPU with the CPU engine: op by op, then in whole training steps
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Compare each op's time in a training step with the device's measured limits
    #[command(after_help = PROFILE_HELP)]
    Profile(Box<ProfileArgs>),
    /// Print a weights file's shapes, sparsity, sizes, history and configuration
    Inspect(InspectArgs),
    /// Write a model's weights: dense, sparse, or without the units that pruning disconnected
    #[command(after_help = EXPORT_HELP)]
    Export(ExportArgs),
}

#[derive(Debug, Clone, Default, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub patchtst: PatchtstArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
    #[command(flatten)]
    pub pruning: PruningArgs,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub tuning: TuningArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// CSV file, wide (`date,a,b,…`) or long (`unique_id,ds,y,…`) [default: the embedded weather set]
    #[arg(long, value_name = "FILE")]
    pub data: Option<String>,
    /// Column of the timestamps; `+` joins several columns: `Date+Time` [default: auto: detected]
    #[arg(long, value_name = "NAME", alias = "time-col")]
    pub time_column: Option<String>,
    /// Format of the timestamps, in strptime syntax: `%d/%m/%Y %H:%M` [default: auto: detected]
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<String>,
    /// Column that identifies the series of a panel [default: auto: `unique_id` or `item_id` if present]
    #[arg(long, value_name = "NAME", alias = "id-col")]
    pub id_column: Option<String>,
    /// Columns to forecast; `all` takes every numeric column [default: auto: `y` if present, else the only numeric
    /// column]
    #[arg(long, value_name = "A[,B]|all", alias = "target-col")]
    pub target: Option<String>,
    /// Past covariates: input columns that are not forecast; `all` takes every other numeric column [default: none]
    #[arg(long, value_name = "A,B|all|none", alias = "hist-exog", alias = "past-covariates")]
    pub covariates: Option<String>,
    /// Input rows of a window [default: auto: 2 seasons, at least 24]
    #[arg(long, value_name = "ROWS", value_parser = or_auto(at_least(1_usize)), aliases = ["input-size", "context-length", "seq-len"])]
    pub lookback: Option<Auto<usize>>,
    /// Forecast rows of a window, all forecast at once [default: auto: 1]
    #[arg(long, value_name = "ROWS", value_parser = or_auto(at_least(1_usize)), aliases = ["h", "pred-len", "prediction-length"])]
    pub horizon: Option<Auto<usize>>,
    /// Rows in a season, for the seasonal baseline and MASE [default: auto: hourly 24, daily 7, monthly 12, …]
    #[arg(long, value_name = "ROWS", value_parser = or_auto(at_least(1_usize)))]
    pub season: Option<Auto<usize>>,
    /// Add time of day, day of the week and day of the year as input columns [default: on; patchtst official and hf
    /// off]
    #[arg(long, value_name = "on|off", value_parser = on_off(), hide_possible_values = true)]
    pub calendar: Option<String>,
    /// Training, validation and test part, in time order: three fractions, three row borders
    /// TRAIN_END,VAL_END,TEST_END, or two or three timestamps [default: 0.7,0.1,0.2]
    #[arg(long, value_name = "SPLIT")]
    pub split: Option<String>,
    /// Hold out the last SHARE of the validation rows for calibrating intervals; these rows are not used for early
    /// stopping [default: none]
    #[arg(long, value_name = "SHARE|none", value_parser = or_none(share))]
    pub calibration: Option<OrNone<f64>>,
    /// Standardise each series by its own training rows, or all series together [default: series]
    #[arg(long, value_name = "series|global", value_parser = words(["series", "global"]), hide_possible_values = true)]
    pub scale: Option<String>,
    /// Missing values: error rejects the file, ffill uses the last seen value, mean uses the training mean. Missing
    /// targets are left out of loss and scores [default: error]
    #[arg(long, value_name = "POLICY", value_parser = words(["error", "ffill", "mean"]))]
    pub impute: Option<String>,
    /// More texts that mean "missing": `-200,999`. Empty cells, NA, N/A, NaN, null, none, nil, `?` and `-` always do;
    /// an empty list adds none
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub missing_values: Option<String>,
    /// Times that the sampling step implies but the file lacks: notice reports them, error rejects the file, fill
    /// inserts them as missing rows, skip lets no window span them [default: notice]
    #[arg(long, value_name = "POLICY", value_parser = words(["notice", "error", "fill", "skip"]))]
    pub gaps: Option<String>,
    /// Column separator: `,` `;` `|` or `tab` [default: auto: detected]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// Decimal mark: `.` or `,` [default: auto: detected]
    #[arg(long, value_name = "CHAR")]
    pub decimal: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// Recurrent cell, or a transformer over patches [default: lstm]
    #[arg(long, value_name = "rnn|lstm|patchtst", value_parser = words(["rnn", "lstm", "patchtst"]), hide_possible_values = true)]
    pub model: Option<String>,
    /// Hidden units per layer of a recurrent cell, 1 to 1024 [default: 64]
    #[arg(long, value_name = "UNITS", value_parser = whole(1, MAX_HIDDEN))]
    pub hidden: Option<usize>,
    /// Stacked layers, 1 to 64 [default: 1; patchtst 3; patchtst authors 2]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 64))]
    pub layers: Option<usize>,
    /// Nonlinearity of the RNN cell [default: tanh]
    #[arg(long, value_name = "tanh|relu", value_parser = words(["tanh", "relu"]), hide_possible_values = true)]
    pub activation: Option<String>,
    /// Normalise the target columns of each input window and undo it on the forecast: last subtracts the last value,
    /// mean-std uses mean and deviation [default: last; patchtst mean-std; patchtst authors none]
    #[arg(long, value_name = "none|last|mean-std", value_parser = words(["none", "last", "mean-std"]), hide_possible_values = true)]
    pub instance_norm: Option<String>,
    /// Start every replica from these weights: safetensors with PyTorch's names, for patchtst with those of
    /// `transformers` [default: none: initialise from the seed]
    #[arg(long, value_name = "FILE")]
    pub init: Option<OrNone<PathBuf>>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "PatchTST")]
pub struct PatchtstArgs {
    /// official: the paper's own code; hf: Hugging Face's `PatchTSTForPrediction`; authors: the smaller encoder of the
    /// synaptic-pruning paper, which reads all channels in one patch [default: official]
    #[arg(long, value_name = "VARIANT", value_parser = words(["official", "hf", "authors"]), hide_possible_values = true)]
    pub patchtst_variant: Option<String>,
    /// Rows of a patch [default: auto: 16; authors 1 to 4, by look-back]
    #[arg(long, value_name = "ROWS", value_parser = or_auto(at_least(1_usize)), alias = "patch-len")]
    pub patch: Option<Auto<usize>>,
    /// Rows from one patch to the next [default: auto: half a patch; authors a whole patch]
    #[arg(long, value_name = "ROWS", value_parser = or_auto(at_least(1_usize)))]
    pub stride: Option<Auto<usize>>,
    /// Width of the model [default: 128; authors 64]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 1 << 16))]
    pub d_model: Option<usize>,
    /// Attention heads; they must divide the width [default: 16; authors 4]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 1 << 16), alias = "n-heads")]
    pub heads: Option<usize>,
    /// Hidden units of the feed-forward blocks [default: 256]
    #[arg(long, value_name = "UNITS", value_parser = whole(1_usize, 1 << 20), alias = "d-ff")]
    pub ff: Option<usize>,
    /// Normalise each feature over the batch, or each token over its features [default: batch; authors layer]
    #[arg(long, value_name = "batch|layer", value_parser = words(["batch", "layer"]), hide_possible_values = true)]
    pub norm: Option<String>,
    /// Norms after each sum (post), or before each branch (pre) [default: post; hf pre]
    #[arg(long, value_name = "post|pre", value_parser = words(["post", "pre"]), hide_possible_values = true)]
    pub norm_position: Option<String>,
    /// Nonlinearity of the feed-forward blocks [default: gelu; authors relu]
    #[arg(long, value_name = "gelu|relu", value_parser = words(["gelu", "relu"]), hide_possible_values = true)]
    pub ff_activation: Option<String>,
    /// Position encoding: trained from small uniform numbers, fixed sines and cosines, or trained from normal numbers
    /// [default: learned; hf sincos; authors random]
    #[arg(long, value_name = "learned|sincos|random", value_parser = words(["learned", "sincos", "random"]), hide_possible_values = true)]
    pub positions: Option<String>,
    /// The head reads all patches side by side, or their mean [default: flatten; authors mean]
    #[arg(long, value_name = "flatten|mean", value_parser = words(["flatten", "mean"]), hide_possible_values = true)]
    pub pool: Option<String>,
    /// Probability of dropping an attention probability, for dropout and mc-dropout [default: 0]
    #[arg(long, value_name = "P", value_parser = fraction)]
    pub attention_dropout: Option<f64>,
    /// Probability of dropping an input of the head, for dropout and mc-dropout [default: 0]
    #[arg(long, value_name = "P", value_parser = fraction)]
    pub head_dropout: Option<f64>,
    /// Learned scale and shift per channel in the normalisation of the window; official only [default: off]
    #[arg(long, value_name = "on|off", value_parser = on_off(), hide_possible_values = true)]
    pub revin_affine: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Training")]
pub struct TrainingArgs {
    /// Windows per step [default: 64]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 1 << 20), alias = "batch-size")]
    pub batch: Option<usize>,
    /// Passes over the training windows [default: 20]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 1_000_000), alias = "max-epochs")]
    pub epochs: Option<usize>,
    /// Stop after this many epochs without a better validation loss; 0 never stops. With pruning, counting starts at
    /// the epoch of full sparsity [default: 3]
    #[arg(long, value_name = "EPOCHS", value_parser = at_least(0_usize))]
    pub patience: Option<usize>,
    /// Adam's learning rate; with one-cycle, its peak [default: 0.001]
    #[arg(long, value_name = "RATE", value_parser = positive, alias = "learning-rate")]
    pub lr: Option<f64>,
    /// constant; step: ×0.1 after each third of the epochs; one-cycle: PyTorch's OneCycleLR; decay: ×0.9 after each
    /// epoch from the third [default: constant]
    #[arg(long, value_name = "SCHEDULE", value_parser = words(["constant", "step", "one-cycle", "decay"]))]
    pub lr_schedule: Option<String>,
    /// Share of the steps in which one-cycle rises [default: 0.3]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub pct_start: Option<f64>,
    /// Largest L2 norm of all gradients together [default: none]
    #[arg(long, value_name = "NORM", value_parser = or_none(positive))]
    pub clip_grad_norm: Option<OrNone<f64>>,
    /// Training loss on scaled values; huber becomes linear at 1 [default: mse]
    #[arg(long, value_name = "mse|mae|huber", value_parser = words(["mse", "mae", "huber"]), hide_possible_values = true)]
    pub loss: Option<String>,
    /// Seed of initial weights, batch order and dropout [default: 42]
    #[arg(long, value_name = "N", value_parser = whole(0, u32::MAX))]
    pub seed: Option<u32>,
    /// Models trained side by side, with seeds N, N+1, …; each is bit-identical to a run of its own with that seed
    /// [default: 1]
    #[arg(long, value_name = "R", value_parser = whole(1_usize, 4096))]
    pub replicas: Option<usize>,
    /// none, or any of dropout, mc-dropout, l2, weight-decay, pruning and random-pruning, joined by commas [default:
    /// pruning]
    #[arg(long, value_name = "LIST", alias = "regularizers", alias = "regulariser")]
    pub regularizer: Option<String>,
    /// Probability of dropping a hidden value, for dropout and mc-dropout [default: 0.3]
    #[arg(long, value_name = "P", value_parser = fraction)]
    pub dropout: Option<f64>,
    /// Forecasts averaged by mc-dropout [default: 50]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 10_000))]
    pub mc_passes: Option<usize>,
    /// λ of l2 (added to gradients) and of weight-decay (AdamW); applies to weight matrices only [default: 0.01]
    #[arg(long, value_name = "λ", value_parser = not_negative)]
    pub weight_decay: Option<f64>,
    /// Keep the weights of the best validation epoch, or of the last. With pruning, only epochs of full sparsity are
    /// compared [default: best]
    #[arg(long, value_name = "best|last", value_parser = words(["best", "last"]), hide_possible_values = true)]
    pub select: Option<String>,
    /// Visit the training windows in time order in every epoch
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true)]
    pub no_shuffle: Option<bool>,
    /// Stop after N optimizer steps and keep the last weights [default: none]
    #[arg(long, value_name = "N", value_parser = or_none(at_least(1_u64)))]
    pub max_steps: Option<OrNone<u64>>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Pruning")]
pub struct PruningArgs {
    /// Sparsity at the start and at the end of pruning, as fractions of all weights in matrices together [default:
    /// 0.3..0.7]
    #[arg(long, value_name = "MIN..MAX")]
    pub sparsity: Option<String>,
    /// Growth of sparsity: cubic (per epoch) and cubic-step (per step) are slow first; zhu-gupta is fast first; linear;
    /// constant prunes all at once [default: cubic]
    #[arg(long, value_name = "CURVE", value_parser = words(["cubic", "cubic-step", "zhu-gupta", "linear", "constant"]))]
    pub schedule: Option<String>,
    /// First epoch that may prune, counted from 1, so 2 leaves one dense epoch [default: auto: 2]
    #[arg(long, value_name = "EPOCH", value_parser = or_auto(at_least(1_usize)))]
    pub warmup: Option<Auto<usize>>,
    /// Prune at steps divisible by this number. An epoch without such a step prunes at its last step [default: 5]
    #[arg(long, value_name = "STEPS", value_parser = at_least(1_usize))]
    pub prune_every: Option<usize>,
    /// Epoch that reaches full sparsity; the later epochs are for recovery [default: auto: three quarters of the
    /// epochs]
    #[arg(long, value_name = "EPOCH", value_parser = or_auto(at_least(1_usize)))]
    pub prune_until: Option<Auto<usize>>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Device")]
pub struct DeviceArgs {
    /// auto (the best real GPU, else the CPU engine), cpu, gpu, or part of an adapter's name (llvmpipe); see `microglia
    /// devices` [default: auto]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Threads of the CPU engine, 1 to 1024; results are bit-identical for any number [default: auto: one per core]
    #[arg(long, value_name = "N", value_parser = or_auto(whole(1, MAX_THREADS)))]
    pub threads: Option<Auto<usize>>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Device")]
pub struct TuningArgs {
    /// Measure on the GPU how to split the matrix products. config.toml and the checkpoint store the choice, so a run
    /// from there does not measure again [default: off: chosen by the kind of GPU and the model's shape]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true)]
    pub autotune: Option<bool>,
    /// Choice of an earlier --autotune: the table [tuning] of a TOML file.
    #[arg(long, value_name = "TOML", hide = true)]
    pub tuning: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Run folder [default: runs/<date>-<time>-<model>]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the run in the run folder
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true)]
    pub overwrite: Option<bool>,
    /// Resume the run in DIR. Only --device, --threads, --checkpoint-every, --keep-checkpoints, --json and a larger
    /// --epochs may change
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "overwrite"])]
    pub resume: Option<PathBuf>,
    /// Steps (500) or seconds (60s) between checkpoints; none saves one only where the run stops [default: 300s]
    #[arg(long, value_name = "N|Ns|none")]
    pub checkpoint_every: Option<String>,
    /// Newest checkpoints to keep; each also holds the best weights so far [default: 2]
    #[arg(long, value_name = "K", value_parser = whole(1_usize, 1_000_000))]
    pub keep_checkpoints: Option<usize>,
    /// Print the summary as JSON on stdout instead of tables
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          hide_possible_values = true)]
    pub json: Option<bool>,
    /// Settings of a published experiment; --config and typed options override them. `list` prints the names
    #[arg(long, value_name = "NAME|list")]
    pub preset: Option<String>,
    /// TOML file of options, see below; a run folder's config.toml repeats that run
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Check each adapter: open it, compile every kernel, and compare small trainings with the CPU engine
    #[arg(long, action = ArgAction::SetTrue)]
    pub check: bool,
    /// Seconds after which --check gives up an adapter that does not answer
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = whole(1_u64, 100_000), requires = "check")]
    pub patience: u64,
    /// Print as JSON
    #[arg(long, action = ArgAction::SetTrue)]
    pub json: bool,
    /// Index of the adapter that this process checks; --check passes it.
    #[arg(long, hide = true, value_name = "PLACE", conflicts_with_all = ["check", "json"])]
    pub check_adapter: Option<usize>,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// gpu, or part of an adapter's name (llvmpipe) [default: a real GPU, else a software one]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Training steps of each of the two comparisons below
    #[arg(long, value_name = "N", default_value = "20", value_parser = whole(2_usize, 10_000))]
    pub steps: usize,
    /// Print the whole report as JSON
    #[arg(long, action = ArgAction::SetTrue)]
    pub json: bool,
}

/// A value, or `auto`: the program decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Auto<T>(pub Option<T>);

/// A value, or `none`.
#[derive(Debug, Clone, PartialEq)]
pub struct OrNone<T>(pub Option<T>);

impl FromStr for OrNone<PathBuf> {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(OrNone((text != "none").then(|| text.into())))
    }
}

fn words<const N: usize>(list: [&'static str; N]) -> PossibleValuesParser {
    PossibleValuesParser::new(list)
}

/// TOML's own switches too.
fn on_off() -> PossibleValuesParser {
    [PossibleValue::new("on").alias("true"), PossibleValue::new("off").alias("false")].into()
}

pub fn whole<T: FromStr + PartialOrd + Display + Copy>(
    least: T,
    most: T,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("give a whole number from {least} to {most}"))
    }
}

fn at_least<T: FromStr + PartialOrd + Display + Copy>(least: T) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| *number >= least);
        number.ok_or_else(|| format!("give a whole number, {least} or more"))
    }
}

fn or_auto<T>(parse: impl Fn(&str) -> Result<T, String> + Clone) -> impl Fn(&str) -> Result<Auto<T>, String> + Clone {
    move |text| match text {
        "auto" => Ok(Auto(None)),
        text => parse(text).map(|value| Auto(Some(value))).map_err(|wanted| wanted + ", or auto"),
    }
}

fn or_none<T>(parse: impl Fn(&str) -> Result<T, String> + Clone) -> impl Fn(&str) -> Result<OrNone<T>, String> + Clone {
    move |text| match text {
        "none" => Ok(OrNone(None)),
        text => parse(text).map(|value| OrNone(Some(value))).map_err(|wanted| wanted + ", or none"),
    }
}

fn number(text: &str, fits: impl Fn(f64) -> bool, wanted: &str) -> Result<f64, String> {
    text.parse().ok().filter(|&value: &f64| value.is_finite() && fits(value)).ok_or_else(|| format!("give {wanted}"))
}

pub fn positive(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0, "a number above 0")
}

pub fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |v| v >= 0.0, "a number, 0 or more")
}

pub fn fraction(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..1.0).contains(&v), "a number from 0 up to, but not, 1")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v < 1.0, "a number between 0 and 1")
}
