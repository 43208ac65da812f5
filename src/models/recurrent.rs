//! Recurrent forecasters: the look-back through stacked recurrent layers, the last step's top state through `head`.

use super::head::{self, Ending};
use super::{ModelOptions, Training, embedding, linear_path};
use crate::error::Result;
use crate::layers::{self, Emit, Head, HeadOrder};
use crate::program::builder::Sizes;
use crate::program::op::Chance;
use crate::program::{Builder, Cell, Param, ParamLayout, Program};

const HEAD: (&str, &str) = ("head.weight", "head.bias");

/// `nn.RNN`, `nn.LSTM` or `nn.GRU`, and `nn.Linear`, initialised as PyTorch does: everything uniform in ±1/√hidden.
pub(super) fn params(model: &ModelOptions, cell: Cell, sizes: &Sizes) -> ParamLayout {
    let (form, hidden) = (cell.form(), model.hidden);
    let name = form.name;
    let outputs = sizes.horizon * sizes.targets;
    let channels = embedding::width(model, sizes);
    let bound = 1.0 / (hidden as f32).sqrt();
    let mut params = embedding::params(model, sizes);
    for layer in 0..model.layers {
        let hidden = model.layer(layer).hidden;
        let inputs = if layer == 0 { channels } else { model.layer(layer - 1).hidden };
        // Rows of `weight_ih` and `weight_hh`.
        let gates = form.gates.len() * hidden;
        params.push(Param::new(format!("{name}.weight_ih_l{layer}"), &[gates, inputs], true, bound));
        params.push(Param::new(format!("{name}.weight_hh_l{layer}"), &[gates, hidden], true, bound));
        params.push(Param::new(format!("{name}.bias_ih_l{layer}"), &[gates], false, bound));
        params.push(Param::new(format!("{name}.bias_hh_l{layer}"), &[gates], false, bound));
    }
    let hidden = model.layer(model.layers - 1).hidden;
    params.push(Param::new(HEAD.0, &[outputs, hidden], true, bound));
    params.push(Param::new(HEAD.1, &[outputs], false, bound));
    head::add_params(model, sizes, (hidden, 1), HEAD, &mut params);
    ParamLayout::new(params)
}

pub(super) fn build(
    model: &ModelOptions,
    cell: Cell,
    training: &Training,
    sizes: Sizes,
    layout: ParamLayout,
) -> Result<Program> {
    let mut b = Builder::new(sizes, layout);
    let windows = layers::windows(&mut b);
    let (input, scale) = layers::instance_norm(&mut b, model.instance_norm, None, windows.input);
    let path = linear_path::forward(&mut b, model, input);
    let mut x = embedding::forward(&mut b, input);
    for layer in 0..model.layers {
        let emit = if layer + 1 == model.layers { Emit::Last } else { Emit::Sequence };
        x = layers::recurrent(&mut b, cell, layer, x, emit);
        if training.dropout {
            x = layers::dropout(&mut b, Chance::Dropout, &format!("dropout:{}.{layer}", cell.form().name), x);
        }
    }
    let outputs = b.param(HEAD.0).shape[0];
    let head = Head::new(&mut b, x.value.count, outputs, HeadOrder::Step, scale);
    head::push(&mut b, Ending { names: HEAD, state: x, head, path, windows });
    b.optimizer(training.clip);
    b.finish()
}
