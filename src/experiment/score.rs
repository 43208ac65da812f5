//! A run's replicas, scored by each selection of their weights.

use super::row::{Scores, Selection};
use super::study::Study;
use crate::data::{Dataset, SplitName};
use crate::engine::Engine;
use crate::error::Result;
use crate::models::ModelOptions;
use crate::program::tensor::{MASK, PARAMS, STATE};
use crate::train::Trained;
use crate::train::plan::Plan;
use crate::train::scores::metrics::score;
use crate::train::scores::predict::predict_some;
use crate::train::weights::compact::smallest;
use crate::train::weights::{SparsityReport, sha256};

/// The scores of one training.
#[derive(Clone)]
pub(super) struct Model {
    /// `[plain, Monte Carlo][selection][validation, test]`
    pub scores: [[[Scores; 2]; 3]; 2],
    /// `own` test forecasts, plain and Monte Carlo.
    pub forecasts: [Vec<f32>; 2],
    pub epochs: [Option<usize>; 3],
    pub stop_epoch: usize,
    pub sparsity: SparsityReport,
    /// What `export --form compact` leaves of the `own` weights.
    pub compact: ModelOptions,
    pub sha256: String,
    pub diverged: Option<String>,
    /// By epoch: training loss, validation loss, sparsity.
    pub history: Vec<[f64; 3]>,
    pub seconds: f64,
    pub device: String,
}

/// Scores every replica by each selection; `None` if it was stopped.
pub(super) fn score_run(
    study: &Study,
    dataset: &Dataset,
    plan: &Plan,
    engine: &mut dyn Engine,
    trained: &Trained,
    monte_carlo: &[bool],
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<Model>>> {
    let layout = &plan.program.params;
    let mut models = Vec::new();
    for (r, replica) in trained.replicas.iter().enumerate() {
        let wanted = plan.members[r].prune.as_ref().map(|prune| prune.sparsity.max);
        let common = trained.common[r].as_ref().map(|one| one.epoch);
        let params = engine.read_f32(PARAMS, r)?;
        let mask = engine.read_u32(MASK, r)?;
        models.push(Model {
            compact: smallest(&plan.options.model, layout, &params, dataset.lookback),
            scores: [[[Scores::NONE; 2]; 3]; 2],
            forecasts: [Vec::new(), Vec::new()],
            epochs: [replica.kept, common, Some(replica.epochs)],
            stop_epoch: replica.epochs,
            sparsity: SparsityReport::new((layout, layout), &mask, wanted),
            sha256: sha256(layout, &params, &plan.program.state, &engine.read_f32(STATE, r)?),
            diverged: replica.diverged.clone(),
            history: (0..replica.epochs.min(trained.history.len()))
                .map(|epoch| &trained.history[epoch].replicas[r])
                .map(|row| [row.train_loss, row.validation_loss, row.sparsity])
                .collect(),
            seconds: trained.seconds / trained.replicas.len() as f64,
            device: engine.device(),
        });
    }
    for selection in Selection::ALL {
        // Weights of an epoch that was scored are not scored again.
        let earlier = |model: &Model| {
            let epoch = model.epochs[selection as usize];
            (0..selection as usize).find(|&other| epoch.is_some() && model.epochs[other] == epoch)
        };
        let mut fresh = vec![false; models.len()];
        for (r, model) in models.iter_mut().enumerate() {
            if let Some(other) = earlier(model) {
                for scores in &mut model.scores {
                    scores[selection as usize] = scores[other];
                }
                continue;
            }
            fresh[r] = model.diverged.is_none();
            match selection {
                Selection::Own => {}
                Selection::Common => match &trained.common[r] {
                    Some(snapshot) => snapshot.restore(engine, r)?,
                    None => fresh[r] = false,
                },
                Selection::Last => trained.last[r].restore(engine, r)?,
            }
        }
        let mc: Vec<bool> = fresh.iter().zip(monte_carlo).map(|(fresh, mc)| *fresh && *mc).collect();
        for (kind, wanted, passes) in [(0, &fresh, None), (1, &mc, Some(study.run.train.mc_passes))] {
            if !wanted.contains(&true) {
                continue;
            }
            for (part, split) in [SplitName::Validation, SplitName::Test].into_iter().enumerate() {
                if stop() {
                    return Ok(None);
                }
                let (forecasts, done) = predict_some(engine, plan, wanted, dataset.windows(split), passes, stop)?;
                if passes.is_some_and(|passes| done < passes) {
                    return Ok(None);
                }
                for (r, forecasts) in forecasts.into_iter().enumerate().filter(|(r, _)| wanted[*r]) {
                    models[r].scores[kind][selection as usize][part] =
                        Scores::of(&score(dataset, split, &forecasts.point()));
                    if selection == Selection::Own && split == SplitName::Test {
                        models[r].forecasts[kind] = forecasts.into_point();
                    }
                }
            }
        }
    }
    Ok(Some(models))
}
