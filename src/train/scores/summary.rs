//! The summary of a run, under stable names.

use serde::Serialize;

use super::{Prediction, held_out};
use crate::data::{Dataset, SplitName};
use crate::engine::{Engine, EngineKind};
use crate::error::{Result, Text};
use crate::models::PruneRule;
use crate::program::op::Objective;
use crate::program::tensor::{MASK, PARAMS, STATE};
use crate::train::plan::Plan;
use crate::train::run::mc_passes;
use crate::train::run::observer::Observer;
use crate::train::run::trained::{Status, Trained};
use crate::train::scores::baselines::Baselines;
use crate::train::scores::intervals::{Intervals, interval_scores, own_ends};
use crate::train::scores::loss::mean_loss;
use crate::train::scores::metrics::{Metrics, score};
use crate::train::scores::predict::predict;
use crate::train::scores::residuals::calibrates;
use crate::train::weights::header::{DeviceHeader, FORMAT_VERSION, PatchtstHeader};
use crate::train::weights::{self, SparsityReport};

/// A run and its scores, as `summary.json` holds them.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Of `summary.json`.
    pub format_version: u32,
    /// How the run ended.
    pub status: Status,
    /// Which engine ran.
    pub engine: EngineKind,
    /// The adapter's or processor's name.
    pub device: String,
    /// Of the CPU engine; `None` on a GPU.
    pub threads: Option<usize>,
    /// What was trained.
    pub model: ModelSummary,
    /// What it was trained on.
    pub data: DataSummary,
    /// The replica that is best on validation; its fields stand among those of the summary.
    #[serde(flatten)]
    pub best: ReplicaSummary,
    /// In percent: of the intervals that are scored, where the model forecasts quantiles or a distribution.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<f64>,
    /// On the same test windows.
    pub baselines: Baselines,
    /// Over replicas whose numbers are finite.
    pub spread: Spread,
    /// In the plan's order.
    pub replicas: Vec<ReplicaSummary>,
    /// Wall seconds of training, validation included.
    pub seconds: f64,
    /// Training windows per second of all replicas together.
    pub windows_per_second: f64,
    /// Lines for the user.
    pub notices: Vec<Text>,
}

impl Summary {
    /// One replica's summary, as if it had been trained alone, except that seconds, windows per second and notices are those of
    /// the whole run.
    pub fn of_replica(&self, r: usize) -> Summary {
        let best = ReplicaSummary { replica: 0, ..self.replicas[r].clone() };
        let replicas = vec![best.clone()];
        Summary {
            format_version: self.format_version,
            status: if best.diverged.is_some() { Status::Diverged } else { self.status },
            engine: self.engine,
            device: self.device.clone(),
            threads: self.threads,
            model: self.model.clone(),
            data: self.data.clone(),
            best,
            levels: self.levels.clone(),
            baselines: self.baselines.clone(),
            spread: Spread::over(&replicas),
            replicas,
            seconds: self.seconds,
            windows_per_second: self.windows_per_second,
            notices: self.notices.clone(),
        }
    }
}

/// What was trained.
#[derive(Debug, Clone, Serialize)]
pub struct ModelSummary {
    /// The word of its [`ModelKind`](crate::models::ModelKind).
    pub kind: String,
    /// Hidden units per layer; a PatchTST's model width.
    pub hidden: usize,
    /// Stacked layers.
    pub layers: usize,
    /// `None` for another model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patchtst: Option<PatchtstHeader>,
    /// Names of the regularizers, or `none`.
    pub regularizer: String,
    /// `none`, `last` or `mean-std`.
    pub instance_norm: String,
    /// `none`, `train` or `ridge`.
    pub linear_path: String,
    /// By which it was trained.
    pub loss: String,
    /// Bounds of its forecasts; `None` without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<String>,
    /// Weights and biases of one model.
    pub parameters: usize,
    /// Those that pruning may take.
    pub prunable_weights: usize,
    /// Which of them it takes, and how it ranks them; `None` if it ranks all together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruning: Option<PruneRule>,
}

/// What it was trained on.
#[derive(Debug, Clone, Serialize)]
pub struct DataSummary {
    /// As the data's options have it.
    pub name: String,
    /// SHA-256 of the data's bytes, in hex.
    pub fingerprint: String,
    /// Series of the panel; 1 without an id column.
    pub series: usize,
    /// Series that were left out, because they hold no window or cannot be scaled; `left_out.csv` names them.
    pub left_out: usize,
    /// Of all series together.
    pub rows: usize,
    /// Input columns in order: targets, covariates, calendar.
    pub channels: Vec<String>,
    /// Columns that are forecast.
    pub targets: Vec<String>,
    /// Rows in.
    pub lookback: usize,
    /// Rows out.
    pub horizon: usize,
    /// Rows in a season.
    pub season: usize,
    /// By part.
    pub windows: WindowCounts,
    /// Rows where a target is missing.
    pub missing_targets: usize,
}

/// Windows by part.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct WindowCounts {
    /// That weights are fitted to.
    pub train: usize,
    /// That choose the epoch.
    pub validation: usize,
    /// That scores are for.
    pub test: usize,
}

/// One replica's kept weights and their scores.
#[derive(Debug, Clone, Serialize)]
pub struct ReplicaSummary {
    /// Its index, from 0.
    pub replica: usize,
    /// Of initial weights, batch order and dropout.
    pub seed: u32,
    /// Epochs trained.
    pub epochs: usize,
    /// Optimizer steps done.
    pub steps: usize,
    /// The epoch of the lowest validation loss, from 1; `None` where none counts.
    pub best_epoch: Option<usize>,
    /// What happened, where it diverged.
    pub diverged: Option<String>,
    /// On the validation windows.
    pub validation: Metrics,
    /// On the test windows.
    pub test: Metrics,
    /// Of the kept weights.
    pub sparsity: SparsityReport,
    /// Prunable weights that are left.
    pub living_weights: usize,
    /// Of the kept weights, in hex.
    pub weights_sha256: String,
}

/// Mean and sample standard deviation (n − 1) over replicas.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MeanStd {
    /// The mean.
    pub mean: f64,
    /// `None` for a single replica.
    pub std: Option<f64>,
}

impl MeanStd {
    fn of(values: impl Iterator<Item = f64>) -> Option<MeanStd> {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let std = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        (n > 0.0).then_some(MeanStd { mean, std: (n > 1.0).then_some(std) })
    }
}

/// How scores vary between replicas.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// On the test windows.
    pub test: SplitSpread,
    /// On the validation windows.
    pub validation: SplitSpread,
}

impl Spread {
    fn over(replicas: &[ReplicaSummary]) -> Spread {
        Spread {
            test: SplitSpread::over(replicas, |replica| &replica.test),
            validation: SplitSpread::over(replicas, |replica| &replica.validation),
        }
    }
}

/// In the data's units, but for `scaled`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SplitSpread {
    /// Mean absolute error; `None` with several targets, or where no replica has one.
    pub mae: Option<MeanStd>,
    /// Root of the mean squared error, likewise.
    pub rmse: Option<MeanStd>,
    /// Mean squared error, likewise.
    pub mse: Option<MeanStd>,
    /// Mean absolute scaled error; `None` where no replica has one.
    pub mase: Option<MeanStd>,
    /// Of scaled values.
    pub scaled: ScaledSpread,
}

impl SplitSpread {
    fn over(replicas: &[ReplicaSummary], of: impl Fn(&ReplicaSummary) -> &Metrics) -> SplitSpread {
        let over = |value: fn(&Metrics) -> Option<f64>| MeanStd::of(replicas.iter().filter_map(|r| value(of(r))));
        SplitSpread {
            mae: over(|m| m.mae),
            rmse: over(|m| m.rmse),
            mse: over(|m| m.mse),
            mase: over(|m| m.mase),
            scaled: ScaledSpread { mae: over(|m| Some(m.scaled.mae)), mse: over(|m| Some(m.scaled.mse)) },
        }
    }
}

/// In scaled units.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ScaledSpread {
    /// Mean absolute error.
    pub mae: Option<MeanStd>,
    /// Mean squared error.
    pub mse: Option<MeanStd>,
}

/// One replica's kept weights `[P]` and state `[S]`.
#[derive(Debug, Clone)]
pub struct Kept {
    /// `[P]`
    pub params: Vec<f32>,
    /// `[S]`
    pub state: Vec<f32>,
}

/// A scored run.
#[derive(Debug)]
pub struct Outcome {
    /// As `summary.json` has it.
    pub summary: Summary,
    /// The run that was scored.
    pub trained: Trained,
    /// By replica.
    pub kept: Vec<Kept>,
    /// What it ran on.
    pub device: DeviceHeader,
    /// Scaled test forecasts by replica, each `[windows, O]`.
    pub test_predictions: Vec<Prediction>,
    /// The same of the windows that calibrate intervals.
    pub calibrating_predictions: Vec<Prediction>,
}

/// Scores every replica's kept weights on validation and test, beside the baselines.
pub fn summarize(
    dataset: &Dataset,
    plan: &Plan,
    engine: &mut dyn Engine,
    trained: Trained,
    baselines: Baselines,
    observer: &dyn Observer,
) -> Result<Outcome> {
    let mut trained = trained;
    let (wanted_passes, stop) = (mc_passes(plan), || observer.interrupted());
    let (validation, _) = predict(engine, plan, &dataset.validation, wanted_passes, &stop)?;
    let (test_predictions, passes) = predict(engine, plan, &dataset.test, wanted_passes, &stop)?;
    let calibrating_predictions = match calibrates(dataset) {
        SplitName::Calibration => predict(engine, plan, &dataset.calibration, wanted_passes, &stop)?.0,
        _ => validation.clone(),
    };
    if wanted_passes.is_some_and(|wanted| passes < wanted) {
        trained
            .notices
            .push(format!("test forecasts are the mean of {passes} passes: the others were interrupted").into());
    }
    if !dataset.held_out.is_empty() {
        let (forecasts, _) = predict(engine, plan, &dataset.held_out, wanted_passes, &stop)?;
        trained.notices.push(held_out::line(dataset, &forecasts));
    }
    if stop() && trained.status != Status::Diverged {
        trained.status = Status::Interrupted;
    }
    let (objective, levels) = (plan.objective(), plan.scored_levels());
    let scored = |split: SplitName, prediction: &Prediction| {
        let point = prediction.point();
        let mut metrics = score(dataset, split, &point);
        if !levels.is_empty() {
            let own = own_ends(dataset, &objective, dataset.windows(split), prediction, &levels);
            let bounds = dataset.resolved.bounds;
            let counts = plan.options.loss.is_of_counts();
            let intervals = Intervals { levels: &levels, own: Some(&own), calibration: None, bounds, counts };
            metrics.set_intervals(|weighting| interval_scores(dataset, split, &point, &intervals, weighting));
        }
        if let Objective::Distribution(_) = objective {
            let windows = dataset.windows(split);
            let loss = |weighting| mean_loss(&plan.options, dataset, windows, prediction, weighting);
            metrics.set_log_likelihood(|weighting| -loss(weighting));
        }
        metrics
    };
    let layout = &plan.program.params;
    let (mut replicas, mut all_kept) = (Vec::new(), Vec::new());
    for (r, replica) in trained.replicas.iter().enumerate() {
        let kept = Kept { params: engine.read_f32(PARAMS, r)?, state: engine.read_f32(STATE, r)? };
        let wanted = plan.members[r].prune.as_ref().map(|prune| prune.sparsity.max);
        let sparsity = SparsityReport::new((&plan.began().program.params, layout), &engine.read_u32(MASK, r)?, wanted);
        replicas.push(ReplicaSummary {
            replica: r,
            seed: replica.seed,
            epochs: replica.epochs,
            steps: replica.steps,
            best_epoch: replica.kept,
            diverged: replica.diverged.clone(),
            validation: scored(SplitName::Validation, &validation[r]),
            test: scored(SplitName::Test, &test_predictions[r]),
            living_weights: sparsity.living_weights,
            sparsity,
            weights_sha256: weights::sha256(layout, &kept.params, &plan.program.state, &kept.state),
        });
        all_kept.push(kept);
    }
    let options = &plan.options;
    let model = options.model.described();
    let summary = Summary {
        format_version: FORMAT_VERSION,
        status: trained.status,
        engine: engine.kind(),
        device: engine.device(),
        threads: engine.threads(),
        model: ModelSummary {
            kind: options.model.kind.to_string(),
            hidden: model.width(),
            layers: model.layers,
            patchtst: PatchtstHeader::new(&model),
            regularizer: options.regularizers.to_string(),
            instance_norm: options.model.instance_norm.map_or("none".into(), |norm| norm.to_string()),
            linear_path: options.model.linear_path.to_string(),
            loss: options.loss.to_string(),
            bounds: dataset.resolved.bounds.map(|bounds| bounds.to_string()),
            parameters: layout.total(),
            prunable_weights: layout.prunable(),
            pruning: Some(options.prune_rule.clone()).filter(|rule| *rule != PruneRule::default()),
        },
        data: data_summary(dataset),
        best: replicas[best_on_validation(&replicas)].clone(),
        levels: levels.iter().map(|level| level.percent()).collect(),
        baselines,
        spread: Spread::over(&replicas),
        replicas,
        seconds: trained.seconds,
        windows_per_second: trained.windows_per_second,
        notices: [&dataset.notices[..], &plan.notices, &trained.notices].concat(),
    };
    Ok(Outcome {
        summary,
        trained,
        kept: all_kept,
        device: DeviceHeader::of(engine),
        test_predictions,
        calibrating_predictions,
    })
}

/// The lowest scaled validation MSE, or CRPS, among replicas whose numbers are finite, those that diverged last; if there is none, the
/// first that did not diverge.
fn best_on_validation(replicas: &[ReplicaSummary]) -> usize {
    // Of quantiles and distributions all of them count, not the point alone.
    let score = |replica: &ReplicaSummary| {
        let scores = replica.validation.deciding();
        scores.intervals.as_ref().map_or(scores.scaled.mse, |intervals| intervals.scaled_crps)
    };
    let lost = |replica: &ReplicaSummary| replica.diverged.is_some();
    let finite = replicas.iter().filter(|replica| score(replica).is_finite());
    let best = finite.min_by(|a, b| lost(a).cmp(&lost(b)).then(score(a).total_cmp(&score(b))));
    let best = best.or_else(|| replicas.iter().find(|replica| !lost(replica)));
    best.map_or(0, |replica| replica.replica)
}

fn data_summary(dataset: &Dataset) -> DataSummary {
    DataSummary {
        name: dataset.name.clone(),
        fingerprint: dataset.fingerprint.clone(),
        series: dataset.series.len(),
        left_out: dataset.left_out.len(),
        rows: dataset.rows(),
        channels: dataset.channel_names().to_vec(),
        targets: dataset.target_names().to_vec(),
        lookback: dataset.lookback,
        horizon: dataset.horizon,
        season: dataset.season,
        windows: WindowCounts {
            train: dataset.train.len(),
            validation: dataset.validation.len(),
            test: dataset.test.len(),
        },
        missing_targets: dataset.observed.iter().filter(|&&observed| observed == 0.0).count(),
    }
}
