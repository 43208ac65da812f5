//! attention_forward, attention_backward_query, attention_backward_key_value: every head of a few sequences per task.

use rayon::prelude::*;

use crate::program::op::{AttentionBackward, AttentionForward, Chance, Heads};

use super::dropout::Drops;
use super::matrix::{Matrix, Out, product};
use super::scalar::{Scalar, lane_max, lane_sum, vectorized};
use super::storage::{Storage, spans};

/// Sequences per task.
const TILE: usize = 4;

/// One head of one sequence: where its rows lie.
#[derive(Clone, Copy)]
struct Place {
    heads: Heads,
    /// Among the op's sequences.
    sequence: usize,
    head: usize,
}

impl Place {
    /// The op's heads of the sequences of a task.
    fn of_task(heads: Heads, first: usize) -> impl Iterator<Item = (usize, Place)> {
        let sequences = TILE.min(heads.sequences() - first);
        (0..sequences).flat_map(move |s| heads.own().map(move |head| (s, Place { heads, sequence: first + s, head })))
    }

    /// q, k or v (part 0, 1, 2) `[N, E]` in a replica's row of `[S, N, 3, A, E]`.
    fn part<'a, T>(&self, qkv: &'a [T], part: usize) -> Matrix<'a, T> {
        let (n, e, d) = (self.heads.tokens, self.heads.width, self.heads.model());
        let sequence = self.heads.first_sequence() + self.sequence - self.heads.qkv_first;
        let offset = sequence * n * 3 * d + part * d + self.head * e;
        Matrix::new(qkv, offset, n, e, 3 * d)
    }

    /// The head's `[N, E]` in a replica's row of `[S, N, A, E]`.
    fn values<'a, T>(&self, output: &'a [T]) -> Matrix<'a, T> {
        let (n, e, d) = (self.heads.tokens, self.heads.width, self.heads.model());
        Matrix::new(output, (self.heads.first_sequence() + self.sequence) * n * d + self.head * e, n, e, d)
    }

    /// The pair, among all of the batch.
    fn pair(&self) -> usize {
        (self.heads.first_sequence() + self.sequence) * self.heads.heads + self.head
    }

    /// The head's `[N, 2]` in a replica's row of `[S, A, N, 2]`.
    fn softmax(&self) -> usize {
        self.pair() * self.heads.tokens * 2
    }

    /// The first of the head's N² draws.
    fn draws(&self) -> usize {
        self.pair() * self.heads.tokens * self.heads.tokens
    }

    /// The head's `[N, N]` in a replica's row of `[pairs, N, N]`.
    fn scores(&self) -> usize {
        (self.pair() - self.heads.first) * self.heads.tokens * self.heads.tokens
    }

    /// The same in those of the task whose first sequence this is `s` after.
    fn own_scores(&self, s: usize) -> usize {
        let own = self.heads.own();
        (s * own.len() + self.head - own.start) * self.heads.tokens * self.heads.tokens
    }
}

/// 1 / √E
fn scale<T: Scalar>(heads: &Heads) -> T {
    T::ONE / T::from_f32(heads.width as f32).sqrt()
}

pub fn attention_forward<T: Scalar>(storage: &mut Storage<T>, op: &AttentionForward, slot: usize) {
    let heads = op.heads;
    let (n, d, scale) = (heads.tokens, heads.model(), scale::<T>(&heads));
    let per_replica = heads.sequences().div_ceil(TILE);
    let mut output = storage.take_floats(op.output);
    let mut softmax = storage.take_floats(op.softmax);
    let mut scores = op.scores.map(|scores| storage.take_floats(scores)).unwrap_or_default();
    let sequences = heads.sequences();
    let first_word = heads.first_sequence() * n * d;
    let output_spans = spans(&mut output, storage.row(op.output), first_word, sequences, n * d, TILE);
    let softmax_words = heads.heads * n * 2;
    let first_row = heads.first_sequence() * softmax_words;
    let softmax_spans = spans(&mut softmax, storage.row(op.softmax), first_row, sequences, softmax_words, TILE);
    let score_words = heads.own().len() * n * n;
    let score_spans: Vec<&mut [T]> = match op.scores {
        Some(tensor) => spans(&mut scores, storage.row(tensor), 0, sequences, score_words, TILE),
        None => output_spans.iter().map(|_| Default::default()).collect(),
    };
    output_spans.into_par_iter().zip(softmax_spans).zip(score_spans).enumerate().for_each(
        |(task, ((output, softmax), scores))| {
            let (r, first) = (task / per_replica, task % per_replica * TILE);
            let drops = Drops::new(&storage.step(r, slot), Chance::Attention, op.site);
            let qkv = storage.float_row(op.qkv, r);
            let before = op.before.map(|before| storage.float_row(before, r));
            let mut p = vec![T::ZERO; n * n];
            for (s, place) in Place::of_task(heads, first) {
                let [q, k, v] = [0, 1, 2].map(|part| place.part(qkv, part));
                product(Out { data: &mut p, row: n }, false, q, k.transposed());
                add_before(&mut p, scale, before.map(|before| &before[place.scores()..]));
                if !scores.is_empty() {
                    scores[place.own_scores(s)..][..n * n].copy_from_slice(&p);
                }
                let softmax = &mut softmax[(s * heads.heads + place.head) * n * 2..][..n * 2];
                vectorized(
                    #[inline(always)]
                    || {
                        for (i, row) in p.chunks_mut(n).enumerate() {
                            let most = lane_max(row);
                            row.iter_mut().for_each(|x| *x = (*x - most).exp());
                            let sum = lane_sum(n, |j| row[j]);
                            softmax[2 * i] = most + sum.ln();
                            let inverse = T::ONE / sum;
                            row.iter_mut().for_each(|x| *x *= inverse);
                            drops.apply(place.draws() + i * n, row);
                        }
                    },
                );
                let data = &mut output[s * n * d + place.head * heads.width..];
                product(Out { data, row: d }, false, Matrix::new(&p, 0, n, n, n), v);
            }
        },
    );
    storage.put_floats(op.output, output);
    storage.put_floats(op.softmax, softmax);
    if let Some(tensor) = op.scores {
        storage.put_floats(tensor, scores);
    }
}

/// `scores = scores · scale + before`
fn add_before<T: Scalar>(scores: &mut [T], scale: T, before: Option<&[T]>) {
    vectorized(
        #[inline(always)]
        || match before {
            Some(before) => scores.iter_mut().zip(before).for_each(|(x, before)| *x = *x * scale + *before),
            None => scores.iter_mut().for_each(|x| *x *= scale),
        },
    );
}

/// One head's probabilities and d_probabilities, `[N, N]` each.
struct Recomputed<T> {
    p: Vec<T>,
    d_p: Vec<T>,
}

impl<T: Scalar> Recomputed<T> {
    fn new(heads: &Heads) -> Self {
        let words = heads.tokens * heads.tokens;
        Recomputed { p: vec![T::ZERO; words], d_p: vec![T::ZERO; words] }
    }

    /// p = exp(score − log-sum-exp), and d_p = d_output · vᵀ before dropout.
    fn fill(&mut self, place: &Place, qkv: &[T], before: Option<&[T]>, softmax: &[T], d_output: &[T]) {
        let n = place.heads.tokens;
        let [q, k, v] = [0, 1, 2].map(|part| place.part(qkv, part));
        product(Out { data: &mut self.p, row: n }, false, q, k.transposed());
        add_before(&mut self.p, scale(&place.heads), before.map(|before| &before[place.scores()..]));
        let p = &mut self.p;
        vectorized(
            #[inline(always)]
            || {
                for (row, softmax) in p.chunks_mut(n).zip(softmax.chunks(2)) {
                    row.iter_mut().for_each(|x| *x = (*x - softmax[0]).exp());
                }
            },
        );
        product(Out { data: &mut self.d_p, row: n }, false, place.values(d_output), v.transposed());
    }
}

pub fn attention_backward_query<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize) {
    let heads = op.heads;
    let (n, d, e, scale) = (heads.tokens, heads.model(), heads.width, scale::<T>(&heads));
    let per_replica = heads.sequences().div_ceil(TILE);
    let mut d_qkv = storage.take_floats(op.d_qkv);
    let mut softmax = storage.take_floats(op.softmax);
    let mut d_scores = op.d_scores.map(|scores| storage.take_floats(scores)).unwrap_or_default();
    let sequences = heads.sequences();
    let first_word = (heads.first_sequence() - heads.qkv_first) * n * 3 * d;
    let d_spans = spans(&mut d_qkv, storage.row(op.d_qkv), first_word, sequences, n * 3 * d, TILE);
    let softmax_words = heads.heads * n * 2;
    let first_row = heads.first_sequence() * softmax_words;
    let softmax_spans = spans(&mut softmax, storage.row(op.softmax), first_row, sequences, softmax_words, TILE);
    let score_words = heads.own().len() * n * n;
    let score_spans: Vec<&mut [T]> = match op.d_scores {
        Some(tensor) => spans(&mut d_scores, storage.row(tensor), 0, sequences, score_words, TILE),
        None => d_spans.iter().map(|_| Default::default()).collect(),
    };
    d_spans.into_par_iter().zip(softmax_spans).zip(score_spans).enumerate().for_each(
        |(task, ((d_qkv, softmax), d_scores))| {
            let (r, first) = (task / per_replica, task % per_replica * TILE);
            let drops = Drops::new(&storage.step(r, slot), Chance::Attention, op.site);
            let qkv = storage.float_row(op.qkv, r);
            let before = op.before.map(|before| storage.float_row(before, r));
            let (output, d_output) = (storage.float_row(op.output, r), storage.float_row(op.d_output, r));
            let mut again = Recomputed::new(&heads);
            for (s, place) in Place::of_task(heads, first) {
                let softmax = &mut softmax[(s * heads.heads + place.head) * n * 2..][..n * 2];
                again.fill(&place, qkv, before, softmax, d_output);
                let (out, d_out) = (place.values(output), place.values(d_output));
                let Recomputed { p, d_p } = &mut again;
                vectorized(
                    #[inline(always)]
                    || {
                        for i in 0..n {
                            let at = out.offset + i * d;
                            let delta = lane_sum(e, |j| output[at + j] * d_output[d_out.offset + i * d + j]);
                            softmax[2 * i + 1] = delta;
                            let d_p = &mut d_p[i * n..][..n];
                            drops.apply(place.draws() + i * n, d_p);
                            for (d_p, p) in d_p.iter_mut().zip(&p[i * n..]) {
                                *d_p = *p * (*d_p - delta);
                            }
                        }
                    },
                );
                if !d_scores.is_empty() {
                    let d_scores = &mut d_scores[place.own_scores(s)..][..n * n];
                    if op.handed_on {
                        d_p.iter_mut().zip(&*d_scores).for_each(|(own, later)| *own += *later);
                    }
                    d_scores.copy_from_slice(d_p);
                }
                d_p.iter_mut().for_each(|d| *d *= scale);
                let data = &mut d_qkv[s * n * 3 * d + place.head * e..];
                product(Out { data, row: 3 * d }, false, Matrix::new(d_p, 0, n, n, n), place.part(qkv, 1));
            }
        },
    );
    storage.put_floats(op.d_qkv, d_qkv);
    storage.put_floats(op.softmax, softmax);
    if let Some(tensor) = op.d_scores {
        storage.put_floats(tensor, d_scores);
    }
}

pub fn attention_backward_key_value<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize) {
    let heads = op.heads;
    let (n, d, e, scale) = (heads.tokens, heads.model(), heads.width, scale::<T>(&heads));
    let per_replica = heads.sequences().div_ceil(TILE);
    let mut d_qkv = storage.take_floats(op.d_qkv);
    let sequences = heads.sequences();
    let first_word = (heads.first_sequence() - heads.qkv_first) * n * 3 * d;
    let d_spans = spans(&mut d_qkv, storage.row(op.d_qkv), first_word, sequences, n * 3 * d, TILE);
    d_spans.into_par_iter().enumerate().for_each(|(task, d_qkv)| {
        let (r, first) = (task / per_replica, task % per_replica * TILE);
        let drops = Drops::new(&storage.step(r, slot), Chance::Attention, op.site);
        let qkv = storage.float_row(op.qkv, r);
        let before = op.before.map(|before| storage.float_row(before, r));
        let d_scores = op.d_scores.map(|scores| storage.float_row(scores, r));
        let (softmax, d_output) = (storage.float_row(op.softmax, r), storage.float_row(op.d_output, r));
        let mut again = Recomputed::new(&heads);
        for (s, place) in Place::of_task(heads, first) {
            let softmax = &softmax[place.softmax()..][..n * 2];
            again.fill(&place, qkv, before, softmax, d_output);
            let Recomputed { p, d_p } = &mut again;
            vectorized(
                #[inline(always)]
                || {
                    for i in 0..n {
                        let (p, d_p) = (&mut p[i * n..][..n], &mut d_p[i * n..][..n]);
                        drops.apply(place.draws() + i * n, d_p);
                        for (d_p, p) in d_p.iter_mut().zip(&*p) {
                            *d_p = *p * (*d_p - softmax[2 * i + 1]) * scale;
                        }
                        drops.apply(place.draws() + i * n, p);
                    }
                    if let Some(d_scores) = d_scores {
                        for (d_p, total) in d_p.iter_mut().zip(&d_scores[place.scores()..]) {
                            *d_p = *total * scale;
                        }
                    }
                },
            );
            let at = s * n * 3 * d + place.head * e;
            let d_scores = Matrix::new(d_p, 0, n, n, n).transposed();
            product(Out { data: &mut d_qkv[at + d..], row: 3 * d }, false, d_scores, place.part(qkv, 0));
            let p = Matrix::new(p, 0, n, n, n).transposed();
            product(Out { data: &mut d_qkv[at + 2 * d..], row: 3 * d }, false, p, place.values(d_output));
        }
    });
    storage.put_floats(op.d_qkv, d_qkv);
}
