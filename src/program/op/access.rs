//! Each op's name, and the tensors it reads and writes: what engines, comparisons and messages ask of any op.

use super::super::{scope, units};
use super::*;

impl Op {
    /// The kernel's one name.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Op::WindowGather(_) => "window_gather",
            Op::InstanceNormForward(_) => "instance_norm_forward",
            Op::Decompose(_) => "decompose",
            Op::FutureGather(_) => "future_gather",
            Op::DecoderForward(_) => "decoder_forward",
            Op::DecoderBackward(_) => "decoder_backward",
            Op::MatrixTranspose(_) => "matrix_transpose",
            Op::EmbeddingForward(_) => "embedding_forward",
            Op::EmbeddingBackward(_) => "embedding_backward",
            Op::LinearForward(_) => "linear_forward",
            Op::LinearBackwardInput(_) => "linear_backward_input",
            Op::LinearBackwardWeight(_) => "linear_backward_weight",
            Op::RecurrentForward(op) => op.cell.form().labels[0],
            Op::RecurrentBackward(op) => op.cell.form().labels[1],
            Op::Dropout(_) => "dropout",
            Op::PatchGather(_) => "patch_gather",
            Op::PatchGatherBackward(_) => "patch_gather_backward",
            Op::InstanceAffineBackward(_) => "instance_affine_backward",
            Op::PositionsForward(_) => "positions_forward",
            Op::PositionsBackward(_) => "positions_backward",
            Op::BatchNormStatistics(_) => "batch_norm_statistics",
            Op::BatchNormForward(_) => "batch_norm_forward",
            Op::BatchNormBackwardWeight(_) => "batch_norm_backward_weight",
            Op::BatchNormBackwardInput(_) => "batch_norm_backward_input",
            Op::LayerNormForward(_) => "layer_norm_forward",
            Op::LayerNormBackwardWeight(_) => "layer_norm_backward_weight",
            Op::LayerNormBackwardInput(_) => "layer_norm_backward_input",
            Op::AttentionForward(_) => "attention_forward",
            Op::AttentionBackwardQuery(_) => "attention_backward_query",
            Op::AttentionBackwardKeyValue(_) => "attention_backward_key_value",
            Op::MeanPoolForward(_) => "mean_pool_forward",
            Op::MeanPoolBackward(_) => "mean_pool_backward",
            Op::Loss(_) => "loss",
            Op::PredictionStore(_) => "prediction_store",
            Op::LinkInput(_) => "link_input",
            Op::ScaleGather(_) => "scale_gather",
            Op::QuantileLoss(_) => "quantile_loss",
            Op::LikelihoodLoss(_) => "likelihood_loss",
            Op::DistributionStore(_) => "distribution_store",
            Op::GradNorm(_) => "grad_norm",
            Op::AdamMasked(_) => "adam_masked",
            Op::Prune(_) => "prune",
            Op::ScoreUpdate(_) => "score_update",
            Op::LampScore(_) => "lamp_score",
            Op::PruneSelect(_) => "prune_select",
            Op::PruneApply(_) => "prune_apply",
            Op::UnitImportance(_) => "unit_importance",
            Op::UnitPrune(_) => "unit_prune",
        }
    }

    /// Tensors whose contents the op depends on, those it updates in place included.
    #[must_use]
    pub fn reads(&self) -> Vec<TensorId> {
        match self {
            Op::WindowGather(_) => vec![SERIES, OBSERVED, WINDOWS],
            Op::InstanceNormForward(op) => vec![STEPS, PARAMS, op.input],
            Op::Decompose(op) => vec![op.input],
            Op::FutureGather(_) => vec![SERIES, WINDOWS],
            Op::DecoderForward(op) => vec![op.context, op.hidden],
            Op::DecoderBackward(op) => vec![op.hidden, op.d_hidden],
            Op::MatrixTranspose(op) => vec![op.input],
            Op::EmbeddingForward(op) => vec![PARAMS, op.input],
            Op::EmbeddingBackward(op) => vec![op.input, op.d_output],
            // Of the step table, what is dropped out.
            Op::LinearForward(op) => {
                let skip = op.residual.map(|residual| residual.skip.tensor);
                [PARAMS, STEPS, op.input.tensor].into_iter().chain(skip).collect()
            }
            Op::LinearBackwardInput(op) => {
                let activated = op.activated.map(|activated| activated.rows.tensor);
                with([PARAMS, STEPS, op.d_output.tensor], [op.skip.map(|skip| skip.tensor), activated])
            }
            Op::LinearBackwardWeight(op) => {
                let rows =
                    op.parts.iter().flat_map(|(input, d)| [*input, *d]).chain(op.beside.map(|beside| beside.input));
                rows.map(|rows| rows.tensor).collect()
            }
            Op::RecurrentForward(op) => vec![PARAMS, op.gates],
            Op::RecurrentBackward(op) => {
                [PARAMS].into_iter().chain(op.updates()).chain([op.kept, op.d_output]).collect()
            }
            Op::Dropout(op) => vec![STEPS, op.input.tensor],
            Op::PatchGather(op) => vec![op.input],
            Op::PatchGatherBackward(op) => vec![op.d_output],
            Op::InstanceAffineBackward(op) => {
                vec![PARAMS, op.input, op.stats, op.d_patches, op.forecast, op.d_forecast]
            }
            Op::PositionsForward(op) => vec![STEPS, PARAMS, op.input],
            Op::PositionsBackward(op) => vec![op.d_sum],
            Op::BatchNormStatistics(op) => vec![STEPS, WINDOWS, STATE, op.input],
            Op::BatchNormForward(op) => vec![PARAMS, op.stats, op.input],
            Op::BatchNormBackwardWeight(op) => vec![op.stats, op.input, op.d_output],
            Op::BatchNormBackwardInput(op) => {
                with([WINDOWS, PARAMS, GRADS, op.stats, op.input, op.d_output], [op.skip])
            }
            Op::LayerNormForward(op) => vec![PARAMS, op.input],
            Op::LayerNormBackwardWeight(op) => vec![op.stats, op.input, op.d_output],
            Op::LayerNormBackwardInput(op) => with([PARAMS, op.stats, op.input, op.d_output], [op.skip]),
            Op::AttentionForward(op) => with([STEPS, op.qkv], [op.before]),
            Op::AttentionBackwardQuery(op) => {
                let before = op.d_scores.filter(|_| op.handed_on);
                with([STEPS, op.qkv, op.softmax, op.output, op.d_output], [op.before, before])
            }
            Op::AttentionBackwardKeyValue(op) => {
                with([STEPS, op.qkv, op.softmax, op.d_output], [op.before, op.d_scores])
            }
            Op::MeanPoolForward(op) | Op::MeanPoolBackward(op) => vec![op.input],
            Op::Loss(op) => of_forecast(&op.forecast, &[STEPS, PARAMS, op.target, op.weight]),
            Op::PredictionStore(op) => of_forecast(&op.forecast, &[PARAMS]),
            Op::LinkInput(op) => vec![op.input],
            Op::ScaleGather(op) => with([WINDOWS, SERIES_STARTS, SCALES], [op.stats]),
            Op::QuantileLoss(op) => of_forecast(&op.forecast, &[STEPS, op.levels, op.target, op.weight]),
            Op::LikelihoodLoss(op) => of_forecast(&op.forecast, &[STEPS, op.target, op.weight]),
            Op::DistributionStore(op) => of_forecast(&op.forecast, &[]),
            Op::GradNorm(_) => vec![GRADS, MASK],
            Op::AdamMasked(_) => vec![STEPS, PARAMS, GRADS, MOMENT1, MOMENT2, MASK, GRAD_NORM, STATUS],
            Op::Prune(op) => vec![STEPS, PARAMS, MASK, op.histogram],
            Op::UnitImportance(op) => vec![op.scores.unwrap_or(PARAMS), MASK, op.table],
            Op::PruneSelect(op) => {
                with([STEPS, op.scores, MASK, op.table, op.histogram, op.picked], [op.within, op.count.table()])
            }
            Op::ScoreUpdate(_) => vec![STEPS, PARAMS, GRADS, MASK, SCORE],
            Op::LampScore(op) => vec![PARAMS, MASK, op.table],
            Op::PruneApply(op) => vec![MASK, op.fallen, op.capped, op.grown],
            Op::UnitPrune(op) => with([STEPS, MASK, op.table, op.importance], [op.counts]),
        }
    }

    /// Tensors the op writes, wholly or in part.
    #[must_use]
    pub fn writes(&self) -> Vec<TensorId> {
        match self {
            Op::WindowGather(op) => vec![op.input, op.target, op.weight],
            Op::InstanceNormForward(op) => vec![op.output, op.stats],
            Op::Decompose(op) => vec![op.trend, op.remainder],
            Op::FutureGather(op) => vec![op.output],
            Op::DecoderForward(op) => vec![op.hidden],
            Op::DecoderBackward(op) => vec![op.d_hidden, op.d_context],
            Op::MatrixTranspose(op) => vec![op.output],
            Op::EmbeddingForward(op) => vec![op.output],
            Op::EmbeddingBackward(_) => vec![GRADS],
            Op::LinearForward(op) => with([op.output.tensor], [op.activated.map(|activated| activated.rows.tensor)]),
            Op::LinearBackwardInput(op) => vec![op.d_input.tensor],
            Op::LinearBackwardWeight(_) => vec![GRADS],
            Op::RecurrentForward(op) => op.writes(),
            Op::RecurrentBackward(op) => op.writes(),
            Op::Dropout(op) => vec![op.output.tensor],
            Op::PatchGather(op) => vec![op.output],
            Op::PatchGatherBackward(op) => vec![op.d_input],
            Op::InstanceAffineBackward(_) => vec![GRADS],
            Op::PositionsForward(op) => vec![op.output],
            Op::PositionsBackward(_) => vec![GRADS],
            Op::BatchNormStatistics(op) => vec![op.stats, STATE],
            Op::BatchNormForward(op) => vec![op.output],
            Op::BatchNormBackwardWeight(_) => vec![GRADS],
            Op::BatchNormBackwardInput(op) => vec![op.d_input],
            Op::LayerNormForward(op) => vec![op.output, op.stats],
            Op::LayerNormBackwardWeight(_) => vec![GRADS],
            Op::LayerNormBackwardInput(op) => vec![op.d_input],
            Op::AttentionForward(op) => with([op.softmax, op.output], [op.scores]),
            Op::AttentionBackwardQuery(op) => with([op.softmax, op.d_qkv], [op.d_scores]),
            Op::AttentionBackwardKeyValue(op) => vec![op.d_qkv],
            Op::MeanPoolForward(op) | Op::MeanPoolBackward(op) => vec![op.output],
            Op::Loss(op) => vec![LOSSES, op.d_head],
            Op::PredictionStore(_) | Op::DistributionStore(_) => vec![PREDICTIONS],
            Op::LinkInput(op) => vec![op.output],
            Op::ScaleGather(op) => vec![op.output],
            Op::QuantileLoss(op) => vec![LOSSES, op.d_head],
            Op::LikelihoodLoss(op) => vec![LOSSES, op.d_head],
            Op::GradNorm(_) => vec![GRAD_NORM],
            Op::AdamMasked(_) => vec![PARAMS, MOMENT1, MOMENT2, STATUS],
            Op::Prune(op) => vec![MASK, op.histogram],
            Op::UnitImportance(op) => vec![op.importance],
            Op::PruneSelect(op) => vec![op.histogram, op.picked],
            Op::PruneApply(op) => vec![MASK, op.fallen, op.capped, op.grown],
            Op::ScoreUpdate(_) => vec![SCORE],
            Op::LampScore(op) => vec![op.score],
            Op::UnitPrune(_) => vec![MASK],
        }
    }

    /// The tables of indices and counts that an op's kernels read, which all replicas share, and what must stand in them.
    pub(crate) fn tables(&self) -> Vec<(TensorId, Vec<u32>)> {
        match self {
            Op::UnitImportance(op) => vec![(op.table, units::table(&op.sets))],
            Op::UnitPrune(op) => vec![(op.table, units::table(&op.sets))],
            Op::LampScore(op) => vec![(op.table, lamp_table(&op.tensors))],
            Op::PruneSelect(op) => {
                let least = match op.count {
                    PruneCount::AllBut(id) => Some((id, least(&op.groups))),
                    PruneCount::Step | PruneCount::Table(_) => None,
                };
                [(op.table, scope::table(&op.groups))].into_iter().chain(least).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Tensors the op both reads and writes, in place: all others are read or written alone.
    #[must_use]
    pub fn updates(&self) -> Vec<TensorId> {
        match self {
            Op::RecurrentForward(op) => op.updates(),
            Op::RecurrentBackward(op) => op.updates(),
            Op::DecoderForward(op) => vec![op.hidden],
            Op::DecoderBackward(op) => vec![op.d_hidden],
            Op::BatchNormStatistics(_) => vec![STATE],
            Op::AttentionBackwardQuery(op) => with([op.softmax], [op.d_scores]),
            Op::AdamMasked(_) => vec![PARAMS, MOMENT1, MOMENT2, STATUS],
            Op::Prune(op) => vec![MASK, op.histogram],
            Op::PruneSelect(op) => vec![op.histogram, op.picked],
            Op::PruneApply(op) => vec![MASK, op.fallen, op.capped, op.grown],
            Op::ScoreUpdate(_) => vec![SCORE],
            Op::UnitPrune(_) => vec![MASK],
            _ => Vec::new(),
        }
    }
}

/// The tensors an op always touches, and those it touches where it has them.
fn with<const N: usize, const M: usize>(always: [TensorId; N], where_any: [Option<TensorId>; M]) -> Vec<TensorId> {
    always.into_iter().chain(where_any.into_iter().flatten()).collect()
}

/// What a forecast is computed from, and what else an op reads.
fn of_forecast(forecast: &Forecast, others: &[TensorId]) -> Vec<TensorId> {
    with([forecast.head], [forecast.stats()]).into_iter().chain(others.iter().copied()).collect()
}
