//! Checks that every op's extents lie inside its tensors, before any engine allocates or reads.

use super::op::*;
use super::tensor::*;
use super::{List, Program};
use crate::error::{Error, Result};

/// Fails with the op, the tensor and both sizes where an op would read or write outside a tensor.
pub fn check(program: &Program) -> Result<()> {
    for list in List::ALL {
        for op in program.list(list) {
            for (id, need) in extents(op) {
                let tensor = program.tensor(id);
                if need > tensor.words() {
                    return Err(Error::Shape {
                        op: op.label().into(),
                        tensor: tensor.name.clone(),
                        expected: vec![need],
                        found: tensor.shape.clone(),
                    });
                }
            }
        }
    }
    Ok(())
}

/// One past the last word of each tensor that the op touches.
fn extents(op: &Op) -> Vec<(TensorId, usize)> {
    match op {
        Op::WindowGather(op) => {
            let targets = op.batch * op.horizon * op.targets;
            vec![
                (SERIES, op.rows * op.channels),
                (OBSERVED, op.rows * op.targets),
                (op.input, op.batch * op.steps * op.channels),
                (op.target, targets),
                (op.weight, targets),
            ]
        }
        Op::InstanceNormForward(op) => {
            let words = op.batch * op.steps * op.channels;
            vec![(op.input, words), (op.output, words), (op.stats, op.batch * op.targets * 2)]
        }
        Op::InstanceDenormForward(op) | Op::InstanceDenormBackward(op) => {
            let words = op.batch * op.horizon * op.targets;
            vec![(op.input, words), (op.output, words), (op.stats, op.batch * op.targets * 2)]
        }
        Op::LinearForward(op) => {
            let (inputs, outputs) = (op.input.width, op.output.width);
            vec![
                (op.input.tensor, op.input.end()),
                (op.output.tensor, op.output.end()),
                (PARAMS, op.weight + inputs * outputs),
                (PARAMS, op.bias + outputs),
            ]
        }
        Op::LinearBackwardInput(op) => vec![
            (op.d_output.tensor, op.d_output.end()),
            (op.d_input.tensor, op.d_input.end()),
            (PARAMS, op.weight + op.d_output.width * op.d_input.width),
        ],
        Op::LinearBackwardWeight(op) => vec![
            (op.input.tensor, op.input.end()),
            (op.d_output.tensor, op.d_output.end()),
            (GRADS, op.d_weight + op.d_output.width * op.input.width),
            (GRADS, op.d_bias + op.d_output.width),
        ],
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
            (op.d_gates, op.batch * op.steps * 4 * op.hidden),
        ],
        Op::Dropout(op) => vec![(op.input.tensor, op.input.end()), (op.output.tensor, op.output.end())],
        Op::LossForward(op) => {
            vec![(op.prediction, op.elements), (op.target, op.elements), (op.weight, op.elements)]
        }
        Op::LossBackward(op) => vec![
            (op.prediction, op.elements),
            (op.target, op.elements),
            (op.weight, op.elements),
            (op.d_prediction, op.elements),
        ],
        Op::PredictionStore(op) => vec![(op.prediction, op.elements), (PREDICTIONS, op.elements)],
        Op::GradNormPartial(op) => {
            vec![(GRADS, op.words), (MASK, op.words / 32), (op.partial, op.words.div_ceil(GradNormPartial::BLOCK))]
        }
        Op::GradNorm(op) => vec![(op.partial, op.partials), (GRAD_NORM, 1)],
        Op::AdamMasked(op) => vec![(PARAMS, op.words), (MASK, op.words / 32)],
        Op::TopkHistogram(op) => {
            vec![(PARAMS, op.prunable_words), (op.histogram, topk::BINS), (op.state, topk::WORDS)]
        }
        Op::TopkPick(op) => vec![(op.histogram, topk::BINS), (op.state, topk::WORDS)],
        Op::TopkTies(op) => {
            vec![
                (PARAMS, op.prunable_words),
                (op.state, topk::WORDS),
                (op.ties, op.prunable_words.div_ceil(topk::BLOCK)),
            ]
        }
        Op::ThresholdMask(op) => {
            vec![
                (MASK, op.prunable_words / 32),
                (op.state, topk::WORDS),
                (op.ties, op.prunable_words.div_ceil(topk::BLOCK)),
            ]
        }
    }
}
