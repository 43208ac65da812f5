//! Forecasts of every replica for a list of windows.

use super::options::TrainOptions;
use super::step_table;
use crate::data::Dataset;
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::program::List;
use crate::program::op::LossKind;
use crate::program::tensor::PREDICTIONS;

/// Batches between two looks at whether to stop.
const GROUP: usize = 16;

/// Scaled forecasts `[windows, O]` of each replica, in the windows' order.
pub type Forecasts = Vec<Vec<f32>>;

/// Forecasts of the weights in [`PARAMS`](crate::program::tensor::PARAMS); with `mc_passes`, the mean over that many
/// passes with dropout on, or over those done when `stop` says so, at least one. Also how many that were.
pub fn predict(
    engine: &mut dyn Engine,
    options: &TrainOptions,
    windows: &[u32],
    mc_passes: Option<usize>,
    stop: &dyn Fn() -> bool,
) -> Result<(Forecasts, usize)> {
    let Some(passes) = mc_passes else { return Ok((pass(engine, options, windows, None)?, 1)) };
    let mut sums: Vec<Vec<f64>> = Vec::new();
    let mut done = 0;
    while done < passes && !(done > 0 && stop()) {
        let forecasts = pass(engine, options, windows, Some(done))?;
        sums.resize_with(forecasts.len(), || vec![0.0; windows.len() * engine.program().outputs]);
        for (sum, row) in sums.iter_mut().zip(&forecasts) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += *value as f64;
            }
        }
        done += 1;
    }
    let mean = |row: Vec<f64>| row.into_iter().map(|sum| (sum / done as f64) as f32).collect();
    Ok((sums.into_iter().map(mean).collect(), done))
}

fn pass(engine: &mut dyn Engine, options: &TrainOptions, windows: &[u32], mc_pass: Option<usize>) -> Result<Forecasts> {
    let whole = pass_until(engine, options, windows, mc_pass, &|| false)?;
    Ok(whole.expect("a pass that nothing stops is whole"))
}

/// One pass, looking at `stop` every few batches; `None` if it was stopped.
pub fn pass_until(
    engine: &mut dyn Engine,
    options: &TrainOptions,
    windows: &[u32],
    mc_pass: Option<usize>,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Forecasts>> {
    let program = engine.program();
    let (replicas, batch, outputs, slots) =
        (program.replicas, program.batch, program.outputs, program.prediction_slots);
    let batches = windows.len().div_ceil(batch);
    let mut forecasts = vec![Vec::with_capacity(windows.len() * outputs); replicas];
    for (chunk, places) in windows.chunks(slots * batch).enumerate() {
        let used = places.len().div_ceil(batch);
        for replica in 0..replicas {
            let seed = options.seed + replica as u32;
            let row =
                |slot| step_table::evaluation_step(options, seed, mc_pass.map(|p| (p, chunk * slots + slot, batches)));
            let rows: Vec<_> = (0..used).map(row).collect();
            step_table::write(engine, replica, places, &rows)?;
        }
        let passes: Vec<Pass> = (0..used).map(|slot| Pass { list: List::Evaluate, slot }).collect();
        for group in passes.chunks(GROUP) {
            if stop() {
                return Ok(None);
            }
            engine.run(group)?;
        }
        for (replica, forecasts) in forecasts.iter_mut().enumerate() {
            let row = engine.read_f32(PREDICTIONS, replica)?;
            forecasts.extend_from_slice(&row[..places.len() * outputs]);
        }
    }
    Ok(Some(forecasts))
}

/// The mean loss over observed target values, in f64; NaN if there are none.
pub fn mean_loss(kind: LossKind, dataset: &Dataset, windows: &[u32], predictions: &[f32]) -> f64 {
    let (channels, targets, outputs) = (dataset.channels(), dataset.targets, dataset.horizon * dataset.targets);
    let (mut sum, mut count) = (0.0, 0u64);
    for (&window, forecast) in windows.iter().zip(predictions.chunks(outputs)) {
        let first = window as usize + dataset.lookback;
        for (i, forecast) in forecast.iter().enumerate() {
            let (row, target) = (first + i / targets, i % targets);
            if dataset.observed[row * targets + target] == 0.0 {
                continue;
            }
            let error = *forecast as f64 - dataset.values[row * channels + target] as f64;
            sum += match kind {
                LossKind::Mse => error * error,
                LossKind::Mae => error.abs(),
                LossKind::Huber if error.abs() <= 1.0 => 0.5 * error * error,
                LossKind::Huber => error.abs() - 0.5,
            };
            count += 1;
        }
    }
    sum / count as f64
}
