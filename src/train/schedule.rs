//! How many weights are pruned, and when: synaptic pruning's schedule (arXiv 2508.09330, section 3; Zhu & Gupta, arXiv
//! 1710.01878) as integer counts, so that no rounding on a device decides one.

use super::options::{PruningOptions, Schedule, Sparsity};
use crate::error::{Error, Result, Text};

/// A schedule that fits its run.
#[derive(Debug, Clone, PartialEq)]
pub struct PrunePlan {
    /// The curve from the smallest sparsity to the largest.
    pub schedule: Schedule,
    /// The smallest and the largest, shares of the prunable weights.
    pub sparsity: Sparsity,
    /// The first epoch that prunes, from 1.
    pub warmup: usize,
    /// Steps between prunings.
    pub every: usize,
    /// t_total: the epoch that reaches the largest sparsity.
    pub until: usize,
    /// Optimizer steps of an epoch.
    pub steps_per_epoch: usize,
    /// N: prunable weights; of units, halves of the weights that they hold.
    pub prunable: usize,
    /// Where pruned weights grow again.
    pub regrow: Option<RegrowPlan>,
}

/// How many pruned weights grow again (RigL, arXiv 1911.11134, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegrowPlan {
    /// α: the share of the living weights at the first step.
    pub fraction: f64,
    /// The last epoch.
    pub until: usize,
}

impl PrunePlan {
    /// Fits the options to a run of `epochs`: defaults shrink with a notice; values that were set and cannot fit are rejected.
    pub fn new(
        options: &PruningOptions,
        epochs: usize,
        steps_per_epoch: usize,
        prunable: usize,
        notices: &mut Vec<Text>,
    ) -> Result<Self> {
        let reject = |key: &str, value: usize, problem: &str, help: String| {
            Err(Error::config(key, format!("{value} {problem}"), help))
        };
        let warmup = match options.warmup {
            Some(0) => return reject("warmup", 0, "is no epoch", "epochs count from 1".into()),
            Some(warmup) if warmup > epochs => {
                let help = format!("choose ‹warmup› from 1 to {epochs}, or more ‹epochs›");
                return reject(
                    "warmup",
                    warmup,
                    &format!("is beyond the run's {epochs} epochs: nothing would be pruned"),
                    help,
                );
            }
            Some(warmup) => warmup,
            None => DEFAULT_WARMUP.min(epochs),
        };
        if options.warmup.is_none() && warmup < DEFAULT_WARMUP {
            notices.push(
                format!("pruning starts in epoch {warmup}, not {DEFAULT_WARMUP}: the run has {epochs} epoch(s)").into(),
            );
        }
        let until = match options.until {
            Some(0) => return reject("prune-until", 0, "is no epoch", "epochs count from 1".into()),
            Some(until) if until > epochs => {
                let help = format!("choose ‹prune-until› from 1 to {epochs}, or more ‹epochs›");
                let problem =
                    format!("is beyond the run's {epochs} epochs: {} would not be reached", options.sparsity.max);
                return reject("prune-until", until, &problem, help);
            }
            Some(until) => until,
            None => epochs.div_ceil(4),
        };
        if until <= warmup && options.until.is_none() && options.schedule != Schedule::Constant {
            notices.push(format!(
                "all pruning happens at once in epoch {warmup}: {epochs} epochs leave no room for a gradual schedule"
            ).into());
        }
        if options.every == 0 {
            return reject("prune-every", 0, "is no interval", "choose ‹prune-every› 1 or more".into());
        }
        let (schedule, sparsity, every) = (options.schedule, options.sparsity, options.every);
        Ok(PrunePlan { schedule, sparsity, warmup, every, until, steps_per_epoch, prunable, regrow: None })
    }

    /// With weights that grow again, in a run of `epochs`: for three quarters of it, unless the options say otherwise.
    ///
    /// # Errors
    /// [`Error::Config`] if they name an epoch that the run does not have.
    pub fn regrowing(self, options: &PruningOptions, epochs: usize) -> Result<Self> {
        let until = options.regrow_until.unwrap_or_else(|| (3 * epochs).div_ceil(4));
        if until == 0 || until > epochs {
            let help = format!("choose ‹regrow-until› from 1 to {epochs}, or more ‹epochs›");
            return Err(Error::config("regrow-until", format!("{until} is no epoch of the run"), help));
        }
        if options.regrow_until.is_some() && until < self.warmup {
            let problem =
                format!("{until} is before the first epoch that prunes, {}: nothing would grow again", self.warmup);
            let help = format!("choose ‹regrow-until› from {} to {epochs}, or ‹regrow none›", self.warmup);
            return Err(Error::config("regrow-until", problem, help));
        }
        Ok(PrunePlan { regrow: Some(RegrowPlan { fraction: options.regrow_fraction, until }), ..self })
    }

    /// The wanted sparsity at optimizer step `step` of epoch `epoch`, both from 1.
    pub fn wanted(&self, epoch: usize, step: usize) -> f64 {
        let Sparsity { min, max } = self.sparsity;
        let t = match self.schedule {
            Schedule::CubicStep => step as f64 / self.steps_per_epoch as f64,
            _ => epoch as f64,
        };
        let (warm, total) = (self.warmup as f64, self.until as f64);
        let p = if total <= warm { 1.0 } else { ((t - warm) / (total - warm)).clamp(0.0, 1.0) };
        match self.schedule {
            Schedule::Cubic | Schedule::CubicStep => min + (max - min) * p.powi(3),
            Schedule::ZhuGupta => max + (min - max) * (1.0 - p).powi(3),
            Schedule::Linear => min + (max - min) * p,
            Schedule::Constant => max,
        }
    }

    /// k = ⌊s·N + 1e-6⌋.
    pub fn count(&self, sparsity: f64) -> usize {
        (sparsity * self.prunable as f64 + 1e-6).floor() as usize
    }

    /// k at full sparsity.
    pub fn full(&self) -> usize {
        self.count(self.sparsity.max)
    }

    /// Whether step `step` of epoch `epoch` prunes: multiples of the interval from the warm-up epoch on, or an epoch's
    /// last step where it holds no multiple. A schedule by steps also prunes at the very step that reaches its goal.
    pub fn due(&self, epoch: usize, step: usize) -> bool {
        if epoch < self.warmup {
            return false;
        }
        let last = epoch * self.steps_per_epoch;
        let holds_one = last / self.every > (last - self.steps_per_epoch) / self.every;
        let goal = self.schedule == Schedule::CubicStep && step == self.until * self.steps_per_epoch;
        step.is_multiple_of(self.every) || (!holds_one && step == last) || goal
    }

    /// The first epoch that ends at full sparsity, if one of a run's does.
    pub fn full_epoch(&self, epochs: usize) -> Option<usize> {
        let mut pruned = 0;
        (1..=epochs).find(|&epoch| {
            for step in (epoch - 1) * self.steps_per_epoch + 1..=epoch * self.steps_per_epoch {
                if self.due(epoch, step) {
                    pruned = self.pruned_after(epoch, step, pruned);
                }
            }
            pruned >= self.full()
        })
    }

    /// How many weights fall beyond the schedule at `step`, and as many grow again, if `living` weights stay: those that a share of
    /// α/2·(1 + cos(π·step/steps of the last epoch)) is, which is 0 from its end on.
    pub fn regrown(&self, step: usize, living: usize) -> usize {
        let Some(RegrowPlan { fraction, until }) = self.regrow else { return 0 };
        let end = until * self.steps_per_epoch;
        if step >= end {
            return 0;
        }
        let share = fraction / 2.0 * (1.0 + libm::cos(std::f64::consts::PI * step as f64 / end as f64));
        (share * living as f64 + 1e-6).floor() as usize
    }

    /// How many weights have been pruned by the end of `step`, a due one, if `before` were before it.
    pub fn pruned_after(&self, epoch: usize, step: usize, before: usize) -> usize {
        self.count(self.wanted(epoch, step)).max(before)
    }
}

/// Epoch 2, as in the paper.
const DEFAULT_WARMUP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(schedule: Schedule, until: usize) -> PrunePlan {
        let options = PruningOptions { schedule, until: Some(until), ..PruningOptions::default() };
        PrunePlan::new(&options, 20, 10, 1000, &mut Vec::new()).unwrap()
    }

    #[test]
    fn the_paper_s_curve() {
        let plan = plan(Schedule::Cubic, 20);
        assert_eq!(plan.wanted(2, 11), 0.3);
        assert_eq!(plan.wanted(11, 101), 0.3 + 0.4 * 0.125);
        assert_eq!(plan.wanted(20, 191), 0.7);
        assert_eq!(plan.full(), 700);
        assert_eq!(plan.count(0.3), 300);
    }

    #[test]
    fn every_schedule_ends_at_the_largest_sparsity_and_never_falls() {
        for schedule in [Schedule::Cubic, Schedule::CubicStep, Schedule::ZhuGupta, Schedule::Linear, Schedule::Constant]
        {
            // Steps divisible by 7 miss the last of epoch 20.
            let plan = PrunePlan { every: 7, ..plan(schedule, 20) };
            let mut pruned = 0;
            for step in 1..=200 {
                let epoch = (step - 1) / 10 + 1;
                if plan.due(epoch, step) {
                    let after = plan.pruned_after(epoch, step, pruned);
                    assert!(after >= pruned, "{schedule} at step {step}");
                    pruned = after;
                }
                if step == 10 {
                    assert_eq!(pruned, 0, "{schedule}: the first epoch stays dense");
                }
            }
            assert_eq!(pruned, 700, "{schedule}");
        }
    }

    #[test]
    fn zhu_gupta_prunes_early_and_cubic_late() {
        assert!(plan(Schedule::ZhuGupta, 20).wanted(6, 51) > plan(Schedule::Linear, 20).wanted(6, 51));
        assert!(plan(Schedule::Cubic, 20).wanted(6, 51) < plan(Schedule::Linear, 20).wanted(6, 51));
    }

    /// The cosine of RigL: all of α at first, half of it half-way, nothing from the end on.
    #[test]
    fn growth_ends_with_its_epoch() {
        let options = PruningOptions::default();
        assert_eq!(plan(Schedule::Cubic, 20).regrown(1, 1000), 0);
        let plan = plan(Schedule::Cubic, 20).regrowing(&options, 20).unwrap();
        let counts = [1, 75, 149, 150, 200].map(|step| plan.regrown(step, 1000));
        assert_eq!(counts, [299, 150, 0, 0, 0]);
        let late = PruningOptions { regrow_until: Some(21), ..options };
        assert!(plan.regrowing(&late, 20).unwrap_err().to_string().contains("regrow-until"));
    }

    #[test]
    fn an_epoch_without_a_multiple_prunes_at_its_last_step() {
        let mut plan = plan(Schedule::Cubic, 15);
        plan.steps_per_epoch = 3;
        plan.every = 5;
        // Epoch 2 holds steps 4, 5, 6; epoch 5 holds 13, 14, 15; epoch 3 holds 7, 8, 9.
        assert_eq!((4..=6).map(|s| plan.due(2, s)).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!((7..=9).map(|s| plan.due(3, s)).collect::<Vec<_>>(), [false, false, true]);
        assert!(!plan.due(1, 3));
    }

    #[test]
    fn short_runs_shrink_defaults_and_reject_typed_values() {
        let mut notices = Vec::new();
        let plan = PrunePlan::new(&PruningOptions::default(), 1, 10, 100, &mut notices).unwrap();
        assert_eq!((plan.warmup, plan.until, notices.len()), (1, 1, 2));
        assert_eq!(plan.wanted(1, 1), 0.7);
        let typed = PruningOptions { until: Some(9), ..PruningOptions::default() };
        let error = PrunePlan::new(&typed, 8, 10, 100, &mut notices).unwrap_err().to_string();
        assert!(error.contains('9') && error.contains('8') && error.contains("prune-until"), "{error}");
    }
}
