//! RNN and LSTM forecasters: the look-back through stacked recurrent layers, the last step's top state through `head`.

use super::{ModelKind, ModelOptions, Training};
use crate::error::Result;
use crate::layers::{self, Emit, Signal};
use crate::program::builder::Sizes;
use crate::program::{Builder, Param, ParamLayout, Program, Rows};

/// `nn.RNN` / `nn.LSTM` + `nn.Linear`, initialised as PyTorch does: everything uniform in ±1/√hidden.
pub fn params(model: &ModelOptions, channels: usize, outputs: usize) -> ParamLayout {
    let (kind, hidden) = (model.kind, model.hidden);
    let gates = kind.gates() * hidden;
    let bound = 1.0 / (hidden as f32).sqrt();
    let mut params = Vec::new();
    for layer in 0..model.layers {
        let inputs = if layer == 0 { channels } else { hidden };
        params.push(Param::new(format!("{kind}.weight_ih_l{layer}"), &[gates, inputs], true, bound));
        params.push(Param::new(format!("{kind}.weight_hh_l{layer}"), &[gates, hidden], true, bound));
        params.push(Param::new(format!("{kind}.bias_ih_l{layer}"), &[gates], false, bound));
        params.push(Param::new(format!("{kind}.bias_hh_l{layer}"), &[gates], false, bound));
    }
    params.push(Param::new("head.weight", &[outputs, hidden], true, bound));
    params.push(Param::new("head.bias", &[outputs], false, bound));
    ParamLayout::new(params)
}

pub fn build(model: &ModelOptions, training: &Training, sizes: Sizes) -> Result<Program> {
    let layout = params(model, sizes.channels, sizes.horizon * sizes.targets);
    let mut b = Builder::new(sizes, layout);
    let windows = layers::windows(&mut b);
    let (input, stats) = match model.instance_norm {
        Some(mode) => {
            let (output, stats) = layers::instance_norm(&mut b, mode, windows.input);
            (output, Some(stats))
        }
        None => (windows.input, None),
    };
    let value = Rows::dense(input, b.sizes.batch * b.sizes.lookback, b.sizes.channels);
    let mut x = Signal { value, grad: None };
    for layer in 0..model.layers {
        let emit = if layer + 1 == model.layers { Emit::Last } else { Emit::Sequence };
        x = match model.kind {
            ModelKind::Rnn => layers::rnn(&mut b, layer, model.activation, x, emit),
            ModelKind::Lstm => layers::lstm(&mut b, layer, x, emit),
        };
        if training.dropout {
            x = layers::dropout(&mut b, &format!("dropout:{}.{layer}", model.kind), x);
        }
    }
    let mut prediction = layers::linear(&mut b, "head", ("head.weight", "head.bias"), x);
    if let Some(stats) = stats {
        prediction = layers::instance_denorm(&mut b, stats, prediction);
    }
    layers::loss(&mut b, training.loss, prediction, windows);
    b.optimizer(training.clip);
    b.finish()
}
