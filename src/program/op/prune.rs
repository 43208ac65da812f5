//! The ops of pruning: which weights fall, and their masks.

use crate::program::scope::PruneGroup;
use crate::program::tensor::TensorId;
use crate::program::units::UnitSet;

/// Clears the mask bits of exactly `prune_count` living weights: those with the smallest keys, and among equal keys those with
/// the lowest indices. A weight's key is the bits of |w|, or a draw if `prune_random` is set. An inactive replica does not change.
#[derive(Debug, Clone, PartialEq)]
pub struct Prune {
    /// Words of the prunable matrices, a prefix of the P words.
    pub prunable_words: usize,
    /// `[256]`, zero before and after: counts of keys, if several workgroups count them.
    pub histogram: TensorId,
}

impl Prune {
    /// Values of a digit: keys are compared 8 bits at a time.
    pub const DIGITS: usize = 256;
}

/// Picks weights within each group: a bit of each in `picked`, in which the others' bits stay. Those with the smallest keys are
/// picked, and among equal keys those with the lowest indices. Of an inactive replica, and of one whose `prune_count` is 0, none is.
#[derive(Debug, Clone, PartialEq)]
pub struct PruneSelect {
    /// Words of the prunable matrices, a prefix of the P words.
    pub prunable_words: usize,
    /// Which words are ranked together; none is in two.
    pub groups: Vec<PruneGroup>,
    /// [`scope::table`](super::super::scope::table) of them.
    pub table: TensorId,
    /// How many of each group.
    pub count: PruneCount,
    /// `[P/32]`: bits of the only words that may be picked, or none of this tensor: then each living word may be.
    pub within: Option<TensorId>,
    /// `[G, 256]`, zero before and after: counts of keys.
    pub histogram: TensorId,
    /// `[P/32]`
    pub picked: TensorId,
}

/// How many words of each group are picked; all, where there are no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneCount {
    /// `prune_count` of the step table, of the only group.
    Step,
    /// By group, `[S, G]`.
    Table(TensorId),
    /// All but so many by group, `[G]`: [`least`] of the groups.
    AllBut(TensorId),
}

impl PruneCount {
    /// The tensor that says so, where it is not the step table.
    #[must_use]
    pub fn table(self) -> Option<TensorId> {
        match self {
            PruneCount::Step => None,
            PruneCount::Table(id) | PruneCount::AllBut(id) => Some(id),
        }
    }
}

/// By group, the words that must stay, for [`PruneCount::AllBut`].
#[must_use]
pub fn least(groups: &[PruneGroup]) -> Vec<u32> {
    groups.iter().map(|group| group.size().saturating_sub(group.most) as u32).collect()
}

/// `mask = mask & !fallen`; then `fallen` and `capped` are zero.
#[derive(Debug, Clone, PartialEq)]
pub struct PruneApply {
    /// Words of the prunable matrices, a prefix of the P words.
    pub prunable_words: usize,
    /// `[P/32]`: bits of what falls.
    pub fallen: TensorId,
    /// `[P/32]`: bits of what might have fallen.
    pub capped: TensorId,
}

/// `importance[u] = Σ w² / n` over the n living weights w of unit u, span by span, a shared weight of its own twice; −1 of a unit without
/// a living weight. So units of any number of weights compare.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitImportance {
    /// The units.
    pub sets: Vec<UnitSet>,
    /// [`units::table`](super::super::units::table) of them.
    pub table: TensorId,
    /// `[U]`
    pub importance: TensorId,
}

/// Clears the mask bits of all weights of whole units, and of those that follow them: those first in order, as many as are together worth
/// no more than `prune_count` halves of a weight ([`UnitSet::worth`]). The first that would be worth more, and all after it, stay. First come units
/// without a living weight, then those of the smallest importance, or of the smallest draw if `prune_random` is set; of equal ones those
/// of the lowest index. The last of each set in this order always stay, as many as the set says ([`UnitSet::stays`]). An inactive replica,
/// and one whose `prune_count` is 0, does not change.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitPrune {
    /// The units.
    pub sets: Vec<UnitSet>,
    /// [`units::table`](super::super::units::table) of them.
    pub table: TensorId,
    /// `[U]`
    pub importance: TensorId,
    /// `[S, sets]`, halves of a weight of each set, each of which is then ranked on its own; `None`: all units together.
    pub counts: Option<TensorId>,
}
