//! Small programs with random data, the same for every engine.

use std::fmt;

use crate::engine::Engine;
use crate::error::Result;
use crate::models::{self, LinearPath, ModelKind, ModelOptions, PatchtstOptions, PruneRule, Regrow, Training, Variant};
use crate::program::builder::{Category, Sizes};
use crate::program::op::{Activation, InstanceNorm, Link, LossKind, Objective};
use crate::program::tensor::*;
use crate::program::{Cell, Program, ReplicaStep, rng};

/// A model, its data's sizes, and what each replica's steps look like.
#[derive(Debug, Clone)]
#[must_use]
pub struct Case {
    /// The model that is built.
    pub model: ModelOptions,
    /// Loss, dropout and clipping of its training step.
    pub training: Training,
    /// Sizes of its data, batch and step table.
    pub sizes: Sizes,
    /// Probability of dropping an element, where `training` drops any.
    pub dropout: f64,
    /// Largest L2 norm of all gradients together; 0 for no clipping.
    pub clip_norm: f32,
    /// Weights that each step with [`crate::program::List::Prune`] removes.
    pub prune_count: u32,
}

/// Codes of instance norms in a step table, with that of none.
const NORMS: u32 = InstanceNorm::ALL.len() as u32 + 1;

impl Case {
    /// One layer, three channels of which two are targets, horizon 2, four slots; MSE, nothing else.
    pub fn new(kind: ModelKind, replicas: usize, batch: usize, lookback: usize, hidden: usize) -> Self {
        Case {
            model: ModelOptions { hidden, layers: 1, instance_norm: None, ..ModelOptions::of(kind, Variant::Official) },
            training: Training::scoring(),
            sizes: Sizes {
                replicas,
                batch,
                slots: 4,
                prediction_slots: 2,
                rows: 60 + lookback,
                channels: 3,
                targets: 2,
                horizon: 2,
                lookback,
                series: 3,
                ..Sizes::default()
            },
            dropout: 0.0,
            clip_norm: 0.0,
            prune_count: 0,
        }
    }

    /// A tiny PatchTST of two layers, three channels that are all targets, horizon 2; MSE, nothing else.
    pub fn patchtst(variant: Variant, replicas: usize, batch: usize, lookback: usize) -> Self {
        let mut case = Case::new(ModelKind::Patchtst, replicas, batch, lookback, 0);
        case.sizes.targets = case.sizes.channels;
        case.model = ModelOptions {
            layers: 2,
            patchtst: PatchtstOptions {
                patch: Some(4),
                stride: Some(2),
                d_model: 6,
                heads: 2,
                ff: 7,
                ..PatchtstOptions::of(variant)
            },
            ..ModelOptions::of(ModelKind::Patchtst, variant)
        };
        case
    }

    /// Changes settings of the PatchTST.
    pub fn set(mut self, change: impl FnOnce(&mut PatchtstOptions)) -> Self {
        change(&mut self.model.patchtst);
        self
    }

    /// Stacked layers.
    pub fn layers(mut self, layers: usize) -> Self {
        self.model.layers = layers;
        self
    }

    /// Prunes whole units; [`Self::prune`] then counts halves of weights.
    pub fn units(mut self) -> Self {
        self.training.units = true;
        self
    }

    /// Which weights may be pruned, and how they are ranked.
    pub fn rule(mut self, rule: PruneRule) -> Self {
        self.training.rule = rule;
        self
    }

    /// An RNN's nonlinearity.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.model.activation = activation;
        self
    }

    /// A linear map beside the network.
    pub fn path(mut self, path: LinearPath) -> Self {
        self.model.linear_path = path;
        self
    }

    /// The last channels are known for the rows to forecast: a decoder of so many units reads them.
    pub fn future(mut self, channels: usize, units: usize) -> Self {
        (self.sizes.future, self.model.decoder_hidden) = (channels, units);
        self
    }

    /// The channels from the first covariate on hold codes, each of so many levels; the width of embeddings is `width`.
    pub fn categories(mut self, levels: &[usize], width: Option<usize>) -> Self {
        let first = self.sizes.targets;
        let category =
            |(i, levels): (usize, &usize)| Category { name: format!("k{i}"), channel: first + i, levels: *levels };
        self.sizes.categories = levels.iter().enumerate().map(category).collect();
        self.sizes.channels = self.sizes.channels.max(first + levels.len());
        self.model.embedding_width = width;
        self
    }

    /// Rows of a DLinear's moving average.
    pub fn average(mut self, rows: usize) -> Self {
        self.model.moving_average = rows;
        self
    }

    /// Normalises windows.
    pub fn norm(mut self, norm: InstanceNorm) -> Self {
        self.model.instance_norm = Some(norm);
        self
    }

    /// The training loss.
    pub fn loss(self, loss: LossKind) -> Self {
        self.objective(Objective::Point(loss))
    }

    /// What is forecast of each value.
    pub fn objective(mut self, objective: Objective) -> Self {
        self.sizes.objective = objective;
        self
    }

    /// Bounds of the forecasts.
    pub fn link(mut self, link: Link) -> Self {
        self.sizes.link = Some(link);
        self
    }

    /// Dropout with this probability.
    pub fn dropout(mut self, p: f64) -> Self {
        self.training.dropout = true;
        self.dropout = p;
        self
    }

    /// Clips gradients to this L2 norm.
    pub fn clip(mut self, norm: f32) -> Self {
        self.training.clip = true;
        self.clip_norm = norm;
        self
    }

    /// How many prunable weights are 0 after a prune.
    pub fn prune(mut self, count: u32) -> Self {
        self.prune_count = count;
        self
    }

    /// Steps whose tables are on the device at once.
    pub fn slots(mut self, slots: usize) -> Self {
        self.sizes.slots = slots;
        self
    }

    /// The program of its model and sizes.
    ///
    /// # Errors
    /// As [`models::build`].
    pub fn program(&self) -> Result<Program> {
        models::build(&self.model, &self.training, self.sizes.clone())
    }

    /// A word of the series: any number, or one that its bounds or its distribution allow.
    fn value(&self, i: usize) -> f32 {
        let channel = i % self.sizes.channels;
        if let Some(category) = self.sizes.categories.iter().find(|category| category.channel == channel) {
            return (rng::draw(7, 1, 1, i as u32) % (category.levels as u32 + 1)) as f32;
        }
        let value = rng::normal(7, 0, 1, i as u32);
        match (&self.sizes.objective, self.sizes.link) {
            // Whole numbers, where the scales are powers of two.
            (Objective::Distribution(distribution), _) if distribution.is_of_counts() => (2.0 * value.abs()).round(),
            (_, Some(Link::Above)) => (value - 0.3).max(0.0),
            (_, Some(Link::Below)) => (value + 0.3).min(0.0),
            (_, Some(Link::Between)) => (0.5 + value / 3.0).clamp(0.0, 1.0),
            (_, None) => value,
        }
    }

    /// By series and target, a scaler's deviation and mean; the last target of the last series lies at its bound.
    fn scales(&self) -> Vec<f32> {
        let s = &self.sizes;
        let count = s.series * s.targets;
        let mean = if s.link.is_some() { 0.0 } else { 0.7 };
        let deviation = |i: usize| if i + 1 == count && s.link.is_some() { 0.0 } else { [1.0, 2.0, 4.0][i % 3] };
        (0..count).flat_map(|i| [deviation(i), mean]).collect()
    }

    /// Replica r has seed `first_seed + r`, and its windows by that seed; the last window place of slot 1 is empty. If the model
    /// normalises windows, the seed says how: as the model does, in another way, or not at all.
    pub fn load(&self, engine: &mut dyn Engine, first_seed: u32) -> Result<()> {
        let s = &self.sizes;
        let layout = engine.program().params.clone();
        let state = engine.program().state.initial();
        let series: Vec<f32> = (0..s.rows * s.channels).map(|i| self.value(i)).collect();
        engine.write_f32(SERIES, 0, &series)?;
        // Every ninth target is missing, and rows have weights.
        let weight = |i: usize| if i % 9 == 4 { 0.0 } else { [1.0, 0.5, 0.25][i / s.targets % 3] };
        let observed: Vec<f32> = (0..s.rows * s.targets).map(weight).collect();
        engine.write_f32(OBSERVED, 0, &observed)?;
        if s.reads_scalers() {
            let starts: Vec<u32> = (0..s.series).map(|n| (n * s.rows / s.series) as u32).collect();
            engine.write_u32(SERIES_STARTS, 0, &starts)?;
            engine.write_f32(SCALES, 0, &self.scales())?;
        }
        for r in 0..s.replicas {
            let seed = first_seed + r as u32;
            engine.write_f32(PARAMS, r, &layout.initial(seed))?;
            engine.write_f32(STATE, r, &state)?;
            engine.write_u32(MASK, r, &layout.full_mask())?;
            let places = s.slots * s.batch;
            let last = (s.rows - s.lookback - s.horizon + 1) as u32;
            let mut windows: Vec<u32> = (0..places).map(|i| rng::draw(seed, 99, 0, i as u32) % last).collect();
            if s.batch > 1 && s.slots > 1 {
                windows[2 * s.batch - 1] = NO_WINDOW;
            }
            engine.write_u32(WINDOWS, r, &windows)?;
            let mut table = Vec::new();
            for slot in 0..s.slots {
                let batch = &windows[slot * s.batch..][..s.batch];
                let count: f32 = batch
                    .iter()
                    .filter(|&&w| w != NO_WINDOW)
                    .flat_map(|&w| {
                        let first = (w as usize + s.lookback) * s.targets;
                        &observed[first..first + s.horizon * s.targets]
                    })
                    .sum();
                table.push(ReplicaStep {
                    dropout_threshold: ReplicaStep::threshold(self.dropout),
                    attention_threshold: ReplicaStep::threshold(self.model.patchtst.attention_dropout),
                    head_threshold: ReplicaStep::threshold(self.model.patchtst.head_dropout),
                    inv_target_count: if count > 0.0 { 1.0 / count } else { 0.0 },
                    clip_norm: self.clip_norm,
                    prune_count: self.prune_count,
                    instance_norm: self.model.instance_norm.map_or(0, |norm| (norm as u32 + seed + 1) % NORMS),
                    ..ReplicaStep::adam(seed, slot as u32 + 1, 1e-3, 0.9)
                });
            }
            engine.write_u32(STEPS, r, bytemuck::cast_slice(&table))?;
            if let Some(id) = engine.program().prune_counts() {
                let shares = layout.shares(self.prune_count as usize).unwrap_or_default();
                let shares: Vec<u32> = shares.into_iter().map(|share| share as u32).collect();
                engine.write_u32(id, r, &shares.repeat(s.slots))?;
            }
            if let Some(id) = engine.program().regrow_counts() {
                let counts = vec![3; engine.program().tensor(id).words()];
                engine.write_u32(id, r, &counts)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (model, s) = (&self.model, &self.sizes);
        write!(f, "{} R={} B={} T={}", model.kind, s.replicas, s.batch, s.lookback)?;
        if model.kind == ModelKind::Patchtst {
            let p = model.patchtst.resolved(s.lookback);
            let cut = [p.patch, p.stride].map(Option::unwrap_or_default);
            write!(f, " {} patch={}/{} D={} heads={} ff={}", p.variant, cut[0], cut[1], p.d_model, p.heads, p.ff)?;
            write!(f, " {} {} {} {}", p.norm, p.norm_position, p.ff_activation, p.pool)?;
        } else if !model.kind.is_linear() {
            write!(f, " H={}", model.hidden)?;
        }
        if model.layers > 1 {
            write!(f, " layers={}", model.layers)?;
        }
        if let Some(Cell::Rnn(activation)) = model.cell() {
            write!(f, " {activation}")?;
        }
        if model.kind == ModelKind::Dlinear {
            write!(f, " average={}", model.moving_average)?;
        }
        if let Some(norm) = model.instance_norm {
            write!(f, " norm={norm}")?;
        }
        if model.linear_path != LinearPath::None {
            write!(f, " linear path={}", model.linear_path)?;
        }
        if s.future > 0 {
            write!(f, " future={} decoder={}", s.future, model.decoder_hidden)?;
        }
        if !s.categories.is_empty() {
            let widths = s.categories.iter().map(|one| (one.levels, model.width_of(one.levels)));
            write!(f, " embeddings={:?}", widths.collect::<Vec<_>>())?;
        }
        match &s.objective {
            Objective::Point(loss) => write!(f, " {loss:?}")?,
            Objective::Quantiles(levels) => write!(f, " quantiles={levels:?}")?,
            Objective::Distribution(distribution) => write!(f, " {distribution}")?,
        }
        if let Some(link) = s.link {
            write!(f, " link={link:?}")?;
        }
        if self.training.dropout {
            write!(f, " dropout={}", self.dropout)?;
        }
        if self.training.clip {
            write!(f, " clip={}", self.clip_norm)?;
        }
        if self.training.units {
            write!(f, " units")?;
        }
        let rule = &self.training.rule;
        if *rule != PruneRule::default() {
            write!(f, " prune by {} of {} without {:?}", rule.score, rule.among, rule.exclude)?;
            if let Some(cap) = rule.cap {
                write!(f, " up to {cap}")?;
            }
            if rule.regrow != Regrow::None {
                write!(f, " grow by {}", rule.regrow)?;
            }
        }
        Ok(())
    }
}
