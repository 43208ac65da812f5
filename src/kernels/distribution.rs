//! link_input, scale_gather, quantile_loss, likelihood_loss, distribution_store.

use super::forecast::{self, ForecastWords};
use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::program::op::{DistributionStore, LikelihoodLoss, LinkInput, QuantileLoss, ScaleGather};
use crate::program::tensor::{LOSSES, PREDICTIONS, SCALES, SERIES_STARTS, STEPS, WINDOWS};

uniform! {
    LinkInputParams {
        words: u32,
        channels: u32,
        targets: u32,
        input_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

uniform! {
    ScaleGatherParams {
        words: u32,
        batch: u32,
        targets: u32,
        series: u32,
        normalized: u32,
        windows_row: u32,
        stats_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

uniform! {
    QuantileLossParams {
        forecast: ForecastWords,
        steps_row: u32,
        target_row: u32,
        weight_row: u32,
        d_head_row: u32,
        losses_row: u32,
    }
}

uniform! {
    LikelihoodLossParams {
        forecast: ForecastWords,
        steps_row: u32,
        target_row: u32,
        weight_row: u32,
        d_head_row: u32,
        losses_row: u32,
    }
}

uniform! {
    DistributionStoreParams {
        forecast: ForecastWords,
        predictions_row: u32,
        first_group: u32,
    }
}

/// The store's word for quantiles, beside those of distributions.
const QUANTILES: u32 = 3;

pub(super) fn link_input(op: &LinkInput, shapes: &Shapes) -> Lowered {
    let words = op.rows * op.channels;
    let params = LinkInputParams {
        words: words as u32,
        channels: op.channels as u32,
        targets: op.targets as u32,
        input_row: shapes.row(op.input),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings = [("input", op.input), ("output", op.output)];
    let dispatch = Dispatch::new("link_input", &params, &bindings, groups(words, 64), words * 20);
    Lowered::one(dispatch.constant("LINK", op.link as u32))
}

pub(super) fn scale_gather(op: &ScaleGather, shapes: &Shapes) -> Lowered {
    let words = op.batch * op.targets;
    // Something must be bound where windows were not normalised.
    let stats = op.stats.unwrap_or(SCALES);
    let params = ScaleGatherParams {
        words: words as u32,
        batch: op.batch as u32,
        targets: op.targets as u32,
        series: op.series as u32,
        normalized: u32::from(op.stats.is_some()),
        windows_row: shapes.windows_row(),
        stats_row: shapes.row(stats),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings =
        [("starts", SERIES_STARTS), ("scales", SCALES), ("windows", WINDOWS), ("stats", stats), ("output", op.output)];
    Lowered::one(Dispatch::new("scale_gather", &params, &bindings, groups(words, 64), words * 60))
}

pub(super) fn quantile_loss(op: &QuantileLoss, shapes: &Shapes) -> Lowered {
    let params = QuantileLossParams {
        forecast: forecast::words(&op.forecast, shapes),
        steps_row: shapes.steps_row(),
        target_row: shapes.row(op.target),
        weight_row: shapes.row(op.weight),
        d_head_row: shapes.row(op.d_head),
        losses_row: shapes.row(LOSSES),
    };
    let [head, stats] = forecast::bindings(&op.forecast);
    let bindings = [
        ("steps", STEPS),
        head,
        stats,
        ("levels", op.levels),
        ("truth", op.target),
        ("weight", op.weight),
        ("d_head", op.d_head),
        ("losses", LOSSES),
    ];
    let work = op.forecast.elements() * op.forecast.outputs * 40;
    let dispatch = Dispatch::new("quantile_loss", &params, &bindings, [1, 1], work);
    Lowered::one(forecast::linked(dispatch, &op.forecast))
}

pub(super) fn likelihood_loss(op: &LikelihoodLoss, shapes: &Shapes) -> Lowered {
    let params = LikelihoodLossParams {
        forecast: forecast::words(&op.forecast, shapes),
        steps_row: shapes.steps_row(),
        target_row: shapes.row(op.target),
        weight_row: shapes.row(op.weight),
        d_head_row: shapes.row(op.d_head),
        losses_row: shapes.row(LOSSES),
    };
    let [head, stats] = forecast::bindings(&op.forecast);
    let bindings = [
        ("steps", STEPS),
        head,
        stats,
        ("truth", op.target),
        ("weight", op.weight),
        ("d_head", op.d_head),
        ("losses", LOSSES),
    ];
    let dispatch = Dispatch::new("likelihood_loss", &params, &bindings, [1, 1], op.forecast.elements() * 250);
    Lowered::one(forecast::linked(dispatch, &op.forecast).constant("DISTRIBUTION", op.distribution as u32))
}

pub(super) fn distribution_store(op: &DistributionStore, shapes: &Shapes) -> Lowered {
    let params = DistributionStoreParams {
        forecast: forecast::words(&op.forecast, shapes),
        predictions_row: shapes.row(PREDICTIONS),
        first_group: 0,
    };
    let [head, stats] = forecast::bindings(&op.forecast);
    let elements = op.forecast.elements();
    let work = elements * 20 * op.forecast.outputs;
    let bindings = [head, stats, ("predictions", PREDICTIONS)];
    let dispatch = Dispatch::new("distribution_store", &params, &bindings, groups(elements, 64), work);
    let word = op.distribution.map_or(QUANTILES, |distribution| distribution as u32);
    Lowered::one(forecast::linked(dispatch, &op.forecast).constant("DISTRIBUTION", word))
}
