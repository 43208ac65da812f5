//! Forecasts of every replica for a list of windows.

use super::Prediction;
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::program::List;
use crate::program::tensor::PREDICTIONS;
use crate::train::plan::Plan;
use crate::train::run::step_table;

/// Batches between two looks at whether to stop.
const GROUP: usize = 16;

/// Each replica's forecasts for the windows that begin at these rows of the data in the engine, with the weights in
/// [`PARAMS`](crate::program::tensor::PARAMS); with `mc_passes`, the mean over that many passes with dropout on, or over those
/// done when `stop` says so, at least one. Also how many that were.
pub fn predict(
    engine: &mut dyn Engine,
    plan: &Plan,
    windows: &[u32],
    mc_passes: Option<usize>,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Prediction>, usize)> {
    predict_some(engine, plan, &vec![true; plan.members.len()], windows, mc_passes, stop)
}

/// The same of the replicas marked true; the others rest, and their forecasts are empty.
pub fn predict_some(
    engine: &mut dyn Engine,
    plan: &Plan,
    wanted: &[bool],
    windows: &[u32],
    mc_passes: Option<usize>,
    stop: &dyn Fn() -> bool,
) -> Result<(Vec<Prediction>, usize)> {
    let Some(passes) = mc_passes else { return Ok((pass(engine, plan, wanted, windows, None)?, 1)) };
    let mut sums: Vec<Vec<f64>> = Vec::new();
    let mut done = 0;
    while done < passes && !(done > 0 && stop()) {
        let forecasts = pass(engine, plan, wanted, windows, Some(done))?;
        if sums.is_empty() {
            sums = forecasts.iter().map(|one| vec![0.0; one.values().len()]).collect();
        }
        for (sum, one) in sums.iter_mut().zip(&forecasts) {
            for (sum, value) in sum.iter_mut().zip(one.values()) {
                *sum += *value as f64;
            }
        }
        done += 1;
    }
    let mean = |row: Vec<f64>| plan.prediction(row.into_iter().map(|sum| (sum / done as f64) as f32).collect());
    Ok((sums.into_iter().map(mean).collect(), done))
}

fn pass(
    engine: &mut dyn Engine,
    plan: &Plan,
    wanted: &[bool],
    windows: &[u32],
    mc_pass: Option<usize>,
) -> Result<Vec<Prediction>> {
    let whole = pass_until(engine, plan, wanted, windows, mc_pass, &|| false)?;
    Ok(whole.expect("a pass that nothing stops is whole"))
}

/// One pass of the replicas marked true, looking at `stop` every few batches; `None` if it was stopped.
pub fn pass_until(
    engine: &mut dyn Engine,
    plan: &Plan,
    wanted: &[bool],
    windows: &[u32],
    mc_pass: Option<usize>,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<Prediction>>> {
    engine.rest(&wanted.iter().map(|wanted| !wanted).collect::<Vec<_>>())?;
    let program = engine.program();
    let (batch, outputs, slots) = (program.batch, program.outputs, program.prediction_slots);
    let batches = windows.len().div_ceil(batch);
    let mut forecasts: Vec<Vec<f32>> = vec![Vec::new(); wanted.len()];
    for (chunk, places) in windows.chunks(slots * batch).enumerate() {
        let used = places.len().div_ceil(batch);
        for (replica, one) in plan.members.iter().enumerate().filter(|(replica, _)| wanted[*replica]) {
            let row = |slot| {
                step_table::evaluation_step(&plan.options, one, mc_pass.map(|p| (p, chunk * slots + slot, batches)))
            };
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
        for (replica, forecasts) in forecasts.iter_mut().enumerate().filter(|(replica, _)| wanted[*replica]) {
            let row = engine.read_f32(PREDICTIONS, replica)?;
            forecasts.extend_from_slice(&row[..places.len() * outputs]);
        }
    }
    Ok(Some(forecasts.into_iter().map(|values| plan.prediction(values)).collect()))
}
