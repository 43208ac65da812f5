//! Checks that every op's extents lie inside its tensors, before any engine allocates or reads.

use super::op::*;
use super::tensor::*;
use super::{List, Program};
use crate::error::{Error, Result};

/// Fails with the op, the tensor and both sizes where an op would read or write outside a tensor, or sum over rows that lie
/// in sequences of different lengths.
pub fn check(program: &Program) -> Result<()> {
    for list in List::ALL {
        for op in program.list(list) {
            let broken = |id: TensorId, expected: usize, found: Vec<usize>| {
                let tensor = program.tensor(id).name.clone();
                Err(Error::Shape { op: op.label().into(), tensor, expected: vec![expected], found })
            };
            for (id, need) in extents(op) {
                let tensor = program.tensor(id);
                if need > tensor.words() {
                    return broken(id, need, tensor.shape.clone());
                }
            }
            let uneven: Vec<Rows> = summed_rows(op).into_iter().filter(|rows| rows.stride().is_none()).collect();
            if let Some(other) = uneven.iter().find(|rows| rows.inner != uneven[0].inner) {
                return broken(other.tensor, uneven[0].inner, vec![other.inner]);
            }
        }
    }
    Ok(())
}

/// The views whose rows an op walks through side by side.
fn summed_rows(op: &Op) -> Vec<Rows> {
    match op {
        Op::LinearBackwardWeight(op) => {
            let beside = op.beside.map(|beside| beside.input);
            op.parts.iter().flat_map(|&(input, d_output)| [input, d_output]).chain(beside).collect()
        }
        _ => Vec::new(),
    }
}

/// One past the last word of each tensor that the op touches.
pub(super) fn extents(op: &Op) -> Vec<(TensorId, usize)> {
    match op {
        Op::WindowGather(op) => {
            let targets = op.batch * op.horizon * op.targets;
            vec![
                (SERIES, op.rows * op.channels),
                (OBSERVED, op.rows * op.targets),
                (op.input, op.batch * op.steps * op.width),
                (op.target, targets),
                (op.weight, targets),
            ]
        }
        Op::InstanceNormForward(op) => {
            let words = op.batch * op.steps * op.channels;
            let affine = op.affine.map_or(0, |affine| affine.end(op.targets));
            vec![(op.input, words), (op.output, words), (op.stats, op.batch * op.targets * 2), (PARAMS, affine)]
        }
        Op::LinearForward(op) => {
            let (inputs, outputs) = (op.input.width, op.output.width);
            let skip = op.residual.map_or(op.output, |residual| residual.skip);
            let after = op.activated.map_or(op.output, |activated| activated.rows);
            vec![
                (after.tensor, after.end()),
                (skip.tensor, skip.end()),
                (op.input.tensor, op.input.end()),
                (op.output.tensor, op.output.end()),
                (PARAMS, op.weight + inputs * outputs),
                (PARAMS, op.bias + outputs),
            ]
        }
        Op::LinearBackwardInput(op) => {
            let skip = op.skip.unwrap_or(op.d_input);
            let before = op.activated.map_or(op.d_input, |activated| activated.rows);
            vec![
                (before.tensor, before.end()),
                (op.d_output.tensor, op.d_output.end()),
                (op.d_input.tensor, op.d_input.end()),
                (skip.tensor, skip.end()),
                (PARAMS, op.weight + op.d_output.width * op.d_input.width),
            ]
        }
        Op::LinearBackwardWeight(op) => {
            let (inputs, outputs) = op.widths();
            let grads = [(GRADS, op.d_weight + outputs * inputs), (GRADS, op.d_bias + outputs)];
            let beside = op.beside.iter().flat_map(|beside| {
                let words = outputs * beside.input.width;
                let input = (beside.input.tensor, beside.input.end());
                [input, (GRADS, beside.d_weight + words), (GRADS, beside.d_bias + outputs)]
            });
            let rows = op.parts.iter().flat_map(|(input, d_output)| [input, d_output]);
            rows.map(|rows| (rows.tensor, rows.end())).chain(grads).chain(beside).collect()
        }
        Op::RnnForward(op) => vec![
            (PARAMS, op.w_hh + op.hidden * op.hidden),
            (PARAMS, op.b_hh + op.hidden),
            (op.projected, op.batch * op.steps * op.hidden),
            (op.states, op.batch * (op.steps + 1) * op.hidden),
        ],
        Op::RnnBackward(op) => vec![
            (PARAMS, op.w_hh + op.hidden * op.hidden),
            (op.states, op.batch * (op.steps + 1) * op.hidden),
            (op.d_output, op.batch * op.d_output_steps * op.hidden),
            (op.d_projected, op.batch * op.steps * op.hidden),
        ],
        Op::LstmForward(op) => vec![
            (PARAMS, op.w_hh + 4 * op.hidden * op.hidden),
            (PARAMS, op.b_hh + 4 * op.hidden),
            (op.gates, op.batch * op.steps * 4 * op.hidden),
            (op.states, op.batch * (op.steps + 1) * op.hidden),
            (op.cells, op.batch * (op.steps + 1) * op.hidden),
        ],
        Op::LstmBackward(op) => vec![
            (PARAMS, op.w_hh + 4 * op.hidden * op.hidden),
            (op.gates, op.batch * op.steps * 4 * op.hidden),
            (op.cells, op.batch * (op.steps + 1) * op.hidden),
            (op.d_output, op.batch * op.d_output_steps * op.hidden),
        ],
        Op::Dropout(op) => vec![(op.input.tensor, op.input.end()), (op.output.tensor, op.output.end())],
        Op::PatchGather(op) => {
            let words = op.batch * op.sequences * op.patches.count * op.patches.rows * op.width;
            vec![(op.input, op.batch * op.steps * op.channels), (op.output, words)]
        }
        Op::InstanceAffineBackward(op) => {
            let (sequences, affine) = (op.batch * op.targets, op.affine.end(op.targets));
            vec![
                (PARAMS, affine),
                (GRADS, affine),
                (op.input, op.batch * op.steps * op.channels),
                (op.stats, sequences * 2),
                (op.d_patches, sequences * op.patches.count * op.patches.rows),
                (op.forecast, sequences * op.horizon),
                (op.d_forecast, sequences * op.horizon),
            ]
        }
        Op::PositionsForward(op) => {
            let words = op.sequences * op.width;
            vec![(PARAMS, op.positions + op.width), (op.input, words), (op.output, words)]
        }
        Op::PositionsBackward(op) => {
            vec![(GRADS, op.d_positions + op.width), (op.d_sum, op.sequences * op.width)]
        }
        Op::BatchNormStatistics(op) => vec![
            (op.input, op.batch * op.tokens * op.width),
            (op.stats, 2 * op.width + 1),
            (STATE, op.running + 2 * op.width + 2),
        ],
        Op::BatchNormForward(op) => {
            let words = op.count * op.width;
            vec![
                (op.input, words),
                (op.output, words),
                (op.stats, op.mean + 2 * op.width),
                (PARAMS, op.affine.end(op.width)),
            ]
        }
        Op::BatchNormBackwardWeight(op) => {
            let words = op.count * op.width;
            vec![
                (op.input, words),
                (op.d_output, words),
                (op.stats, 2 * op.width + 1),
                (GRADS, op.d_affine.end(op.width)),
            ]
        }
        Op::BatchNormBackwardInput(op) => {
            let words = op.batch * op.tokens * op.width;
            let affine = op.affine.end(op.width);
            let all = [(op.input, words), (op.d_output, words), (op.d_input, words), (PARAMS, affine), (GRADS, affine)];
            all.into_iter().chain([(op.stats, 2 * op.width + 1)]).chain(op.skip.map(|skip| (skip, words))).collect()
        }
        Op::LayerNormForward(op) => {
            let words = op.count * op.width;
            let affine = op.affine.end(op.width);
            vec![(op.input, words), (op.output, words), (op.stats, op.count * 2), (PARAMS, affine)]
        }
        Op::LayerNormBackwardWeight(op) => {
            let words = op.count * op.width;
            let affine = op.d_affine.end(op.width);
            vec![(op.input, words), (op.d_output, words), (op.stats, op.count * 2), (GRADS, affine)]
        }
        Op::LayerNormBackwardInput(op) => {
            let words = op.count * op.width;
            let all = [(op.input, words), (op.d_output, words), (op.d_input, words), (op.stats, op.count * 2)];
            all.into_iter()
                .chain([(PARAMS, op.affine.end(op.width))])
                .chain(op.skip.map(|skip| (skip, words)))
                .collect()
        }
        Op::AttentionForward(op) => {
            let heads = &op.heads;
            let scores = [op.before, op.scores].into_iter().flatten().map(|tensor| (tensor, heads.scores()));
            attention(heads, op.qkv, op.softmax, op.output).into_iter().chain(scores).collect()
        }
        Op::AttentionBackwardQuery(op) | Op::AttentionBackwardKeyValue(op) => {
            let heads = &op.heads;
            let scores = [op.before, op.d_scores].into_iter().flatten().map(|tensor| (tensor, heads.scores()));
            let forward = attention(heads, op.qkv, op.softmax, op.output);
            let backward = attention(heads, op.d_qkv, op.softmax, op.d_output);
            forward.into_iter().chain(backward).chain(scores).collect()
        }
        Op::MeanPoolForward(op) => {
            let words = op.sequences * op.width;
            vec![(op.input, words * op.tokens), (op.output, words)]
        }
        Op::MeanPoolBackward(op) => {
            let words = op.sequences * op.width;
            vec![(op.input, words), (op.output, words * op.tokens)]
        }
        Op::Loss(op) => {
            let words = op.forecast.elements();
            let own = [(op.target, words), (op.weight, words), (op.d_head, words)];
            own.into_iter().chain(forecast(&op.forecast)).collect()
        }
        Op::PredictionStore(op) => {
            [(PREDICTIONS, op.forecast.elements())].into_iter().chain(forecast(&op.forecast)).collect()
        }
        Op::GradNorm(op) => vec![(GRADS, op.words), (MASK, op.words / 32), (GRAD_NORM, 1)],
        Op::AdamMasked(op) => vec![(PARAMS, op.words), (MASK, op.words / 32)],
        Op::Prune(op) => {
            vec![(PARAMS, op.prunable_words), (MASK, op.prunable_words / 32), (op.histogram, Prune::DIGITS)]
        }
    }
}

fn attention(heads: &Heads, qkv: TensorId, softmax: TensorId, output: TensorId) -> Vec<(TensorId, usize)> {
    let tokens = (heads.first_sequence() + heads.sequences()) * heads.tokens;
    let own = tokens - heads.qkv_first * heads.tokens;
    vec![(qkv, own * 3 * heads.model()), (softmax, tokens * heads.heads * 2), (output, tokens * heads.model())]
}

fn forecast(op: &Forecast) -> impl Iterator<Item = (TensorId, usize)> {
    let affine = op.scale.and_then(|scale| scale.affine).map(|affine| (PARAMS, affine.end(op.targets)));
    let stats = op.stats().map(|stats| (stats, op.batch * op.targets * 2));
    [(op.head, op.elements())].into_iter().chain(stats).chain(affine)
}
