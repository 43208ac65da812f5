//! How far an op's result may lie from the f64 oracle, and why.

use crate::program::Op;

/// How one op's float results are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Smallest tolerance, relative to the scale; 0: the result must be equal.
    pub floor: f64,
    /// What the floor comes from (WGSL specification, section 15.7.4 "Floating Point Accuracy").
    pub reason: &'static str,
    /// What `floor` is relative to.
    pub scale: ErrorScale,
}

/// What an error is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorScale {
    /// Each sum's Σ|terms|: the oracle run on absolute values.
    Terms,
    /// The largest entry of the tensor.
    Largest,
}

/// Every op's rule. Moves, masks and integers must be equal.
pub fn rule(op: &Op) -> Rule {
    let ulp = 2f64.powi(-23);
    let exact = Rule { floor: 0.0, reason: "a move or integers", scale: ErrorScale::Largest };
    let sums = Rule { floor: 8.0 * ulp, reason: "a sum in another order", scale: ErrorScale::Terms };
    let elementwise = |ulps: f64, reason| Rule { floor: ulps * ulp, reason, scale: ErrorScale::Largest };
    let activated = Rule { floor: 32.0 * ulp, reason: "a sum in another order, exp 3 + 2|x| ULP", ..sums };
    let linked = elementwise(128.0, "exp 3 + 2|x| ULP, log 2⁻²¹, divisions 2.5 ULP, a sum in another order");
    match op {
        Op::LinearForward(op) if op.activated.is_some() => activated,
        Op::LinearBackwardInput(op) if op.activated.is_some() => activated,
        Op::WindowGather(_) => exact,
        Op::Prune(_) | Op::PruneSelect(_) | Op::PruneApply(_) | Op::UnitPrune(_) => exact,
        Op::UnitImportance(_) => sums,
        Op::ScoreUpdate(_) => elementwise(4.0, "products and a sum"),
        Op::LampScore(_) => elementwise(64.0, "a sum in another order, division 2.5 ULP"),
        Op::FutureGather(_) | Op::MatrixTranspose(_) => exact,
        Op::EmbeddingForward(_) => exact,
        Op::EmbeddingBackward(_) => sums,
        Op::DecoderForward(_) | Op::DecoderBackward(_) => elementwise(8.0, "a sum of two, a sum over the horizon"),
        Op::LinearForward(_) | Op::LinearBackwardInput(_) | Op::LinearBackwardWeight(_) => sums,
        Op::Dropout(_) => elementwise(4.0, "a product, and a division 2.5 ULP in its scale"),
        Op::PatchGather(_) => exact,
        Op::PatchGatherBackward(_) => sums,
        Op::PositionsBackward(_) => sums,
        Op::InstanceAffineBackward(_) => elementwise(16.0, "division 2.5 ULP, sums over the batch"),
        Op::PositionsForward(_) => elementwise(8.0, "a sum, and a division 2.5 ULP in dropout's scale"),
        Op::BatchNormStatistics(_) | Op::BatchNormBackwardWeight(_) | Op::LayerNormBackwardWeight(_) => {
            elementwise(16.0, "division 2.5 ULP, sums over the batch")
        }
        Op::BatchNormForward(_) | Op::BatchNormBackwardInput(_) => {
            elementwise(16.0, "division 2.5 ULP, square root 4.5 ULP")
        }
        Op::LayerNormForward(_) | Op::LayerNormBackwardInput(_) => {
            elementwise(16.0, "division 2.5 ULP, square root 4.5 ULP, sums over a row")
        }
        Op::AttentionForward(_) | Op::AttentionBackwardQuery(_) | Op::AttentionBackwardKeyValue(_) => {
            elementwise(256.0, "exp 3 + 2|x| ULP, log 2⁻²¹, sums over tokens that cancel")
        }
        Op::MeanPoolForward(_) | Op::MeanPoolBackward(_) => elementwise(8.0, "division 2.5 ULP"),
        Op::InstanceNormForward(_) => elementwise(16.0, "division 2.5 ULP, square root 4.5 ULP, sums over the window"),
        Op::Decompose(_) => elementwise(16.0, "division 2.5 ULP, sums over the average's rows"),
        // The error of one step's exp is passed on by those after it.
        Op::RecurrentForward(_) | Op::RecurrentBackward(_) => {
            elementwise(96.0, "exp 3 + 2|x| ULP, division 2.5 ULP, passed on from step to step")
        }
        Op::LinkInput(_) => linked,
        Op::ScaleGather(_) => exact,
        Op::PredictionStore(op) if op.forecast.link.is_some() => linked,
        Op::PredictionStore(op) if !op.forecast.is_normalized() => exact,
        Op::PredictionStore(_) => elementwise(8.0, "division 2.5 ULP"),
        Op::Loss(op) if op.forecast.link.is_some() => linked,
        Op::Loss(op) if op.forecast.windows.is_none() => elementwise(8.0, "a sum in another order"),
        Op::Loss(_) => elementwise(16.0, "a sum in another order, divisions 2.5 ULP"),
        Op::QuantileLoss(_) | Op::DistributionStore(_) => linked,
        Op::LikelihoodLoss(_) => elementwise(256.0, "exp 3 + 2|x| ULP, log 2⁻²¹, differences of ln Γ that cancel"),
        Op::GradNorm(_) => elementwise(16.0, "a sum in another order, square root 4.5 ULP"),
        Op::AdamMasked(_) => elementwise(16.0, "division 2.5 ULP, square root 4.5 ULP"),
    }
}

/// The twin's own distance to the oracle may be multiplied by this before an engine is said to diverge.
pub const TWIN_FACTOR: f64 = 8.0;
