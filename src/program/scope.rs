//! What pruning may take of single weights, and which of them it ranks among one another.

use std::ops::Range;

use super::ParamLayout;
use crate::words::words;

/// By what weights are ranked: the smallest fall first. Of units, it is the mean of their living weights'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PruneScore {
    /// |w|; of units, w².
    #[default]
    Magnitude,
    /// [`LampScore`](super::op::LampScore): |w| beside the larger weights of its tensor.
    Lamp,
    /// [`ScoreUpdate`](super::op::ScoreUpdate): what the loss would change, to first order, if the weight were 0.
    Gradient,
    /// [`ScoreUpdate`](super::op::ScoreUpdate): whether training moved the weight away from 0.
    Movement,
}
words!(
    PruneScore,
    "prune-score",
    PruneScore::Magnitude = "magnitude",
    PruneScore::Lamp = "lamp",
    PruneScore::Gradient = "gradient",
    PruneScore::Movement = "movement",
);

impl PruneScore {
    /// Whether it adds up over steps, in [`SCORE`](super::tensor::SCORE).
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, PruneScore::Gradient | PruneScore::Movement)
    }
}

/// Words that are ranked together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneGroup {
    /// Such as `lstm.0`, or a tensor's name.
    pub name: String,
    /// Its words in the arena, by tensor, rising.
    pub ranges: Vec<Range<usize>>,
    /// The most of them that may be pruned.
    pub most: usize,
}

impl PruneGroup {
    /// How many words it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.ranges.iter().map(|range| range.len()).sum()
    }

    /// Its words in order.
    pub fn words(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges.iter().flat_map(Clone::clone)
    }
}

/// Every weight that may be pruned, in groups.
#[derive(Debug, Clone, PartialEq)]
pub struct PruneScope {
    /// Ranked each on its own; each weight that may be pruned is in one.
    pub groups: Vec<PruneGroup>,
    /// The same weights tensor by tensor, where no tensor may lose more than a share; empty without a cap.
    pub capped: Vec<PruneGroup>,
    /// Whether pruned weights may grow again.
    pub regrows: bool,
}

impl PruneScope {
    /// Leaves as many weights of each group unpruned as in a model before it shrank.
    pub(super) fn shrunk_from(&mut self, before: &PruneScope) {
        let own = self.groups.iter_mut().zip(&before.groups);
        for (group, before) in own.chain(self.capped.iter_mut().zip(&before.capped)) {
            group.most = (before.most + group.size()).saturating_sub(before.size());
        }
    }

    /// How many weights may be pruned, apart from any cap.
    #[must_use]
    pub fn size(&self) -> usize {
        self.groups.iter().map(PruneGroup::size).sum()
    }

    /// The words of tensors that may lose weights.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.groups.iter().flat_map(|group| group.ranges.iter().cloned())
    }

    /// `count` shared over the groups by [`shares`], in their order.
    #[must_use]
    pub fn shares(&self, count: usize) -> Vec<usize> {
        shares(count, &self.groups.iter().map(|group| (group.size(), group.most)).collect::<Vec<_>>())
    }
}

/// Shares `count` among groups, each of a size and with a most, in proportion to the sizes, by the rule of D'Hondt: one by one to the
/// group with the largest size / (its share + 1), of equal ones the first, passing over those that have their most. No share falls
/// when `count` rises, which a rule of largest remainders does not promise, so what has been pruned is always part of what is.
/// Whatever `count`, the shares add up to it, or to all mosts.
#[must_use]
pub fn shares(count: usize, groups: &[(usize, usize)]) -> Vec<usize> {
    let mut shares = vec![0; groups.len()];
    let full = |shares: &[usize], g: usize| shares[g] >= groups[g].1;
    // Each has at least its proportion of the rest, rounded down, or its most: what is left then is less than one for each.
    loop {
        let (mut left, mut size) = (count, 0u128);
        for (g, (own, most)) in groups.iter().enumerate() {
            if full(&shares, g) {
                left = left.saturating_sub(*most);
            } else {
                size += *own as u128;
            }
        }
        let mut filled = false;
        for (g, (own, most)) in groups.iter().enumerate() {
            if !full(&shares, g) {
                shares[g] = (left as u128 * *own as u128 / size.max(1)).min(*most as u128) as usize;
                filled |= full(&shares, g);
            }
        }
        if !filled {
            break;
        }
    }
    let left = count.saturating_sub(shares.iter().sum());
    for _ in 0..left {
        // size / (share + 1), compared without rounding.
        let before = |a: usize, b: usize| {
            groups[a].0 as u128 * (shares[b] as u128 + 1) > groups[b].0 as u128 * (shares[a] as u128 + 1)
        };
        let open = (0..groups.len()).filter(|g| !full(&shares, *g));
        let Some(next) = open.reduce(|first, g| if before(g, first) { g } else { first }) else { break };
        shares[next] += 1;
    }
    shares
}

/// Words that a workgroup looks at together: those of 256 words of the mask.
pub const TILE: usize = 8192;
/// Words that a tile takes in [`table`].
pub const TILE_WORDS: usize = 4;

/// The groups as kernels read them: in pieces that lie within [`TILE`] aligned words, of each the group, its first word, the word past
/// its end, and the group's first piece. Pieces of one group follow one another.
#[must_use]
pub fn table(groups: &[PruneGroup]) -> Vec<u32> {
    let mut table = Vec::new();
    for (g, group) in groups.iter().enumerate() {
        let first = table.len() / TILE_WORDS;
        for range in &group.ranges {
            let mut start = range.start;
            while start < range.end {
                let end = ((start / TILE + 1) * TILE).min(range.end);
                table.extend([g, start, end, first].map(|word| word as u32));
                start = end;
            }
        }
    }
    table
}

impl ParamLayout {
    /// With a scope of its own for pruning.
    #[must_use]
    pub fn with_scope(mut self, scope: PruneScope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The words of tensors that may lose weights.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range<usize>> {
        match &self.scope {
            Some(scope) => scope.ranges().collect(),
            None => self.params.iter().filter(|param| param.prunable).map(super::Param::range).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PruneGroup, Range, TILE, shares, table};

    /// One by one, as the rule says.
    fn one_by_one(count: usize, groups: &[(usize, usize)]) -> Vec<usize> {
        let mut all = vec![0usize; groups.len()];
        for _ in 0..count {
            let worth = |g: usize| groups[g].0 as f64 / (all[g] + 1) as f64;
            let open: Vec<usize> = (0..groups.len()).filter(|g| all[*g] < groups[*g].1).collect();
            let most = open.iter().map(|g| worth(*g)).fold(0.0, f64::max);
            let Some(next) = open.into_iter().find(|g| worth(*g) == most) else { break };
            all[next] += 1;
        }
        all
    }

    #[test]
    fn shares_are_those_of_one_by_one_and_never_fall() {
        let cases: [&[(usize, usize)]; 6] = [
            &[(10, 10)],
            &[(7, 7), (7, 7), (7, 7)],
            &[(1, 1), (1, 1), (4, 4), (4, 4)],
            &[(64, 57), (3, 2), (200, 180), (5, 4)],
            &[(100, 10), (100, 100), (1, 0)],
            &[(90, 81), (90, 81), (9, 8), (8, 7), (300, 2)],
        ];
        for groups in cases {
            let all: usize = groups.iter().map(|(_, most)| most).sum();
            let mut before = vec![0; groups.len()];
            for count in 0..=all + 2 {
                let own = shares(count, groups);
                assert_eq!(own, one_by_one(count, groups), "{count} of {groups:?}");
                assert_eq!(own.iter().sum::<usize>(), count.min(all), "{count} of {groups:?}");
                assert!(own.iter().zip(&before).all(|(now, before)| now >= before), "{count} of {groups:?}");
                before = own;
            }
        }
    }

    #[test]
    fn pieces_lie_within_a_tile() {
        let group = |ranges: &[Range<usize>]| PruneGroup { name: String::new(), ranges: ranges.to_vec(), most: 1 };
        let (tile, end) = (TILE as u32, TILE as u32 + 5);
        let groups = [
            group(&[0..36, 36..72]),
            group(&[100..TILE + 5, 2 * TILE..2 * TILE + 32]),
            group(&[3 * TILE..4 * TILE, 4 * TILE..4 * TILE + 1]),
        ];
        let expected = [
            [0, 0, 36, 0],
            [0, 36, 72, 0],
            [1, 100, tile, 2],
            [1, tile, end, 2],
            [1, 2 * tile, 2 * tile + 32, 2],
            [2, 3 * tile, 4 * tile, 5],
            [2, 4 * tile, 4 * tile + 1, 5],
        ];
        assert_eq!(table(&groups), expected.concat());
    }
}
