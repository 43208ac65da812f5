//! One function per model: declares its weights, then pushes each layer's forward and backward ops.

mod recurrent;

use crate::error::{Error, Result};
use crate::program::builder::Sizes;
use crate::program::op::{Activation, InstanceNorm, LossKind};
use crate::program::{ParamLayout, Program};
use crate::words::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    Rnn,
    Lstm,
}
words!(ModelKind, "model", ModelKind::Rnn = "rnn", ModelKind::Lstm = "lstm");

impl ModelKind {
    /// Rows of `weight_ih` and `weight_hh` per hidden unit.
    pub fn gates(self) -> usize {
        match self {
            ModelKind::Rnn => 1,
            ModelKind::Lstm => 4,
        }
    }
}

/// The model's architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelOptions {
    pub kind: ModelKind,
    /// H: hidden units per layer, 1 … 1,024.
    pub hidden: usize,
    pub layers: usize,
    /// Of the RNN cell.
    pub activation: Activation,
    pub instance_norm: Option<InstanceNorm>,
}

impl Default for ModelOptions {
    fn default() -> Self {
        ModelOptions {
            kind: ModelKind::Lstm,
            hidden: 64,
            layers: 1,
            activation: Activation::Tanh,
            instance_norm: Some(InstanceNorm::Last),
        }
    }
}

/// What a program needs beyond the model: fixed for all its replicas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    pub loss: LossKind,
    /// Whether dropout ops are part of the model; whether they drop is each replica's step table's say.
    pub dropout: bool,
    /// Whether gradient norms are computed; what they are clipped to is the step table's say.
    pub clip: bool,
}

/// The largest hidden size the recurrent kernels take.
pub const MAX_HIDDEN: usize = 1024;

/// The weights of a model that reads `channels` inputs and forecasts `outputs` values, laid out.
pub fn params(model: &ModelOptions, channels: usize, outputs: usize) -> ParamLayout {
    recurrent::params(model, channels, outputs)
}

/// The program that trains and evaluates `sizes.replicas` such models.
pub fn build(model: &ModelOptions, training: &Training, sizes: Sizes) -> Result<Program> {
    if model.hidden == 0 || model.hidden > MAX_HIDDEN {
        return Err(Error::config(
            "hidden",
            format!("{} is out of range", model.hidden),
            format!("choose --hidden from 1 to {MAX_HIDDEN}"),
        ));
    }
    if model.layers == 0 {
        return Err(Error::config("layers", "0 is out of range", "choose --layers 1 or more"));
    }
    recurrent::build(model, training, sizes)
}
