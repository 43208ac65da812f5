//! What an op costs one replica: the operations of its mathematics, and the bytes that it must read and write.
//!
//! An addition, subtraction, product, quotient, comparison, root or transcendental function counts as one floating-point
//! operation, a multiply-add as two. Integer work (draws, keys, histograms) is not counted. Each word counts as read once and
//! written once, as if a cache held it afterwards; the step table is not counted. Extra work of an engine (rearranged weights,
//! sums of splits) is not counted either, and appears as a longer time.

use std::iter::Sum;
use std::ops::Add;

use serde::Serialize;

use super::cell::Form;
use super::op::*;
use super::tensor::status;
use super::{Program, units};

/// Floating-point operations and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Cost {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
}

impl Cost {
    fn words(flops: usize, read: usize, written: usize) -> Cost {
        Cost { flops: flops as u64, read_bytes: 4 * read as u64, written_bytes: 4 * written as u64 }
    }

    /// Read and written.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.read_bytes + self.written_bytes
    }

    /// The same for every replica.
    #[must_use]
    pub fn times(self, replicas: usize) -> Cost {
        let n = replicas as u64;
        Cost { flops: n * self.flops, read_bytes: n * self.read_bytes, written_bytes: n * self.written_bytes }
    }

    /// Operations per byte.
    #[must_use]
    pub fn intensity(&self) -> f64 {
        self.flops as f64 / self.bytes().max(1) as f64
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            flops: self.flops + other.flops,
            read_bytes: self.read_bytes + other.read_bytes,
            written_bytes: self.written_bytes + other.written_bytes,
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), Add::add)
    }
}

impl Program {
    /// Of all replicas together.
    #[must_use]
    pub fn cost(&self, op: &Op) -> Cost {
        op.cost().times(self.replicas)
    }
}

impl Op {
    /// Of one replica.
    #[must_use]
    pub fn cost(&self) -> Cost {
        match self {
            Op::WindowGather(op) => {
                let (windows, targets) = (op.batch * op.steps, op.batch * op.horizon * op.targets);
                let read = op.batch + windows * op.channels + 2 * targets;
                Cost::words(0, read, windows * op.width + 2 * targets)
            }
            Op::InstanceNormForward(op) => instance_norm(op),
            Op::Decompose(op) => {
                // The average's sum and quotient, and a difference.
                let n = op.batch * op.targets * op.steps;
                Cost::words((op.average + 1) * n, n, 2 * n)
            }
            Op::FutureGather(op) => {
                let rows = op.batch * op.horizon;
                Cost::words(0, op.batch + rows * op.future, rows * op.width)
            }
            Op::DecoderForward(op) => {
                // A sum and a comparison.
                let (units, contexts) = (op.batch * op.horizon * op.width, op.batch * op.width);
                Cost::words(2 * units, units + contexts, units)
            }
            Op::DecoderBackward(op) => {
                let (units, contexts) = (op.batch * op.horizon * op.width, op.batch * op.width);
                Cost::words(2 * units, 2 * units, units + contexts)
            }
            Op::MatrixTranspose(op) => {
                let words = op.batch * op.rows * op.columns;
                Cost::words(0, words, words)
            }
            Op::EmbeddingForward(op) => {
                let read = op.columns.words() + op.columns.tables.len();
                Cost::words(0, op.rows * read, op.rows * op.columns.width)
            }
            Op::EmbeddingBackward(op) => {
                let words = op.rows * (op.columns.words() - op.columns.numbers);
                let tables = op.columns.tables.iter().map(|table| table.levels * table.width).sum();
                Cost::words(words, words + op.rows * op.columns.tables.len(), tables)
            }
            Op::LinearForward(op) => {
                let [n, i, o] = [op.input.count, op.input.width, op.output.width];
                // Of dropout and of the sum.
                let skip = if op.residual.is_some() { n * o } else { 0 };
                let [each, active] = activated(&op.activated, n * o, [5, 1]);
                Cost::words(2 * n * i * o + 2 * skip + each * active, n * i + o * i + o + skip, n * o + active)
            }
            Op::LinearBackwardInput(op) => {
                let [n, i, o] = [op.d_input.count, op.d_input.width, op.d_output.width];
                let skip = if op.skip.is_some() { n * i } else { 0 };
                let [each, active] = activated(&op.activated, n * i, [10, 2]);
                Cost::words(2 * n * i * o + skip + each * active, n * o + o * i + skip + active, n * i)
            }
            Op::LinearBackwardWeight(op) => {
                let (n, (i, o)) = (op.count(), op.widths());
                let (beside, biases) = op.beside.map_or((0, 1), |beside| (beside.input.width, 2));
                let i = i + beside;
                Cost::words(2 * n * i * o + n * o, n * i + n * o, o * i + biases * o)
            }
            Op::RecurrentForward(op) => {
                let (h, units, form) = (op.hidden, op.batch * op.steps * op.hidden, op.cell.form());
                let gates = form.gates.len();
                let stored = stored(form, units);
                // Of h, and of c where there is one.
                let states = (units + op.batch * h) * if form.memory.is_some() { 2 } else { 1 };
                Cost::words(units * (2 * gates * h + form.flops[0]), gates * (units + h * h + h), stored + states)
            }
            Op::RecurrentBackward(op) => {
                let (h, units, form) = (op.hidden, op.batch * op.steps * op.hidden, op.cell.form());
                let gates = form.gates.len();
                let stored = stored(form, units);
                // The derivative by c reads that of the step before too.
                let kept = units + if form.memory.is_some() { op.batch * h } else { 0 };
                let read = stored + kept + gates * h * h + op.batch * op.d_output_steps * h;
                let gradients = if form.recurrent_tensor.is_some() { 2 } else { 1 };
                Cost::words(units * (2 * gates * h + form.flops[1]), read, gradients * gates * units)
            }
            Op::Dropout(op) => {
                let n = op.input.count * op.input.width;
                Cost::words(n, n, n)
            }
            Op::PatchGather(op) => {
                let sequences = op.batch * op.sequences * op.width;
                let read = sequences * distinct_rows(&op.patches, op.steps);
                Cost::words(0, read, sequences * op.patches.count * op.patches.rows)
            }
            Op::PatchGatherBackward(op) => {
                let channels = op.batch * op.sequences * op.width;
                let patched = channels * op.patches.count * op.patches.rows;
                Cost::words(patched, patched, channels * op.steps)
            }
            Op::InstanceAffineBackward(op) => {
                let series = op.batch * op.targets;
                let (patched, forecast) = (series * op.patches.count * op.patches.rows, series * op.horizon);
                let input = series * distinct_rows(&op.patches, op.steps);
                let read = input + 2 * series + patched + 2 * forecast + 2 * op.targets;
                Cost::words(5 * (patched + forecast), read, 2 * op.targets)
            }
            Op::PositionsForward(op) => {
                let n = op.sequences * op.width;
                Cost::words(2 * n, n + op.width, n)
            }
            Op::PositionsBackward(op) => Cost::words(op.sequences * op.width, op.sequences * op.width, op.width),
            Op::BatchNormStatistics(op) => {
                let (n, statistics) = (op.batch * op.tokens * op.width, 2 * op.width + 1);
                // A count is two words of state.
                Cost::words(4 * n, n + op.batch + statistics + 1, 2 * statistics + 1)
            }
            Op::BatchNormForward(op) => {
                Cost::words(4 * op.count * op.width, (op.count + 4) * op.width, op.count * op.width)
            }
            Op::BatchNormBackwardWeight(op) => {
                let n = op.count * op.width;
                Cost::words(5 * n, 2 * n + 2 * op.width, 2 * op.width)
            }
            Op::BatchNormBackwardInput(op) => {
                let n = op.batch * op.tokens * op.width;
                let skip = if op.skip.is_some() { n } else { 0 };
                Cost::words(6 * n + skip, 2 * n + skip + 5 * op.width + op.batch, n)
            }
            Op::LayerNormForward(op) => {
                let n = op.count * op.width;
                Cost::words(8 * n, n + 2 * op.width, n + 2 * op.count)
            }
            Op::LayerNormBackwardWeight(op) => {
                let n = op.count * op.width;
                Cost::words(5 * n, 2 * n + 2 * op.count, 2 * op.width)
            }
            Op::LayerNormBackwardInput(op) => {
                let n = op.count * op.width;
                let skip = if op.skip.is_some() { n } else { 0 };
                Cost::words(10 * n + skip, 2 * n + skip + 2 * op.count + op.width, n)
            }
            Op::AttentionForward(op) => {
                let (h, pairs, before) = (&op.heads, op.heads.scores(), op.before.is_some() as usize);
                let (values, rows) = (h.pairs * h.tokens * h.width, h.pairs * h.tokens);
                let scores = if op.scores.is_some() { pairs } else { 0 };
                // q·k and p·v; the scale, five of the softmax, dropout.
                let flops = pairs * (4 * h.width + 7 + before);
                Cost::words(flops, 3 * values + before * pairs, values + rows + scores)
            }
            Op::AttentionBackwardQuery(op) => attention_backward_query(op),
            Op::AttentionBackwardKeyValue(op) => attention_backward_key_value(op),
            Op::MeanPoolForward(op) => {
                let (tokens, pooled) = (op.sequences * op.tokens * op.width, op.sequences * op.width);
                Cost::words(tokens, tokens, pooled)
            }
            Op::MeanPoolBackward(op) => {
                let (tokens, pooled) = (op.sequences * op.tokens * op.width, op.sequences * op.width);
                Cost::words(pooled, pooled, tokens)
            }
            Op::Loss(op) => {
                let (words, [each, scales]) = (op.forecast.elements(), forecast(&op.forecast, [3, 4]));
                // The difference is taken once; three of the value, three of the slope.
                Cost::words((7 + each) * words, 3 * words + scales, words + 1)
            }
            Op::PredictionStore(op) => {
                let (words, [each, scales]) = (op.forecast.elements(), forecast(&op.forecast, [2, 3]));
                Cost::words(each * words, words + scales, words)
            }
            Op::LinkInput(op) => {
                // An exponential, a logarithm, and five more.
                let words = op.rows * op.channels;
                Cost::words(7 * op.rows * op.targets, words, words)
            }
            Op::ScaleGather(op) => {
                let scalers = 2 * op.batch * op.targets;
                let stats = if op.stats.is_some() { scalers } else { 0 };
                Cost::words(0, op.batch + op.series + scalers + stats, 2 * scalers)
            }
            Op::QuantileLoss(op) => {
                let (words, [each, scales]) = (op.forecast.elements(), forecast(&op.forecast, [3, 4]));
                let (count, linked) = (op.forecast.outputs, if op.forecast.link.is_some() { 8 } else { 0 });
                // Of each level an error, three of its value, two of its slope, two of its sum; of its distance four, and as many of
                // that's slope.
                let flops = (each + (8 + linked) * count + 8 * (count - 1)) * words;
                Cost::words(flops, (count + 2) * words + scales + count, count * words + 1)
            }
            Op::LikelihoodLoss(op) => {
                let (words, [each, scales]) = (op.forecast.elements(), forecast(&op.forecast, [3, 4]));
                // A difference of ln Γ takes about forty, one of ψ about thirty.
                let own = match op.distribution {
                    Distribution::Poisson => 50,
                    Distribution::NegativeBinomial => 150,
                    Distribution::StudentT => 110,
                };
                let count = op.forecast.outputs;
                Cost::words((each + own) * words, (count + 2) * words + scales, count * words + 1)
            }
            Op::DistributionStore(op) => {
                let (words, [each, scales]) = (op.forecast.elements(), forecast(&op.forecast, [2, 3]));
                let outputs = op.forecast.outputs * words;
                Cost::words(each * words + 5 * (outputs - words), outputs + scales, outputs)
            }
            Op::GradNorm(op) => Cost::words(2 * op.words + 1, op.words + op.words / 32, 1),
            // Dense: thirteen of Adam on every word, three of l2 and decay on the prunable.
            Op::AdamMasked(op) => {
                let read = 4 * op.words + op.words / 32 + status::WORDS;
                Cost::words(13 * op.words + 3 * op.prunable_words, read, 3 * op.words)
            }
            Op::UnitImportance(op) => {
                let words: usize = op.sets.iter().map(|set| set.count * set.words()).sum();
                Cost::words(2 * words, words + words / 32, units::total(&op.sets))
            }
            Op::UnitPrune(op) => {
                let units = units::total(&op.sets);
                let words = units::end(&op.sets).div_ceil(32);
                Cost::words(0, 6 * units + words, words)
            }
            Op::PruneSelect(op) => {
                let words: usize = op.groups.iter().map(|group| group.size()).sum();
                Cost::words(0, words + words / 16, words / 32)
            }
            Op::PruneApply(op) => Cost::words(0, 4 * (op.prunable_words / 32), 4 * (op.prunable_words / 32)),
            Op::ScoreUpdate(op) => {
                let words = op.prunable_words;
                Cost::words(4 * words, 3 * words + words / 32, words)
            }
            // The sorts' working memory is not counted.
            Op::LampScore(op) => {
                let words: usize = op.tensors.iter().map(|range| range.len()).sum();
                Cost::words(3 * words, words + words / 32, words)
            }
            Op::Prune(op) => Cost::words(0, op.prunable_words + op.prunable_words / 32, op.prunable_words / 32),
        }
    }
}

/// Words that a recurrent layer's forward op keeps for its backward op, besides states: of a GRU, a gate's two parts.
fn stored(form: &Form, units: usize) -> usize {
    let parts = form.gates.len() + usize::from(form.recurrent_tensor.is_some());
    if form.stores_gates { parts * units } else { 0 }
}

/// Operations per word, and words, of an activation beside a product's `words`: those of GELU or one of ReLU, and `more`, of
/// dropout and of the gradient.
fn activated(activated: &Option<Activated>, words: usize, [gelu, more]: [usize; 2]) -> [usize; 2] {
    match activated.map(|activated| activated.kind) {
        None => [0, 0],
        Some(FeedForward::Gelu) => [gelu + more, words],
        Some(FeedForward::Relu) => [1 + more, words],
    }
}

/// Rows of a window of `steps` that lie in any patch.
fn distinct_rows(patches: &Patches, steps: usize) -> usize {
    let Patches { first, stride, rows, count } = *patches;
    (count * rows).min((count.max(1) - 1) * stride + rows).min(steps - first)
}

fn instance_norm(op: &InstanceNormForward) -> Cost {
    let (all, normal) = (op.batch * op.steps * op.channels, op.batch * op.steps * op.targets);
    let affine = op.affine.map_or(0, |_| 2 * op.targets);
    // At most: one of the mean, three of the variance, two that normalise.
    let each = 6 + if op.affine.is_some() { 2 } else { 0 };
    Cost::words(each * normal, all + affine, all + 2 * op.batch * op.targets)
}

/// Operations per value, `plain` and what an affine part adds, and the words of statistics and scales that a forecast reads.
fn forecast(op: &Forecast, [plain, affine]: [usize; 2]) -> [usize; 2] {
    let stats = op.windows.map_or(0, |windows| windows.width() * op.batch * op.targets);
    // An exponential, a logarithm and four more.
    let linked = if op.link.is_some() { 6 } else { 0 };
    let plain = if op.is_normalized() { plain } else { 0 };
    let [affine, scales] = if op.affine().is_some() { [affine, 2 * op.targets] } else { [0, 0] };
    [plain + affine + linked, stats + scales]
}

fn attention_backward_query(op: &AttentionBackward) -> Cost {
    let (h, pairs, before, handed) =
        (&op.heads, op.heads.scores(), op.before.is_some() as usize, op.handed_on as usize);
    let (values, rows) = (h.pairs * h.tokens * h.width, h.pairs * h.tokens);
    let scores = if op.d_scores.is_some() { pairs } else { 0 };
    // The score again, d_p, d_q; three of p, dropout, three of d_score; and δ.
    let flops = pairs * (6 * h.width + 7 + before + handed) + 2 * values;
    Cost::words(flops, 5 * values + rows + (before + handed) * pairs, values + rows + scores)
}

fn attention_backward_key_value(op: &AttentionBackward) -> Cost {
    let (h, pairs, before) = (&op.heads, op.heads.scores(), op.before.is_some() as usize);
    let (values, rows) = (h.pairs * h.tokens * h.width, h.pairs * h.tokens);
    // The score again, d_k, d_v; three of p, dropout, the scale; and where d_score is not there to be read, d_p besides.
    let (each, scores) = match op.d_scores {
        Some(_) => (6 * h.width + 5, pairs),
        None => (8 * h.width + 9, 0),
    };
    Cost::words(pairs * (each + before), 4 * values + 2 * rows + before * pairs + scores, 2 * values)
}
