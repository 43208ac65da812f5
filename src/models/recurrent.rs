//! RNN and LSTM forecasters: the look-back through stacked recurrent layers, the last step's top state through `head`.

use super::{ModelKind, ModelOptions, Training};
use crate::error::Result;
use crate::layers::{self, Emit, Head, Signal};
use crate::program::builder::Sizes;
use crate::program::op::Chance;
use crate::program::{Builder, Param, ParamLayout, Program, Rows};

/// `nn.RNN` / `nn.LSTM` + `nn.Linear`, initialised as PyTorch does: everything uniform in ±1/√hidden.
pub(super) fn params(model: &ModelOptions, sizes: &Sizes) -> ParamLayout {
    let (kind, hidden) = (model.kind, model.hidden);
    let (channels, outputs) = (sizes.channels, sizes.horizon * sizes.targets);
    let bound = 1.0 / (hidden as f32).sqrt();
    let mut params = Vec::new();
    for layer in 0..model.layers {
        let hidden = model.layer(layer).hidden;
        let inputs = if layer == 0 { channels } else { model.layer(layer - 1).hidden };
        // Rows of `weight_ih` and `weight_hh`.
        let gates = if kind == ModelKind::Lstm { 4 } else { 1 } * hidden;
        params.push(Param::new(format!("{kind}.weight_ih_l{layer}"), &[gates, inputs], true, bound));
        params.push(Param::new(format!("{kind}.weight_hh_l{layer}"), &[gates, hidden], true, bound));
        params.push(Param::new(format!("{kind}.bias_ih_l{layer}"), &[gates], false, bound));
        params.push(Param::new(format!("{kind}.bias_hh_l{layer}"), &[gates], false, bound));
    }
    let hidden = model.layer(model.layers - 1).hidden;
    params.push(Param::new("head.weight", &[outputs, hidden], true, bound));
    params.push(Param::new("head.bias", &[outputs], false, bound));
    ParamLayout::new(params)
}

pub(super) fn build(model: &ModelOptions, training: &Training, sizes: Sizes, layout: ParamLayout) -> Result<Program> {
    let mut b = Builder::new(sizes, layout);
    let windows = layers::windows(&mut b);
    let (input, scale) = match model.instance_norm {
        Some(mode) => {
            let (output, scale) = layers::instance_norm(&mut b, mode, None, windows.input);
            (output, Some(scale))
        }
        None => (windows.input, None),
    };
    let value = Rows::spaced(input, b.sizes.batch * b.sizes.lookback, b.sizes.channels, b.sizes.window_row());
    let mut x = Signal::data(value);
    for layer in 0..model.layers {
        let emit = if layer + 1 == model.layers { Emit::Last } else { Emit::Sequence };
        x = if model.kind == ModelKind::Lstm {
            layers::lstm(&mut b, layer, x, emit)
        } else {
            layers::rnn(&mut b, layer, model.activation, x, emit)
        };
        if training.dropout {
            x = layers::dropout(&mut b, Chance::Hidden, &format!("dropout:{}.{layer}", model.kind), x);
        }
    }
    let output = layers::linear(&mut b, "head", ("head.weight", "head.bias"), x);
    layers::loss(&mut b, training.loss, Head { output, by_channel: false, scale }, windows);
    b.optimizer(training.clip);
    b.finish()
}
