//! The output of a model: of each value one number, or several; and the loss that reads it.

use super::{Signal, Windows, dense, linear_to};
use crate::program::builder::Sizes;
use crate::program::op::*;
use crate::program::{Builder, Rows};

/// The output of a model.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// All outputs of all values, in this order.
    pub output: Signal,
    /// In which order they lie.
    pub order: HeadOrder,
    /// What [`instance_norm`](super::instance_norm) subtracted and divided by; the forecast undoes it.
    pub scale: Option<WindowScale>,
}

/// The order of a head's words: the first output of all values, then the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadOrder {
    /// `[B, Z, K]`, then `[B, D − 1, Z, K]`.
    Step,
    /// `[B, K, Z]`, then `[B, D − 1, K, Z]`.
    Target,
    /// `[B, K, Z]`, then `[B, K, D − 1, Z]`: each target is a row of its own.
    Channel,
}

impl Head {
    /// A new tensor for `count` rows of `width` values, of each as many outputs as the objective has.
    pub fn new(b: &mut Builder, count: usize, width: usize, order: HeadOrder, scale: Option<WindowScale>) -> Head {
        let outputs = b.sizes.objective.outputs();
        Head { output: dense(b, "head", count, width * outputs), order, scale }
    }

    /// The first output of each value.
    #[must_use]
    pub fn location(&self, sizes: &Sizes) -> Signal {
        self.part(0, self.output.value.width / sizes.objective.outputs())
    }

    /// The others, if there are any.
    #[must_use]
    pub fn spread(&self, sizes: &Sizes) -> Option<Signal> {
        let Rows { count, width, .. } = self.output.value;
        let values = width / sizes.objective.outputs();
        (width > values).then(|| self.part(count * values, width - values))
    }

    /// As many rows of `width` words, from a word on.
    fn part(&self, offset: usize, width: usize) -> Signal {
        let of = |rows: Rows| Rows { offset, ..Rows::dense(rows.tensor, rows.count, width) };
        Signal { value: of(self.output.value), grad: self.output.grad.map(of), skip: None }
    }

    fn layout(&self, sizes: &Sizes) -> HeadLayout {
        let (horizon, targets, others) = (sizes.horizon, sizes.targets, sizes.objective.outputs() - 1);
        let values = horizon * targets;
        match self.order {
            HeadOrder::Step => HeadLayout { step: targets, target: 1, other_target: 1, other_output: values },
            HeadOrder::Target => HeadLayout { step: 1, target: horizon, other_target: horizon, other_output: values },
            HeadOrder::Channel => {
                HeadLayout { step: 1, target: horizon, other_target: others * horizon, other_output: horizon }
            }
        }
    }
}

/// The layer of the outputs beside a head's first; `names` are those of its weight and bias.
pub fn spread(b: &mut Builder, names: (&str, &str), input: Signal, head: Head) {
    if let Some(output) = head.spread(&b.sizes) {
        linear_to(b, (b.param(names.0).offset, b.param(names.1).offset), input, output);
    }
}

/// The training loss of the head's forecasts against the windows' targets; in evaluation, the forecasts are stored instead.
pub fn loss(b: &mut Builder, head: Head, windows: Windows) {
    let sizes = b.sizes.clone();
    let Windows { target, weight, .. } = windows;
    let forecast = Forecast {
        batch: sizes.batch,
        horizon: sizes.horizon,
        targets: sizes.targets,
        outputs: sizes.objective.outputs(),
        head: head.output.value.tensor,
        layout: head.layout(&sizes),
        windows: of_windows(b, head.scale),
        link: sizes.link,
    };
    let d_head = head.output.grad.expect("dense signals have a gradient").tensor;
    match sizes.objective {
        Objective::Point(kind) => {
            b.train_only(Op::Loss(Loss { kind, forecast: forecast.clone(), target, weight, d_head }));
            b.evaluate_only(Op::PredictionStore(PredictionStore { forecast }));
        }
        Objective::Quantiles(levels) => {
            let levels = b.constant("levels", levels);
            b.train_only(Op::QuantileLoss(QuantileLoss { levels, forecast: forecast.clone(), target, weight, d_head }));
            b.evaluate_only(Op::DistributionStore(DistributionStore { distribution: None, forecast }));
        }
        Objective::Distribution(distribution) => {
            let forecast_of_loss = forecast.clone();
            let loss = LikelihoodLoss { distribution, forecast: forecast_of_loss, target, weight, d_head };
            b.train_only(Op::LikelihoodLoss(loss));
            b.evaluate_only(Op::DistributionStore(DistributionStore { distribution: Some(distribution), forecast }));
        }
    }
}

/// What windows were normalised by, and their scalers where they are read.
fn of_windows(b: &mut Builder, scale: Option<WindowScale>) -> Option<OfWindows> {
    let (stats, affine) = (scale.map(|scale| scale.stats), scale.and_then(|scale| scale.affine));
    if !b.sizes.reads_scalers() {
        return stats.map(|stats| OfWindows { stats, normalized: true, scalers: false, affine });
    }
    let (batch, targets, series) = (b.sizes.batch, b.sizes.targets, b.sizes.series);
    let output = b.tensor("scalers", &[batch, targets, 4]);
    b.forward(Op::ScaleGather(ScaleGather { batch, series, targets, stats, output }));
    Some(OfWindows { stats: output, normalized: stats.is_some(), scalers: true, affine })
}
