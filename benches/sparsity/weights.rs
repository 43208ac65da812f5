//! Pruned matrices: as a training leaves them, and with as many weights gone at random.

use microglia::data::DataOptions;
use microglia::engine::Engine;
use microglia::models::{ModelKind, ModelOptions, Variant};
use microglia::program::rng;
use microglia::program::tensor::PARAMS;
use microglia::reference::CpuEngine;
use microglia::train::options::{PruningOptions, Select, Sparsity};
use microglia::train::{Member, Plan, TrainOptions, run};

use crate::common::Result;

/// A weight `[outputs, inputs]`; pruned words are 0.
#[derive(Clone)]
pub(crate) struct Weight {
    pub outputs: usize,
    pub inputs: usize,
    pub words: Vec<f32>,
}

impl Weight {
    pub(crate) fn living(&self) -> usize {
        self.words.iter().filter(|word| **word != 0.0).count()
    }

    pub(crate) fn sparsity(&self) -> f64 {
        1.0 - self.living() as f64 / self.words.len() as f64
    }

    /// Whether a tile holds no living weight.
    pub(crate) fn is_empty(&self, [output, input]: [usize; 2], [high, wide]: [usize; 2]) -> bool {
        (output..(output + high).min(self.outputs)).all(|o| {
            self.words[o * self.inputs..][..self.inputs].iter().skip(input).take(wide).all(|word| *word == 0.0)
        })
    }

    /// The share of tiles of `high` outputs by `wide` inputs that hold no living weight.
    pub(crate) fn empty(&self, [high, wide]: [usize; 2]) -> f64 {
        let corners = (0..self.outputs).step_by(high).flat_map(|o| (0..self.inputs).step_by(wide).map(move |i| [o, i]));
        let (all, empty) =
            corners.fold((0, 0), |(all, empty), at| (all + 1, empty + usize::from(self.is_empty(at, [high, wide]))));
        empty as f64 / all as f64
    }

    /// The same words at random places.
    pub(crate) fn shuffled(&self) -> Weight {
        let mut words = self.words.clone();
        for i in (1..words.len()).rev() {
            words.swap(i, rng::draw(1, 1, 1, i as u32) as usize % (i + 1));
        }
        Weight { words, ..*self }
    }
}

/// One weight of a model trained on the embedded data by the cubic schedule, once for each sparsity of the whole model.
pub(crate) fn trained(kind: ModelKind, name: &str, sparsities: &[f64], epochs: usize) -> Result<Vec<Weight>> {
    let lookback = Some(if kind == ModelKind::Patchtst { 60 } else { 30 });
    let dataset = DataOptions { lookback, horizon: Some(1), ..DataOptions::default() }.load()?;
    let mut model = ModelOptions::of(kind, Variant::Authors);
    (model.patchtst.patch, model.patchtst.d_model, model.patchtst.heads, model.patchtst.ff) = (Some(4), 128, 8, 256);
    let options = TrainOptions {
        model,
        epochs: Some(epochs),
        patience: Some(0),
        select: Select::Last,
        ..TrainOptions::default()
    };
    let pruning = |max| PruningOptions { sparsity: Sparsity { min: 0.0, max }, ..PruningOptions::default() };
    let members = sparsities.iter().map(|&max| Member { pruning: pruning(max), ..options.member(42) }).collect();
    let plan = Plan::of(&dataset, &options, members)?;
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;
    run(&dataset, &plan, &mut engine, &mut ())?;
    let param = plan.program.params.get(name).unwrap_or_else(|| panic!("no weight `{name}`")).clone();
    let (outputs, inputs) = (param.shape[0], param.shape[1]);
    let of = |r| Ok(Weight { outputs, inputs, words: engine.read_f32(PARAMS, r)?[param.range()].to_vec() });
    (0..sparsities.len()).map(of).collect()
}
