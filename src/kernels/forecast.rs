//! prediction_store; and what the loss shares with it: how a head's output becomes a forecast.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::program::TensorId;
use crate::program::op::{Forecast, PredictionStore};
use crate::program::tensor::{PARAMS, PREDICTIONS};

uniform! {
    /// `Forecast` as the shaders see it (`shaders/shared/forecast.wgsl`).
    ForecastWords {
        elements: u32,
        horizon: u32,
        targets: u32,
        by_channel: u32,
        scaled: u32,
        affine: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        head_row: u32,
        stats_row: u32,
        unused: u32,
    }
}

/// Something must be bound where windows are not normalised.
fn stats(op: &Forecast) -> TensorId {
    op.stats().unwrap_or(op.head)
}

pub(super) fn words(op: &Forecast, shapes: &Shapes) -> ForecastWords {
    let affine = op.scale.and_then(|scale| scale.affine);
    ForecastWords {
        elements: op.elements() as u32,
        horizon: op.horizon as u32,
        targets: op.targets as u32,
        by_channel: op.by_channel as u32,
        scaled: op.scale.is_some() as u32,
        affine: affine.is_some() as u32,
        weight: affine.map_or(0, |affine| affine.weight as u32),
        bias: affine.map_or(0, |affine| affine.bias as u32),
        params_row: shapes.row(PARAMS),
        head_row: shapes.row(op.head),
        stats_row: shapes.row(stats(op)),
        unused: 0,
    }
}

pub(super) fn bindings(op: &Forecast) -> [(&'static str, TensorId); 3] {
    [("params", PARAMS), ("head", op.head), ("stats", stats(op))]
}

uniform! {
    PredictionStoreParams {
        forecast: ForecastWords,
        predictions_row: u32,
        first_group: u32,
    }
}

pub(super) fn prediction_store(op: &PredictionStore, shapes: &Shapes) -> Lowered {
    let params = PredictionStoreParams {
        forecast: words(&op.forecast, shapes),
        predictions_row: shapes.row(PREDICTIONS),
        first_group: 0,
    };
    let [params_at, head, stats] = bindings(&op.forecast);
    let bindings = [params_at, head, stats, ("predictions", PREDICTIONS)];
    let elements = op.forecast.elements();
    Lowered::one(Dispatch::new("prediction_store", &params, &bindings, groups(elements, 64), elements * 8))
}
