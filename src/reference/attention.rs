//! attention_forward, attention_backward_query, attention_backward_key_value: every head of a few sequences per task.
//!
//! A vector holds queries: heads are narrow, and need no packed product. Where the two backward ops follow each other, one
//! pass does both, and computes a head's probabilities once.

mod head;
mod pair;
mod products;

use crate::program::Op;
use crate::program::op::{AttentionBackward, AttentionForward, Chance, Heads};

use super::dropout::Drops;
use super::scalar::Scalar;
use super::storage::Storage;
use super::tasks::{each, spans};
use super::vector::{Vectorized, Vectors};
use head::{Gradients, Pass, Reads, Scratch, backward_parts, forward_parts};
use pair::{Pair, Sides};

/// Sequences per task.
const TILE: usize = 4;

/// A task's part of a tensor `[pairs, N, N]`, where there is one.
fn score_spans<'a, T>(scores: Option<&'a mut Vec<T>>, heads: &Heads) -> Vec<Option<&'a mut [T]>> {
    let words = TILE * heads.own().len() * heads.tokens * heads.tokens;
    match scores {
        Some(scores) => scores.chunks_mut(words).map(Some).collect(),
        None => (0..heads.sequences().div_ceil(TILE)).map(|_| None).collect(),
    }
}

pub(super) fn attention_forward<T: Scalar>(storage: &mut Storage<T>, op: &AttentionForward, slot: usize) {
    let heads = op.heads;
    let (n, d) = (heads.tokens, heads.model());
    let mut output = storage.take_floats(op.output);
    let mut softmax = storage.take_floats(op.softmax);
    let mut scores = op.scores.map(|scores| storage.take_floats(scores));
    let sequences = heads.sequences();
    let output_spans = spans(&mut output, heads.first_sequence() * n * d, sequences, n * d, TILE);
    let softmax_words = heads.heads * n * 2;
    let softmax_spans = spans(&mut softmax, heads.first_sequence() * softmax_words, sequences, softmax_words, TILE);
    let score_spans = score_spans(scores.as_mut(), &heads);
    let first_row = (heads.first_sequence() - heads.qkv_first) * n * 3 * d;
    each(output_spans.zip(softmax_spans).zip(score_spans), &|task, ((output, softmax), scores)| {
        let qkv = &storage.floats(op.qkv)[first_row..];
        let reads = Reads {
            before: op.before.map(|before| storage.floats(before)),
            drops: Drops::new(&storage.step(slot), Chance::Attention, op.site),
        };
        T::over_vectors(Forward { heads, first: task * TILE, reads, qkv, scores, softmax, output });
    });
    storage.put_floats(op.output, output);
    storage.put_floats(op.softmax, softmax);
    if let (Some(tensor), Some(scores)) = (op.scores, scores) {
        storage.put_floats(tensor, scores);
    }
}

/// The forward pass of a task's sequences.
struct Forward<'a, T> {
    heads: Heads,
    first: usize,
    reads: Reads<'a, T>,
    qkv: &'a [T],
    scores: Option<&'a mut [T]>,
    softmax: &'a mut [T],
    output: &'a mut [T],
}

impl<T: Scalar> Vectorized<T> for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Vectors<T = T>>(mut self, simd: S) {
        let (heads, n, d) = (self.heads, self.heads.tokens, self.heads.model());
        let mut scratch = Scratch::new(&forward_parts(&heads));
        let mut qkv = Sides::new(&heads, 3);
        for (s, output) in self.output.chunks_exact_mut(n * d).enumerate() {
            qkv.read(simd, &self.qkv[(self.first + s) * n * 3 * d..]);
            for head in heads.own() {
                let pair = Pair { heads, sequence: self.first + s, head };
                let softmax = &mut self.softmax[(s * heads.heads + head) * n * 2..][..n * 2];
                let scores = self.scores.as_mut().map(|scores| &mut scores[pair.own_scores(s)]);
                let output = &mut output[head * heads.width..];
                self.reads.forward(simd, &pair, &qkv, &mut scratch, scores, softmax, output);
            }
        }
    }
}

/// Whether two ops are the backward pass of one attention, which one pass does.
pub(super) fn whole_backward<'a>(op: &'a Op, next: Option<&Op>) -> Option<&'a AttentionBackward> {
    match (op, next) {
        (Op::AttentionBackwardQuery(queries), Some(Op::AttentionBackwardKeyValue(keys))) if queries == keys => {
            Some(queries)
        }
        _ => None,
    }
}

/// Both ops as one pass.
pub(super) fn attention_backward_whole<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize) {
    attention_backward(storage, op, slot, Pass::Both);
}

pub(super) fn attention_backward_query<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize) {
    attention_backward(storage, op, slot, Pass::Queries);
}

pub(super) fn attention_backward_key_value<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize) {
    attention_backward(storage, op, slot, Pass::Keys);
}

fn attention_backward<T: Scalar>(storage: &mut Storage<T>, op: &AttentionBackward, slot: usize, pass: Pass) {
    let heads = op.heads;
    let (n, d) = (heads.tokens, heads.model());
    let mut d_qkv = storage.take_floats(op.d_qkv);
    let mut softmax = storage.take_floats(op.softmax);
    let mut d_scores = op.d_scores.map(|scores| storage.take_floats(scores));
    let sequences = heads.sequences();
    let first_row = (heads.first_sequence() - heads.qkv_first) * n * 3 * d;
    let d_spans = spans(&mut d_qkv, first_row, sequences, n * 3 * d, TILE);
    let softmax_words = heads.heads * n * 2;
    let softmax_spans = spans(&mut softmax, heads.first_sequence() * softmax_words, sequences, softmax_words, TILE);
    let score_spans = score_spans(d_scores.as_mut(), &heads);
    each(d_spans.zip(softmax_spans).zip(score_spans), &|task, ((d_qkv, softmax), d_scores)| {
        let qkv = &storage.floats(op.qkv)[first_row..];
        let reads = Reads {
            before: op.before.map(|before| storage.floats(before)),
            drops: Drops::new(&storage.step(slot), Chance::Attention, op.site),
        };
        let values = heads.first_sequence() * n * d;
        let (output, d_output) = (&storage.floats(op.output)[values..], &storage.floats(op.d_output)[values..]);
        let first = task * TILE;
        T::over_vectors(Backward {
            pass,
            handed_on: op.handed_on,
            heads,
            first,
            reads,
            qkv,
            output,
            d_output,
            d_scores,
            softmax,
            d_qkv,
        });
    });
    storage.put_floats(op.d_qkv, d_qkv);
    storage.put_floats(op.softmax, softmax);
    if let (Some(tensor), Some(scores)) = (op.d_scores, d_scores) {
        storage.put_floats(tensor, scores);
    }
}

/// The backward pass of a task's sequences.
struct Backward<'a, T> {
    pass: Pass,
    handed_on: bool,
    heads: Heads,
    first: usize,
    reads: Reads<'a, T>,
    qkv: &'a [T],
    output: &'a [T],
    d_output: &'a [T],
    d_scores: Option<&'a mut [T]>,
    softmax: &'a mut [T],
    d_qkv: &'a mut [T],
}

impl<T: Scalar> Vectorized<T> for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Vectors<T = T>>(mut self, simd: S) {
        let (heads, n, d) = (self.heads, self.heads.tokens, self.heads.model());
        let mut scratch = Scratch::new(&backward_parts(&heads));
        let [mut qkv, mut output, mut d_output] = [Sides::new(&heads, 3), Sides::new(&heads, 1), Sides::new(&heads, 1)];
        for (s, d_qkv) in self.d_qkv.chunks_exact_mut(n * 3 * d).enumerate() {
            let first = (self.first + s) * n * d;
            qkv.read(simd, &self.qkv[3 * first..]);
            d_output.read(simd, &self.d_output[first..]);
            if self.pass != Pass::Keys {
                output.read(simd, &self.output[first..]);
            }
            for head in heads.own() {
                let pair = Pair { heads, sequence: self.first + s, head };
                let softmax = &mut self.softmax[(s * heads.heads + head) * n * 2..][..n * 2];
                let own = self.d_scores.as_mut().map(|scores| &mut scores[pair.own_scores(s)]);
                let scores = match own {
                    None => Gradients::Own,
                    Some(scores) if self.pass == Pass::Keys => Gradients::Read(scores),
                    Some(scores) if self.handed_on => Gradients::Added(scores),
                    Some(scores) => Gradients::Written(scores),
                };
                let d_qkv = &mut d_qkv[head * heads.width..];
                let sides = (&qkv, &output, &d_output);
                self.reads.backward(simd, self.pass, &pair, sides, &mut scratch, scores, softmax, d_qkv);
            }
        }
    }
}
