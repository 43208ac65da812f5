//! What was typed after `microglia experiment`.

use std::path::PathBuf;

use clap::Args;

use super::args::{DeviceArgs, fraction, not_negative, positive, whole};

#[derive(Debug, Default, Args)]
pub struct ExperimentArgs {
    /// A data set; repeatable [default: the embedded weather set; required with paper]
    #[arg(long, value_name = "NAME=FILE", help_heading = "Grid")]
    pub data: Vec<String>,
    /// A data option of `train` for one data set, without dashes: sales.target=units; repeatable
    #[arg(long, value_name = "NAME.KEY=VALUE", help_heading = "Grid", allow_hyphen_values = true)]
    pub set: Vec<String>,
    /// Models: rnn, lstm, patchtst [default: rnn,lstm; paper: all three]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub models: Option<String>,
    /// Input rows; all look-backs score the same target rows [default: 12,24; paper: 1,3,7,14,30,60]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub lookbacks: Option<String>,
    /// Forecast rows [default: 6; paper: 1]
    #[arg(long, value_name = "ROWS", value_parser = whole(1_usize, 1 << 20), help_heading = "Grid")]
    pub horizon: Option<usize>,
    /// Methods and their settings, see below [default: none,dropout,mc-dropout,pruning; paper: pruning twice, until
    /// epoch 20 and until epoch 15]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub methods: Option<String>,
    /// Seeds, as `1..5` or `1,2,3` [default: 1..5; paper: 42..51]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub seeds: Option<String>,
    /// Widths: hidden units, or the model width of a transformer [default: 64]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub hidden: Option<String>,
    /// Stacked layers of rnn and lstm; patchtst has 2 [default: 1]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 64), help_heading = "Grid")]
    pub layers: Option<usize>,
    /// Instance normalisations. The first is the study's own; the others repeat the study [default: last; paper:
    /// none,last]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub instance_norm: Option<String>,
    /// MIN..MAX of methods that prune. Several values are competing settings [default: 0.3..0.7]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub sparsities: Option<String>,
    /// Curves of methods that prune. Several values are competing settings [default: cubic]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub schedules: Option<String>,
    /// Training rows: the last so many of each series, or all [default: all]
    #[arg(long, value_name = "LIST", help_heading = "Grid")]
    pub train_rows: Option<String>,
    /// Repeat the grid over K consecutive test periods [default: 1]
    #[arg(long, value_name = "K", value_parser = whole(1_usize, 1000), help_heading = "Grid")]
    pub origins: Option<usize>,
    /// quick, or paper: the study of arXiv 2508.09330, with training, validation and test rows separated [default:
    /// quick]
    #[arg(long, value_name = "quick|paper", help_heading = "Grid")]
    pub preset: Option<String>,
    /// Repeat the choices of the published code, which LEAK: 80/20 split, validation rows = test rows, scalers fitted
    /// on all rows
    #[arg(long, help_heading = "Grid")]
    pub authors_protocol: bool,
    /// TOML file of a study, see below; every study writes its own, study.toml
    #[arg(long, value_name = "FILE", help_heading = "Grid")]
    pub config: Option<PathBuf>,
    /// Epochs of every training; none stops early [default: 12; paper: 20]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 1_000_000), help_heading = "Training")]
    pub epochs: Option<usize>,
    /// After this many epochs without a better validation loss, a method's own best epoch is final; 0: never before the
    /// last epoch [default: 3]
    #[arg(long, value_name = "EPOCHS", help_heading = "Training")]
    pub patience: Option<usize>,
    /// Windows per step [default: 64]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 1 << 20), help_heading = "Training")]
    pub batch: Option<usize>,
    /// Adam's learning rate [default: 0.001]
    #[arg(long, value_name = "RATE", value_parser = positive, help_heading = "Training")]
    pub lr: Option<f64>,
    /// constant, step, one-cycle or decay, as in `train` [default: constant]
    #[arg(long, value_name = "SCHEDULE", help_heading = "Training")]
    pub lr_schedule: Option<String>,
    /// mse, mae or huber [default: mse]
    #[arg(long, value_name = "LOSS", help_heading = "Training")]
    pub loss: Option<String>,
    /// Largest L2 norm of all gradients together [default: none]
    #[arg(long, value_name = "NORM", value_parser = positive, help_heading = "Training")]
    pub clip_grad_norm: Option<f64>,
    /// Probability of dropping a value [default: 0.3]
    #[arg(long, value_name = "P", value_parser = fraction, help_heading = "Training")]
    pub dropout: Option<f64>,
    /// Forecasts averaged by mc-dropout [default: 20; paper: 50]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, 10_000), help_heading = "Training")]
    pub mc_passes: Option<usize>,
    /// λ of l2 and weight-decay [default: 0.01]
    #[arg(long, value_name = "λ", value_parser = not_negative, help_heading = "Training")]
    pub weight_decay: Option<f64>,
    /// First epoch that may prune [default: 2]
    #[arg(long, value_name = "EPOCH", value_parser = whole(1_usize, 1_000_000), help_heading = "Training")]
    pub warmup: Option<usize>,
    /// Prune at steps divisible by this number [default: 5]
    #[arg(long, value_name = "STEPS", value_parser = whole(1_usize, 1 << 40), help_heading = "Training")]
    pub prune_every: Option<usize>,
    /// Epoch that reaches full sparsity [default: three quarters of the epochs]
    #[arg(long, value_name = "EPOCH", value_parser = whole(1_usize, 1_000_000), help_heading = "Training")]
    pub prune_until: Option<usize>,
    /// Run the I-th of N parts of the grid, into a folder of its own
    #[arg(long, value_name = "I/N", help_heading = "Running")]
    pub shard: Option<String>,
    /// Join the folders of a study's parts into --out
    #[arg(long, value_name = "DIR", num_args = 1.., help_heading = "Running")]
    pub merge: Vec<PathBuf>,
    /// Print plan, memory and time, and run nothing
    #[arg(long, help_heading = "Running")]
    pub dry_run: bool,
    /// Write the report of a study's folder again
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Keep every test forecast, per window, under predictions/, of cells trained from now on
    #[arg(long, help_heading = "Output")]
    pub save_predictions: bool,
    /// The study's folder [default: runs/study-<hash>, the same for the same study]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print the analysis as JSON on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
