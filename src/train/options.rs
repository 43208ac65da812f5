//! What a training run is asked to do. Every choice parses from, and prints as, the word used by flags and TOML keys.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::auto::Auto;
use super::loss::{Loss, QuantileLevels};
use crate::data::options::parse_list;
use crate::error::{Error, Result};
use crate::models::{ModelOptions, PruneRule};
use crate::words::words;

/// How the weights are trained and the epoch chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Table", into = "toml::Table")]
pub struct TrainOptions {
    /// The network.
    pub model: ModelOptions,
    /// What of it is left to the validation rows: [`choose`](super::auto::choose) settles it before there is a plan.
    pub auto: Auto,
    /// B: windows per step.
    pub batch: usize,
    /// Most passes over the training windows. Default: by [`TrainOptions::length`].
    pub epochs: Option<usize>,
    /// Epochs without a better validation loss before a replica stops; 0 never stops. Default: by [`TrainOptions::length`].
    pub patience: Option<usize>,
    /// Learning rate; with [`LrSchedule::OneCycle`], its peak.
    pub lr: f64,
    /// The learning rate over the run.
    pub lr_schedule: LrSchedule,
    /// The share of the steps that [`LrSchedule::OneCycle`] rises for.
    pub pct_start: f64,
    /// Largest L2 norm of all gradients together.
    pub clip_grad_norm: Option<f64>,
    /// By which measure a model learns.
    pub loss: Loss,
    /// Of [`Loss::Quantile`].
    pub levels: QuantileLevels,
    /// Replica r trains with seed + r.
    pub seed: u32,
    /// R: models trained side by side.
    pub replicas: usize,
    /// Against overfitting.
    pub regularizers: Regularizers,
    /// Probability of dropping an element.
    pub dropout: f64,
    /// Forward passes averaged at evaluation under [`Regularizer::McDropout`].
    pub mc_passes: usize,
    /// λ of [`Regularizer::L2`] and [`Regularizer::WeightDecay`].
    pub weight_decay: f64,
    /// Of regularizers that prune.
    pub pruning: PruningOptions,
    /// What is pruned as a whole, in all replicas.
    pub prune_unit: PruneUnit,
    /// When a run goes on without the units that fell.
    pub compact_every: CompactEvery,
    /// Which weights may be pruned, and how they are ranked, in all replicas.
    pub prune_rule: PruneRule,
    /// Which epoch's weights are kept.
    pub select: Select,
    /// A safetensors file with weights to start from, by PyTorch's names.
    pub init: Option<PathBuf>,
    /// Whether each epoch draws its own order of windows.
    pub shuffle: bool,
    /// Stop after this many optimizer steps and keep the last weights.
    pub max_steps: Option<u64>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            model: ModelOptions::default(),
            auto: Auto::default(),
            batch: 64,
            epochs: None,
            patience: None,
            lr: 1e-3,
            lr_schedule: LrSchedule::Constant,
            pct_start: 0.3,
            clip_grad_norm: None,
            loss: Loss::Mse,
            levels: QuantileLevels::default(),
            seed: 42,
            replicas: 1,
            regularizers: Regularizers(vec![Regularizer::Pruning]),
            dropout: 0.3,
            mc_passes: 50,
            weight_decay: 0.01,
            pruning: PruningOptions::default(),
            prune_unit: PruneUnit::Weight,
            compact_every: CompactEvery::Never,
            prune_rule: PruneRule::default(),
            select: Select::Best,
            init: None,
            shuffle: true,
            max_steps: None,
        }
    }
}

/// When a run goes on without the units that fell: `none`, `auto`, or at the ends of epochs divisible by a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactEvery {
    /// Never.
    Never,
    /// At the end of an epoch after which that pays, see [`super::shrink`].
    Auto,
    /// At the ends of epochs divisible by this, where any unit can go.
    Epochs(usize),
}

impl FromStr for CompactEvery {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(CompactEvery::Never),
            "auto" => Ok(CompactEvery::Auto),
            _ => text.parse().ok().filter(|epochs| *epochs > 0).map(CompactEvery::Epochs).ok_or_else(|| {
                let help = "give a number of epochs from 1, auto or none";
                Error::config("compact-every", format!("{text:?} is neither"), help)
            }),
        }
    }
}

impl fmt::Display for CompactEvery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompactEvery::Never => f.write_str("none"),
            CompactEvery::Auto => f.write_str("auto"),
            CompactEvery::Epochs(epochs) => write!(f, "{epochs}"),
        }
    }
}

/// Synaptic pruning (arXiv 2508.09330): how much, when, and along which curve.
#[derive(Debug, Clone, PartialEq)]
pub struct PruningOptions {
    /// Where pruning starts, and where it ends.
    pub sparsity: Sparsity,
    /// The way from one to the other.
    pub schedule: Schedule,
    /// The first epoch that may prune, from 1: warm-up 2 leaves one dense epoch, as the paper's formula does.
    pub warmup: Option<usize>,
    /// Prune at steps divisible by this.
    pub every: usize,
    /// The epoch that reaches the largest sparsity.
    pub until: Option<usize>,
    /// RigL's α: the share of the living weights that falls at first beyond the schedule, where as many grow again.
    pub regrow_fraction: f64,
    /// The last epoch in which weights grow again.
    pub regrow_until: Option<usize>,
}

impl Default for PruningOptions {
    fn default() -> Self {
        PruningOptions {
            sparsity: Sparsity { min: 0.3, max: 0.7 },
            schedule: Schedule::Cubic,
            warmup: None,
            every: 5,
            until: None,
            regrow_fraction: 0.3,
            regrow_until: None,
        }
    }
}

/// `MIN..MAX`, fractions of all prunable weights, or of what units hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sparsity {
    /// Fraction that the first prune leaves out.
    pub min: f64,
    /// Fraction that is left out at the end.
    pub max: f64,
}

impl FromStr for Sparsity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem: &str| {
            Error::config(
                "sparsity",
                format!("{text:?} {problem}"),
                "write MIN..MAX with 0 ≤ MIN ≤ MAX < 1, such as 0.3..0.7",
            )
        };
        let (min, max) = text.split_once("..").ok_or_else(|| bad("is not of the form MIN..MAX"))?;
        let parse = |part: &str| part.trim().parse::<f64>().map_err(|_| bad("holds something that is not a number"));
        let (min, max) = (parse(min)?, parse(max)?);
        if !(0.0 <= min && min <= max && max < 1.0) {
            return Err(bad("is out of range"));
        }
        Ok(Sparsity { min, max })
    }
}

impl fmt::Display for Sparsity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}

/// Comma-separated regularisers; empty is `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regularizers(pub Vec<Regularizer>);

impl Regularizers {
    /// Whether this one is among them.
    pub fn has(&self, regularizer: Regularizer) -> bool {
        self.0.contains(&regularizer)
    }

    /// Whether weights fall, by whichever criterion.
    pub fn prunes(&self) -> bool {
        self.has(Regularizer::Pruning) || self.has(Regularizer::RandomPruning)
    }

    /// Whether there is dropout in training.
    pub fn drops(&self) -> bool {
        self.has(Regularizer::Dropout) || self.has(Regularizer::McDropout)
    }
}

impl FromStr for Regularizers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let words = parse_list(text);
        if words == ["none"] {
            return Ok(Regularizers(Vec::new()));
        }
        if words.is_empty() {
            return Err(Error::config("regularizer", "no word is given", "say none, or name one or more"));
        }
        let mut list = Vec::new();
        for word in words {
            let regularizer = word.parse::<Regularizer>()?;
            if list.contains(&regularizer) {
                return Err(Error::config("regularizer", format!("`{regularizer}` is named twice"), "name each once"));
            }
            list.push(regularizer);
        }
        if list.contains(&Regularizer::Pruning) && list.contains(&Regularizer::RandomPruning) {
            let problem = "pruning and random-pruning exclude each other";
            return Err(Error::config("regularizer", problem, "choose which weights fall: the smallest, or any"));
        }
        Ok(Regularizers(list))
    }
}

impl fmt::Display for Regularizers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let words: Vec<String> = self.0.iter().map(Regularizer::to_string).collect();
        f.write_str(&words.join(","))
    }
}

/// The learning rate over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LrSchedule {
    /// `lr` throughout.
    Constant,
    /// PyTorch's `StepLR`: a tenth after each third of the epochs.
    Step,
    /// PyTorch's `OneCycleLR` over the run's steps with `max_lr` = lr, momentum cycling included.
    OneCycle,
    /// lr·0.9^(epoch − 3) from epoch 3 on, as PatchTST's scripts have it.
    Decay,
}
words!(
    LrSchedule,
    "lr-schedule",
    LrSchedule::Constant = "constant",
    LrSchedule::Step = "step",
    LrSchedule::OneCycle = "one-cycle",
    LrSchedule::Decay = "decay"
);

/// What keeps a network from learning its training rows by heart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regularizer {
    /// Hidden values are dropped in training, none at evaluation.
    Dropout,
    /// One training with dropout; the forecast is the mean over passes with dropout on.
    McDropout,
    /// λ·w added to the gradient of prunable weights, before Adam's moments.
    L2,
    /// AdamW: prunable weights shrink by lr·λ each step.
    WeightDecay,
    /// The weights of the smallest magnitude fall, by the schedule.
    Pruning,
    /// As many fall, at random: whether the choice by magnitude matters.
    RandomPruning,
}
words!(
    Regularizer,
    "regularizer",
    Regularizer::Dropout = "dropout",
    Regularizer::McDropout = "mc-dropout",
    Regularizer::L2 = "l2",
    Regularizer::WeightDecay = "weight-decay",
    Regularizer::Pruning = "pruning",
    Regularizer::RandomPruning = "random-pruning",
);

/// The curve of the wanted sparsity, see [`super::schedule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Slow first: the paper's curve, by epoch.
    Cubic,
    /// The same by optimizer step.
    CubicStep,
    /// Fast first (arXiv 1710.01878).
    ZhuGupta,
    /// Equal increments.
    Linear,
    /// All at once, in the first epoch that prunes.
    Constant,
}
words!(
    Schedule,
    "schedule",
    Schedule::Cubic = "cubic",
    Schedule::CubicStep = "cubic-step",
    Schedule::ZhuGupta = "zhu-gupta",
    Schedule::Linear = "linear",
    Schedule::Constant = "constant",
);

/// What pruning takes as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneUnit {
    /// Single weights.
    Weight,
    /// Hidden units, feed-forward units and attention heads: all weights into and out of one.
    Unit,
}
words!(PruneUnit, "prune-unit", PruneUnit::Weight = "weight", PruneUnit::Unit = "unit");

/// Which weights are kept and scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// Of the epoch with the lowest validation loss; under pruning, among those from full sparsity on.
    Best,
    /// Of the last epoch.
    Last,
}
words!(Select, "select", Select::Best = "best", Select::Last = "last");
