//! Linear forecasters: one map from a target's look-back to its forecast, shared by all series and targets; or two, of its trend
//! and of what the trend leaves.

use super::{MAX_MOVING_AVERAGE, ModelKind, ModelOptions, Training};
use crate::error::{Error, Result};
use crate::layers::{self, Head, LinearPart, Signal};
use crate::program::builder::Sizes;
use crate::program::op::Patches;
use crate::program::{Builder, Param, ParamLayout, Program, TensorId};

/// The names of the weight `[Z, T]` and the bias `[Z]`, as in the published NLinear. They are pruned where they are trained.
pub(crate) const WEIGHTS: (&str, &str) = ("Linear.weight", "Linear.bias");
/// The same of what the trend leaves, and of the trend, as in the published DLinear.
const SEASONAL: (&str, &str) = ("Linear_Seasonal.weight", "Linear_Seasonal.bias");
const TREND: (&str, &str) = ("Linear_Trend.weight", "Linear_Trend.bias");

/// Rejects a moving average that has no middle row, or no end.
pub(super) fn check(model: &ModelOptions) -> Result<()> {
    let rows = model.moving_average;
    if model.kind != ModelKind::Dlinear || rows % 2 == 1 && rows <= MAX_MOVING_AVERAGE {
        return Ok(());
    }
    let help = format!("choose an odd ‹moving-average› from 1 to {MAX_MOVING_AVERAGE}");
    Err(Error::config("moving-average", format!("{rows} rows are no average around a row"), help))
}

/// `nn.Linear`, initialised as PyTorch does.
pub(super) fn params(model: &ModelOptions, sizes: &Sizes) -> ParamLayout {
    let bound = 1.0 / (sizes.lookback as f32).sqrt();
    let (layers, trained): (&[_], _) = match model.kind {
        ModelKind::Dlinear => (&[SEASONAL, TREND], true),
        kind => (&[WEIGHTS], kind != ModelKind::Ridge),
    };
    let params = layers.iter().flat_map(|(weight, bias)| {
        let weight = Param::new(*weight, &[sizes.horizon, sizes.lookback], trained, bound);
        [weight, Param::new(*bias, &[sizes.horizon], false, bound)]
    });
    ParamLayout::new(params.collect())
}

pub(super) fn build(model: &ModelOptions, training: &Training, sizes: Sizes, layout: ParamLayout) -> Result<Program> {
    let mut b = Builder::new(sizes, layout);
    let windows = layers::windows(&mut b);
    let (input, scale) = layers::instance_norm(&mut b, model.instance_norm, None, windows.input);
    let output = match model.kind {
        ModelKind::Dlinear => of_parts(&mut b, model.moving_average, input),
        _ => of_whole(&mut b, input),
    };
    layers::loss(&mut b, training.loss, Head { output, by_channel: true, scale }, windows);
    b.optimizer(training.clip);
    b.finish()
}

/// One map of the look-back.
fn of_whole(b: &mut Builder, input: TensorId) -> Signal {
    let (lookback, targets) = (b.sizes.lookback, b.sizes.targets);
    let whole = Patches { first: 0, stride: 1, rows: lookback, count: 1 };
    let x = layers::patch_gather(b, "lookbacks", input, whole, targets, 1);
    layers::linear(b, "head", WEIGHTS, x)
}

/// The sum of a map of its trend and a map of the rest.
fn of_parts(b: &mut Builder, average: usize, input: TensorId) -> Signal {
    let (trend, remainder) = layers::decompose(b, average, input);
    let of_trend = layers::summand(b, "head.trend", TREND, trend);
    let output = layers::dense(b, "head", remainder.value.count, b.sizes.horizon);
    of_trend.backward(b, output);
    let part = LinearPart { residual: Some(of_trend.residual(output)), ..LinearPart::plain(remainder, output) };
    layers::linear_parts(b, (b.param(SEASONAL.0).offset, b.param(SEASONAL.1).offset), &[part]);
    output
}
