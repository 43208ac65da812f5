//! The GPU engine: every op's host side, and the match that ties an op to its kernels.

mod dropout;
mod engine;
mod instance_norm;
mod linear;
mod loss;
mod lstm;
mod optimizer;
pub mod plan;
mod recurrent;
mod rnn;
pub mod sources;
mod topk;
mod waves;
mod window;

pub use engine::{GpuEngine, GpuOptions};

use crate::program::Op;
use plan::{Plan, Shapes};

/// The dispatches of an op; none where it has no kernel yet, which [`GpuEngine::new`] refuses.
pub fn plan(op: &Op, shapes: &Shapes) -> Plan {
    match op {
        Op::WindowGather(op) => window::window_gather(op, shapes),
        Op::InstanceNormForward(op) => instance_norm::instance_norm_forward(op, shapes),
        Op::InstanceDenormForward(op) => instance_norm::instance_denorm_forward(op, shapes),
        Op::InstanceDenormBackward(op) => instance_norm::instance_denorm_backward(op, shapes),
        Op::LinearForward(op) => linear::linear_forward(op, shapes),
        Op::LinearBackwardInput(op) => linear::linear_backward_input(op, shapes),
        Op::LinearBackwardWeight(op) => linear::linear_backward_weight(op, shapes),
        Op::RnnForward(op) => rnn::rnn_forward(op, shapes),
        Op::RnnBackward(op) => rnn::rnn_backward(op, shapes),
        Op::LstmForward(op) => lstm::lstm_forward(op, shapes),
        Op::LstmBackward(op) => lstm::lstm_backward(op, shapes),
        Op::Dropout(op) => dropout::dropout(op, shapes),
        Op::PatchGather(_)
        | Op::InstanceAffineBackward(_)
        | Op::PositionsForward(_)
        | Op::PositionsBackward(_)
        | Op::BatchNormStatistics(_)
        | Op::BatchNormForward(_)
        | Op::BatchNormBackwardWeight(_)
        | Op::BatchNormBackwardInput(_)
        | Op::LayerNormForward(_)
        | Op::LayerNormBackwardWeight(_)
        | Op::LayerNormBackwardInput(_)
        | Op::ActivationForward(_)
        | Op::ActivationBackward(_)
        | Op::Residual(_)
        | Op::AttentionForward(_)
        | Op::AttentionBackwardQuery(_)
        | Op::AttentionBackwardKeyValue(_)
        | Op::MeanPoolForward(_)
        | Op::MeanPoolBackward(_) => Plan::default(),
        Op::LossForward(op) => loss::loss_forward(op, shapes),
        Op::LossBackward(op) => loss::loss_backward(op, shapes),
        Op::PredictionStore(op) => window::prediction_store(op, shapes),
        Op::GradNormPartial(op) => optimizer::grad_norm_partial(op, shapes),
        Op::GradNorm(op) => optimizer::grad_norm(op, shapes),
        Op::AdamMasked(op) => optimizer::adam_masked(op, shapes),
        Op::TopkHistogram(op) => topk::topk_histogram(op, shapes),
        Op::TopkPick(op) => topk::topk_pick(op, shapes),
        Op::TopkTies(op) => topk::topk_ties(op, shapes),
        Op::ThresholdMask(op) => topk::threshold_mask(op, shapes),
    }
}
