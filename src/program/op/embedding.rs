//! The ops of categorical inputs: a channel holds the code of a level, and the network reads a row of a learned table in its place.
//!
//! More letters: N rows of windows, B·T; C words of a row that is read, W of one that is written.

use crate::program::tensor::TensorId;

/// A table of `nn.Embedding`, in the arenas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its rows: one per level, and the first, of code 0.
    pub levels: usize,
    /// Words of a row.
    pub width: usize,
    /// The first word.
    pub first: usize,
}

/// Which words of a row are numbers, which are codes, and where the rows of tables go: the numbers come first, in their order, then
/// the row of each table, then zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingColumns {
    /// C
    pub channels: usize,
    /// The first channel of codes; as many follow one another as there are tables.
    pub codes: usize,
    /// Channels that hold numbers: those before the codes, and some after them.
    pub numbers: usize,
    /// By channel of codes.
    pub tables: Vec<Table>,
    /// W
    pub width: usize,
}

impl EmbeddingColumns {
    /// Each table with its channel, and with the first of its words in a row that is written.
    pub fn places(&self) -> impl Iterator<Item = (&Table, usize, usize)> {
        let mut at = self.numbers;
        self.tables.iter().enumerate().map(move |(i, table)| {
            let first = at;
            at = at.saturating_add(table.width);
            (table, self.codes.saturating_add(i), first)
        })
    }

    /// Words of a row that is written, but for the zeros.
    #[must_use]
    pub fn words(&self) -> usize {
        self.tables.iter().fold(self.numbers, |words, table| words.saturating_add(table.width))
    }
}

/// `output[n] = (numbers of input[n], table₁[code₁[n]], table₂[code₂[n]], …, 0, …)`. A code that its table does not have is code 0.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingForward {
    /// N
    pub rows: usize,
    /// What lies where.
    pub columns: EmbeddingColumns,
    /// `[N, C]`
    pub input: TensorId,
    /// `[N, W]`
    pub output: TensorId,
}

/// `d_table[level, e] = Σ d_output[n, e]` of the rows n whose code is `level`, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingBackward {
    /// N
    pub rows: usize,
    /// What lies where; W is that of `d_output`.
    pub columns: EmbeddingColumns,
    /// `[N, C]`
    pub input: TensorId,
    /// `[N, W]`
    pub d_output: TensorId,
}
