//! The layers of patch transformers. Signals are `[S·N, D]`, every sequence's tokens one after the other.

use super::{LinearPart, Signal, dense, dense_parts, linear_parts};
use crate::program::op::*;
use crate::program::{Builder, Rows, TensorId, rng};
use crate::words::words;

/// Over what an activation is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NormKind {
    /// Each feature over all tokens of the batch (BatchNorm1d).
    Batch,
    /// Each token over its features.
    Layer,
}
words!(NormKind, "norm", NormKind::Batch = "batch", NormKind::Layer = "layer");

/// The same signal, which also flows past its reader into `sum`.
#[must_use]
pub fn past(signal: Signal, sum: Signal) -> Signal {
    Signal { skip: sum.grad, ..signal }
}

/// Patches of windows `[B·T, C]`: `sequences` per window, each of `width` channels; `[S·N, J·W]`.
pub fn patch_gather(
    b: &mut Builder,
    name: &str,
    input: Signal,
    patches: Patches,
    sequences: usize,
    width: usize,
) -> Signal {
    let (batch, steps, channels) = (b.sizes.batch, b.sizes.lookback, input.value.inner_stride);
    let (count, words) = (batch * sequences * patches.count, patches.rows * width);
    let shape = [batch * sequences, patches.count, words];
    let (output, input_tensor) = (b.tensor(name, &shape), input.value.tensor);
    let gather = PatchGather { batch, steps, channels, sequences, width, patches, input: input_tensor, output };
    b.forward(Op::PatchGather(gather));
    let grad = input.grad.map(|d_input| {
        let (d_output, d_input) = (b.tensor(format!("d_{name}"), &shape), d_input.tensor);
        let op = PatchGatherBackward { batch, steps, sequences, width, patches, d_output, d_input };
        b.backward(Op::PatchGatherBackward(op));
        Rows::dense(d_output, count, words)
    });
    Signal { value: Rows::dense(output, count, words), grad, skip: None }
}

/// Adds the positions `[N, D]`, and drops out; `trained` positions learn.
pub fn positions(b: &mut Builder, name: &str, trained: bool, drops: bool, input: Signal, output: Signal) {
    let (tokens, positions) = (b.param(name).shape[0], b.param(name).offset);
    let (sequences, width) = (input.value.count / tokens, tokens * input.value.width);
    let site = rng::site("dropout:patchtst.positions");
    b.forward(Op::PositionsForward(PositionsForward {
        sequences,
        width,
        positions,
        input: input.value.tensor,
        output: output.value.tensor,
        site,
    }));
    if let Some(d_sum) = input.grad.filter(|_| trained) {
        let op = PositionsBackward { sequences, width, d_sum: d_sum.tensor, d_positions: positions };
        b.backward(Op::PositionsBackward(op));
    }
    undrop(b, site, drops, output, input);
}

/// What becomes `sum` by dropout and more: with a gradient of its own where there is dropout, else that of the sum.
pub fn before_dropout(b: &mut Builder, name: &str, drops: bool, sum: Signal) -> Signal {
    let (count, width) = (sum.value.count, sum.value.width);
    if drops {
        return dense(b, name, count, width);
    }
    let value = b.tensor(name, &[count, width]);
    Signal { value: Rows::dense(value, count, width), ..sum }
}

/// The backward of dropout from `sum` to `input`, which share their gradient where nothing drops.
fn undrop(b: &mut Builder, site: u32, drops: bool, sum: Signal, input: Signal) {
    if let (true, Some(from), Some(to)) = (drops, sum.grad, input.grad) {
        b.backward(Op::Dropout(Dropout { input: from, output: to, chance: Chance::Dropout, site }));
    }
}

/// Where a branch ends: its last linear layer writes `skip + dropout(…)`.
#[derive(Debug, Clone, Copy)]
pub struct BranchEnd {
    /// The sum, with the gradient of what is dropped out.
    output: Signal,
    skip: Rows,
    site: u32,
}

impl BranchEnd {
    /// The part of the last linear layer that reads `input`, rows from `first` on.
    fn part(&self, first: usize, input: Signal) -> LinearPart {
        let count = input.value.count;
        let residual = Residual { skip: self.skip.range(first, count), site: Some(self.site), first };
        LinearPart { residual: Some(residual), ..LinearPart::plain(input, self.output.rows(first, count)) }
    }
}

/// `sum = x + dropout(branch(x))`: `branch` pushes what lies between, and ends at the end it is given. Its reader of `x`
/// gets [`past`] the sum.
pub fn beside(
    b: &mut Builder,
    label: &str,
    drops: bool,
    x: Signal,
    branch: impl FnOnce(&mut Builder, Signal, BranchEnd),
) -> Signal {
    let (count, width) = (x.value.count, x.value.width);
    let sum = dense(b, &format!("{label}.sum"), count, width);
    let mut output = sum;
    if drops {
        output.grad = Some(Rows::dense(b.tensor(format!("d_{label}"), &[count, width]), count, width));
    }
    let site = rng::site(&format!("dropout:patchtst.{label}"));
    branch(b, past(x, sum), BranchEnd { output, skip: x.value, site });
    undrop(b, site, drops, sum, output);
    sum
}

/// BatchNorm or LayerNorm; `name` + `.weight` and `.bias` are its parameters', for BatchNorm `.running_mean` its state's.
pub fn norm(b: &mut Builder, label: &str, kind: NormKind, name: &str, input: Signal) -> Signal {
    let (count, width) = (input.value.count, input.value.width);
    let word = |b: &Builder, part: &str| b.param(&format!("{name}.{part}")).offset;
    let affine = Affine { weight: word(b, "weight"), bias: word(b, "bias") };
    let signal = dense(b, label, count, width);
    let (input, skip, d_input) = (input.value.tensor, input.skip.map(|skip| skip.tensor), input.grad);
    let (output, d_output) = (signal.value.tensor, signal.grad.map(|grad| grad.tensor));
    let backward = d_input.map(|d_input| d_input.tensor).zip(d_output);
    match kind {
        NormKind::Batch => {
            let batch = b.sizes.batch;
            let tokens = count / batch;
            let stats = b.tensor(format!("{label}.stats"), &[2 * width + 1]);
            let running = b.running(&format!("{name}.running_mean"));
            let forward = |stats, mean| {
                Op::BatchNormForward(BatchNormForward { count, width, input, stats, mean, affine, output })
            };
            b.train_only(Op::BatchNormStatistics(BatchNormStatistics { batch, tokens, width, input, stats, running }));
            b.train_only(forward(stats, 0));
            b.evaluate_only(forward(crate::program::tensor::STATE, running));
            if let Some((d_input, d_output)) = backward {
                b.backward(Op::BatchNormBackwardInput(BatchNormBackwardInput {
                    batch,
                    tokens,
                    width,
                    input,
                    stats,
                    affine,
                    d_output,
                    skip,
                    d_input,
                }));
                let op = BatchNormBackwardWeight { count, width, input, stats, d_output, d_affine: affine };
                b.backward(Op::BatchNormBackwardWeight(op));
            }
        }
        NormKind::Layer => {
            let stats = b.tensor(format!("{label}.stats"), &[count, 2]);
            b.forward(Op::LayerNormForward(LayerNormForward { count, width, input, affine, output, stats }));
            if let Some((d_input, d_output)) = backward {
                b.backward(Op::LayerNormBackwardInput(LayerNormBackwardInput {
                    count,
                    width,
                    input,
                    stats,
                    affine,
                    d_output,
                    skip,
                    d_input,
                }));
                let op = LayerNormBackwardWeight { count, width, input, stats, d_output, d_affine: affine };
                b.backward(Op::LayerNormBackwardWeight(op));
            }
        }
    }
    signal
}

/// The parts of a linear layer from `input` into tensors of ranges of its rows.
fn parts_of(input: Signal, outputs: &[(usize, Signal)]) -> Vec<LinearPart> {
    let part = |&(first, output): &(usize, Signal)| LinearPart::plain(input.rows(first, output.value.count), output);
    outputs.iter().map(part).collect()
}

/// Two linear layers with an activation between them; `name` + `.0` and `.3` are theirs.
pub fn feed_forward(b: &mut Builder, name: &str, kind: FeedForward, site: &str, input: Signal, end: BranchEnd) {
    let word = |b: &Builder, part: &str| b.param(&format!("{name}.{part}")).offset;
    let width = b.param(&format!("{name}.0.weight")).shape[0];
    let site = rng::site(site);
    let hidden = dense_parts(b, &format!("{name}.0"), input.value.count, width, 1);
    let mut into = parts_of(input, &hidden);
    let mut out = Vec::new();
    for (part, (into, (first, before))) in into.iter_mut().zip(hidden).enumerate() {
        let name = if part == 0 { format!("{name}.1") } else { format!("{name}.1.{part}") };
        let after = Rows::dense(b.tensor(name, &[before.value.count, width]), before.value.count, width);
        into.activated = Some(Activated { kind, site, first, rows: after });
        // The second layer hands back the gradient of what came before the activation.
        let active = Signal { value: after, ..before };
        let behind = Some(Activated { kind, site, first, rows: before.value });
        out.push(LinearPart { behind, ..end.part(first, active) });
    }
    linear_parts(b, (word(b, "0.weight"), word(b, "0.bias")), &into);
    linear_parts(b, (word(b, "3.weight"), word(b, "3.bias")), &out);
}

/// Residual attention scores on their way from layer to layer, by range of the (sequence, head) pairs.
#[derive(Debug, Default)]
pub struct Scores {
    /// Those of the layer before, if any.
    before: Vec<TensorId>,
    /// Their gradients, one tensor for all layers.
    d_scores: Vec<TensorId>,
}

/// What a layer of attention does with scores.
pub enum ScoreUse<'a> {
    /// Nothing.
    Plain,
    /// Adds those of the layer before, and hands on its own unless it is the last.
    Residual {
        /// Those of all layers so far.
        scores: &'a mut Scores,
        /// Whether no layer follows.
        last: bool,
    },
}

/// Multi-head self-attention over `tokens`; `name` + `.q_proj`, `.k_proj`, `.v_proj` and `.out_proj` are its linear layers.
pub fn attention(
    b: &mut Builder,
    name: &str,
    (tokens, heads): (usize, usize),
    mut residual: ScoreUse,
    input: Signal,
    end: BranchEnd,
) {
    // A·E, which need not be the width of what flows past.
    let (count, model) = (input.value.count, b.param(&format!("{name}.q_proj.weight")).shape[0]);
    let (sequences, width) = (count / tokens, model / heads);
    let word = |b: &Builder, part: &str| b.param(&format!("{name}.{part}")).offset;
    // The three lie one after the other, weights and biases, and are one product.
    let qkv = dense_parts(b, &format!("{name}.qkv"), count, 3 * model, tokens);
    let into = parts_of(input, &qkv);
    linear_parts(b, (word(b, "q_proj.weight"), word(b, "q_proj.bias")), &into);
    let mixed = dense(b, &format!("{name}.output"), count, model);
    let softmax = b.tensor(format!("{name}.softmax"), &[sequences, heads, tokens, 2]);
    let site = rng::site(&format!("dropout:{name}"));
    let d_mixed = mixed.grad.expect("dense signals have a gradient").tensor;
    let mut range = 0;
    for (row, part) in qkv {
        let (d_qkv, qkv) = (part.grad.expect("dense signals have a gradient").tensor, part.value);
        let all = Heads {
            first: row / tokens * heads,
            pairs: qkv.count / tokens * heads,
            qkv_first: row / tokens,
            tokens,
            heads,
            width,
        };
        let ranges = match residual {
            ScoreUse::Plain => vec![all],
            ScoreUse::Residual { .. } => score_ranges(b, all),
        };
        for own in ranges {
            let shape = [own.pairs, tokens, tokens];
            let (mut before, mut scores, mut d_scores, mut handed_on) = (None, None, None, false);
            if let ScoreUse::Residual { scores: all, last } = &mut residual {
                before = all.before.get(range).copied();
                if all.d_scores.len() == range {
                    all.d_scores.push(b.tensor(format!("d_scores.{range}"), &shape));
                }
                d_scores = Some(all.d_scores[range]);
                handed_on = !*last;
                if handed_on {
                    let own = b.tensor(format!("{name}.scores.{range}"), &shape);
                    match all.before.get_mut(range) {
                        Some(slot) => *slot = own,
                        None => all.before.push(own),
                    }
                    scores = Some(own);
                }
            }
            range += 1;
            let (qkv, output) = (qkv.tensor, mixed.value.tensor);
            let op = AttentionForward { heads: own, qkv, before, scores, softmax, output, site };
            b.forward(Op::AttentionForward(op));
            let backward = AttentionBackward {
                heads: own,
                qkv,
                before,
                softmax,
                output,
                d_output: d_mixed,
                d_scores,
                handed_on,
                d_qkv,
                site,
            };
            // Pushed last, the queries' pass runs first: the keys' pass reads what it leaves.
            b.backward(Op::AttentionBackwardKeyValue(backward.clone()));
            b.backward(Op::AttentionBackwardQuery(backward));
        }
    }
    linear_parts(b, (word(b, "out_proj.weight"), word(b, "out_proj.bias")), &[end.part(0, mixed)]);
}

/// Ranges of the pairs whose scores fit a tensor: of whole sequences, or else of one sequence's heads.
fn score_ranges(b: &Builder, all: Heads) -> Vec<Heads> {
    let pair = all.tokens * all.tokens;
    let part = |first: usize, pairs: usize| Heads { first: all.first + first, pairs, ..all };
    if all.heads * pair <= b.max_words {
        let ranges = b.ranges(all.sequences(), all.heads * pair);
        return ranges.into_iter().map(|(first, count)| part(first * all.heads, count * all.heads)).collect();
    }
    let heads = b.ranges(all.heads, pair);
    let sequences = (0..all.sequences()).map(|sequence| sequence * all.heads);
    sequences.flat_map(|first| heads.iter().map(move |(head, count)| part(first + head, *count))).collect()
}

/// The mean over each sequence's tokens: `[S·N, D]` → `[S, D]`.
pub fn mean_pool(b: &mut Builder, tokens: usize, input: Signal) -> Signal {
    let (sequences, width) = (input.value.count / tokens, input.value.width);
    let output = dense(b, "mean_pool", sequences, width);
    let op = |input: Rows, output: Rows| {
        let (input, output) = (input.tensor, output.tensor);
        MeanPool { sequences, tokens, width, input, output }
    };
    b.forward(Op::MeanPoolForward(op(input.value, output.value)));
    if let (Some(d_output), Some(d_input)) = (output.grad, input.grad) {
        b.backward(Op::MeanPoolBackward(op(d_output, d_input)));
    }
    output
}

/// A sequence's tokens side by side, patch by patch: the same words as `[S, N·D]`.
#[must_use]
pub fn flatten(tokens: usize, input: Signal) -> Signal {
    let view = |rows: Rows| Rows::dense(rows.tensor, rows.count / tokens, rows.width * tokens);
    Signal { value: view(input.value), grad: input.grad.map(view), skip: None }
}
