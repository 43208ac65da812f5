//! What is typed after `microglia forecast` and `microglia evaluate`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{ArgAction, Args};
use microglia::config::Config;
use microglia::data::options::parse_list;
use microglia::forecast::{Level, ModelOptions, Reading};

use super::flags::{DeviceFlags, ReadingFlags};
use super::value::whole;

/// A trained model, and the rows that it reads.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// A run folder, one of its files (checkpoint.safetensors, model.safetensors, one of checkpoints/), or any file
    /// that `export` wrote. Given several times: runs of the same data, targets and horizon that forecast together
    #[arg(long, value_name = "F", required = true)]
    pub checkpoint: Vec<PathBuf>,
    /// File with the columns that the model was trained on, as `train` reads it; it is scaled by the run's scalers
    /// [default: the run's own data]
    #[arg(long, value_name = "FILE")]
    pub data: Option<String>,
    /// The training data, if it has moved; intervals are calibrated on it [default: the path in the run]
    #[arg(long, value_name = "FILE")]
    pub train_data: Option<String>,
    /// With several replicas: the best on validation rows, or the mean or median of all forecasts. With several runs: their mean
    /// or median, or the mean with weights inverse to their errors on validation rows [default: best, or the mean of runs]
    #[arg(long, value_name = "best|mean|median|validation")]
    pub ensemble: Option<String>,
    /// Intervals, in percent; none leaves them out [default: 80,95, or those between the model's quantiles; evaluate scores
    /// distributions at 50,80,95, as train does]
    #[arg(long, value_name = "LIST|none")]
    pub levels: Option<String>,
    /// Calibrate the intervals of a model that forecasts quantiles or a distribution on rows held out (conformalized quantile
    /// regression) [default: they are as the model forecasts them]
    #[arg(long, action = ArgAction::SetTrue)]
    pub conformal: bool,
    /// Name of the forecast columns [default: the model's, such as LSTM, or Ensemble]
    #[arg(long, value_name = "NAME")]
    pub alias: Option<String>,
    /// Print everything as JSON on stdout
    #[arg(long, action = ArgAction::SetTrue)]
    pub json: bool,
    /// Replace existing files
    #[arg(long, action = ArgAction::SetTrue)]
    pub overwrite: bool,
    #[command(flatten)]
    pub reading: ReadingFlags,
    #[command(flatten)]
    pub device: DeviceFlags,
}

impl ModelArgs {
    /// What is asked of the model.
    pub(crate) fn options(&self) -> Result<ModelOptions> {
        let mut on = Config::default();
        on.apply(&self.device.0)?;
        let mut options = ModelOptions::default();
        options.checkpoints.clone_from(&self.checkpoint);
        options.train_data = self.train_data.as_deref().map(str::parse).transpose()?;
        options.ensemble = self.ensemble.as_deref().map(str::parse).transpose()?;
        options.levels = self.levels.as_deref().map(levels).transpose()?;
        options.conformal = self.conformal;
        options.alias = self.alias.clone();
        (options.device, options.threads) = (on.device, on.threads);
        Ok(options)
    }

    /// The data that it reads.
    pub(crate) fn reading(&self) -> Result<Reading> {
        let source = self.data.as_deref().map(str::parse).transpose()?;
        Ok(Reading { source, settings: self.reading.0.clone() })
    }
}

/// Percentages, the smallest first; `none` is an empty list.
fn levels(text: &str) -> Result<Vec<Level>> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let mut levels: Vec<Level> = parse_list(text).iter().map(|text| text.parse()).collect::<microglia::Result<_>>()?;
    levels.sort_by(|a, b| a.percent().total_cmp(&b.percent()));
    levels.dedup();
    if levels.is_empty() {
        bail!("--levels: no level is given\n  help: percentages, as in 80,95, or none");
    }
    Ok(levels)
}

#[derive(Debug, Args)]
pub(crate) struct ForecastArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Forecast after this time, or after this many rows of each series [default: after the last row]
    #[arg(long, help_heading = None, value_name = "TIME|ROW")]
    pub origin: Option<String>,
    /// A file of the future covariates of the rows to forecast, with the data's columns of times and ids [default: the data's own
    /// rows to come]
    #[arg(long, help_heading = None, value_name = "FILE")]
    pub future: Option<String>,
    /// Rows to forecast [default: the trained horizon]
    #[arg(long, help_heading = None, value_name = "ROWS", value_parser = whole(1_usize, MOST_ROWS), alias = "h")]
    pub horizon: Option<usize>,
    /// Beyond the trained horizon, use forecasts as inputs; without intervals
    #[arg(long, help_heading = None, action = ArgAction::SetTrue)]
    pub recursive: bool,
    /// Series whose last row lies before those of others, or before --origin: forecast the rows after their own last row,
    /// or skip them. Either way they are named [default: forecast]
    #[arg(long, help_heading = None, value_name = "forecast|skip", num_args = 0..=1, default_missing_value = "forecast")]
    pub ended: Option<String>,
    /// A file NAME.csv, with its picture NAME.svg beside it, or a folder for forecast.csv and forecast.svg [default:
    /// CSV on stdout]
    #[arg(long, help_heading = None, value_name = "FILE.csv|DIR")]
    pub out: Option<PathBuf>,
}

/// Of a recursive forecast: beyond, nothing is left of the data.
const MOST_ROWS: usize = 100_000;

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Rows of the training data to score: test, validation, calibration, train, or held-out, those of held-back series. Of another
    /// file all rows are scored [default: test]
    #[arg(long, help_heading = None, value_name = "PART", value_parser = ["test", "validation", "calibration", "train", "held-out"], hide_possible_values = true)]
    pub part: Option<String>,
    /// Number of backtest origins; each forecasts one horizon [default: all windows, no origins]
    #[arg(long, help_heading = None, value_name = "K", value_parser = whole(1_usize, 10_000))]
    pub folds: Option<usize>,
    /// Rows from one origin to the next [default: the horizon]
    #[arg(long, help_heading = None, value_name = "ROWS", value_parser = whole(1_usize, 1_000_000), requires = "folds")]
    pub step: Option<usize>,
    /// Train anew for each fold, on the rows before it
    #[arg(long, help_heading = None, action = ArgAction::SetTrue, requires = "folds", conflicts_with_all = ["data", "part"])]
    pub refit: bool,
    /// Write every window's forecast, the observed value and the baselines' forecasts as CSV
    #[arg(long, help_heading = None, value_name = "FILE")]
    pub predictions: Option<PathBuf>,
    /// Write the scores of every fold, series and step as CSV
    #[arg(long, help_heading = None, value_name = "FILE")]
    pub table: Option<PathBuf>,
}
