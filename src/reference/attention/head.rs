//! One head of one sequence, forward and backward, with all that it reads again and again in the nearest cache. A vector
//! holds queries, and walks over the keys.

use crate::program::op::Heads;

use super::super::dropout::Drops;
use super::super::scalar::Scalar;
use super::super::vector::{PADDING, Vectors};
use super::pair::{Pair, Sides};
use super::products::{by_key, by_query, dot, in_blocks, stride, turn};

/// 1 / √E
fn scale<T: Scalar>(width: usize) -> T {
    T::ONE / T::from_f32(width as f32).sqrt()
}

/// The memory of a head, one part behind the other, each from a line of the cache on.
pub(super) struct Scratch<T> {
    words: Vec<T>,
    start: usize,
}

impl<T: Scalar> Scratch<T> {
    pub(super) fn new(parts: &[usize]) -> Self {
        let words: usize = parts.iter().map(|words| words.next_multiple_of(PADDING)).sum();
        let words = vec![T::ZERO; words + PADDING];
        let start = words.as_ptr().align_offset(64).min(PADDING);
        Scratch { words, start }
    }

    #[inline(always)]
    fn parts<const N: usize>(&mut self, parts: [usize; N]) -> [&mut [T]; N] {
        let mut rest = &mut self.words[self.start..];
        parts.map(
            #[inline(always)]
            |words| {
                let (part, behind) = std::mem::take(&mut rest).split_at_mut(words.next_multiple_of(PADDING));
                rest = behind;
                &mut part[..words]
            },
        )
    }
}

/// What a head's queries and keys make of one another: `[N, N]` by key, rows padded.
fn square(tokens: usize) -> usize {
    tokens * stride(tokens)
}

/// A side `[N, E]`, turned.
fn turned(heads: &Heads) -> usize {
    stride(heads.tokens) * heads.width
}

pub(super) fn forward_parts(heads: &Heads) -> [usize; 2] {
    [turned(heads), square(heads.tokens)]
}

pub(super) fn backward_parts(heads: &Heads) -> [usize; 7] {
    let (turned, statistics, square) = (turned(heads), stride(heads.tokens), square(heads.tokens));
    [turned, turned, turned, statistics, statistics, square, square]
}

/// What both passes read.
pub(super) struct Reads<'a, T> {
    pub before: Option<&'a [T]>,
    pub drops: Drops<T>,
}

impl<T: Scalar> Reads<'_, T> {
    /// Scores, their softmax with its log-sum-exp, dropout, and the weighted sum of values.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "what one head reads and writes")]
    pub(super) fn forward<S: Vectors<T = T>>(
        &self,
        simd: S,
        pair: &Pair,
        qkv: &Sides<T>,
        scratch: &mut Scratch<T>,
        mut scores: Option<&mut [T]>,
        softmax: &mut [T],
        output: &mut [T],
    ) {
        let (n, e, stride) = (pair.heads.tokens, pair.heads.width, stride(pair.heads.tokens));
        let before = self.before.map(|before| &before[pair.scores()]);
        let [turned, p] = scratch.parts(forward_parts(&pair.heads));
        let (own, keys, values) = (qkv.of(pair.head, 0), qkv.of(pair.head, 1), qkv.of(pair.head, 2));
        turn(own, e, scale(e), turned);
        for first in (0..n).step_by(S::LANES) {
            let owners = S::LANES.min(n - first);
            let mut most = simd.splat(T::from_f32(f32::NEG_INFINITY));
            in_blocks!(T, n, |j, B| {
                let products = dot::<S, B>(simd, turned, stride, first, &keys[j * e..]);
                for b in 0..B {
                    let mut score = products[b];
                    let words = (j + b) * n + first;
                    if let Some(before) = before {
                        score = simd.add(score, simd.load_some(&before[words..][..owners]));
                    }
                    if let Some(scores) = &mut scores {
                        simd.store_some(score, &mut scores[words..][..owners]);
                    }
                    most = simd.max(most, score);
                    simd.store(score, &mut p[(j + b) * stride + first..]);
                }
            });
            let mut sum = simd.splat(T::ZERO);
            for p in p.chunks_exact_mut(stride) {
                let p = &mut p[first..];
                let power = simd.exp(simd.sub(simd.load(p), most));
                sum = simd.add(sum, power);
                simd.store(power, p);
            }
            let (mut largest, mut sums) = ([T::ZERO; PADDING], [T::ONE; PADDING]);
            simd.store(most, &mut largest);
            simd.store(sum, &mut sums);
            for l in 0..owners {
                softmax[2 * (first + l)] = largest[l] + sums[l].ln();
            }
            let mut shares = [T::ONE; PADDING];
            for (share, sum) in shares.iter_mut().zip(sums) {
                *share = T::ONE / sum;
            }
            let share = simd.load(&shares);
            for p in p.chunks_exact_mut(stride) {
                let p = &mut p[first..];
                simd.store(simd.mul(simd.load(p), share), p);
            }
        }
        if self.drops.any() {
            for (j, p) in p.chunks_exact_mut(stride).enumerate() {
                for (block, p) in p.as_chunks_mut::<PADDING>().0.iter_mut().enumerate() {
                    self.drops.apply_lanes(pair.draws() + block * PADDING * n + j, n, p);
                }
            }
        }
        by_query(simd, p, values, n, T::ONE, output, pair.heads.model());
    }

    /// The gradients of q, and of k and v, a model's width behind one another in `d_qkv`. The queries' pass leaves δ in
    /// `softmax` and the scores' gradient in its place, where the keys' pass finds them.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "what one head reads and writes")]
    pub(super) fn backward<S: Vectors<T = T>>(
        &self,
        simd: S,
        pass: Pass,
        pair: &Pair,
        (qkv, output, d_output): (&Sides<T>, &Sides<T>, &Sides<T>),
        scratch: &mut Scratch<T>,
        mut scores: Gradients<T>,
        softmax: &mut [T],
        d_qkv: &mut [T],
    ) {
        let (n, e, stride) = (pair.heads.tokens, pair.heads.width, stride(pair.heads.tokens));
        let (model, before) = (pair.heads.model(), self.before.map(|before| &before[pair.scores()]));
        let [turned, d_turned, o_turned, log_sums, deltas, d_scores, dropped] =
            scratch.parts(backward_parts(&pair.heads));
        let (own, keys, values) = (qkv.of(pair.head, 0), qkv.of(pair.head, 1), qkv.of(pair.head, 2));
        let d_own = d_output.of(pair.head, 0);
        turn(own, e, scale(e), turned);
        turn(d_own, e, T::ONE, d_turned);
        if pass != Pass::Keys {
            turn(output.of(pair.head, 0), e, T::ONE, o_turned);
        }
        for (i, pair) in softmax.chunks_exact(2).enumerate() {
            (log_sums[i], deltas[i]) = (pair[0], pair[1]);
        }
        if self.drops.any() {
            for (j, row) in dropped.chunks_exact_mut(stride).enumerate() {
                for (block, factors) in row.as_chunks_mut::<PADDING>().0.iter_mut().enumerate() {
                    *factors = [T::ONE; PADDING];
                    self.drops.apply_lanes(pair.draws() + block * PADDING * n + j, n, factors);
                }
            }
        }
        for first in (0..n).step_by(S::LANES) {
            let owners = S::LANES.min(n - first);
            if pass != Pass::Keys {
                let mut delta = simd.splat(T::ZERO);
                for (o, d) in o_turned.chunks_exact(stride).zip(d_turned.chunks_exact(stride)) {
                    delta = simd.mul_add(simd.load(&o[first..]), simd.load(&d[first..]), delta);
                }
                simd.store(delta, &mut deltas[first..]);
            }
            let delta = simd.load(&deltas[first..]);
            let log_sum = simd.load(&log_sums[first..]);
            in_blocks!(T, n, |j, B| {
                let products = dot::<S, B>(simd, turned, stride, first, &keys[j * e..]);
                let d_products = dot::<S, B>(simd, d_turned, stride, first, &values[j * e..]);
                for b in 0..B {
                    let (mut score, mut d_p) = (products[b], d_products[b]);
                    let (words, padded) = ((j + b) * n + first, (j + b) * stride + first);
                    if let Some(before) = before {
                        score = simd.add(score, simd.load_some(&before[words..][..owners]));
                    }
                    let p = simd.exp(simd.sub(score, log_sum));
                    let mut p_dropped = p;
                    if self.drops.any() {
                        let keep = simd.load(&dropped[padded..]);
                        d_p = simd.mul(d_p, keep);
                        p_dropped = simd.mul(p, keep);
                    }
                    let mut d_score = simd.mul(p, simd.sub(d_p, delta));
                    match &mut scores {
                        Gradients::Own => {}
                        Gradients::Written(to) => simd.store_some(d_score, &mut to[words..][..owners]),
                        Gradients::Added(to) => {
                            let to = &mut to[words..][..owners];
                            d_score = simd.add(d_score, simd.load_some(to));
                            simd.store_some(d_score, to);
                        }
                        Gradients::Read(from) => d_score = simd.load_some(&from[words..][..owners]),
                    }
                    simd.store(d_score, &mut d_scores[padded..]);
                    simd.store(p_dropped, &mut dropped[padded..]);
                }
            });
        }
        if pass != Pass::Keys {
            for (pair, delta) in softmax.chunks_exact_mut(2).zip(&*deltas) {
                pair[1] = *delta;
            }
            by_query(simd, d_scores, keys, n, scale(e), d_qkv, 3 * model);
        }
        if pass != Pass::Queries {
            by_key(simd, d_scores, own, n, scale(e), &mut d_qkv[model..], 3 * model);
            by_key(simd, dropped, d_own, n, T::ONE, &mut d_qkv[2 * model..], 3 * model);
        }
    }
}

/// Which op of the backward pass runs, or both as one. Each number is computed alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Queries,
    Keys,
    Both,
}

/// Where layers hand scores on, what becomes of a head's gradient of them.
pub(super) enum Gradients<'a, T> {
    /// They do not.
    Own,
    /// No layer follows.
    Written(&'a mut [T]),
    /// That of the layer after is there.
    Added(&'a mut [T]),
    /// All of it is there.
    Read(&'a [T]),
}
