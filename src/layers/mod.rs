//! What models are made of: each function pushes a forward op and, on the next line, its backward.
//!
//! Of the engine tier: it may change in any version.

mod decoder;
mod embedding;
mod head;
mod recurrent;
mod transformer;

use crate::program::op::*;
use crate::program::{Builder, Rows, TensorId, rng};

pub use decoder::*;
pub use embedding::*;
pub use head::*;
pub use recurrent::*;
pub use transformer::*;

/// A value in a model, and the place of the loss's gradient by it.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// `[N, W]`
    pub value: Rows,
    /// `[N, W]`; `None` for data.
    pub grad: Option<Rows>,
    /// If the value also skips its reader: the gradient of that path. The op that writes `grad` adds it, so that a gradient has
    /// one owner.
    pub skip: Option<Rows>,
}

impl Signal {
    /// `count` of its rows, from row `first`.
    #[must_use]
    pub fn rows(&self, first: usize, count: usize) -> Self {
        let range = |rows: Rows| rows.range(first, count);
        Signal { value: range(self.value), grad: self.grad.map(range), skip: self.skip.map(range) }
    }

    /// A value without a gradient.
    #[must_use]
    pub fn data(value: Rows) -> Self {
        Signal { value, grad: None, skip: None }
    }
}

/// What `window_gather` writes; targets within bounds as [`LinkInput`] has them.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    /// `[B, T, W]`, W = [`Sizes::window_row`](crate::program::builder::Sizes::window_row)
    pub input: TensorId,
    /// `[B, Z, K]`
    pub target: TensorId,
    /// `[B, Z, K]`
    pub weight: TensorId,
}

/// The slot's windows of the series.
pub fn windows(b: &mut Builder) -> Windows {
    let s = b.sizes.clone();
    let input = b.tensor("input", &[s.batch, s.lookback, s.window_row()]);
    let target = b.tensor("target", &[s.batch, s.horizon, s.targets]);
    let weight = b.tensor("target_weight", &[s.batch, s.horizon, s.targets]);
    b.forward(Op::WindowGather(WindowGather {
        rows: s.rows,
        batch: s.batch,
        steps: s.lookback,
        channels: s.channels,
        width: s.window_row(),
        targets: s.targets,
        horizon: s.horizon,
        input,
        target,
        weight,
    }));
    let Some(link) = s.link else { return Windows { input, target, weight } };
    let output = b.tensor("link_input", &[s.batch, s.lookback, s.window_row()]);
    let (rows, channels, targets) = (s.batch * s.lookback, s.window_row(), s.targets);
    b.forward(Op::LinkInput(LinkInput { rows, channels, targets, link, input, output }));
    Windows { input: output, target, weight }
}

/// Every row of a window `[B, T, W]` as one of `[B·T, C]`.
pub fn window_rows(b: &Builder, input: TensorId) -> Signal {
    let sizes = &b.sizes;
    Signal::data(Rows::spaced(input, sizes.batch * sizes.lookback, sizes.channels, sizes.window_row()))
}

/// Normalises the target channels of each window, each replica as its step table says, where the model does; returns the normalised
/// input `[B, T, W]`.
pub fn instance_norm(
    b: &mut Builder,
    norm: Option<InstanceNorm>,
    affine: Option<Affine>,
    input: TensorId,
) -> (TensorId, Option<WindowScale>) {
    if norm.is_none() {
        return (input, None);
    }
    let s = b.sizes.clone();
    let output = b.tensor("instance_norm.output", &[s.batch, s.lookback, s.window_row()]);
    let stats = b.tensor("instance_norm.stats", &[s.batch, s.targets, 2]);
    let (batch, steps, channels, targets) = (s.batch, s.lookback, s.window_row(), s.targets);
    // No backward: its input is data, and the statistics are detached.
    b.forward(Op::InstanceNormForward(InstanceNormForward {
        batch,
        steps,
        channels,
        targets,
        input,
        output,
        stats,
        affine,
    }));
    (output, Some(WindowScale { stats, affine }))
}

/// The target channels of each window as a moving average of `average` rows and what it leaves, `[B·K, T]` each: trend and
/// remainder.
pub fn decompose(b: &mut Builder, average: usize, input: TensorId) -> (Signal, Signal) {
    let s = b.sizes.clone();
    let [trend, remainder] = ["trend", "remainder"].map(|name| b.tensor(name, &[s.batch, s.targets, s.lookback]));
    // No backward: its input is data.
    b.forward(Op::Decompose(Decompose {
        batch: s.batch,
        steps: s.lookback,
        channels: s.window_row(),
        targets: s.targets,
        average,
        input,
        trend,
        remainder,
    }));
    let rows = |tensor| Signal::data(Rows::dense(tensor, s.batch * s.targets, s.lookback));
    (rows(trend), rows(remainder))
}

/// A fully connected layer; `names` are those of its weight and its bias.
pub fn linear(b: &mut Builder, label: &str, names: (&str, &str), input: Signal) -> Signal {
    let outputs = b.param(names.0).shape[0];
    let output = dense(b, label, input.value.count, outputs);
    linear_to(b, (b.param(names.0).offset, b.param(names.1).offset), input, output);
    output
}

/// A fully connected layer that writes an existing tensor; `at` are the first words of its weight `[O, I]` and bias `[O]`.
pub fn linear_to(b: &mut Builder, at: (usize, usize), input: Signal, output: Signal) {
    linear_parts(b, at, &[LinearPart::plain(input, output)]);
}

/// Rows of a fully connected layer.
#[derive(Debug, Clone, Copy)]
pub struct LinearPart {
    /// `[N, I]`
    pub input: Signal,
    /// `[N, O]`
    pub output: Signal,
    /// What the product is added to.
    pub residual: Option<Residual>,
    /// The activation of its output.
    pub activated: Option<Activated>,
    /// The activation that its input comes from; the gradient written is then that of the activation's input.
    pub behind: Option<Activated>,
}

impl LinearPart {
    /// A product and its bias, and nothing more.
    #[must_use]
    pub fn plain(input: Signal, output: Signal) -> Self {
        LinearPart { input, output, residual: None, activated: None, behind: None }
    }
}

/// A fully connected layer of data, whose output another layer adds to its own.
pub struct Summand {
    names: (&'static str, &'static str),
    input: Signal,
    output: Rows,
}

/// Pushes a summand's forward op; `names` are those of its weight and its bias.
pub fn summand(b: &mut Builder, label: &str, names: (&'static str, &'static str), input: Signal) -> Summand {
    let (count, outputs) = (input.value.count, b.param(names.0).shape[0]);
    let output = Rows::dense(b.tensor(label, &[count, outputs]), count, outputs);
    linear_to(b, (b.param(names.0).offset, b.param(names.1).offset), input, Signal::data(output));
    Summand { names, input, output }
}

impl Summand {
    /// What `sum`, whose words lie in the same order, adds.
    #[must_use]
    pub fn residual(&self, sum: Signal) -> Residual {
        Residual { skip: Rows::dense(self.output.tensor, sum.value.count, sum.value.width), site: None, first: 0 }
    }

    /// Pushes its backward op: its gradient is that of `sum`.
    pub fn backward(&self, b: &mut Builder, sum: Signal) {
        let Some(d_sum) = sum.grad else { return };
        let d_output = Rows::dense(d_sum.tensor, self.output.count, self.output.width);
        let (d_weight, d_bias) = (b.param(self.names.0).offset, b.param(self.names.1).offset);
        let parts = vec![(self.input.value, d_output)];
        b.backward(Op::LinearBackwardWeight(LinearBackwardWeight { parts, d_weight, d_bias, beside: None }));
    }
}

/// A layer whose rows are in several tensors: one product for each, and one op for the weight's gradient.
pub fn linear_parts(b: &mut Builder, at: (usize, usize), parts: &[LinearPart]) {
    linear_beside(b, at, parts, None);
}

/// The same; `beside` is a second input of the only part, whose gradients the same op computes.
fn linear_beside(b: &mut Builder, (weight, bias): (usize, usize), parts: &[LinearPart], beside: Option<Beside>) {
    for LinearPart { input, output, residual, activated, behind } in parts {
        let (residual, activated, output_rows) = (*residual, *activated, output.value);
        let forward = LinearForward { input: input.value, weight, bias, residual, activated, output: output_rows };
        b.forward(Op::LinearForward(forward));
        if let (Some(d_output), Some(d_input)) = (output.grad, input.grad) {
            let (skip, activated) = (input.skip, *behind);
            b.backward(Op::LinearBackwardInput(LinearBackwardInput { d_output, weight, skip, activated, d_input }));
        }
    }
    let parts: Option<Vec<(Rows, Rows)>> =
        parts.iter().map(|part| Some((part.input.value, part.output.grad?))).collect();
    if let Some(parts) = parts {
        b.backward(Op::LinearBackwardWeight(LinearBackwardWeight { parts, d_weight: weight, d_bias: bias, beside }));
    }
}

/// A new `[count, width]`, in several tensors if it is too large for one; each with its first row. Each holds whole units of
/// `unit` rows.
pub fn dense_parts(b: &mut Builder, name: &str, count: usize, width: usize, unit: usize) -> Vec<(usize, Signal)> {
    let ranges = b.ranges(count / unit, unit * width);
    let named = |part: usize| if ranges.len() == 1 { name.to_string() } else { format!("{name}.{part}") };
    let parts = ranges.iter().enumerate();
    parts.map(|(part, (first, items))| (first * unit, dense(b, &named(part), items * unit, width))).collect()
}

/// Dropout at a named site.
///
/// Its output is laid out like its input, so that the next layer cuts its sums alike with and without dropout. A replica that
/// drops nothing therefore has the same bits in a program with dropout.
pub fn dropout(b: &mut Builder, chance: Chance, site: &str, input: Signal) -> Signal {
    let mut output = dense(b, site, input.value.count, input.value.width);
    let Rows { count, width, inner, outer_stride, .. } = input.value;
    if inner > 1 && inner < count && outer_stride > inner * width {
        let tensor = b.tensor(format!("{site}.sequences"), &[count / inner, outer_stride]);
        output.value = Rows { tensor, offset: 0, ..input.value };
    }
    let site = rng::site(site);
    b.forward(Op::Dropout(Dropout { input: input.value, output: output.value, chance, site }));
    if let (Some(d_output), Some(d_input)) = (output.grad, input.grad) {
        b.backward(Op::Dropout(Dropout { input: d_output, output: d_input, chance, site }));
    }
    output
}

/// A new tensor `[count, width]` and its gradient.
pub fn dense(b: &mut Builder, name: &str, count: usize, width: usize) -> Signal {
    let value = b.tensor(name, &[count, width]);
    let grad = b.tensor(format!("d_{name}"), &[count, width]);
    Signal { value: Rows::dense(value, count, width), grad: Some(Rows::dense(grad, count, width)), skip: None }
}

/// A new tensor `[count, width]` without a gradient of its own.
pub fn data(b: &mut Builder, name: &str, count: usize, width: usize) -> Signal {
    Signal::data(Rows::dense(b.tensor(name, &[count, width]), count, width))
}
