//! Tensors: named storage. Each replica has its own row, or all replicas share one.

use crate::dims::{padded, product};

/// Index into [`Program::tensors`](super::Program::tensors).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub u32);

impl TensorId {
    /// Its place in [`Program::tensors`](super::Program::tensors).
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

// The tensors every program has, in this order. Shapes are one replica's.

/// Weights `[P]`, prunable ones first.
pub const PARAMS: TensorId = TensorId(0);
/// Gradients of the loss by each weight `[P]`.
pub const GRADS: TensorId = TensorId(1);
/// Adam's first moment `[P]`.
pub const MOMENT1: TensorId = TensorId(2);
/// Adam's second moment `[P]`.
pub const MOMENT2: TensorId = TensorId(3);
/// One bit per weight `[P/32]`, bit i%32 of word i/32: 1 living, 0 pruned or padding.
pub const MASK: TensorId = TensorId(4);
/// The weights of the best validation epoch `[P]`.
pub const BEST_PARAMS: TensorId = TensorId(5);
/// [`ReplicaStep`](super::ReplicaStep) per slot `[S, 16]`.
pub const STEPS: TensorId = TensorId(6);
/// First input row of each window of each slot `[S, B]`; [`NO_WINDOW`] past a short batch's end.
pub const WINDOWS: TensorId = TensorId(7);
/// The training loss of each slot `[S]`.
pub const LOSSES: TensorId = TensorId(8);
/// Where a gradient or weight first became non-finite `[4]`, see [`status`].
pub const STATUS: TensorId = TensorId(9);
/// Scaled predictions `[prediction slots · B, O]`.
pub const PREDICTIONS: TensorId = TensorId(10);
/// Inputs of all rows `[rows, C]`, scaled and imputed; shared by all replicas.
pub const SERIES: TensorId = TensorId(11);
/// 1.0 where a target was observed, else 0.0 `[rows, K]`; shared by all replicas.
pub const OBSERVED: TensorId = TensorId(12);
/// The L2 norm of all living gradients `[1]`, written where clipping is on.
pub const GRAD_NORM: TensorId = TensorId(13);
/// Running statistics `[S]`: learned without a gradient; not clipped, decayed or pruned.
pub const STATE: TensorId = TensorId(14);
/// The state of the best validation epoch `[S]`.
pub const BEST_STATE: TensorId = TensorId(15);
/// The first row of each series `[N]`; shared by all replicas. Empty, as the next, where no op reads scalers.
pub const SERIES_STARTS: TensorId = TensorId(16);
/// By series and target, the deviation and mean of its scaler `[N, K, 2]`; shared by all replicas. The deviation is 0 where all
/// training rows lie at a bound of the forecasts.
pub const SCALES: TensorId = TensorId(17);
/// What prunable weights are ranked by where that adds up over steps `[prunable words]`; else empty.
pub const SCORE: TensorId = TensorId(18);

/// Those that hold the data, which all replicas share and no op writes.
pub const DATA: [TensorId; 4] = [SERIES, OBSERVED, SERIES_STARTS, SCALES];

/// Marks an empty place of a short batch in [`WINDOWS`].
pub const NO_WINDOW: u32 = u32::MAX;

/// Words of [`STATUS`]; `u32::MAX` means never.
pub mod status {
    /// The first step with a non-finite gradient.
    pub const GRAD_STEP: usize = 0;
    /// The lowest word of that gradient in the arena.
    pub const GRAD_WORD: usize = 1;
    /// The first step that wrote a non-finite weight.
    pub const WEIGHT_STEP: usize = 2;
    /// The lowest word of that weight in the arena.
    pub const WEIGHT_WORD: usize = 3;
    /// Words of [`STATUS`](super::STATUS).
    pub const WORDS: usize = 4;
}

/// What a tensor's words hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Floats.
    F32,
    /// Integers or bits.
    U32,
}

impl Element {
    /// `f32` or `u32`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Element::F32 => "f32",
            Element::U32 => "u32",
        }
    }
}

/// What a fresh tensor holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// Every word is written before it is read. Tests poison it.
    Unwritten,
    /// All bits clear.
    Zeros,
    /// All bits set.
    Ones,
    /// These values, which nothing writes; of a tensor that is shared.
    Constant(Vec<f32>),
    /// The same of integers.
    Integers(Vec<u32>),
}

/// A tensor of a program: what it is called, and what it holds before the first op.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// For messages and comparisons.
    pub name: String,
    /// One replica's shape, without R; or the whole shape where shared.
    pub shape: Vec<usize>,
    /// The type of its words.
    pub element: Element,
    /// What it holds before the first op.
    pub fill: Fill,
    /// Whether all replicas share it.
    pub shared: bool,
}

impl Tensor {
    /// Words that hold values, per replica.
    #[must_use]
    pub fn words(&self) -> usize {
        product(&self.shape)
    }

    /// Words from one replica's row to the next.
    #[must_use]
    pub fn row(&self) -> usize {
        padded(self.words())
    }
}

/// A matrix `[count, width]` inside one replica's row of a tensor: row i starts at
/// `offset + (i / inner)·outer_stride + (i % inner)·inner_stride`, and its words are adjacent.
///
/// So a kernel reads the last step of every sequence, or all steps but the last, without a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// Where the matrix lies.
    pub tensor: TensorId,
    /// First word of row 0.
    pub offset: usize,
    /// Number of rows.
    pub count: usize,
    /// Words of a row.
    pub width: usize,
    /// Rows of a sequence.
    pub inner: usize,
    /// Words from one sequence to the next.
    pub outer_stride: usize,
    /// Words from one row of a sequence to the next.
    pub inner_stride: usize,
}

impl Rows {
    /// `count` adjacent rows.
    #[must_use]
    pub fn dense(tensor: TensorId, count: usize, width: usize) -> Self {
        Self::spaced(tensor, count, width, width)
    }

    /// `count` rows, `stride` words from each to the next.
    #[must_use]
    pub fn spaced(tensor: TensorId, count: usize, width: usize, stride: usize) -> Self {
        Rows { tensor, offset: 0, count, width, inner: count.max(1), outer_stride: 0, inner_stride: stride }
    }

    /// Steps `first..first + steps` of each of `batch` sequences `[batch, length, width]`.
    #[must_use]
    pub fn steps(tensor: TensorId, batch: usize, length: usize, first: usize, steps: usize, width: usize) -> Self {
        Rows {
            tensor,
            offset: first * width,
            count: batch * steps,
            width,
            inner: steps.max(1),
            outer_stride: length * width,
            inner_stride: width,
        }
    }

    /// `count` of these rows from `first` on, where they lie evenly.
    #[must_use]
    pub fn range(&self, first: usize, count: usize) -> Self {
        assert!(self.inner >= self.count, "rows that lie in sequences");
        Rows { offset: self.start(first), count, inner: count.max(1), ..*self }
    }

    /// Words from each row to the next, where all lie evenly.
    #[must_use]
    pub fn stride(&self) -> Option<usize> {
        if self.inner == 1 && self.count > 1 {
            return Some(self.outer_stride);
        }
        let even = self.inner >= self.count || self.outer_stride == self.inner * self.inner_stride;
        even.then_some(self.inner_stride)
    }

    /// The word at which row `i` starts.
    #[must_use]
    pub fn start(&self, i: usize) -> usize {
        self.offset + (i / self.inner) * self.outer_stride + (i % self.inner) * self.inner_stride
    }

    /// One past the last word that any row touches.
    #[must_use]
    pub fn end(&self) -> usize {
        let Some(last) = self.count.checked_sub(1) else { return self.offset };
        let (outer, inner) = (last / self.inner.max(1), last % self.inner.max(1));
        // The last of a whole sequence may lie beyond that of one which is cut short.
        let whole = outer.checked_sub(1).map(|outer| (outer, self.inner - 1));
        let start = |(outer, inner): (usize, usize)| {
            let rows = inner.saturating_mul(self.inner_stride);
            self.offset.saturating_add(outer.saturating_mul(self.outer_stride)).saturating_add(rows)
        };
        let furthest = start((outer, inner)).max(whole.map_or(0, start));
        furthest.saturating_add(self.width)
    }
}
