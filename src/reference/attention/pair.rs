//! Where one head of one sequence lies, and a sequence's heads one behind the other.

use std::ops::Range;

use crate::program::op::Heads;

use super::super::scalar::Scalar;
use super::super::vector::Vectors;
use super::products::in_columns;

/// One head of one sequence: where its rows lie.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub heads: Heads,
    /// Among the op's sequences.
    pub sequence: usize,
    pub head: usize,
}

impl Pair {
    /// The pair, among all of the batch.
    fn pair(&self) -> usize {
        (self.heads.first_sequence() + self.sequence) * self.heads.heads + self.head
    }

    /// The first of the head's N² draws.
    pub(super) fn draws(&self) -> usize {
        self.pair() * self.heads.tokens * self.heads.tokens
    }

    /// The head's `[N, N]` in a replica's row of `[pairs, N, N]`.
    pub(super) fn scores(&self) -> Range<usize> {
        let words = self.heads.tokens * self.heads.tokens;
        let first = (self.pair() - self.heads.first) * words;
        first..first + words
    }

    /// The same in those of the task in which this is sequence `s`.
    pub(super) fn own_scores(&self, s: usize) -> Range<usize> {
        let own = self.heads.own();
        let words = self.heads.tokens * self.heads.tokens;
        let first = (s * own.len() + self.head - own.start) * words;
        first..first + words
    }
}

/// The op's heads of a sequence, each as rows `[N, E]` one behind the other. As they lie, side by side, those of one head share few
/// sets of the nearest cache; and a sequence that is read from end to end is there before it is asked for.
pub(super) struct Sides<T> {
    words: Vec<T>,
    heads: Heads,
}

impl<T: Scalar> Sides<T> {
    /// Of tensors of `parts` model widths a token.
    pub(super) fn new(heads: &Heads, parts: usize) -> Self {
        let words = parts * heads.own().len() * heads.tokens * heads.width;
        Sides { words: vec![T::ZERO; words], heads: *heads }
    }

    /// Reads a sequence, whose rows begin with `tokens`.
    #[inline(always)]
    pub(super) fn read<S: Vectors<T = T>>(&mut self, simd: S, tokens: &[T]) {
        let (own, n, e, model) = (self.heads.own(), self.heads.tokens, self.heads.width, self.heads.model());
        let parts = self.words.len() / (own.len() * n * e);
        for (token, row) in tokens.chunks_exact(parts * model).take(n).enumerate() {
            for (part, row) in row.chunks_exact(model).enumerate() {
                for (i, head) in row.chunks_exact(e).skip(own.start).take(own.len()).enumerate() {
                    let to = &mut self.words[((part * own.len() + i) * n + token) * e..][..e];
                    in_columns!(simd, e, |simd, x, columns| {
                        simd.store_some(simd.load_some(&head[x..][..columns]), &mut to[x..][..columns]);
                    });
                }
            }
        }
    }

    /// A head's rows of a part.
    #[inline(always)]
    pub(super) fn of(&self, head: usize, part: usize) -> &[T] {
        let (own, words) = (self.heads.own(), self.heads.tokens * self.heads.width);
        &self.words[(part * own.len() + head - own.start) * words..][..words]
    }
}
