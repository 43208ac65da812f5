//! How long a study will take, by timing a few steps of each shape on the device it would run on.

use std::collections::HashMap;

use super::cell::{dataset, runs};
use super::method::Setting;
use super::run::Prepared;
use super::study::Study;
use crate::engine::MakeEngine;
use crate::error::Result;
use crate::train::options::TrainOptions;
use crate::train::{Plan, run};

/// Steps that are timed.
const STEPS: u64 = 4;
/// Replicas that are timed: a model's share of a step hardly changes beyond.
const REPLICAS: usize = 4;

/// Seconds of each cell, about: training, validation after each epoch, and the final scores.
pub fn seconds(study: &Study, cells: &[Prepared], open: &mut MakeEngine) -> Result<Vec<f64>> {
    let settings = study.settings()?;
    // Training windows a second, by shape.
    let mut speeds: HashMap<(String, String, String, usize, usize), f64> = HashMap::new();
    let mut estimates = Vec::new();
    for one in cells {
        let cell = &one.cell;
        let key = (cell.data.clone(), cell.model.clone(), cell.arm.linear_path.clone(), cell.lookback, cell.width);
        let speed = match speeds.get(&key) {
            Some(speed) => *speed,
            None => {
                let mut data = dataset(study, cell)?;
                data.validation.truncate(1);
                let (list, _) = runs(study, cell, &settings, &data)?;
                let Some(first) = list.first() else { continue };
                let members = first.trainings.members.iter().take(REPLICAS).cloned().collect();
                let options = TrainOptions { max_steps: Some(STEPS), ..first.options.clone() };
                let plan = Plan::of(&data, &options, members)?;
                let mut engine = open(plan.program.clone())?;
                run(&data, &plan, engine.as_mut(), &mut ())?;
                let speed = run(&data, &plan, engine.as_mut(), &mut ())?.windows_per_second;
                speeds.insert(key, speed);
                speed
            }
        };
        let (training, scoring) = windows(study, &settings, one.windows, one.trainings);
        estimates.push((training + scoring) / speed.max(1e-9));
    }
    Ok(estimates)
}

/// Training windows of so many models, and the windows scored, as training windows: a forward pass is taken for a third
/// of a training step.
pub(super) fn windows(study: &Study, settings: &[Setting], windows: [usize; 3], trainings: usize) -> (f64, f64) {
    let [train, validation, test] = windows.map(|count| count as f64);
    let (models, epochs) = (trainings as f64, study.run.train.length(windows[0]).epochs as f64);
    let monte_carlo =
        settings.iter().filter(|one| one.monte_carlo()).count() * study.seeds.len() * study.run.train.mc_passes;
    let scored = (validation + test) * 3.0;
    (models * train * epochs, (models * (validation * epochs + scored) + monte_carlo as f64 * scored) / 3.0)
}
