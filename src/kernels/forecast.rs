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
        outputs: u32,
        step_stride: u32,
        target_stride: u32,
        other_target_stride: u32,
        other_output_stride: u32,
        normalized: u32,
        affine: u32,
        weight: u32,
        bias: u32,
        params_row: u32,
        head_row: u32,
        stats_row: u32,
        stats_width: u32,
    }
}

/// Something must be bound where nothing is known of windows.
fn stats(op: &Forecast) -> TensorId {
    op.stats().unwrap_or(op.head)
}

pub(super) fn words(op: &Forecast, shapes: &Shapes) -> ForecastWords {
    let affine = op.affine();
    ForecastWords {
        elements: op.elements() as u32,
        horizon: op.horizon as u32,
        targets: op.targets as u32,
        outputs: op.outputs as u32,
        step_stride: op.layout.step as u32,
        target_stride: op.layout.target as u32,
        other_target_stride: op.layout.other_target as u32,
        other_output_stride: op.layout.other_output as u32,
        normalized: u32::from(op.is_normalized()),
        affine: u32::from(affine.is_some()),
        weight: affine.map_or(0, |affine| affine.weight as u32),
        bias: affine.map_or(0, |affine| affine.bias as u32),
        params_row: shapes.row(PARAMS),
        head_row: shapes.row(op.head),
        stats_row: shapes.row(stats(op)),
        stats_width: op.windows.map_or(0, |windows| windows.width() as u32),
    }
}

pub(super) fn bindings(op: &Forecast) -> [(&'static str, TensorId); 2] {
    [("head", op.head), ("stats", stats(op))]
}

/// With the link of its forecasts.
pub(super) fn linked(dispatch: Dispatch, op: &Forecast) -> Dispatch {
    dispatch.constant("LINK", op.link.map_or(0, |link| link as u32))
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
    let [head, stats] = bindings(&op.forecast);
    let bindings = [("params", PARAMS), head, stats, ("predictions", PREDICTIONS)];
    let elements = op.forecast.elements();
    let dispatch = Dispatch::new("prediction_store", &params, &bindings, groups(elements, 64), elements * 8);
    Lowered::one(linked(dispatch, &op.forecast))
}
