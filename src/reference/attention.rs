//! attention_forward, attention_backward_query, attention_backward_key_value: every head of a few sequences per task.
//!
//! Like the shaders, a lane owns a query (or a key) and walks over the other side: heads are narrow, and a vector of
//! queries needs neither a packed product nor a sum across lanes.

mod lanes;

use crate::program::op::{AttentionBackward, AttentionForward, Chance, Heads};

use super::dropout::Drops;
use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, spans};
use lanes::{LANES, Lanes, OwnRows, Pair, apart, apart_mut, at, exponentiate, put};

/// Sequences per task.
const TILE: usize = 4;

/// 1 / √E
fn scale<T: Scalar>(heads: &Heads) -> T {
    T::ONE / T::from_f32(heads.width as f32).sqrt()
}

/// Scratch of a task: owners' sides `[E, LANES]`, and what a walk leaves per token of the other side `[N, LANES]`.
struct Scratch<T> {
    own: Vec<Lanes<T>>,
    d_own: Vec<Lanes<T>>,
    p: Vec<Lanes<T>>,
    d_p: Vec<Lanes<T>>,
}

impl<T: Scalar> Scratch<T> {
    fn new(heads: &Heads) -> Self {
        let lanes = |count| vec![[T::ZERO; LANES]; count];
        let (n, e) = (heads.tokens, heads.width);
        Scratch { own: lanes(e), d_own: lanes(e), p: lanes(n), d_p: lanes(n) }
    }
}

pub(super) fn attention_forward<T: Scalar>(storage: &mut Storage<T>, op: &AttentionForward, slot: usize) {
    let heads = op.heads;
    let (n, d) = (heads.tokens, heads.model());
    let mut output = storage.take_floats(op.output);
    let mut softmax = storage.take_floats(op.softmax);
    let mut scores = op.scores.map(|scores| storage.take_floats(scores)).unwrap_or_default();
    let sequences = heads.sequences();
    let first_word = heads.first_sequence() * n * d;
    let output_spans = spans(&mut output, first_word, sequences, n * d, TILE);
    let softmax_words = heads.heads * n * 2;
    let first_row = heads.first_sequence() * softmax_words;
    let softmax_spans = spans(&mut softmax, first_row, sequences, softmax_words, TILE);
    let score_words = heads.own().len() * n * n;
    let score_spans: Vec<&mut [T]> = match op.scores {
        Some(_) => scores.chunks_mut(TILE * score_words).collect(),
        None => (0..sequences.div_ceil(TILE)).map(|_| Default::default()).collect(),
    };
    each(output_spans.zip(softmax_spans).zip(score_spans), &|task, ((output, softmax), scores)| {
        let first = task * TILE;
        let drops = Drops::new(&storage.step(slot), Chance::Attention, op.site);
        let qkv = storage.floats(op.qkv);
        let before = op.before.map(|before| storage.floats(before));
        let mut scratch = Scratch::new(&heads);
        for (s, pair) in Pair::of_task(heads, first) {
            let softmax = &mut softmax[(s * heads.heads + pair.head) * n * 2..][..n * 2];
            let scores = if scores.is_empty() { None } else { Some(&mut scores[pair.own_scores(s)]) };
            let before = before.map(|before| &before[pair.scores()..][..n * n]);
            let output = &mut output[s * n * d + pair.head * heads.width..];
            T::vectorized(
                #[inline(always)]
                || forward(&pair, qkv, before, &drops, &mut scratch, scores, softmax, output),
            );
        }
    });
    storage.put_floats(op.output, output);
    storage.put_floats(op.softmax, softmax);
    if let Some(tensor) = op.scores {
        storage.put_floats(tensor, scores);
    }
}

/// One head: scores, their softmax with its log-sum-exp, dropout, and the weighted sum of values.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "what one head reads and writes")]
fn forward<T: Scalar>(
    pair: &Pair,
    qkv: &[T],
    before: Option<&[T]>,
    drops: &Drops<T>,
    scratch: &mut Scratch<T>,
    mut scores: Option<&mut [T]>,
    softmax: &mut [T],
    output: &mut [T],
) {
    let (n, d) = (pair.heads.tokens, pair.heads.model());
    let [q, k, v] = [0, 1, 2].map(|part| pair.part(qkv, part));
    let Scratch { own, p, .. } = scratch;
    for first in (0..n).step_by(LANES) {
        let owners = LANES.min(n - first);
        q.load(own, first, scale(&pair.heads));
        k.dot(own, p);
        for (j, p) in apart_mut(p).enumerate() {
            if let Some(before) = before {
                let before = at(before, j * n + first);
                for l in 0..LANES {
                    p[l] += before[l];
                }
            }
            if let Some(scores) = &mut scores {
                put(scores, j * n + first, p, owners);
            }
        }
        let mut most = p[0];
        for p in apart(p) {
            for l in 0..LANES {
                most[l] = if p[l] > most[l] { p[l] } else { most[l] };
            }
        }
        for p in apart_mut(p) {
            for l in 0..LANES {
                p[l] = p[l] - most[l];
            }
        }
        exponentiate(p);
        let mut sum = [T::ZERO; LANES];
        for p in apart(p) {
            for l in 0..LANES {
                sum[l] += p[l];
            }
        }
        for l in 0..owners {
            softmax[2 * (first + l)] = most[l] + sum[l].ln();
        }
        for sum in &mut sum {
            *sum = T::ONE / *sum;
        }
        for (j, p) in apart_mut(p).enumerate() {
            for l in 0..LANES {
                p[l] *= sum[l];
            }
            drops.apply_lanes(pair.draws() + first * n + j, n, p);
        }
        v.combine(p, T::ONE, output, first, d);
    }
}

pub(super) fn attention_backward_query<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize) {
    let heads = op.heads;
    let (n, d) = (heads.tokens, heads.model());
    let mut d_qkv = storage.take_floats(op.d_qkv);
    let mut softmax = storage.take_floats(op.softmax);
    let mut d_scores = op.d_scores.map(|scores| storage.take_floats(scores)).unwrap_or_default();
    let sequences = heads.sequences();
    let first_word = (heads.first_sequence() - heads.qkv_first) * n * 3 * d;
    let d_spans = spans(&mut d_qkv, first_word, sequences, n * 3 * d, TILE);
    let softmax_words = heads.heads * n * 2;
    let first_row = heads.first_sequence() * softmax_words;
    let softmax_spans = spans(&mut softmax, first_row, sequences, softmax_words, TILE);
    let score_words = heads.own().len() * n * n;
    let score_spans: Vec<&mut [T]> = match op.d_scores {
        Some(_) => d_scores.chunks_mut(TILE * score_words).collect(),
        None => (0..sequences.div_ceil(TILE)).map(|_| Default::default()).collect(),
    };
    each(d_spans.zip(softmax_spans).zip(score_spans), &|task, ((d_qkv, softmax), d_scores)| {
        let first = task * TILE;
        let again = Again::new(storage, op, slot);
        let output = storage.floats(op.output);
        let mut scratch = Scratch::new(&heads);
        for (s, pair) in Pair::of_task(heads, first) {
            let softmax = &mut softmax[(s * heads.heads + pair.head) * n * 2..][..n * 2];
            let d_scores = if d_scores.is_empty() { None } else { Some(&mut d_scores[pair.own_scores(s)]) };
            let d_query = &mut d_qkv[s * n * 3 * d + pair.head * heads.width..];
            T::vectorized(
                #[inline(always)]
                || again.query(&pair, output, op.handed_on, &mut scratch, d_scores, softmax, d_query),
            );
        }
    });
    storage.put_floats(op.d_qkv, d_qkv);
    storage.put_floats(op.softmax, softmax);
    if let Some(tensor) = op.d_scores {
        storage.put_floats(tensor, d_scores);
    }
}

pub(super) fn attention_backward_key_value<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize) {
    let heads = op.heads;
    let (n, d) = (heads.tokens, heads.model());
    let mut d_qkv = storage.take_floats(op.d_qkv);
    let sequences = heads.sequences();
    let first_word = (heads.first_sequence() - heads.qkv_first) * n * 3 * d;
    let d_spans = spans(&mut d_qkv, first_word, sequences, n * 3 * d, TILE);
    each(d_spans, &|task, d_qkv| {
        let first = task * TILE;
        let again = Again::new(storage, op, slot);
        let d_scores = op.d_scores.map(|scores| storage.floats(scores));
        let softmax = storage.floats(op.softmax);
        let mut scratch = Scratch::new(&heads);
        for (s, pair) in Pair::of_task(heads, first) {
            let softmax = &softmax[pair.softmax()..][..n * 2];
            let d_query = &mut d_qkv[s * n * 3 * d + pair.head * heads.width..];
            T::vectorized(
                #[inline(always)]
                || again.key_value(&pair, d_scores, &mut scratch, softmax, d_query),
            );
        }
    });
    storage.put_floats(op.d_qkv, d_qkv);
}

/// What both backward passes read to compute probabilities again.
/// Like products of both stand in loops: the code of one is large, and compiled for every width of vectors.
struct Again<'a, T> {
    qkv: &'a [T],
    before: Option<&'a [T]>,
    d_output: &'a [T],
    drops: Drops<T>,
}

impl<'a, T: Scalar> Again<'a, T> {
    fn new(storage: &'a Storage<T>, op: &AttentionBackward, slot: usize) -> Self {
        Again {
            qkv: storage.floats(op.qkv),
            before: op.before.map(|before| storage.floats(before)),
            d_output: storage.floats(op.d_output),
            drops: Drops::new(&storage.step(slot), Chance::Attention, op.site),
        }
    }

    /// One head's d_q, with delta = Σ output · d_output left in `softmax` and d_scores in its place.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "what one head reads and writes")]
    fn query(
        &self,
        pair: &Pair,
        output: &[T],
        handed_on: bool,
        scratch: &mut Scratch<T>,
        mut d_scores: Option<&mut [T]>,
        softmax: &mut [T],
        d_query: &mut [T],
    ) {
        let (n, scale) = (pair.heads.tokens, scale(&pair.heads));
        let [q, k, v] = [0, 1, 2].map(|part| pair.part(self.qkv, part));
        let (output, d_output) = (pair.values(output), pair.values(self.d_output));
        let Scratch { own, d_own, p, d_p } = scratch;
        for first in (0..n).step_by(LANES) {
            let owners = LANES.min(n - first);
            for (side, lanes) in [(d_output, &mut *d_own), (output, &mut *own)] {
                side.load(lanes, first, T::ONE);
            }
            let mut delta = [T::ZERO; LANES];
            for (own, d_own) in apart(own).zip(apart(d_own)) {
                for l in 0..LANES {
                    delta[l] += own[l] * d_own[l];
                }
            }
            let mut log_sum = [T::ZERO; LANES];
            for l in 0..owners {
                log_sum[l] = softmax[2 * (first + l)];
                softmax[2 * (first + l) + 1] = delta[l];
            }
            q.load(own, first, scale);
            for (side, lanes, products) in [(k, &*own, &mut *p), (v, &*d_own, &mut *d_p)] {
                side.dot(lanes, products);
            }
            for (j, p) in apart_mut(p).enumerate() {
                if let Some(before) = self.before {
                    let before = at(before, pair.scores() + j * n + first);
                    for l in 0..LANES {
                        p[l] += before[l];
                    }
                }
                for l in 0..LANES {
                    p[l] = p[l] - log_sum[l];
                }
            }
            exponentiate(p);
            for (j, (d_p, p)) in apart_mut(d_p).zip(apart(p)).enumerate() {
                self.drops.apply_lanes(pair.draws() + first * n + j, n, d_p);
                for l in 0..LANES {
                    d_p[l] = p[l] * (d_p[l] - delta[l]);
                }
                if let Some(d_scores) = &mut d_scores {
                    if handed_on {
                        let handed = at(d_scores, j * n + first);
                        for l in 0..LANES {
                            d_p[l] += handed[l];
                        }
                    }
                    put(d_scores, j * n + first, d_p, owners);
                }
            }
            k.combine(d_p, scale, d_query, first, k.row);
        }
    }

    /// One head's d_k and d_v, written a model's width behind one another after d_q.
    #[inline(always)]
    fn key_value(
        &self,
        pair: &Pair,
        d_scores: Option<&[T]>,
        scratch: &mut Scratch<T>,
        softmax: &[T],
        d_query: &mut [T],
    ) {
        let (n, d, scale) = (pair.heads.tokens, pair.heads.model(), scale(&pair.heads));
        let [q, k, v] = [0, 1, 2].map(|part| pair.part(self.qkv, part));
        let d_output = pair.values(self.d_output);
        let Scratch { own, d_own, p, d_p } = scratch;
        for first in (0..n).step_by(LANES) {
            for (side, lanes, scale) in [(k, &mut *own, scale), (v, &mut *d_own, T::ONE)] {
                side.load(lanes, first, scale);
            }
            let sides = [(q, &*own, &mut *p), (d_output, &*d_own, &mut *d_p)];
            for (side, lanes, products) in sides.into_iter().take(if d_scores.is_some() { 1 } else { 2 }) {
                side.dot(lanes, products);
            }
            // Where layers hand scores on, their gradient is there to be read.
            for (matrix, besides, lanes) in [(self.before, true, &mut *p), (d_scores, false, &mut *d_p)] {
                if let Some(matrix) = matrix {
                    OwnRows { first, tokens: n }.read(&matrix[pair.scores()..], besides, lanes);
                }
            }
            for (i, p) in apart_mut(p).enumerate() {
                let log_sum = softmax[2 * i];
                for p in p.iter_mut() {
                    *p = *p - log_sum;
                }
            }
            exponentiate(p);
            for (i, (p, d_p)) in apart_mut(p).zip(apart_mut(d_p)).enumerate() {
                let draws = pair.draws() + i * n + first;
                if d_scores.is_none() {
                    let delta = softmax[2 * i + 1];
                    self.drops.apply_lanes(draws, 1, d_p);
                    for l in 0..LANES {
                        d_p[l] = p[l] * (d_p[l] - delta);
                    }
                }
                self.drops.apply_lanes(draws, 1, p);
            }
            for (side, weights, scale, part) in [(q, &*d_p, scale, 1), (d_output, &*p, T::ONE, 2)] {
                side.combine(weights, scale, &mut d_query[part * d..], first, q.row);
            }
        }
    }
}
