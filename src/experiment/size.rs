//! What a trained model takes once the units that it does without are cut off: parameters, operations and time.

use std::time::Instant;

use super::cell::MEMORY_BYTES;
use crate::data::{Dataset, SplitName};
use crate::engine::MakeEngine;
use crate::error::Result;
use crate::models::{ModelOptions, Training, build};
use crate::program::List;
use crate::program::builder::Sizes;
use crate::train::loss::link;
use crate::train::options::TrainOptions;
use crate::train::plan::{Plan, fill};
use crate::train::scores::predict::predict;

/// Windows that are forecast at a time while a model is timed.
const WINDOWS: usize = 256;

/// Forecasts of them that are timed, after one that is not. The fastest counts, since others may use the machine.
const ROUNDS: usize = 7;

/// What a model that forecasts takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// All its weights and biases.
    pub parameters: usize,
    /// Floating-point operations of one window's forecast, counted.
    pub operations: u64,
    /// Wall microseconds of one window's forecast among 256, on the engine that trained; `None` in rows of before it was timed.
    pub microseconds: Option<f64>,
}

/// The sizes of models that differ, each timed by itself.
#[derive(Default)]
pub(super) struct Sizing {
    known: Vec<(ModelOptions, Size)>,
}

impl Sizing {
    /// Of a model in the place of a run's own.
    ///
    /// # Errors
    /// Where there is no such model, or no engine for it.
    pub(super) fn of(
        &mut self,
        model: &ModelOptions,
        dataset: &Dataset,
        run: &TrainOptions,
        open: &mut MakeEngine,
    ) -> Result<Size> {
        if let Some((_, size)) = self.known.iter().find(|(known, _)| known == model) {
            return Ok(*size);
        }
        let objective = run.loss.objective(&run.levels);
        let sizes = Sizes { objective, link: dataset.resolved.bounds.map(link), ..Sizes::of(dataset) };
        let program = build(model, &Training::scoring(), sizes)?;
        let operations = program.list(List::Forward).iter().map(|op| program.cost(op).flops).sum();
        let microseconds = Some(microseconds(model, dataset, run, open)?);
        let size = Size { parameters: program.params.total(), operations, microseconds };
        self.known.push((model.clone(), size));
        Ok(size)
    }
}

/// Of one window's forecast. Weights are 0, which takes as long as any other.
fn microseconds(model: &ModelOptions, dataset: &Dataset, run: &TrainOptions, open: &mut MakeEngine) -> Result<f64> {
    let mut batch = WINDOWS.min(dataset.test.len());
    let plan = loop {
        let options = TrainOptions { model: model.clone(), batch, replicas: 1, ..run.clone() };
        let plan = Plan::of(dataset, &options, options.members())?;
        let (own, shared) = plan.program.row_words();
        if batch == 1 || 4 * (own + shared) <= MEMORY_BYTES {
            break plan;
        }
        batch /= 2;
    };
    let mut engine = open(plan.program.clone())?;
    fill(dataset, run.loss, engine.as_mut())?;
    let windows = &dataset.windows(SplitName::Test)[..batch];
    let mut fastest = f64::INFINITY;
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        predict(engine.as_mut(), &plan, windows, None, &|| false)?;
        if round > 0 {
            fastest = fastest.min(begun.elapsed().as_secs_f64());
        }
    }
    Ok(1e6 * fastest / batch as f64)
}
