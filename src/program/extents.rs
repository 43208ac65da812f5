//! How far each op reaches into the tensors that it reads and writes.

use super::op::*;
use super::tensor::*;
use super::units::{self, SET_WORDS, SPAN_WORDS, UnitSet, total};
use super::{List, Program, ReplicaStep, scope};
use crate::dims::product;

/// One past the last word that an op of this list touches of each tensor, whatever its slot: of all that it reads or writes.
/// Sizes beyond all memory stay so.
pub fn extents(op: &Op, program: &Program, list: List) -> Vec<(TensorId, usize)> {
    let steps = (STEPS, product(&[program.slots, ReplicaStep::WORDS]));
    let windows = |batch| (WINDOWS, product(&[program.slots, batch]));
    match op {
        Op::WindowGather(op) => {
            let targets = product(&[op.batch, op.horizon, op.targets]);
            vec![
                windows(op.batch),
                (SERIES, product(&[op.rows, op.channels])),
                (OBSERVED, product(&[op.rows, op.targets])),
                (op.input, product(&[op.batch, op.steps, op.width])),
                (op.target, targets),
                (op.weight, targets),
            ]
        }
        Op::InstanceNormForward(op) => {
            let input = product(&[op.batch, op.steps, op.channels]);
            let stats = product(&[op.batch, op.targets, 2]);
            vec![steps, (op.input, input), (op.output, input), (op.stats, stats), maybe_affine(op.affine, op.targets)]
        }
        Op::Decompose(op) => {
            let rows = product(&[op.batch, op.targets, op.steps]);
            vec![(op.input, product(&[op.batch, op.steps, op.channels])), (op.trend, rows), (op.remainder, rows)]
        }
        Op::FutureGather(op) => vec![
            windows(op.batch),
            (SERIES, product(&[op.rows, op.channels])),
            (op.output, product(&[op.batch, op.horizon, op.width])),
        ],
        Op::DecoderForward(op) => {
            vec![(op.context, product(&[op.batch, op.width])), (op.hidden, product(&[op.batch, op.horizon, op.width]))]
        }
        Op::DecoderBackward(op) => {
            let units = product(&[op.batch, op.horizon, op.width]);
            vec![(op.hidden, units), (op.d_hidden, units), (op.d_context, product(&[op.batch, op.width]))]
        }
        Op::MatrixTranspose(op) => {
            let words = product(&[op.batch, op.rows, op.columns]);
            vec![(op.input, words), (op.output, words)]
        }
        Op::EmbeddingForward(op) => embedding(&op.columns, op.rows, PARAMS, [op.input, op.output]),
        Op::EmbeddingBackward(op) => embedding(&op.columns, op.rows, GRADS, [op.input, op.d_output]),
        Op::LinearForward(op) => {
            let (inputs, outputs) = (op.input.width, op.output.width);
            let parameters = [matrix(PARAMS, op.weight, &[outputs, inputs]), matrix(PARAMS, op.bias, &[outputs])];
            let beside = [op.residual.map(|residual| residual.skip), op.activated.map(|activated| activated.rows)];
            let rows = [op.input, op.output].into_iter().chain(beside.into_iter().flatten());
            rows.map(reach).chain(parameters).chain([steps]).collect()
        }
        Op::LinearBackwardInput(op) => {
            let weight = matrix(PARAMS, op.weight, &[op.d_output.width, op.d_input.width]);
            let beside = [op.skip, op.activated.map(|activated| activated.rows)];
            let rows = [op.d_output, op.d_input].into_iter().chain(beside.into_iter().flatten());
            rows.map(reach).chain([weight, steps]).collect()
        }
        Op::LinearBackwardWeight(op) => {
            let (inputs, outputs) = op.widths();
            let own = [matrix(GRADS, op.d_weight, &[outputs, inputs]), matrix(GRADS, op.d_bias, &[outputs])];
            let beside = op.beside.iter().flat_map(|beside| {
                let weight = matrix(GRADS, beside.d_weight, &[outputs, beside.input.width]);
                [reach(beside.input), weight, matrix(GRADS, beside.d_bias, &[outputs])]
            });
            let rows = op.parts.iter().flat_map(|&(input, d_output)| [input, d_output]);
            rows.map(reach).chain(own).chain(beside).collect()
        }
        Op::RecurrentForward(op) => {
            let (gates, states) = (op.cell.form().gates.len(), product(&[op.batch, after(op.steps), op.hidden]));
            let all_gates = product(&[op.batch, op.steps, gates, op.hidden]);
            vec![
                matrix(PARAMS, op.w_hh, &[gates, op.hidden, op.hidden]),
                matrix(PARAMS, op.b_hh, &[gates, op.hidden]),
                (op.gates, all_gates),
                (op.recurrent, all_gates),
                (op.states, states),
                (op.kept, states),
            ]
        }
        Op::RecurrentBackward(op) => {
            let gates = op.cell.form().gates.len();
            let all_gates = product(&[op.batch, op.steps, gates, op.hidden]);
            vec![
                matrix(PARAMS, op.w_hh, &[gates, op.hidden, op.hidden]),
                (op.gates, all_gates),
                (op.recurrent, all_gates),
                (op.kept, product(&[op.batch, after(op.steps), op.hidden])),
                (op.d_output, product(&[op.batch, op.d_output_steps, op.hidden])),
            ]
        }
        Op::Dropout(op) => vec![steps, reach(op.input), reach(op.output)],
        Op::PatchGather(op) => {
            let output = product(&[op.batch, op.sequences, op.patches.count, op.patches.rows, op.width]);
            vec![(op.input, product(&[op.batch, op.steps, op.channels])), (op.output, output)]
        }
        Op::PatchGatherBackward(op) => {
            let patches = product(&[op.batch, op.sequences, op.patches.count, op.patches.rows, op.width]);
            vec![(op.d_output, patches), (op.d_input, product(&[op.batch, op.steps, op.sequences, op.width]))]
        }
        Op::InstanceAffineBackward(op) => {
            let affine = op.affine.end(op.targets);
            let forecast = product(&[op.batch, op.targets, op.horizon]);
            vec![
                (PARAMS, affine),
                (GRADS, affine),
                (op.input, product(&[op.batch, op.steps, op.channels])),
                (op.stats, product(&[op.batch, op.targets, 2])),
                (op.d_patches, product(&[op.batch, op.targets, op.patches.count, op.patches.rows])),
                (op.forecast, forecast),
                (op.d_forecast, forecast),
            ]
        }
        Op::PositionsForward(op) => {
            let sums = product(&[op.sequences, op.width]);
            vec![steps, matrix(PARAMS, op.positions, &[op.width]), (op.input, sums), (op.output, sums)]
        }
        Op::PositionsBackward(op) => {
            vec![matrix(GRADS, op.d_positions, &[op.width]), (op.d_sum, product(&[op.sequences, op.width]))]
        }
        Op::BatchNormStatistics(op) => vec![
            steps,
            windows(op.batch),
            (op.input, product(&[op.batch, op.tokens, op.width])),
            batch_stats(op.stats, op.width),
            // The running mean and variance, and the count's two words.
            (STATE, op.running.saturating_add(product(&[2, op.width])).saturating_add(2)),
        ],
        Op::BatchNormForward(op) => {
            let rows = product(&[op.count, op.width]);
            let stats = matrix(op.stats, op.mean, &[2, op.width]);
            vec![(op.input, rows), (op.output, rows), stats, (PARAMS, op.affine.end(op.width))]
        }
        Op::BatchNormBackwardWeight(op) => {
            let rows = product(&[op.count, op.width]);
            let stats = batch_stats(op.stats, op.width);
            vec![(op.input, rows), (op.d_output, rows), stats, (GRADS, op.d_affine.end(op.width))]
        }
        Op::BatchNormBackwardInput(op) => {
            let rows = product(&[op.batch, op.tokens, op.width]);
            let affine = op.affine.end(op.width);
            let all = [(op.input, rows), (op.d_output, rows), (op.d_input, rows), (PARAMS, affine), (GRADS, affine)];
            let skip = op.skip.map(|skip| (skip, rows));
            all.into_iter().chain([windows(op.batch), batch_stats(op.stats, op.width)]).chain(skip).collect()
        }
        Op::LayerNormForward(op) => {
            let (rows, stats) = (product(&[op.count, op.width]), product(&[op.count, 2]));
            vec![(op.input, rows), (op.output, rows), (op.stats, stats), (PARAMS, op.affine.end(op.width))]
        }
        Op::LayerNormBackwardWeight(op) => {
            let (rows, stats) = (product(&[op.count, op.width]), product(&[op.count, 2]));
            vec![(op.input, rows), (op.d_output, rows), (op.stats, stats), (GRADS, op.d_affine.end(op.width))]
        }
        Op::LayerNormBackwardInput(op) => {
            let (rows, stats) = (product(&[op.count, op.width]), product(&[op.count, 2]));
            let all = [(op.input, rows), (op.d_output, rows), (op.d_input, rows), (op.stats, stats)];
            let skip = op.skip.map(|skip| (skip, rows));
            all.into_iter().chain([(PARAMS, op.affine.end(op.width))]).chain(skip).collect()
        }
        Op::AttentionForward(op) => {
            let scores = scores(&op.heads, [op.before, op.scores]);
            attention(&op.heads, op.qkv, op.softmax, op.output).into_iter().chain(scores).chain([steps]).collect()
        }
        Op::AttentionBackwardQuery(op) | Op::AttentionBackwardKeyValue(op) => {
            let scores = scores(&op.heads, [op.before, op.d_scores]);
            let forward = attention(&op.heads, op.qkv, op.softmax, op.output);
            let backward = attention(&op.heads, op.d_qkv, op.softmax, op.d_output);
            forward.into_iter().chain(backward).chain(scores).chain([steps]).collect()
        }
        Op::MeanPoolForward(op) => {
            let (whole, pooled) = (product(&[op.sequences, op.tokens, op.width]), product(&[op.sequences, op.width]));
            vec![(op.input, whole), (op.output, pooled)]
        }
        Op::MeanPoolBackward(op) => {
            let (whole, pooled) = (product(&[op.sequences, op.tokens, op.width]), product(&[op.sequences, op.width]));
            vec![(op.input, pooled), (op.output, whole)]
        }
        Op::Loss(op) => {
            let own = [steps, (LOSSES, program.slots)];
            own.into_iter().chain(compared(&op.forecast, op.target, op.weight, op.d_head)).collect()
        }
        Op::PredictionStore(op) => {
            let stored = product(&[program.slots_of(list), op.forecast.elements()]);
            [(PREDICTIONS, stored)].into_iter().chain(forecast(&op.forecast)).collect()
        }
        Op::LinkInput(op) => {
            let words = product(&[op.rows, op.channels]);
            vec![(op.input, words), (op.output, words)]
        }
        Op::ScaleGather(op) => {
            let scalers = |count, words| product(&[count, op.targets, words]);
            let series = [(SERIES_STARTS, op.series), (SCALES, scalers(op.series, 2))];
            let stats = op.stats.map(|stats| (stats, scalers(op.batch, 2)));
            series.into_iter().chain([windows(op.batch), (op.output, scalers(op.batch, 4))]).chain(stats).collect()
        }
        Op::QuantileLoss(op) => {
            let own = [(op.levels, op.forecast.outputs), steps, (LOSSES, program.slots)];
            own.into_iter().chain(compared(&op.forecast, op.target, op.weight, op.d_head)).collect()
        }
        Op::LikelihoodLoss(op) => {
            let own = [steps, (LOSSES, program.slots)];
            own.into_iter().chain(compared(&op.forecast, op.target, op.weight, op.d_head)).collect()
        }
        Op::DistributionStore(op) => {
            let stored = product(&[program.slots_of(list), op.forecast.elements(), op.forecast.outputs]);
            [(PREDICTIONS, stored)].into_iter().chain(forecast(&op.forecast)).collect()
        }
        Op::GradNorm(op) => vec![(GRADS, op.words), (MASK, op.words.div_ceil(32)), (GRAD_NORM, 1)],
        Op::AdamMasked(op) => {
            let words = op.words.max(op.prunable_words);
            let arenas = [PARAMS, GRADS, MOMENT1, MOMENT2].map(|arena| (arena, words));
            let own = [steps, (MASK, words.div_ceil(32)), (GRAD_NORM, 1), (STATUS, status::WORDS)];
            arenas.into_iter().chain(own).collect()
        }
        Op::Prune(op) => {
            let mask = (MASK, op.prunable_words.div_ceil(32));
            vec![steps, (PARAMS, op.prunable_words), mask, (op.histogram, Prune::DIGITS)]
        }
        Op::UnitImportance(op) => {
            let words = units::ranked_end(&op.sets);
            vec![
                (op.scores.unwrap_or(PARAMS), words),
                (MASK, words.div_ceil(32)),
                units_table(&op.sets, op.table),
                (op.importance, total(&op.sets)),
            ]
        }
        Op::UnitPrune(op) => {
            let mask = (MASK, units::end(&op.sets).div_ceil(32));
            let counts = op.counts.map(|counts| (counts, product(&[program.slots, op.sets.len()])));
            let own = [steps, mask, units_table(&op.sets, op.table), (op.importance, total(&op.sets))];
            own.into_iter().chain(counts).collect()
        }
        Op::ScoreUpdate(op) => {
            let words = op.prunable_words;
            vec![steps, (PARAMS, words), (GRADS, words), (MASK, words.div_ceil(32)), (SCORE, words)]
        }
        Op::LampScore(op) => {
            let words = op.tensors.iter().map(|range| range.end).max().unwrap_or(0);
            let table = (op.table, product(&[2, op.tensors.len()]));
            vec![(PARAMS, words), (MASK, words.div_ceil(32)), (op.score, words), table]
        }
        Op::PruneSelect(op) => {
            let ranges = || op.groups.iter().flat_map(|group| &group.ranges);
            let words = ranges().map(|range| range.end).fold(op.prunable_words, usize::max);
            let groups = op.groups.len();
            let counts = match op.count {
                PruneCount::Step => None,
                PruneCount::Table(id) => Some((id, product(&[program.slots, groups]))),
                PruneCount::AllBut(id) => Some((id, groups)),
            };
            let masks = [Some(MASK), op.within, Some(op.picked)].into_iter().flatten();
            let own = [
                steps,
                (op.scores, words),
                (op.table, scope::table(&op.groups).len()),
                (op.histogram, product(&[groups, Prune::DIGITS])),
            ];
            own.into_iter().chain(masks.map(|id| (id, words.div_ceil(32)))).chain(counts).collect()
        }
        Op::PruneApply(op) => {
            [MASK, op.fallen, op.capped, op.grown].map(|id| (id, op.prunable_words.div_ceil(32))).to_vec()
        }
    }
}

/// Of tables in an arena, of codes, and of what has rows of tables in their place.
fn embedding(
    columns: &EmbeddingColumns,
    rows: usize,
    arena: TensorId,
    [codes, embedded]: [TensorId; 2],
) -> Vec<(TensorId, usize)> {
    let tables = columns.tables.iter().map(|table| matrix(arena, table.first, &[table.levels, table.width]));
    let both = [(codes, product(&[rows, columns.channels])), (embedded, product(&[rows, columns.width]))];
    tables.chain(both).collect()
}

fn units_table(sets: &[UnitSet], table: TensorId) -> (TensorId, usize) {
    let spans = sets.iter().fold(0usize, |spans, set| spans.saturating_add(set.spans.len()));
    (table, product(&[sets.len(), SET_WORDS]).saturating_add(product(&[spans, SPAN_WORDS])))
}

fn reach(rows: Rows) -> (TensorId, usize) {
    (rows.tensor, rows.end())
}

/// Of words that lie together from the first on.
fn matrix(tensor: TensorId, first: usize, sizes: &[usize]) -> (TensorId, usize) {
    (tensor, first.saturating_add(product(sizes)))
}

/// T + 1: the state before the first step, and after each.
fn after(steps: usize) -> usize {
    steps.saturating_add(1)
}

/// Mean, variance, and the count.
fn batch_stats(stats: TensorId, width: usize) -> (TensorId, usize) {
    (stats, product(&[2, width]).saturating_add(1))
}

fn attention(heads: &Heads, qkv: TensorId, softmax: TensorId, output: TensorId) -> [(TensorId, usize); 3] {
    let sequences = heads.first_sequence().saturating_add(heads.sequences());
    let own = sequences.saturating_sub(heads.qkv_first);
    [
        (qkv, product(&[own, heads.tokens, 3, heads.heads, heads.width])),
        (softmax, product(&[sequences, heads.tokens, heads.heads, 2])),
        (output, product(&[sequences, heads.tokens, heads.heads, heads.width])),
    ]
}

fn scores<const N: usize>(heads: &Heads, tensors: [Option<TensorId>; N]) -> impl Iterator<Item = (TensorId, usize)> {
    let words = product(&[heads.pairs, heads.tokens, heads.tokens]);
    tensors.into_iter().flatten().map(move |tensor| (tensor, words))
}

fn forecast(op: &Forecast) -> impl Iterator<Item = (TensorId, usize)> {
    let windows = op.windows.map(|windows| (windows.stats, product(&[op.batch, op.targets, windows.width()])));
    [(op.head, outputs(op)), maybe_affine(op.affine(), op.targets)].into_iter().chain(windows)
}

/// One past the last word of a head.
fn outputs(op: &Forecast) -> usize {
    let last = |strides: [(usize, usize); 4]| {
        strides
            .map(|(count, stride)| product(&[count.saturating_sub(1), stride]))
            .into_iter()
            .fold(1, usize::saturating_add)
    };
    let (values, others) = (product(&[op.horizon, op.targets]), op.outputs.saturating_sub(1));
    let HeadLayout { step, target, other_target, other_output } = op.layout;
    let first = last([(op.batch, values), (op.horizon, step), (op.targets, target), (0, 0)]);
    if others == 0 {
        return first;
    }
    let window = product(&[values, others]);
    let beside = [(op.batch, window), (op.horizon, step), (op.targets, other_target), (others, other_output)];
    first.max(op.elements().saturating_add(last(beside)))
}

/// What a loss reads and writes of each value.
fn compared(
    op: &Forecast,
    target: TensorId,
    weight: TensorId,
    d_head: TensorId,
) -> impl Iterator<Item = (TensorId, usize)> {
    let values = op.elements();
    [(target, values), (weight, values), (d_head, outputs(op))].into_iter().chain(forecast(op))
}

/// Kernels are given the arena in any case, and read none of it where there is no affine part.
fn maybe_affine(affine: Option<Affine>, width: usize) -> (TensorId, usize) {
    (PARAMS, affine.map_or(0, |affine| affine.end(width)))
}
