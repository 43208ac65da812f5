//! Linear forecasters: one map from a target's look-back to its forecast, shared by all series and targets; or two, of its trend
//! and of what the trend leaves.

use super::head::{self, SPREAD};
use super::{MAX_MOVING_AVERAGE, ModelKind, ModelOptions, Training};
use crate::error::{Error, Result};
use crate::layers::{self, Head, HeadOrder, LinearPart, Signal};
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
    let mut params: Vec<Param> = params.collect();
    head::add_spread(sizes, sizes.lookback, sizes.horizon, &mut params);
    ParamLayout::new(params)
}

pub(super) fn build(model: &ModelOptions, training: &Training, sizes: Sizes, layout: ParamLayout) -> Result<Program> {
    let mut b = Builder::new(sizes, layout);
    let windows = layers::windows(&mut b);
    let (input, scale) = layers::instance_norm(&mut b, model.instance_norm, None, windows.input);
    let rows = b.sizes.batch * b.sizes.targets;
    let outputs = b.sizes.horizon;
    let head = Head::new(&mut b, rows, outputs, HeadOrder::Channel, scale);
    let location = head.location(&b.sizes);
    let read = match model.kind {
        ModelKind::Dlinear => of_parts(&mut b, model.moving_average, input, location),
        _ => of_whole(&mut b, input, location),
    };
    layers::spread(&mut b, SPREAD, read, head);
    layers::loss(&mut b, head, windows);
    b.optimizer(training.clip);
    b.finish()
}

/// One map of the look-back, which is given back.
fn of_whole(b: &mut Builder, input: TensorId, output: Signal) -> Signal {
    let (lookback, targets) = (b.sizes.lookback, b.sizes.targets);
    let whole = Patches { first: 0, stride: 1, rows: lookback, count: 1 };
    let rows = layers::window_rows(b, input);
    let lookbacks = layers::patch_gather(b, "lookbacks", rows, whole, targets, 1);
    layers::linear_to(b, (b.param(WEIGHTS.0).offset, b.param(WEIGHTS.1).offset), lookbacks, output);
    lookbacks
}

/// The sum of a map of its trend and a map of the rest, which is given back.
fn of_parts(b: &mut Builder, average: usize, input: TensorId, output: Signal) -> Signal {
    let (trend, remainder) = layers::decompose(b, average, input);
    let of_trend = layers::summand(b, "head.trend", TREND, trend);
    of_trend.backward(b, output);
    let part = LinearPart { residual: Some(of_trend.residual(output)), ..LinearPart::plain(remainder, output) };
    layers::linear_parts(b, (b.param(SEASONAL.0).offset, b.param(SEASONAL.1).offset), &[part]);
    remainder
}
