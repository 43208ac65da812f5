//! What one step needs to know about one replica, as the device reads it.

use bytemuck::{Pod, Zeroable};

use super::constants::ADAM_BETA2;
use super::op::Chance;
use super::rng;

/// A row of the step table [`STEPS`](super::tensor::STEPS): 16 words. Field for field the struct in
/// `shaders/shared/replica_step.wgsl` (a test compares them).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub struct ReplicaStep {
    /// The model's own seed: the generator's key, with the draw's site.
    pub seed: u32,
    /// n, counted from 1 over the run; in evaluation the pass, with the top bit set.
    pub step: u32,
    /// 0: this replica has stopped, and nothing of it may change.
    pub active: u32,
    /// A draw below this drops a hidden value: round(p · 2³²); 0 drops nothing. What is kept is divided by 1 − p.
    pub dropout_threshold: u32,
    /// The same of attention probabilities.
    pub attention_threshold: u32,
    /// The same of what the head reads.
    pub head_threshold: u32,
    /// 1 / the sum of the rows' weights over the observed target values of the batch, which is their number if rows have none; 0 if that
    /// is 0.
    pub inv_target_count: f32,
    /// Learning rate / (1 − β₁ⁿ).
    pub step_size: f32,
    /// 1 − β₁.
    pub one_minus_beta1: f32,
    /// 1 / √(1 − β₂ⁿ).
    pub inv_sqrt_bias2: f32,
    /// AdamW: prunable weights are multiplied by this, 1 − lr·λ; 1 for none.
    pub decay_factor: f32,
    /// L2: λ, added as λ·w to the gradient of prunable weights; 0 for none.
    pub l2: f32,
    /// Largest gradient norm; 0 for no clipping.
    pub clip_norm: f32,
    /// How many living weights this step's prune removes; of units, what all that have fallen by then may be worth, in halves of a weight.
    pub prune_count: u32,
    /// 1: it removes those of the smallest random draws, see [`RANDOM_PRUNE`]; 0: those of the smallest magnitude.
    pub prune_random: u32,
    /// The code of its [`InstanceNorm`](super::op::InstanceNorm); 0 for none.
    pub instance_norm: u32,
}

/// The draws' site of random pruning, at step 0: a weight's place in the order of falling never changes.
pub const RANDOM_PRUNE: u32 = rng::site("random-prune");

// A tensor's row is padded to 64 words, and a replica's steps begin at a whole one.
const _: () = assert!(64 % ReplicaStep::WORDS == 0 && size_of::<ReplicaStep>() == 4 * ReplicaStep::WORDS);

impl ReplicaStep {
    /// Words of 32 bits in the step table.
    pub const WORDS: usize = 16;

    /// The word of `prune_count` in a row.
    pub const PRUNE_COUNT: usize = std::mem::offset_of!(ReplicaStep, prune_count) / 4;

    /// The threshold that drops with probability `p`.
    #[must_use]
    pub fn threshold(p: f64) -> u32 {
        (p * 4_294_967_296.0).round().min(u32::MAX as f64) as u32
    }

    /// The threshold of one kind of dropout.
    #[must_use]
    pub fn threshold_of(&self, chance: Chance) -> u32 {
        match chance {
            Chance::Dropout => self.dropout_threshold,
            Chance::Attention => self.attention_threshold,
            Chance::Head => self.head_threshold,
        }
    }

    /// Adam's `step`-th update, counted from 1, of a replica that learns: no dropout, decay, clipping or prune.
    #[must_use]
    pub fn adam(seed: u32, step: u32, lr: f64, beta1: f64) -> Self {
        let n = i32::try_from(step).unwrap_or(i32::MAX);
        ReplicaStep {
            step,
            active: 1,
            step_size: (lr / (1.0 - beta1.powi(n))) as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            inv_sqrt_bias2: (1.0 / (1.0 - ADAM_BETA2.powi(n)).sqrt()) as f32,
            ..ReplicaStep::idle(seed)
        }
    }

    /// A step that leaves the weights alone: no dropout, no update, no prune.
    #[must_use]
    pub fn idle(seed: u32) -> Self {
        ReplicaStep { seed, decay_factor: 1.0, inv_sqrt_bias2: 1.0, ..Zeroable::zeroed() }
    }
}
