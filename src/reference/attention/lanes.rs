//! Where one head of one sequence lies, and its queries (or keys) as vectors.

use std::hint::black_box;
use std::ops::Range;

use crate::program::op::Heads;

use super::super::scalar::Scalar;
use super::TILE;

/// Queries (or keys) that one walk over the other side serves, side by side in a vector.
pub(super) const LANES: usize = 16;
/// A number of each of them.
pub(super) type Lanes<T> = [T; LANES];

/// Does something to blocks of 8, then of 4, then to what is left one by one: sums that one walk adds up side by side, in
/// registers. A macro, for what a closure does is not sure to be compiled for wide vectors.
macro_rules! in_blocks {
    ($count:expr, |$start:ident, $B:ident| $body:expr) => {
        let mut $start = 0;
        while T::UNROLLED && $start + 8 <= $count {
            const $B: usize = 8;
            $body;
            $start += $B;
        }
        while T::UNROLLED && $start + 4 <= $count {
            const $B: usize = 4;
            $body;
            $start += $B;
        }
        while $start < $count {
            const $B: usize = 1;
            $body;
            $start += $B;
        }
    };
}

/// One head of one sequence: where its rows lie.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub heads: Heads,
    /// Among the op's sequences.
    sequence: usize,
    pub head: usize,
}

impl Pair {
    /// The op's heads of the sequences of a task.
    pub(super) fn of_task(heads: Heads, first: usize) -> impl Iterator<Item = (usize, Pair)> {
        let sequences = TILE.min(heads.sequences() - first);
        (0..sequences).flat_map(move |s| heads.own().map(move |head| (s, Pair { heads, sequence: first + s, head })))
    }

    /// q, k or v (part 0, 1, 2) `[N, E]` in a replica's row of `[S, N, 3, A, E]`.
    pub(super) fn part<'a, T>(&self, qkv: &'a [T], part: usize) -> Side<'a, T> {
        let (n, e, d) = (self.heads.tokens, self.heads.width, self.heads.model());
        let sequence = self.heads.first_sequence() + self.sequence - self.heads.qkv_first;
        let first = sequence * n * 3 * d + part * d + self.head * e;
        Side { data: &qkv[first..], tokens: n, width: e, row: 3 * d }
    }

    /// The head's `[N, E]` in a replica's row of `[S, N, A, E]`.
    pub(super) fn values<'a, T>(&self, output: &'a [T]) -> Side<'a, T> {
        let (n, e, d) = (self.heads.tokens, self.heads.width, self.heads.model());
        let first = (self.heads.first_sequence() + self.sequence) * n * d + self.head * e;
        Side { data: &output[first..], tokens: n, width: e, row: d }
    }

    /// The pair, among all of the batch.
    fn pair(&self) -> usize {
        (self.heads.first_sequence() + self.sequence) * self.heads.heads + self.head
    }

    /// The head's `[N, 2]` in a replica's row of `[S, A, N, 2]`.
    pub(super) fn softmax(&self) -> usize {
        self.pair() * self.heads.tokens * 2
    }

    /// The first of the head's N² draws.
    pub(super) fn draws(&self) -> usize {
        self.pair() * self.heads.tokens * self.heads.tokens
    }

    /// The head's `[N, N]` in a replica's row of `[pairs, N, N]`.
    pub(super) fn scores(&self) -> usize {
        (self.pair() - self.heads.first) * self.heads.tokens * self.heads.tokens
    }

    /// The same in those of the task in which this is sequence `s`.
    pub(super) fn own_scores(&self, s: usize) -> Range<usize> {
        let own = self.heads.own();
        let words = self.heads.tokens * self.heads.tokens;
        let first = (s * own.len() + self.head - own.start) * words;
        first..first + words
    }
}

/// One head's `[N, E]`, rows `row` words apart.
#[derive(Clone, Copy)]
pub(super) struct Side<'a, T> {
    data: &'a [T],
    tokens: usize,
    width: usize,
    pub row: usize,
}

impl<'a, T: Scalar> Side<'a, T> {
    #[inline(always)]
    fn token(&self, n: usize) -> &'a [T] {
        &self.data[n * self.row..][..self.width]
    }

    /// Tokens `first..` as `[E, LANES]`, times `scale`; lanes beyond the last token repeat it.
    #[inline(always)]
    pub(super) fn load(&self, lanes: &mut [Lanes<T>], first: usize, scale: T) {
        in_blocks!(self.width, |e, B| self.load_block::<B>(lanes, first, e, scale));
    }

    #[inline(always)]
    fn load_block<const B: usize>(&self, lanes: &mut [Lanes<T>], first: usize, e: usize, scale: T) {
        let mut tokens = [[T::ZERO; B]; LANES];
        for (l, token) in tokens.iter_mut().enumerate() {
            let l = l.min(self.tokens - 1 - first);
            token.copy_from_slice(&self.data[(first + l) * self.row + e..][..B]);
        }
        for (lane, column) in lanes[e..e + B].iter_mut().zip(turned(&tokens)) {
            for l in 0..LANES {
                lane[l] = column[l] * scale;
            }
        }
    }

    /// `products[n] = Σ_e lanes[e] · token n`
    #[inline(always)]
    pub(super) fn dot(&self, lanes: &[Lanes<T>], products: &mut [Lanes<T>]) {
        in_blocks!(self.tokens, |n, B| self.dot_block::<B>(lanes, n, products));
    }

    #[inline(always)]
    fn dot_block<const B: usize>(&self, lanes: &[Lanes<T>], n: usize, products: &mut [Lanes<T>]) {
        let mut tokens: [&[T]; B] = [&[]; B];
        for (i, token) in tokens.iter_mut().enumerate() {
            *token = &self.token(n + i)[..lanes.len()];
        }
        let mut sums = [[T::ZERO; LANES]; B];
        for (e, lanes) in lanes.iter().enumerate() {
            for (sum, token) in sums.iter_mut().zip(tokens) {
                add_product(sum, lanes, token[e]);
            }
        }
        products[n..n + B].copy_from_slice(&sums);
    }

    /// Tokens `first..` of an `[N, E]` at the start of `out`, rows `row` apart: `scale · Σ_n weights[n] · token n`.
    #[inline(always)]
    pub(super) fn combine(&self, weights: &[Lanes<T>], scale: T, out: &mut [T], first: usize, row: usize) {
        in_blocks!(self.width, |e, B| self.combine_block::<B>(weights, scale, out, first, row, e));
    }

    #[inline(always)]
    fn combine_block<const B: usize>(
        &self,
        weights: &[Lanes<T>],
        scale: T,
        out: &mut [T],
        first: usize,
        row: usize,
        e: usize,
    ) {
        let mut sums = [[T::ZERO; LANES]; B];
        for (n, weights) in weights.iter().enumerate() {
            let features = &self.data[n * self.row + e..][..B];
            for (sum, x) in sums.iter_mut().zip(features) {
                add_product(sum, weights, *x);
            }
        }
        for (l, token) in turned(&sums).iter().enumerate().take(self.tokens - first) {
            let out = &mut out[(first + l) * row + e..][..B];
            for i in 0..B {
                out[i] = token[i] * scale;
            }
        }
    }
}

/// `sum += lanes · x`
#[inline(always)]
fn add_product<T: Scalar>(sum: &mut Lanes<T>, lanes: &Lanes<T>, x: T) {
    for l in 0..LANES {
        sum[l] = lanes[l].mul_add(x, sum[l]);
    }
}

/// Lanes one at a time, hidden from the compiler as neighbours: it would vectorise across them, by gathers, instead of along
/// them.
#[inline(always)]
pub(super) fn apart<T>(lanes: &[Lanes<T>]) -> impl Iterator<Item = &Lanes<T>> {
    lanes.iter().map(black_box)
}

/// The same, to change.
#[inline(always)]
pub(super) fn apart_mut<T>(lanes: &mut [Lanes<T>]) -> impl Iterator<Item = &mut Lanes<T>> {
    lanes.iter_mut().map(black_box)
}

/// The words from `start` on, a lane each; what lies behind an owner's row goes to lanes without an owner.
#[inline(always)]
pub(super) fn at<T: Scalar>(words: &[T], start: usize) -> Lanes<T> {
    let mut lanes = [T::ZERO; LANES];
    match words.get(start..start + LANES) {
        Some(whole) => lanes.copy_from_slice(whole),
        None => lanes[..words.len() - start].copy_from_slice(&words[start..]),
    }
    lanes
}

/// The words from `start` on become those of the lanes that have an owner.
#[inline(always)]
pub(super) fn put<T: Scalar>(words: &mut [T], start: usize, lanes: &Lanes<T>, owners: usize) {
    if owners == LANES {
        words[start..][..LANES].copy_from_slice(lanes);
    } else {
        words[start..][..owners].copy_from_slice(&lanes[..owners]);
    }
}

/// eˣ of each. One long loop: a short one of known length is unrolled before it is vectorised.
#[inline(always)]
pub(super) fn exponentiate<T: Scalar>(lanes: &mut [Lanes<T>]) {
    for x in lanes.as_flattened_mut() {
        *x = x.exp();
    }
}

/// Rows become columns. Of a fixed size, so that it is done by exchanging parts of vectors.
#[inline(always)]
fn turned<T: Scalar, const ROWS: usize, const COLUMNS: usize>(rows: &[[T; COLUMNS]; ROWS]) -> [[T; ROWS]; COLUMNS] {
    let mut columns = [[T::ZERO; ROWS]; COLUMNS];
    for (i, row) in rows.iter().enumerate() {
        for (j, word) in row.iter().enumerate() {
            columns[j][i] = *word;
        }
    }
    columns
}

/// The owners' rows of an `[N, N]`, where lanes become rows and rows lanes.
pub(super) struct OwnRows {
    pub first: usize,
    pub tokens: usize,
}

impl OwnRows {
    /// The rows' first words of each square: the last square lies over the one before, so that all are whole.
    fn squares(&self) -> impl Iterator<Item = usize> + use<> {
        let last = self.tokens - LANES;
        (0..self.tokens).step_by(LANES).map(move |start| start.min(last))
    }

    /// `lanes[n] = the rows' n-th words`, or those besides what is there; lanes beyond the last token repeat it.
    #[inline(always)]
    pub(super) fn read<T: Scalar>(&self, matrix: &[T], besides: bool, lanes: &mut [Lanes<T>]) {
        let own = |l: usize| (self.first + l).min(self.tokens - 1) * self.tokens;
        if self.tokens < LANES {
            for (n, lanes) in lanes.iter_mut().enumerate() {
                for (l, lane) in lanes.iter_mut().enumerate() {
                    let word = matrix[own(l) + n];
                    *lane = if besides { *lane + word } else { word };
                }
            }
            return;
        }
        let mut done = 0;
        for start in self.squares() {
            let mut square = [[T::ZERO; LANES]; LANES];
            for (l, line) in apart_mut(&mut square).enumerate() {
                line.copy_from_slice(&matrix[own(l) + start..][..LANES]);
            }
            let columns = turned(&square);
            for (lanes, column) in apart_mut(&mut lanes[done..start + LANES]).zip(&columns[done - start..]) {
                for l in 0..LANES {
                    lanes[l] = if besides { lanes[l] + column[l] } else { column[l] };
                }
            }
            done = start + LANES;
        }
    }
}
