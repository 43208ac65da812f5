//! The GPU engine: every op's host side, and the match that ties an op to its kernels.
//!
//! Of the engine tier: it may change in any version.

mod attention;
mod autotune;
mod batch_norm;
mod bind;
mod decoder;
mod decompose;
mod distribution;
mod dropout;
mod embedding;
mod engine;
mod forecast;
mod gru;
mod instance_norm;
mod layer_norm;
mod linear;
mod loss;
pub mod lower;
mod lstm;
mod norm;
mod optimizer;
mod patches;
mod pipelines;
mod prune;
mod recurrent;
mod rnn;
mod roofline;
mod scores;
mod select;
pub mod sources;
pub mod tuning;
mod units;
mod waves;
mod window;

pub use autotune::autotune;
pub use engine::{GpuEngine, GpuOptions};
pub use pipelines::{Pipeline, pipelines};
pub use waves::waves;

use crate::program::{Cell, Op};
use lower::{Lowered, Shapes};

/// What an op becomes on the device.
#[must_use]
pub fn lower(op: &Op, shapes: &Shapes) -> Lowered {
    match op {
        Op::WindowGather(op) => window::window_gather(op, shapes),
        Op::InstanceNormForward(op) => instance_norm::instance_norm_forward(op, shapes),
        Op::Decompose(op) => decompose::decompose(op, shapes),
        Op::FutureGather(op) => decoder::future_gather(op, shapes),
        Op::DecoderForward(op) => decoder::decoder_forward(op, shapes),
        Op::DecoderBackward(op) => decoder::decoder_backward(op, shapes),
        Op::MatrixTranspose(op) => decoder::matrix_transpose(op, shapes),
        Op::EmbeddingForward(op) => embedding::embedding_forward(op, shapes),
        Op::EmbeddingBackward(op) => embedding::embedding_backward(op, shapes),
        Op::LinearForward(op) => linear::linear_forward(op, shapes),
        Op::LinearBackwardInput(op) => linear::linear_backward_input(op, shapes),
        Op::LinearBackwardWeight(op) => linear::linear_backward_weight(op, shapes),
        Op::RecurrentForward(op) => match op.cell {
            Cell::Rnn(activation) => rnn::rnn_forward(op, activation, shapes),
            Cell::Lstm => lstm::lstm_forward(op, shapes),
            Cell::Gru => gru::gru_forward(op, shapes),
        },
        Op::RecurrentBackward(op) => match op.cell {
            Cell::Rnn(activation) => rnn::rnn_backward(op, activation, shapes),
            Cell::Lstm => lstm::lstm_backward(op, shapes),
            Cell::Gru => gru::gru_backward(op, shapes),
        },
        Op::Dropout(op) => dropout::dropout(op, shapes),
        Op::PatchGather(op) => patches::patch_gather(op, shapes),
        Op::PatchGatherBackward(op) => patches::patch_gather_backward(op, shapes),
        Op::InstanceAffineBackward(op) => instance_norm::instance_affine_backward(op, shapes),
        Op::PositionsForward(op) => patches::positions_forward(op, shapes),
        Op::PositionsBackward(op) => patches::positions_backward(op, shapes),
        Op::BatchNormStatistics(op) => batch_norm::batch_norm_statistics(op, shapes),
        Op::BatchNormForward(op) => batch_norm::batch_norm_forward(op, shapes),
        Op::BatchNormBackwardWeight(op) => batch_norm::batch_norm_backward_weight(op, shapes),
        Op::BatchNormBackwardInput(op) => batch_norm::batch_norm_backward_input(op, shapes),
        Op::LayerNormForward(op) => layer_norm::layer_norm_forward(op, shapes),
        Op::LayerNormBackwardWeight(op) => layer_norm::layer_norm_backward_weight(op, shapes),
        Op::LayerNormBackwardInput(op) => layer_norm::layer_norm_backward_input(op, shapes),
        Op::AttentionForward(op) => attention::attention_forward(op, shapes),
        Op::AttentionBackwardQuery(op) => attention::attention_backward_query(op, shapes),
        Op::AttentionBackwardKeyValue(op) => attention::attention_backward_key_value(op, shapes),
        Op::MeanPoolForward(op) => patches::mean_pool_forward(op, shapes),
        Op::MeanPoolBackward(op) => patches::mean_pool_backward(op, shapes),
        Op::Loss(op) => loss::loss(op, shapes),
        Op::PredictionStore(op) => forecast::prediction_store(op, shapes),
        Op::LinkInput(op) => distribution::link_input(op, shapes),
        Op::ScaleGather(op) => distribution::scale_gather(op, shapes),
        Op::QuantileLoss(op) => distribution::quantile_loss(op, shapes),
        Op::LikelihoodLoss(op) => distribution::likelihood_loss(op, shapes),
        Op::DistributionStore(op) => distribution::distribution_store(op, shapes),
        Op::GradNorm(op) => optimizer::grad_norm(op, shapes),
        Op::AdamMasked(op) => optimizer::adam_masked(op, shapes),
        Op::Prune(op) => prune::prune(op, shapes),
        Op::PruneSelect(op) => select::prune_select(op, shapes),
        Op::ScoreUpdate(op) => scores::score_update(op, shapes),
        Op::LampScore(op) => scores::lamp_score(op, shapes),
        Op::PruneApply(op) => select::prune_apply(op, shapes),
        Op::UnitImportance(op) => units::unit_importance(op, shapes),
        Op::UnitPrune(op) => units::unit_prune(op, shapes),
    }
}
