//! What may differ between the replicas of one run.

use super::lr::LrPlan;
use super::options::{LrSchedule, PruningOptions, Regularizer, Regularizers, TrainOptions};
use super::schedule::PrunePlan;
use crate::error::{Error, Result, Text};
use crate::models::Regrow;
use crate::program::ParamLayout;
use crate::program::op::InstanceNorm;

/// One replica's own settings; everything else is its run's.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Of initial weights, batch order and dropout.
    pub seed: u32,
    /// Adam's learning rate, before any schedule.
    pub lr: f64,
    /// The learning rate over the run.
    pub lr_schedule: LrSchedule,
    /// The share of the steps that [`LrSchedule::OneCycle`] rises for.
    pub pct_start: f64,
    /// Largest L2 norm of all gradients together.
    pub clip_grad_norm: Option<f64>,
    /// What keeps it from overfitting.
    pub regularizers: Regularizers,
    /// Probability of dropping an element, where a regularizer drops any.
    pub dropout: f64,
    /// λ of [`Regularizer::L2`] and [`Regularizer::WeightDecay`].
    pub weight_decay: f64,
    /// What is pruned, and when.
    pub pruning: PruningOptions,
}

impl TrainOptions {
    /// The replicas of a plain run: alike but for their seeds, which follow one another.
    pub fn members(&self) -> Vec<Member> {
        (0..self.replicas).map(|r| self.member(self.seed.saturating_add(r as u32))).collect()
    }

    /// A replica with the run's settings and a seed of its own.
    pub fn member(&self, seed: u32) -> Member {
        Member {
            seed,
            lr: self.lr,
            lr_schedule: self.lr_schedule,
            pct_start: self.pct_start,
            clip_grad_norm: self.clip_grad_norm,
            regularizers: self.regularizers.clone(),
            dropout: self.dropout,
            weight_decay: self.weight_decay,
            pruning: self.pruning.clone(),
        }
    }
}

/// A [`Member`] fitted to its run.
#[derive(Debug, Clone)]
pub struct MemberPlan {
    /// The settings, checked.
    pub member: Member,
    /// The rate of every step.
    pub lr: LrPlan,
    /// `None` where nothing is pruned.
    pub prune: Option<PrunePlan>,
    /// How its windows are normalised.
    pub instance_norm: Option<InstanceNorm>,
}

impl MemberPlan {
    /// Fits a replica to a run of so many epochs, each of so many steps, and to what pruning may take of a layout.
    ///
    /// # Errors
    /// [`Error::Config`] where a setting is unsound, alone or for this run.
    pub fn new(
        mut member: Member,
        options: &TrainOptions,
        (epochs, steps_per_epoch): (usize, usize),
        layout: &ParamLayout,
        notices: &mut Vec<Text>,
    ) -> Result<Self> {
        member.check()?;
        let lr = LrPlan {
            schedule: member.lr_schedule,
            lr: member.lr,
            pct_start: member.pct_start,
            epochs,
            steps_per_epoch,
        };
        let mut prune = None;
        if member.regularizers.prunes() {
            let mut told = Vec::new();
            let mut plan = PrunePlan::new(&member.pruning, epochs, steps_per_epoch, layout.budget(), &mut told)?;
            if options.prune_rule.regrow != Regrow::None {
                plan = plan.regrowing(&member.pruning, epochs)?;
                member.pruning.regrow_until = plan.regrow.map(|regrow| regrow.until);
            }
            check_cap(&plan, options, layout)?;
            // Replicas of one method would say the same.
            told.retain(|line| !notices.contains(line));
            notices.extend(told);
            member.pruning.warmup = Some(plan.warmup);
            member.pruning.until = Some(plan.until);
            prune = Some(plan);
        }
        Ok(MemberPlan { member, lr, prune, instance_norm: options.model.instance_norm })
    }

    /// Whether its epoch's weights may be kept: those of a pruned net only at full sparsity.
    pub fn full(&self, pruned: usize) -> bool {
        self.prune.as_ref().is_none_or(|plan| pruned >= plan.full())
    }

    /// Whether it prunes at random.
    pub fn random_pruning(&self) -> bool {
        self.member.regularizers.has(Regularizer::RandomPruning)
    }
}

/// Rejects a goal that a cap rules out.
fn check_cap(plan: &PrunePlan, options: &TrainOptions, layout: &ParamLayout) -> Result<()> {
    let (goal, most, all) = (plan.full(), layout.most(), layout.budget());
    let Some(cap) = options.prune_rule.cap.filter(|_| goal > most) else { return Ok(()) };
    let what = if layout.units.is_empty() { "weights" } else { "halves of weights" };
    let problem = format!("{} is {goal} of {all} {what}, and ‹prune-cap {cap}› allows {most}", plan.sparsity);
    // Rounded down, so that it is possible.
    let least = (most as f64 / all.max(1) as f64 * 1e4).floor() / 1e4;
    Err(Error::config("sparsity", problem, format!("choose an end of at most {least}, or a larger ‹prune-cap›")))
}

impl Member {
    /// Rejects values that are unsound for any data.
    fn check(&self) -> Result<()> {
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return Err(Error::config("lr", format!("{} is out of range", self.lr), "choose ‹lr› above 0"));
        }
        if !(self.pct_start > 0.0 && self.pct_start < 1.0) {
            let help = "choose ‹pct-start› above 0 and below 1: the share of the steps that one-cycle rises for";
            return Err(Error::config("pct-start", format!("{} is out of range", self.pct_start), help));
        }
        if let Some(value) = self.clip_grad_norm
            && !(value > 0.0 && value.is_finite())
        {
            let problem = format!("{value} is out of range");
            return Err(Error::config("clip-grad-norm", problem, "choose ‹clip-grad-norm› above 0"));
        }
        let fraction = self.pruning.regrow_fraction;
        if !(fraction > 0.0 && fraction < 1.0) {
            let help = "choose ‹regrow-fraction› above 0 and below 1: a share of the living weights";
            return Err(Error::config("regrow-fraction", format!("{fraction} is out of range"), help));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let help = "choose ‹dropout› from 0 to below 1: the probability of dropping an element";
            return Err(Error::config("dropout", format!("{} is out of range", self.dropout), help));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            let problem = format!("{} is out of range", self.weight_decay);
            return Err(Error::config("weight-decay", problem, "choose ‹weight-decay› 0 or more"));
        }
        Ok(())
    }
}
