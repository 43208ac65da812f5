//! The state of a run: everything that the next step depends on, and the history so far.
//!
//! Initial weights, the order of the windows, dropout and random pruning are functions of (seed, epoch, step), so no
//! generator has a state of its own; learning rates and the pruning schedule are functions of the step.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{Result, Text};
use crate::models::LayerWidths;
use crate::program::tensor::*;
use crate::train::run::observer::{EpochRow, ReplicaEpoch};
use crate::train::run::trained::{Replica, Status};

/// A run between two optimizer steps, or before an epoch's validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// The epoch under way, from 1.
    pub epoch: usize,
    /// Its optimizer steps that are done; all of them where only validation is left.
    pub done: usize,
    /// Why the run is over; `None` while it is not.
    pub ended: Option<Status>,
    /// Widths of the layers where the run has shrunk; empty where they are as it began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widths: Vec<LayerWidths>,
    /// In the plan's order.
    pub replicas: Vec<Replica>,
    /// By replica, the first non-finite loss since divergence was last looked for: its step, and its bits.
    pub bad_losses: Vec<Option<(usize, u32)>>,
    /// Lines for the user.
    pub notices: Vec<Text>,
    /// Training windows seen by all replicas.
    pub windows: u64,
    /// Wall seconds that these windows took.
    pub step_seconds: f64,
    /// Wall seconds of the run.
    pub seconds: f64,
    /// Wall seconds of the epoch under way.
    pub epoch_seconds: f64,
    /// By replica, the training loss of the epoch under way.
    #[serde(skip)]
    pub losses: Vec<Mean>,
    /// By epoch.
    #[serde(skip)]
    pub history: Vec<EpochRow>,
    /// By replica, what lies on the device; empty where it was not asked for.
    #[serde(skip)]
    pub rows: Vec<ReplicaRows>,
}

impl RunState {
    /// Before the first step.
    pub fn new(seeds: impl Iterator<Item = u32>) -> Self {
        let replicas: Vec<Replica> = seeds.map(Replica::new).collect();
        RunState {
            epoch: 1,
            done: 0,
            ended: None,
            widths: Vec::new(),
            bad_losses: vec![None; replicas.len()],
            losses: vec![Mean::default(); replicas.len()],
            replicas,
            notices: Vec::new(),
            windows: 0,
            step_seconds: 0.0,
            seconds: 0.0,
            epoch_seconds: 0.0,
            history: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Optimizer steps done.
    pub fn step(&self, steps_per_epoch: usize) -> usize {
        (self.epoch - 1) * steps_per_epoch + self.done
    }

    /// Rows of its history.
    pub fn epochs_told(&self) -> usize {
        // The last epoch of a run that `max_steps` ended is reported, and not left.
        if self.ended.is_some() { self.epoch } else { self.epoch - 1 }
    }

    /// Epoch, steps done in it, epochs reported: no two states of a run have the same.
    pub fn position(&self) -> (usize, usize, usize) {
        (self.epoch, self.done, self.history.len())
    }

    /// The state of a run that stopped after its `max_steps`, as that of one that may take more: its last epoch is under way, and
    /// what its validation chose is undone.
    pub(super) fn reopen(&mut self) {
        self.ended = None;
        let Some(told) = self.history.pop() else { return };
        for (r, replica) in self.replicas.iter_mut().enumerate() {
            let of_row = |row: &EpochRow| (row.replicas[r].validation_loss, row.epoch);
            if replica.best.is_some_and(|(_, epoch)| epoch == told.epoch) {
                replica.best = self.history.iter().rev().find(|row| row.replicas[r].best).map(of_row);
            }
            if replica.before.is_some_and(|(_, epoch)| epoch == told.epoch) {
                replica.before = self.history.last().map(of_row);
            }
        }
    }

    /// What a file's header says of it: without history and rows, which are tensors of their own.
    pub fn clone_host(&self) -> RunState {
        RunState {
            widths: self.widths.clone(),
            replicas: self.replicas.clone(),
            bad_losses: self.bad_losses.clone(),
            notices: self.notices.clone(),
            losses: Vec::new(),
            history: Vec::new(),
            rows: Vec::new(),
            epoch: self.epoch,
            done: self.done,
            ended: self.ended,
            windows: self.windows,
            step_seconds: self.step_seconds,
            seconds: self.seconds,
            epoch_seconds: self.epoch_seconds,
        }
    }

    /// The same of some replicas, as if they had been trained without the others; but seconds, windows and notices are the whole
    /// run's.
    pub fn of_replicas(&self, own: Range<usize>) -> RunState {
        let one = |row: &EpochRow| EpochRow { replicas: row.replicas[own.clone()].to_vec(), ..row.clone() };
        RunState {
            widths: self.widths.clone(),
            replicas: self.replicas[own.clone()].to_vec(),
            bad_losses: self.bad_losses[own.clone()].to_vec(),
            losses: self.losses[own.clone()].to_vec(),
            history: self.history.iter().map(one).collect(),
            rows: self.rows.get(own.clone()).map(<[ReplicaRows]>::to_vec).unwrap_or_default(),
            notices: self.notices.clone(),
            epoch: self.epoch,
            done: self.done,
            ended: self.ended,
            windows: self.windows,
            step_seconds: self.step_seconds,
            seconds: self.seconds,
            epoch_seconds: self.epoch_seconds,
        }
    }

    /// Has some replicas rest from here on, in what is left of an epoch, too.
    pub(crate) fn drop_replicas(&mut self, dropped: Range<usize>) {
        self.replicas[dropped].iter_mut().for_each(|one| (one.active, one.epochs) = (false, 0));
    }

    /// The same of one. If it stopped before the others, it stands where it stopped.
    pub fn of_replica(&self, r: usize) -> RunState {
        let mut one = self.of_replicas(r..r + 1);
        let own = self.replicas[r].epochs;
        if own < self.history.len() {
            (one.epoch, one.done, one.ended) = (own + 1, 0, None);
            one.history.truncate(own);
        }
        one
    }

    /// The replica whose kept weights are best on validation so far, those that diverged last; the first if none has any.
    pub fn best_replica(&self) -> usize {
        let best = |r: &usize| self.replicas[*r].best.map_or(f64::INFINITY, |best| best.0);
        let lost = |r: &usize| self.replicas[*r].diverged.is_some();
        let order = |a: &usize, b: &usize| lost(a).cmp(&lost(b)).then(best(a).total_cmp(&best(b)));
        (0..self.replicas.len()).min_by(order).unwrap_or(0)
    }

    /// The history's numbers by epoch: epoch, step, learning rate and seconds; and by epoch and replica: training loss,
    /// validation loss, sparsity, whether it is the best so far, whether it continues.
    pub fn history_numbers(&self) -> (Vec<[f64; 4]>, Vec<[f64; 5]>) {
        let flag = |flag| if flag { 1.0 } else { 0.0 };
        let epochs = self.history.iter().map(|row| [row.epoch as f64, row.step as f64, row.lr, row.seconds]);
        let replicas = self.history.iter().flat_map(|row| &row.replicas);
        let replicas = replicas
            .map(|one| [one.train_loss, one.validation_loss, one.sparsity, flag(one.best), flag(one.active)])
            .collect();
        (epochs.collect(), replicas)
    }

    /// The inverse of [`Self::history_numbers`].
    pub fn history_of(epochs: &[[f64; 4]], replicas: &[[f64; 5]]) -> Vec<EpochRow> {
        let each = replicas.len() / epochs.len().max(1);
        let one = |[train_loss, validation_loss, sparsity, best, active]: &[f64; 5]| ReplicaEpoch {
            train_loss: *train_loss,
            validation_loss: *validation_loss,
            sparsity: *sparsity,
            best: *best == 1.0,
            active: *active == 1.0,
        };
        let row = |(i, [epoch, step, lr, seconds]): (usize, &[f64; 4])| EpochRow {
            epoch: *epoch as usize,
            step: *step as usize,
            lr: *lr,
            seconds: *seconds,
            replicas: replicas[i * each..(i + 1) * each].iter().map(one).collect(),
        };
        epochs.iter().enumerate().map(row).collect()
    }
}

/// One replica's rows of all that training changes on the device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplicaRows {
    /// `[P]`
    pub params: Vec<f32>,
    /// `[P]`, those of the best epoch so far.
    pub best_params: Vec<f32>,
    /// `[P]`, Adam's first moment.
    pub moment1: Vec<f32>,
    /// `[P]`, Adam's second moment.
    pub moment2: Vec<f32>,
    /// `[S]`
    pub state: Vec<f32>,
    /// `[S]`, that of the best epoch so far.
    pub best_state: Vec<f32>,
    /// `[prunable words]`, what weights are ranked by, if that adds up over steps; else empty, and in no file.
    pub score: Vec<f32>,
    /// `[P/32]` bits.
    pub mask: Vec<u32>,
    /// Words of [`status`].
    pub status: Vec<u32>,
}

impl ReplicaRows {
    /// The rows of numbers, with their tensors and the names they have in a file.
    pub fn floats(&self) -> [(&'static str, TensorId, &Vec<f32>); 7] {
        [
            ("params", PARAMS, &self.params),
            ("best_params", BEST_PARAMS, &self.best_params),
            ("moment1", MOMENT1, &self.moment1),
            ("moment2", MOMENT2, &self.moment2),
            ("state", STATE, &self.state),
            ("best_state", BEST_STATE, &self.best_state),
            ("score", SCORE, &self.score),
        ]
    }

    /// The rows of words.
    pub fn words(&self) -> [(&'static str, TensorId, &Vec<u32>); 2] {
        [("mask", MASK, &self.mask), ("status", STATUS, &self.status)]
    }

    /// Waits for all work given so far.
    pub fn read(engine: &mut dyn Engine, replica: usize) -> Result<Self> {
        Ok(ReplicaRows {
            params: engine.read_f32(PARAMS, replica)?,
            best_params: engine.read_f32(BEST_PARAMS, replica)?,
            moment1: engine.read_f32(MOMENT1, replica)?,
            moment2: engine.read_f32(MOMENT2, replica)?,
            state: engine.read_f32(STATE, replica)?,
            best_state: engine.read_f32(BEST_STATE, replica)?,
            score: engine.read_f32(SCORE, replica)?,
            mask: engine.read_u32(MASK, replica)?,
            status: engine.read_u32(STATUS, replica)?,
        })
    }

    /// Puts the rows back into an engine.
    pub fn write(&self, engine: &mut dyn Engine, replica: usize) -> Result<()> {
        self.floats().into_iter().try_for_each(|(_, tensor, row)| engine.write_f32(tensor, replica, row))?;
        self.words().into_iter().try_for_each(|(_, tensor, row)| engine.write_u32(tensor, replica, row))
    }
}

/// A weighted mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mean {
    /// Of value · weight.
    pub sum: f64,
    /// Of all values.
    pub weight: f64,
}

/// The least word that is the bits of a normal float.
const LEAST_FLOAT: u64 = 1 << 52;

impl Mean {
    /// As a checkpoint holds it: the sum's bits, and the weight, a whole number as it is and any other as its bits.
    pub fn words(&self) -> [u64; 2] {
        let whole = self.weight.fract() == 0.0 && self.weight < LEAST_FLOAT as f64;
        [self.sum.to_bits(), if whole { self.weight as u64 } else { self.weight.to_bits() }]
    }

    /// Of these words.
    pub fn of_words([sum, weight]: [u64; 2]) -> Mean {
        let weight = if weight < LEAST_FLOAT { weight as f64 } else { f64::from_bits(weight) };
        Mean { sum: f64::from_bits(sum), weight }
    }

    /// Adds a value of some weight; of weight 0, nothing.
    pub fn add(&mut self, value: f64, weight: f64) {
        self.sum += if weight == 0.0 { 0.0 } else { value * weight };
        self.weight += weight;
    }

    /// The mean; NaN of nothing.
    pub fn value(&self) -> f64 {
        self.sum / self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::Mean;

    #[test]
    fn means_read_back_from_their_words() {
        for weight in [0.0, 1.0, 960.0, 0.5, 959.75, 1e-300, 1e300] {
            let mean = Mean { sum: -2.5, weight };
            assert_eq!(Mean::of_words(mean.words()), mean, "{weight}");
        }
        assert_eq!(Mean { sum: 0.0, weight: 960.0 }.words(), [0, 960]);
    }
}
