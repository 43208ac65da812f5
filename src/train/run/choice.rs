//! Which epoch's weights are kept, and which replicas continue.

use super::Run;
use super::steps::mask_of_best;
use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::{Result, Text};
use crate::program::tensor::MASK;
use crate::train::options::Select;
use crate::train::plan::{Keep, Plan};
use crate::train::run::observer::{EpochRow, Observer, ReplicaEpoch};
use crate::train::run::snapshot::{KEPT, Snapshot};
use crate::train::run::trained::Status;
use crate::train::scores::Prediction;
use crate::train::scores::loss::mean_loss;
use crate::train::scores::metrics::Weighting;
use crate::train::scores::predict::pass_until;

/// That the models begin as the ridge, with this validation loss.
pub(in crate::train) fn path_alone(loss: f64) -> Text {
    format!("the linear path alone: validation {loss:.5}; it is kept unless an epoch is better").into()
}

/// The mean loss over some windows of the replicas marked true, with the weights in the engine; NaN of the others. `None` where
/// `stop` said so.
pub(crate) fn losses_of(
    engine: &mut dyn Engine,
    plan: &Plan,
    dataset: &Dataset,
    windows: &[u32],
    wanted: &[bool],
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<f64>>> {
    let forecasts = pass_until(engine, plan, wanted, windows, None, stop)?;
    let loss = |(one, wanted): (&Prediction, &bool)| match wanted {
        true => mean_loss(&plan.options, dataset, windows, one, Weighting::Rows),
        false => f64::NAN,
    };
    Ok(forecasts.map(|all| all.iter().zip(wanted).map(loss).collect()))
}

impl Run<'_> {
    /// Scores models that are the ridge before their first step, as epoch 0, and keeps their weights until an epoch that counts is
    /// better. `Some` where the observer interrupted.
    pub(super) fn score_start(&mut self, observer: &mut dyn Observer) -> Result<Option<Status>> {
        let new = self.state.step(self.plan.steps_per_epoch) == 0;
        if !new
            || self.dataset.validation.is_empty()
            || !self.plan.starts_at_ridge()
            || self.state.replicas.iter().any(|replica| replica.best.is_some())
        {
            return Ok(None);
        }
        let all = vec![true; self.state.replicas.len()];
        let (dataset, stop) = (self.dataset, || observer.interrupted());
        let Some(losses) = losses_of(self.engine, self.plan, dataset, &dataset.validation, &all, &stop)? else {
            self.save_or_tell(observer);
            return Ok(Some(Status::Interrupted));
        };
        for (r, loss) in losses.iter().enumerate().filter(|(_, loss)| loss.is_finite()) {
            self.state.replicas[r].best = Some((*loss, 0));
            KEPT.iter().try_for_each(|(now, best)| self.engine.copy(*now, *best, r))?;
        }
        if let Some(loss) = losses.first().filter(|_| self.plan.trains()) {
            observer.notice(&path_alone(*loss));
        }
        Ok(None)
    }

    /// Scores the validation windows; keeps the best weights and stops replicas whose patience is spent.
    pub(super) fn validate(&mut self, seconds: f64, trained: &[bool], forecasts: &[Prediction]) -> Result<EpochRow> {
        let options = &self.plan.options;
        // A run of a given number of steps takes them all.
        let patient = self.plan.length.patience == 0 || options.max_steps.is_some();
        let (epoch, step) = (self.state.epoch, self.state.step(self.plan.steps_per_epoch));
        let mut rows = Vec::new();
        for (r, forecasts) in forecasts.iter().enumerate() {
            // Of units what has fallen: the budget that was to fall need not be a whole number of them.
            let fallen = match self.plan.program.params.units.is_empty() {
                true => self.state.replicas[r].pruned,
                false => self.plan.gone() + self.plan.program.params.taken(&self.engine.read_u32(MASK, r)?),
            };
            let replica = &mut self.state.replicas[r];
            let sparsity = fallen as f64 / self.plan.began().program.params.budget() as f64;
            if !trained[r] {
                let last = self.state.history.last().map_or(ReplicaEpoch::NONE, |row| row.replicas[r].clone());
                rows.push(ReplicaEpoch { best: false, active: false, ..last });
                continue;
            }
            let validation_loss =
                mean_loss(options, self.dataset, &self.dataset.validation, forecasts, Weighting::Rows);
            let counts = self.plan.members[r].full(replica.pruned);
            let mut best = false;
            if replica.active && !counts && replica.best.is_none() && validation_loss.is_finite() {
                replica.before = Some((validation_loss, epoch));
                KEPT.iter().try_for_each(|(now, best)| self.engine.copy(*now, *best, r))?;
            }
            if replica.active
                && !counts
                && replica.best.is_some_and(|best| best.1 == 0)
                && self.plan.keep == Keep::Selected
            {
                // A network that never was better than the linear map alone is not worth pruning to the end.
                let told =
                    self.state.history.iter().map(|row| row.replicas[r].validation_loss).chain([validation_loss]);
                let beaten = told.into_iter().any(|loss| replica.best.is_some_and(|best| loss < best.0));
                replica.settled = !patient && !beaten && epoch >= self.plan.length.patience;
                replica.active = !replica.settled;
            }
            if let Keep::Three { common_from } = self.plan.keep
                && replica.active
                && epoch >= common_from
                && validation_loss.is_finite()
                && self.common[r].as_ref().is_none_or(|best| validation_loss < best.validation_loss)
            {
                self.common[r] = Some(Snapshot::take(self.engine, r, epoch, validation_loss)?);
            }
            if replica.active && !replica.settled && counts && validation_loss.is_finite() {
                best = replica.best.is_none_or(|(loss, _)| validation_loss < loss);
                if best {
                    replica.best = Some((validation_loss, epoch));
                    replica.waited = 0;
                    KEPT.iter().try_for_each(|(now, best)| self.engine.copy(*now, *best, r))?;
                } else {
                    replica.waited += 1;
                    replica.settled = !patient && replica.waited >= self.plan.length.patience;
                    replica.active = !replica.settled || self.plan.keep != Keep::Selected;
                }
            }
            rows.push(ReplicaEpoch {
                train_loss: self.state.losses[r].value(),
                validation_loss,
                sparsity,
                best,
                active: replica.active,
            });
        }
        let lr = self.plan.members.first().map_or(options.lr, |first| first.lr.at(step.max(1)).0);
        Ok(EpochRow { epoch, step, lr, seconds, replicas: rows })
    }

    /// Every replica's weights as they stand.
    pub(super) fn snapshots(&mut self) -> Result<Vec<Snapshot>> {
        let loss = |r: usize| self.state.history.last().map_or(f64::NAN, |row| row.replicas[r].validation_loss);
        let losses: Vec<f64> = (0..self.state.replicas.len()).map(loss).collect();
        let epochs: Vec<usize> = self.state.replicas.iter().map(|replica| replica.epochs).collect();
        epochs
            .into_iter()
            .zip(losses)
            .enumerate()
            .map(|(r, (epoch, loss))| Snapshot::take(self.engine, r, epoch, loss))
            .collect()
    }

    /// Puts the weights to keep into [`PARAMS`]: the best epoch's, or the last ones where the run was cut short.
    pub(super) fn keep(&mut self, status: Status) -> Result<()> {
        let whole = matches!(status, Status::Done | Status::Diverged) && self.plan.options.max_steps.is_none();
        for (r, replica) in self.state.replicas.iter_mut().enumerate() {
            match replica.best {
                Some((_, epoch)) if whole && self.plan.options.select == Select::Best => {
                    KEPT.iter().try_for_each(|(now, best)| self.engine.copy(*best, *now, r))?;
                    replica.kept = Some(epoch);
                    if epoch == 0 && self.plan.trains() {
                        replica.pruned = mask_of_best(self.plan, self.engine, r)?;
                        let line = format!("replica {r} keeps the linear path alone: no epoch that counts was better");
                        self.state.notices.push(line.into());
                        continue;
                    }
                }
                _ => {}
            }
            if let Some(plan) = &self.plan.members[r].prune
                && replica.pruned < plan.full()
            {
                let share = |count: usize| count as f64 / plan.prunable as f64;
                let which = replica.kept.map_or("its last weights".into(), |epoch| format!("those of epoch {epoch}"));
                self.state.notices.push(
                    format!(
                        "replica {r} reached sparsity {:.4} of {:.4} and keeps {which}",
                        share(replica.pruned),
                        share(plan.full())
                    )
                    .into(),
                );
            }
        }
        Ok(())
    }
}
