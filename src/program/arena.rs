//! Where each named weight lies in a replica's row of the parameter arenas.

use crate::dims::padded;

/// One named weight: a span of words in `PARAMS`, `GRADS` and both moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// PyTorch's name, such as `lstm.weight_ih_l0`.
    pub name: String,
    pub shape: Vec<usize>,
    /// Whether synaptic pruning, L2 and weight decay apply: weight matrices, never biases.
    pub prunable: bool,
    /// First word in a replica's row.
    pub offset: usize,
}

impl Param {
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParamLayout {
    /// In arena order.
    pub params: Vec<Param>,
    /// Words of the prunable prefix, padding included.
    pub prunable_words: usize,
    /// P: words of a row, padding included.
    pub words: usize,
}

impl ParamLayout {
    /// Lays out weights given as (name, shape, prunable), prunable ones first, otherwise in the order given.
    pub fn new(weights: Vec<(String, Vec<usize>, bool)>) -> Self {
        let mut layout = ParamLayout::default();
        let (first, last): (Vec<_>, Vec<_>) = weights.into_iter().partition(|weight| weight.2);
        for (name, shape, prunable) in first.into_iter().chain(last) {
            let param = Param { name, shape, prunable, offset: layout.words };
            layout.words += padded(param.len());
            if prunable {
                layout.prunable_words = layout.words;
            }
            layout.params.push(param);
        }
        layout
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
