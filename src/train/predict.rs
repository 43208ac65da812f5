//! Forecasts of every replica for a list of windows.

use super::plan::Plan;
use super::step_table;
use crate::data::Dataset;
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::program::List;
use crate::program::op::LossKind;
use crate::program::tensor::PREDICTIONS;

/// Scaled forecasts `[windows, O]` per replica, in the windows' order; with `mc_passes`, the mean over that many passes
/// with dropout on.
pub fn predict(
    engine: &mut dyn Engine,
    plan: &Plan,
    windows: &[u32],
    mc_passes: Option<usize>,
) -> Result<Vec<Vec<f32>>> {
    predict_some(engine, plan, &vec![true; plan.members.len()], windows, mc_passes)
}

/// The same of the replicas marked true; the others rest, and their forecasts are empty.
pub fn predict_some(
    engine: &mut dyn Engine,
    plan: &Plan,
    wanted: &[bool],
    windows: &[u32],
    mc_passes: Option<usize>,
) -> Result<Vec<Vec<f32>>> {
    engine.rest(&wanted.iter().map(|wanted| !wanted).collect::<Vec<_>>())?;
    let Some(passes) = mc_passes else { return pass(engine, plan, wanted, windows, None) };
    let mut sums: Vec<Vec<f64>> = Vec::new();
    for p in 0..passes {
        let predictions = pass(engine, plan, wanted, windows, Some(p))?;
        if sums.is_empty() {
            sums = predictions.iter().map(|row| vec![0.0; row.len()]).collect();
        }
        for (sum, row) in sums.iter_mut().zip(&predictions) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += *value as f64;
            }
        }
    }
    let mean = |row: Vec<f64>| row.into_iter().map(|sum| (sum / passes as f64) as f32).collect();
    Ok(sums.into_iter().map(mean).collect())
}

fn pass(
    engine: &mut dyn Engine,
    plan: &Plan,
    wanted: &[bool],
    windows: &[u32],
    mc_pass: Option<usize>,
) -> Result<Vec<Vec<f32>>> {
    let program = engine.program();
    let (batch, outputs, slots) = (program.batch, program.outputs, program.prediction_slots);
    let batches = windows.len().div_ceil(batch);
    let mut predictions = vec![Vec::new(); wanted.len()];
    for (chunk, places) in windows.chunks(slots * batch).enumerate() {
        let used = places.len().div_ceil(batch);
        for (replica, one) in plan.members.iter().enumerate().filter(|(replica, _)| wanted[*replica]) {
            let row =
                |slot| step_table::evaluation_step(&one.member, mc_pass.map(|p| (p, chunk * slots + slot, batches)));
            let rows: Vec<_> = (0..used).map(row).collect();
            step_table::write(engine, replica, places, &rows)?;
        }
        let passes: Vec<Pass> = (0..used).map(|slot| Pass { list: List::Evaluate, slot }).collect();
        engine.run(&passes)?;
        for (replica, predictions) in predictions.iter_mut().enumerate().filter(|(replica, _)| wanted[*replica]) {
            let row = engine.read_f32(PREDICTIONS, replica)?;
            predictions.extend_from_slice(&row[..places.len() * outputs]);
        }
    }
    Ok(predictions)
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
