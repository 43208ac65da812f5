//! Collects a model's ops: each layer pushes its forward, and beside it the backward; [`Builder::finish`] reverses the
//! backward list once.

use std::ops::Range;

use super::op::*;
use super::scope::{PruneGroup, PruneScope, PruneScore};
use super::tensor::*;
use super::{Param, ParamLayout, Program, ReplicaStep, StateLayout, scope, units};
use crate::error::Result;

/// The sizes every program needs.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// R: models side by side.
    pub replicas: usize,
    /// B: windows of a step.
    pub batch: usize,
    /// S: steps whose tables are on the device at once.
    pub slots: usize,
    /// Slots whose predictions are kept.
    pub prediction_slots: usize,
    /// Rows of the data set.
    pub rows: usize,
    /// C: columns of the series.
    pub channels: usize,
    /// K: the first columns, which are forecast.
    pub targets: usize,
    /// F: how many of the C, the last ones, are known for the rows to forecast, and read there; 0 of a model without a decoder.
    pub future: usize,
    /// Channels of codes, which follow one another.
    pub categories: Vec<Category>,
    /// Z: rows forecast.
    pub horizon: usize,
    /// T: rows read.
    pub lookback: usize,
    /// N: series of the data set.
    pub series: usize,
    /// What is forecast of each value.
    pub objective: Objective,
    /// What keeps forecasts within bounds.
    pub link: Option<Link>,
}

/// A channel of codes of levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Of its column.
    pub name: String,
    /// Its channel.
    pub channel: usize,
    /// Levels that are known: codes from 1 on. Code 0 stands for all others.
    pub levels: usize,
}

/// One of everything, and points by squared errors.
impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            replicas: 1,
            batch: 1,
            slots: 1,
            prediction_slots: 1,
            rows: 1,
            channels: 1,
            targets: 1,
            future: 0,
            categories: Vec::new(),
            horizon: 1,
            lookback: 1,
            series: 1,
            objective: Objective::Point(LossKind::Mse),
            link: None,
        }
    }
}

impl Sizes {
    /// Words of a window's row: its channels, and zeros up to a multiple of four, so that GPUs read rows as vec4.
    #[must_use]
    pub fn window_row(&self) -> usize {
        self.channels.next_multiple_of(4)
    }

    /// Whether an op reads the series' scalers.
    #[must_use]
    pub fn reads_scalers(&self) -> bool {
        let by_loss = match &self.objective {
            Objective::Point(loss) => *loss == LossKind::Smape,
            Objective::Quantiles(_) => false,
            Objective::Distribution(distribution) => distribution.is_of_counts(),
        };
        by_loss || self.link.is_some()
    }
}

/// What is picked, in which order.
#[derive(Clone, Copy)]
struct Select<'a> {
    groups: &'a [PruneGroup],
    count: PruneCount,
    dead: bool,
    within: Option<TensorId>,
    scores: TensorId,
    key: PruneKey,
}

/// Most words of a tensor that a model can cut: 128 MiB, what every device binds.
pub const MAX_WORDS: usize = 1 << 25;

/// A program under construction: [`layers`](crate::layers) push ops, [`Builder::finish`] checks them.
pub struct Builder {
    /// Those of the program.
    pub sizes: Sizes,
    /// [`MAX_WORDS`], but in tests.
    pub max_words: usize,
    params: ParamLayout,
    state: StateLayout,
    tensors: Vec<Tensor>,
    forward: Vec<Op>,
    backward: Vec<Op>,
    prune: Vec<Op>,
    update: Vec<Op>,
    evaluate: Vec<Op>,
}

impl Builder {
    /// Of a model that learns nothing but its weights.
    #[must_use]
    pub fn new(sizes: Sizes, params: ParamLayout) -> Self {
        Self::with_state(sizes, params, StateLayout::default())
    }

    /// Of a model with running statistics.
    #[must_use]
    pub fn with_state(sizes: Sizes, params: ParamLayout, state: StateLayout) -> Self {
        let mut builder = Builder {
            max_words: MAX_WORDS,
            tensors: Vec::new(),
            forward: Vec::new(),
            backward: Vec::new(),
            prune: Vec::new(),
            update: Vec::new(),
            evaluate: Vec::new(),
            params,
            state,
            sizes,
        };
        let s = builder.sizes.clone();
        let words = builder.params.words;
        let outputs = s.horizon * s.targets * s.objective.outputs();
        let scaled = if s.reads_scalers() { s.series } else { 0 };
        let running = if builder.params.score.is_running() { builder.params.prunable_words } else { 0 };
        let fixed = [
            ("params", vec![words], Element::F32, Fill::Zeros),
            ("grads", vec![words], Element::F32, Fill::Zeros),
            ("moment1", vec![words], Element::F32, Fill::Zeros),
            ("moment2", vec![words], Element::F32, Fill::Zeros),
            ("mask", vec![words / 32], Element::U32, Fill::Zeros),
            ("best_params", vec![words], Element::F32, Fill::Zeros),
            ("steps", vec![s.slots, ReplicaStep::WORDS], Element::U32, Fill::Zeros),
            ("windows", vec![s.slots, s.batch], Element::U32, Fill::Ones),
            ("losses", vec![s.slots], Element::F32, Fill::Zeros),
            ("status", vec![status::WORDS], Element::U32, Fill::Ones),
            ("predictions", vec![s.prediction_slots * s.batch, outputs], Element::F32, Fill::Unwritten),
            ("series", vec![s.rows, s.channels], Element::F32, Fill::Unwritten),
            ("observed", vec![s.rows, s.targets], Element::F32, Fill::Unwritten),
            ("grad_norm", vec![1], Element::F32, Fill::Zeros),
            ("state", vec![builder.state.words], Element::F32, Fill::Zeros),
            ("best_state", vec![builder.state.words], Element::F32, Fill::Zeros),
            ("series_starts", vec![scaled], Element::U32, Fill::Unwritten),
            ("scales", vec![scaled, s.targets, 2], Element::F32, Fill::Unwritten),
            ("score", vec![running], Element::F32, Fill::Zeros),
        ];
        for (i, (name, shape, element, fill)) in fixed.into_iter().enumerate() {
            let shared = DATA.contains(&TensorId(i as u32));
            builder.tensors.push(Tensor { name: name.into(), shape, element, fill, shared });
        }
        builder
    }

    /// The weight of this name, which the model declared.
    #[must_use]
    pub fn param(&self, name: &str) -> &Param {
        self.params.get(name).unwrap_or_else(|| panic!("the model declares no weight `{name}`"))
    }

    /// The first word of a running statistic, which the model declared.
    #[must_use]
    pub fn running(&self, name: &str) -> usize {
        self.state.get(name).unwrap_or_else(|| panic!("the model declares no state `{name}`")).offset
    }

    /// A per-replica f32 tensor that is written before it is read.
    pub fn tensor(&mut self, name: impl Into<String>, shape: &[usize]) -> TensorId {
        self.add(name.into(), shape, Element::F32, Fill::Unwritten)
    }

    /// Values that every replica reads and no op writes.
    pub fn constant(&mut self, name: impl Into<String>, values: Vec<f32>) -> TensorId {
        let shape = [values.len()];
        let id = self.add(name.into(), &shape, Element::F32, Fill::Constant(values));
        self.tensors[id.index()].shared = true;
        id
    }

    /// The same of integers.
    fn integers(&mut self, name: impl Into<String>, values: Vec<u32>) -> TensorId {
        let shape = [values.len()];
        let id = self.add(name.into(), &shape, Element::U32, Fill::Integers(values));
        self.tensors[id.index()].shared = true;
        id
    }

    fn add(&mut self, name: String, shape: &[usize], element: Element, fill: Fill) -> TensorId {
        self.tensors.push(Tensor { name, shape: shape.to_vec(), element, fill, shared: false });
        TensorId(self.tensors.len() as u32 - 1)
    }

    /// An op of training and evaluation alike.
    pub fn forward(&mut self, op: Op) {
        self.evaluate.push(op.clone());
        self.forward.push(op);
    }

    /// An op of training alone.
    pub fn train_only(&mut self, op: Op) {
        self.forward.push(op);
    }

    /// An op of evaluation alone.
    pub fn evaluate_only(&mut self, op: Op) {
        self.evaluate.push(op);
    }

    /// First and number of `count` items of `words` each, in ranges as few and as even as a tensor can hold. They follow
    /// from the model's shape alone, never from what a device binds.
    #[must_use]
    pub fn ranges(&self, count: usize, words: usize) -> Vec<(usize, usize)> {
        let fit = (self.max_words / words).clamp(1, count.max(1));
        let each = count.div_ceil(count.div_ceil(fit).max(1)).max(1);
        (0..count).step_by(each).map(|first| (first, each.min(count - first))).collect()
    }

    /// The inverse of the forward op just pushed: runs after the backward of everything pushed later.
    pub fn backward(&mut self, op: Op) {
        self.backward.push(op);
    }

    /// Pruning, clip and masked Adam.
    pub fn optimizer(&mut self, clip: bool) {
        let (prunable_words, words) = (self.params.prunable_words, self.params.words);
        if !self.params.units.is_empty() {
            self.prune_units();
        } else if let Some(scope) = self.params.scope.clone() {
            self.prune_scope(scope);
        } else if prunable_words > 0 {
            let histogram = self.add("prune.histogram".into(), &[Prune::DIGITS], Element::U32, Fill::Zeros);
            self.prune.push(Op::Prune(Prune { prunable_words, histogram }));
        }
        if clip {
            self.update.push(Op::GradNorm(GradNorm { words }));
        }
        self.update.push(Op::AdamMasked(AdamMasked { prunable_words, words }));
    }

    fn prune_units(&mut self) {
        let sets = self.params.units.clone();
        let table = self.integers("units", units::table(&sets));
        let importance = self.tensor("unit_importance", &[units::total(&sets)]);
        let scores = self.scores(self.params.ranges());
        let scored = scores.is_some();
        self.prune.push(Op::UnitImportance(UnitImportance { sets: sets.clone(), table, scores, importance }));
        let counts = self.params.units_by_set.then(|| self.counts("prune.counts", sets.len()));
        self.prune.push(Op::UnitPrune(UnitPrune { sets, table, importance, scored, counts }));
    }

    /// What weights are ranked by, if it is not their magnitudes; with the op that computes it.
    fn scores(&mut self, tensors: Vec<Range<usize>>) -> Option<TensorId> {
        let prunable_words = self.params.prunable_words;
        match self.params.score {
            PruneScore::Magnitude => None,
            PruneScore::Lamp => {
                let table = self.integers("lamp.table", lamp_table(&tensors));
                let score = self.add("lamp".into(), &[prunable_words], Element::F32, Fill::Zeros);
                self.prune.push(Op::LampScore(LampScore { tensors, table, score }));
                Some(score)
            }
            PruneScore::Gradient | PruneScore::Movement => Some(SCORE),
        }
    }

    /// What may fall of each tensor, where there is a cap; what falls of each group, and what grows again; its mask.
    fn prune_scope(&mut self, scope: PruneScope) {
        let prunable_words = self.params.prunable_words;
        let [fallen, capped, grown] = ["prune.fallen", "prune.capped", "prune.grown"]
            .map(|name| self.add(name.into(), &[prunable_words / 32], Element::U32, Fill::Zeros));
        let (scores, key) = match self.scores(scope.ranges().collect()) {
            Some(scores) => (scores, PruneKey::Score),
            None => (PARAMS, PruneKey::Magnitude),
        };
        // The step's own count, if it is of one group.
        let own = |builder: &mut Builder| match scope.groups.len() {
            1 => PruneCount::Step,
            groups => PruneCount::Table(builder.counts("prune.counts", groups)),
        };
        let fall = Select { groups: &scope.groups, count: own(self), dead: false, within: None, scores, key };
        let mut within = None;
        if !scope.capped.is_empty() {
            let count = PruneCount::AllBut(self.integers("prune.least", least(&scope.capped)));
            self.select("prune.cap", &Select { groups: &scope.capped, count, ..fall }, capped);
            within = Some(capped);
        }
        self.select("prune.fall", &Select { within, ..fall }, fallen);
        if scope.regrows {
            let count = PruneCount::Table(self.counts("regrow.counts", scope.groups.len()));
            let grow = Select { count, dead: true, scores: GRADS, key: PruneKey::Largest, ..fall };
            self.select("prune.grow", &grow, grown);
        }
        self.prune.push(Op::PruneApply(PruneApply { prunable_words, fallen, capped, grown }));
    }

    fn select(&mut self, name: &str, of: &Select, picked: TensorId) {
        let table = self.integers(format!("{name}.table"), scope::table(of.groups));
        let counts = [of.groups.len(), Prune::DIGITS];
        let histogram = self.add(format!("{name}.histogram"), &counts, Element::U32, Fill::Zeros);
        self.prune.push(Op::PruneSelect(PruneSelect {
            prunable_words: self.params.prunable_words,
            groups: of.groups.to_vec(),
            table,
            count: of.count,
            dead: of.dead,
            scores: of.scores,
            key: of.key,
            within: of.within,
            histogram,
            picked,
        }));
    }

    /// Counts of a step by group.
    fn counts(&mut self, name: &str, groups: usize) -> TensorId {
        self.add(name.into(), &[self.sizes.slots, groups], Element::U32, Fill::Zeros)
    }

    /// Reverses the backward list and checks every op against its tensors' shapes.
    pub fn finish(mut self) -> Result<Program> {
        self.backward.reverse();
        if self.params.score.is_running() && !self.prune.is_empty() {
            let (prunable_words, movement) = (self.params.prunable_words, self.params.score == PruneScore::Movement);
            self.backward.push(Op::ScoreUpdate(ScoreUpdate { prunable_words, movement }));
        }
        let program = Program {
            replicas: self.sizes.replicas,
            slots: self.sizes.slots,
            batch: self.sizes.batch,
            values: self.sizes.horizon * self.sizes.targets,
            outputs: self.sizes.horizon * self.sizes.targets * self.sizes.objective.outputs(),
            prediction_slots: self.sizes.prediction_slots,
            params: self.params,
            state: self.state,
            tensors: self.tensors,
            forward: self.forward,
            backward: self.backward,
            prune: self.prune,
            update: self.update,
            evaluate: self.evaluate,
        };
        super::check::check(&program)?;
        Ok(program)
    }
}
