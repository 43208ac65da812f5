//! Where one head of one sequence lies, and its queries (or keys) as vectors.

use std::ops::Range;

use crate::program::op::Heads;

use super::super::scalar::Scalar;
use super::TILE;

/// Queries (or keys) that one walk over the other side serves, side by side in a vector.
pub const LANES: usize = 16;
/// A number of each of them.
pub type Lanes<T> = [T; LANES];

/// One head of one sequence: where its rows lie.
#[derive(Clone, Copy)]
pub struct Place {
    pub heads: Heads,
    /// Among the op's sequences.
    sequence: usize,
    pub head: usize,
}

impl Place {
    /// The op's heads of the sequences of a task.
    pub fn of_task(heads: Heads, first: usize) -> impl Iterator<Item = (usize, Place)> {
        let sequences = TILE.min(heads.sequences() - first);
        (0..sequences).flat_map(move |s| heads.own().map(move |head| (s, Place { heads, sequence: first + s, head })))
    }

    /// q, k or v (part 0, 1, 2) `[N, E]` in a replica's row of `[S, N, 3, A, E]`.
    pub fn part<'a, T>(&self, qkv: &'a [T], part: usize) -> Side<'a, T> {
        let (n, e, d) = (self.heads.tokens, self.heads.width, self.heads.model());
        let sequence = self.heads.first_sequence() + self.sequence - self.heads.qkv_first;
        let first = sequence * n * 3 * d + part * d + self.head * e;
        Side { data: &qkv[first..], tokens: n, width: e, row: 3 * d }
    }

    /// The head's `[N, E]` in a replica's row of `[S, N, A, E]`.
    pub fn values<'a, T>(&self, output: &'a [T]) -> Side<'a, T> {
        let (n, e, d) = (self.heads.tokens, self.heads.width, self.heads.model());
        let first = (self.heads.first_sequence() + self.sequence) * n * d + self.head * e;
        Side { data: &output[first..], tokens: n, width: e, row: d }
    }

    /// The pair, among all of the batch.
    fn pair(&self) -> usize {
        (self.heads.first_sequence() + self.sequence) * self.heads.heads + self.head
    }

    /// The head's `[N, 2]` in a replica's row of `[S, A, N, 2]`.
    pub fn softmax(&self) -> usize {
        self.pair() * self.heads.tokens * 2
    }

    /// The first of the head's N² draws.
    pub fn draws(&self) -> usize {
        self.pair() * self.heads.tokens * self.heads.tokens
    }

    /// The head's `[N, N]` in a replica's row of `[pairs, N, N]`.
    pub fn scores(&self) -> usize {
        (self.pair() - self.heads.first) * self.heads.tokens * self.heads.tokens
    }

    /// The same in those of the task in which this is sequence `s`.
    pub fn own_scores(&self, s: usize) -> Range<usize> {
        let own = self.heads.own();
        let words = self.heads.tokens * self.heads.tokens;
        let first = (s * own.len() + self.head - own.start) * words;
        first..first + words
    }
}

/// One head's `[N, E]`, rows `row` words apart.
#[derive(Clone, Copy)]
pub struct Side<'a, T> {
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

    /// Tokens `first..` as `[E, LANES]`, times `scale`; zero beyond the last.
    #[inline(always)]
    pub fn load(&self, lanes: &mut [Lanes<T>], first: usize, scale: T) {
        for (e, lanes) in lanes.iter_mut().enumerate() {
            *lanes = [T::ZERO; LANES];
            for (l, lane) in lanes.iter_mut().enumerate().take(self.tokens - first) {
                *lane = self.data[(first + l) * self.row + e] * scale;
            }
        }
    }

    /// `products[n] = Σ_e lanes[e] · token n`
    #[inline(always)]
    pub fn dot(&self, lanes: &[Lanes<T>], products: &mut [Lanes<T>]) {
        for (n, products) in products.iter_mut().enumerate() {
            let mut sum = [T::ZERO; LANES];
            for (lanes, x) in lanes.iter().zip(self.token(n)) {
                for l in 0..LANES {
                    sum[l] += lanes[l] * *x;
                }
            }
            *products = sum;
        }
    }

    /// Tokens `first..` of an `[N, E]` at the start of `out`, rows `row` apart: `scale · Σ_n weights[n] · token n`.
    #[inline(always)]
    pub fn combine(&self, weights: &[Lanes<T>], scale: T, out: &mut [T], first: usize, row: usize) {
        for e in 0..self.width {
            let mut sum = [T::ZERO; LANES];
            for (n, weights) in weights.iter().enumerate() {
                let x = self.data[n * self.row + e];
                for l in 0..LANES {
                    sum[l] += weights[l] * x;
                }
            }
            for l in 0..LANES.min(self.tokens - first) {
                out[(first + l) * row + e] = sum[l] * scale;
            }
        }
    }
}
