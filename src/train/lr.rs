//! Learning rate and β₁ of each step.

use std::f64::consts::PI;

use super::options::LrSchedule;

/// Adam's β₁ where no schedule moves it.
pub const BETA1: f64 = 0.9;

/// A run's learning rates.
#[derive(Debug, Clone, PartialEq)]
pub struct LrPlan {
    /// How the rate changes.
    pub schedule: LrSchedule,
    /// The rate that the schedule starts from; of one-cycle, its peak.
    pub lr: f64,
    /// The share of the steps that one-cycle rises for.
    pub pct_start: f64,
    /// Of the whole run.
    pub epochs: usize,
    /// Optimizer steps of an epoch.
    pub steps_per_epoch: usize,
}

impl LrPlan {
    /// (learning rate, β₁) of optimizer step `step`, from 1.
    pub fn at(&self, step: usize) -> (f64, f64) {
        let epoch = (step - 1) / self.steps_per_epoch;
        match self.schedule {
            LrSchedule::Constant => (self.lr, BETA1),
            LrSchedule::Step => {
                let third = self.epochs.div_ceil(3);
                (self.lr * 0.1f64.powi((epoch / third) as i32), BETA1)
            }
            LrSchedule::OneCycle => one_cycle(step - 1, self.epochs * self.steps_per_epoch, self.lr, self.pct_start),
            // Epochs count from 1.
            LrSchedule::Decay => (self.lr * 0.9f64.powi((epoch + 1).saturating_sub(3) as i32), BETA1),
        }
    }
}

/// PyTorch's `OneCycleLR`: a share `pct_start` of the steps up from lr/25, then down to lr/25e4, along cosines; β₁ the other
/// way, 0.95 → 0.85 → 0.95. `step` counts from 0.
fn one_cycle(step: usize, total: usize, max_lr: f64, pct_start: f64) -> (f64, f64) {
    const DIV_FACTOR: f64 = 25.0;
    const FINAL_DIV_FACTOR: f64 = 1e4;
    const BASE_MOMENTUM: f64 = 0.85;
    const MAX_MOMENTUM: f64 = 0.95;

    let initial = max_lr / DIV_FACTOR;
    let up_end = pct_start * total as f64 - 1.0;
    let down_end = total as f64 - 1.0;
    let at = step as f64;
    if at <= up_end {
        let share = at / up_end;
        (cosine(initial, max_lr, share), cosine(MAX_MOMENTUM, BASE_MOMENTUM, share))
    } else {
        let share = (at - up_end) / (down_end - up_end);
        (cosine(max_lr, initial / FINAL_DIV_FACTOR, share), cosine(BASE_MOMENTUM, MAX_MOMENTUM, share))
    }
}

/// From `start` to `end` along half a cosine.
fn cosine(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_drops_to_a_tenth_after_each_third() {
        let plan = LrPlan { schedule: LrSchedule::Step, lr: 1.0, pct_start: 0.3, epochs: 9, steps_per_epoch: 2 };
        let rate = |step| plan.at(step).0;
        assert_eq!((rate(1), rate(6)), (1.0, 1.0));
        assert!((rate(7) - 0.1).abs() < 1e-15 && (rate(18) - 0.01).abs() < 1e-15);
    }

    #[test]
    fn constant_is_constant() {
        let plan = LrPlan { schedule: LrSchedule::Constant, lr: 1e-3, pct_start: 0.3, epochs: 9, steps_per_epoch: 2 };
        assert_eq!(plan.at(1), plan.at(18));
    }

    #[test]
    fn decay_falls_by_a_tenth_an_epoch_from_the_third() {
        let plan = LrPlan { schedule: LrSchedule::Decay, lr: 1.0, pct_start: 0.3, epochs: 9, steps_per_epoch: 2 };
        let of_epoch = |epoch: usize| [plan.at(2 * epoch - 1).0, plan.at(2 * epoch).0];
        for (epoch, rate) in [(1, 1.0), (2, 1.0), (3, 1.0), (4, 0.9), (5, 0.81)] {
            assert!(of_epoch(epoch).iter().all(|found| (found - rate).abs() < 1e-15), "epoch {epoch}");
        }
    }
}
