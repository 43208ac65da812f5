//! Where each named weight lies in a replica's row of the parameter arenas.

use super::rng;
use super::scope::{PruneScope, PruneScore};
use super::units::UnitSet;
use crate::dims::{padded, product};

/// One named weight: a span of words in `PARAMS`, `GRADS` and both moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// PyTorch's name, such as `lstm.weight_ih_l0`.
    pub name: String,
    /// As in a state dict; the first is the number of rows.
    pub shape: Vec<usize>,
    /// Whether synaptic pruning, L2 and weight decay apply: weight matrices, never biases.
    pub prunable: bool,
    /// Its values before training.
    pub initial: Initial,
    /// Lies right after the weight before it, so that one product reads both.
    pub joined: bool,
    /// N > 0: a state dict counts columns feature by feature, `[rows, D, N]`; the arena patch by patch, `[rows, N, D]`, as
    /// the activations lie that they multiply.
    pub turned: usize,
    /// First word in a replica's row.
    pub offset: usize,
}

/// How a weight starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// Uniform in ±bound.
    Uniform(f32),
    /// Normal around 0 with this deviation.
    Normal(f32),
    /// This value everywhere.
    Constant(f32),
    /// Normal around 0 with deviation 1, but for the first row, which is 0: as `nn.Embedding` with `padding_idx=0`.
    Embedding,
    /// Sines and cosines of `[N, D]` (Vaswani et al. 2017, section 3.5), less their mean, over ten times their sample
    /// deviation, as PatchTST has them.
    SineCosine,
}

impl Param {
    /// A weight that [`ParamLayout::new`] will place, uniform in ±bound.
    pub fn new(name: impl Into<String>, shape: &[usize], prunable: bool, bound: f32) -> Self {
        let initial = Initial::Uniform(bound);
        Param { name: name.into(), shape: shape.to_vec(), prunable, initial, joined: false, turned: 0, offset: 0 }
    }

    /// Other values to start from.
    #[must_use]
    pub fn initial(self, initial: Initial) -> Self {
        Param { initial, ..self }
    }

    /// Right after the weight declared before it.
    #[must_use]
    pub fn joined(self) -> Self {
        Param { joined: true, ..self }
    }

    /// With columns `[D, N]` in a state dict, for N patches.
    #[must_use]
    pub fn turned(self, patches: usize) -> Self {
        Param { turned: patches, ..self }
    }

    /// The weight's values in a replica's row, in the order of a state dict.
    #[must_use]
    pub fn named(&self, row: &[f32]) -> Vec<f32> {
        let values = &row[self.range()];
        (0..self.len()).map(|i| values[self.place(i)]).collect()
    }

    /// Puts values in the order of a state dict into a replica's row.
    pub fn set(&self, row: &mut [f32], values: impl IntoIterator<Item = f32>) {
        for (i, value) in values.into_iter().enumerate().take(self.len()) {
            row[self.offset + self.place(i)] = value;
        }
    }

    /// Where element i of the state dict's tensor lies in the span.
    fn place(&self, i: usize) -> usize {
        if self.turned == 0 {
            return i;
        }
        let columns = self.len() / self.shape[0];
        let (row, column) = (i / columns, i % columns);
        let (d, n) = (column / self.turned, column % self.turned);
        row * columns + n * (columns / self.turned) + d
    }

    /// Its words.
    #[must_use]
    pub fn len(&self) -> usize {
        product(&self.shape)
    }

    /// Whether it has no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its words in a row.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// The row `[P]` of one replica: prunable weights first, every span padded to 64 words but for joined ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParamLayout {
    /// In arena order.
    pub params: Vec<Param>,
    /// Words of the prunable prefix, padding included.
    pub prunable_words: usize,
    /// P: words of a row, padding included.
    pub words: usize,
    /// What pruning takes as wholes; empty where it takes single weights.
    pub units: Vec<UnitSet>,
    /// Whether each set of them is ranked on its own.
    pub units_by_set: bool,
    /// Which single weights pruning takes, and in which groups; `None`: all prunable ones, in one.
    pub scope: Option<PruneScope>,
    /// By what weights or units are ranked.
    pub score: PruneScore,
}

impl ParamLayout {
    /// Lays out weights, prunable ones first, otherwise in the order given.
    #[must_use]
    pub fn new(weights: Vec<Param>) -> Self {
        let mut layout = ParamLayout::default();
        let (first, last): (Vec<_>, Vec<_>) = weights.into_iter().partition(|weight| weight.prunable);
        let mut end = 0;
        for mut param in first.into_iter().chain(last) {
            param.offset = if param.joined { end } else { layout.words };
            end = param.offset.saturating_add(param.len());
            layout.words = padded(end);
            if param.prunable {
                layout.prunable_words = layout.words;
            }
            layout.params.push(param);
        }
        layout
    }

    /// The row of a fresh model, drawn from (seed, `init:` + name, element of the state dict's tensor).
    #[must_use]
    pub fn initial(&self, seed: u32) -> Vec<f32> {
        let mut row = vec![0.0; self.words];
        for param in &self.params {
            let site = rng::site(&format!("init:{}", param.name));
            let elements = 0..param.len() as u32;
            match param.initial {
                Initial::Uniform(bound) => {
                    let value = |i| (2.0 * rng::unit(rng::draw(seed, site, 0, i)) - 1.0) * bound;
                    param.set(&mut row, elements.map(value));
                }
                Initial::Normal(std) => param.set(&mut row, elements.map(|i| rng::normal(seed, site, 0, i) * std)),
                Initial::Embedding => {
                    let first = param.shape[1] as u32;
                    let value = |i| if i < first { 0.0 } else { rng::normal(seed, site, 0, i) };
                    param.set(&mut row, elements.map(value));
                }
                Initial::Constant(value) => param.set(&mut row, elements.map(|_| value)),
                Initial::SineCosine => param.set(&mut row, sine_cosine(param.shape[0], param.shape[1])),
            }
        }
        row
    }

    /// N: real prunable weights.
    pub fn prunable(&self) -> usize {
        self.params.iter().filter(|p| p.prunable).map(Param::len).sum()
    }

    /// All real weights.
    #[must_use]
    pub fn total(&self) -> usize {
        self.params.iter().fold(0, |words, param| words.saturating_add(param.len()))
    }

    /// By its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|p| p.name == name)
    }

    /// The weight whose span holds `word`.
    #[must_use]
    pub fn owner(&self, word: usize) -> Option<&Param> {
        self.params.iter().find(|p| p.range().contains(&word))
    }

    /// The mask before any pruning: a bit for every real weight, none for padding.
    pub fn full_mask(&self) -> Vec<u32> {
        let mut mask = vec![0; self.words / 32];
        for word in self.params.iter().flat_map(Param::range) {
            mask[word / 32] |= 1 << (word % 32);
        }
        mask
    }

    /// The mask of a row of weights: every one but exact zeros of matrices that pruning takes.
    pub fn living(&self, params: &[f32]) -> Vec<u32> {
        let mut mask = self.full_mask();
        for word in self.ranges().into_iter().flatten() {
            if params[word] == 0.0 {
                mask[word / 32] &= !(1 << (word % 32));
            }
        }
        mask
    }
}

/// See [`Initial::SineCosine`].
fn sine_cosine(patches: usize, width: usize) -> Vec<f32> {
    let angle = |i: usize| {
        let (n, d) = (i / width, i % width);
        let rate = (-(10_000f64.ln()) * (d - d % 2) as f64 / width as f64).exp();
        let angle = n as f64 * rate;
        if d.is_multiple_of(2) { angle.sin() } else { angle.cos() }
    };
    let mut values: Vec<f64> = (0..patches * width).map(angle).collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter_mut().for_each(|value| *value -= mean);
    let deviation = (values.iter().map(|value| value * value).sum::<f64>() / (count - 1.0).max(1.0)).sqrt();
    values.into_iter().map(|value| (value / (10.0 * deviation)) as f32).collect()
}

/// Something a model learns without a gradient: a span of words in `STATE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// PyTorch's name, such as `…batchnorm.running_mean`.
    pub name: String,
    /// `[]` for a count, which a state dict holds as an integer.
    pub shape: Vec<usize>,
    /// Its value before training.
    pub initial: f32,
    /// First word in a replica's row.
    pub offset: usize,
}

impl Running {
    /// Whether a state dict holds it as a 64-bit integer.
    #[must_use]
    pub fn is_count(&self) -> bool {
        self.shape.is_empty()
    }

    /// Words: two of a count.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.is_count() { 2 } else { self.shape.iter().product() }
    }

    /// Whether it has no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its words in a row.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }

    /// A count from its words in a row: below [`COUNT_BASE`], and how often that was reached.
    #[must_use]
    pub fn count(&self, row: &[f32]) -> i64 {
        let words = &row[self.range()];
        words[0] as i64 + words[1] as i64 * COUNT_BASE as i64
    }

    /// Writes a count into a row of state.
    pub fn set_count(&self, row: &mut [f32], count: i64) {
        let base = COUNT_BASE as i64;
        row[self.range()].copy_from_slice(&[(count % base) as f32, (count / base) as f32]);
    }
}

/// A count carries over here: an f32 counts no further than 2²⁴.
pub const COUNT_BASE: u32 = 1 << 20;

/// The row `[S]` of one replica's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateLayout {
    /// In the order of their words.
    pub entries: Vec<Running>,
    /// S
    pub words: usize,
}

impl StateLayout {
    /// Adds the running statistics of a BatchNorm over `width` features, as PyTorch names them; gives their first word.
    pub fn batch_norm(&mut self, name: &str, width: usize) -> usize {
        let first = self.words;
        let parts = [("running_mean", vec![width], 0.0), ("running_var", vec![width], 1.0)];
        for (part, shape, initial) in parts.into_iter().chain([("num_batches_tracked", Vec::new(), 0.0)]) {
            let entry = Running { name: format!("{name}.{part}"), shape, initial, offset: self.words };
            self.words += entry.len();
            self.entries.push(entry);
        }
        first
    }

    /// The row of a fresh model.
    #[must_use]
    pub fn initial(&self) -> Vec<f32> {
        self.entries.iter().flat_map(|entry| vec![entry.initial; entry.len()]).collect()
    }

    /// By its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Running> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}
