//! The ops of pruning: which weights fall, and their masks.

use std::ops::Range;

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

/// Adds a step to what weights are ranked by, with g = ∂L/∂w of this step's loss, before clipping and decay; 0 of a weight that does not
/// live. An inactive replica does not change.
///
/// - gradient: `s = β·s + (1 − β)·|w·g|`, β = [`SCORE_DECAY`]. |w·g| is what the loss changes, to first order, if w becomes 0 (Molchanov et
///   al. 2017, arXiv 1611.06440; 2019, arXiv 1906.10771). An exponential mean, because the first-order term holds for the weights as they
///   are: a plain sum would still rank by steps at which all weights were others. It lasts for about a hundred steps, as many batches as the
///   authors average over.
/// - movement: `s = s − w·g` (Sanh et al. 2020, arXiv 2005.07683): a plain sum, as published. It rises when a step moves w away from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreUpdate {
    /// Words of the prunable matrices, a prefix of the P words.
    pub prunable_words: usize,
    /// Whether it is movement's sum, not gradient's mean.
    pub movement: bool,
}

/// β of [`ScoreUpdate`].
pub const SCORE_DECAY: f32 = 0.99;

/// Layer-adaptive magnitudes (LAMP; Lee et al., ICLR 2021, arXiv 2010.07611): of each tensor, with its weights in the order of |w|, of equal
/// ones that of their indices, `score[u] = w[u]² / Σ_{v ≥ u} w[v]²`. Weights that do not live count as 0, and 0 has the score 0. The largest
/// weight of each tensor has 1, so one ranking of all tensors compares them, and never takes the whole of one before another's.
///
/// A GPU sorts each tensor's weights in one workgroup, by 11 passes of 3 bits: n words take about 22·n/256 reads one after another, which
/// all pairs of words (n²/2 multiply-adds) would exceed from some ten thousand words on.
#[derive(Debug, Clone, PartialEq)]
pub struct LampScore {
    /// The words of each tensor.
    pub tensors: Vec<Range<usize>>,
    /// [`lamp_table`] of them.
    pub table: TensorId,
    /// `[prunable words]`
    pub score: TensorId,
}

/// The first word and the words of each tensor, as kernels read them.
#[must_use]
pub fn lamp_table(tensors: &[Range<usize>]) -> Vec<u32> {
    tensors.iter().flat_map(|range| [range.start as u32, range.len() as u32]).collect()
}

/// The order in which words are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneKey {
    /// The smallest |x| first, or the smallest draw if `prune_random` is set.
    Magnitude = 0,
    /// The smallest x first, or the smallest draw if `prune_random` is set.
    Score = 1,
    /// The largest |x| first.
    Largest = 2,
}

/// Picks weights within each group: a bit of each in `picked`, in which the others' bits stay. The first in order are picked, of equal
/// ones those with the lowest indices. Of an inactive replica, and of one whose `prune_count` is 0, none is.
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
    /// Whether weights that do not live are picked, not those that do.
    pub dead: bool,
    /// x of each word.
    pub scores: TensorId,
    /// Their order.
    pub key: PruneKey,
    /// `[P/32]`: bits of the only words that may be picked, or none of this tensor: then each may be that lives, or that does not.
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
    /// The tensor that steps fill.
    #[must_use]
    pub fn by_step(self) -> Option<TensorId> {
        match self {
            PruneCount::Table(id) => Some(id),
            PruneCount::Step | PruneCount::AllBut(_) => None,
        }
    }

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

/// `mask = mask & !fallen | grown`; then `fallen`, `capped` and `grown` are zero. A word that grows has been 0 since it fell, and so have its
/// moments (RigL; Evci et al., ICML 2020, arXiv 1911.11134: the weights that fall are those of the smallest magnitude, and as many grow again
/// among those that did not live before, those of the largest |∂L/∂w|).
#[derive(Debug, Clone, PartialEq)]
pub struct PruneApply {
    /// Words of the prunable matrices, a prefix of the P words.
    pub prunable_words: usize,
    /// `[P/32]`: bits of what falls.
    pub fallen: TensorId,
    /// `[P/32]`: bits of what might have fallen.
    pub capped: TensorId,
    /// `[P/32]`: bits of what grows again.
    pub grown: TensorId,
}

/// `importance[u] = Σ w² / n` over the n living weights w of unit u, span by span, a shared weight of its own twice; −1 of a unit without
/// a living weight. With scores it is `Σ score / n`, and [`NO_UNIT`] of such a unit. So units of any number of weights compare.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitImportance {
    /// The units.
    pub sets: Vec<UnitSet>,
    /// [`units::table`](super::super::units::table) of them.
    pub table: TensorId,
    /// `[prunable words]`; `None`: w².
    pub scores: Option<TensorId>,
    /// `[U]`
    pub importance: TensorId,
}

/// The importance by scores of a unit without a living weight: less than that of any other.
pub const NO_UNIT: f32 = f32::MIN;

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
    /// Whether importance comes from scores.
    pub scored: bool,
}
