//! Where each named weight lies in a replica's row of the parameter arenas.

use super::rng;
use crate::dims::padded;

/// One named weight: a span of words in `PARAMS`, `GRADS` and both moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// PyTorch's name, such as `lstm.weight_ih_l0`.
    pub name: String,
    pub shape: Vec<usize>,
    /// Whether synaptic pruning, L2 and weight decay apply: weight matrices, never biases.
    pub prunable: bool,
    /// Initialised uniformly in ±bound.
    pub bound: f32,
    /// First word in a replica's row.
    pub offset: usize,
}

impl Param {
    /// A weight that [`ParamLayout::new`] will place.
    pub fn new(name: impl Into<String>, shape: &[usize], prunable: bool, bound: f32) -> Self {
        Param { name: name.into(), shape: shape.to_vec(), prunable, bound, offset: 0 }
    }

    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// The row `[P]` of one replica: prunable weights first, every span padded to 64 words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParamLayout {
    /// In arena order.
    pub params: Vec<Param>,
    /// Words of the prunable prefix, padding included.
    pub prunable_words: usize,
    /// P: words of a row, padding included.
    pub words: usize,
}

impl ParamLayout {
    /// Lays out weights, prunable ones first, otherwise in the order given.
    pub fn new(weights: Vec<Param>) -> Self {
        let mut layout = ParamLayout::default();
        let (first, last): (Vec<_>, Vec<_>) = weights.into_iter().partition(|weight| weight.prunable);
        for mut param in first.into_iter().chain(last) {
            param.offset = layout.words;
            layout.words += padded(param.len());
            if param.prunable {
                layout.prunable_words = layout.words;
            }
            layout.params.push(param);
        }
        layout
    }

    /// The row of a fresh model: each weight uniform in ±bound, drawn from (seed, `init:` + name, element).
    pub fn initial(&self, seed: u32) -> Vec<f32> {
        let mut row = vec![0.0; self.words];
        for param in &self.params {
            let site = rng::site(&format!("init:{}", param.name));
            for (i, word) in row[param.range()].iter_mut().enumerate() {
                *word = (2.0 * rng::unit(rng::draw(seed, site, 0, i as u32)) - 1.0) * param.bound;
            }
        }
        row
    }

    /// N: real prunable weights.
    pub fn prunable(&self) -> usize {
        self.params.iter().filter(|p| p.prunable).map(Param::len).sum()
    }

    /// All real weights.
    pub fn total(&self) -> usize {
        self.params.iter().map(Param::len).sum()
    }

    pub fn get(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|p| p.name == name)
    }

    /// The weight whose span holds `word`.
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
}
