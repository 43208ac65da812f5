//! Units that pruning can take as wholes: hidden units, feed-forward units, attention heads.

use super::{Param, ParamLayout, scope};
use crate::dims::product;

/// Units of one kind in one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSet {
    /// What they are, such as `lstm.0`.
    pub name: String,
    /// How many there are.
    pub count: usize,
    /// How many of them always stay, 1 or more.
    pub stays: usize,
    /// Their weights.
    pub spans: Vec<UnitSpan>,
    /// Weights that fall with them and are not ranked or counted: those of a matrix that is not pruned.
    pub followers: Vec<UnitSpan>,
    /// What the fall of one of them is worth, in halves of a weight: a weight of one unit alone is worth two, a shared one is worth one
    /// to either. In a model that has shrunk, what it was worth before.
    pub worth: usize,
}

/// A matrix whose rows, or whose columns, are units' weights: word i of it belongs to unit `i / step mod count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitSpan {
    /// The matrix's first word in the arena.
    pub first: usize,
    /// Its words, a multiple of `count · step`.
    pub words: usize,
    /// Words of a unit that lie together.
    pub step: usize,
    /// Whether each word belongs to a unit of another span too: its row to one and its column to another.
    pub shared: bool,
}

impl UnitSpan {
    /// Rows of a matrix, `width` of each unit.
    #[must_use]
    pub fn rows(param: &Param, width: usize) -> Self {
        UnitSpan { first: param.offset, words: param.len(), step: width * param.shape[1], shared: false }
    }

    /// Columns of a matrix, `width` of each unit.
    #[must_use]
    pub fn columns(param: &Param, width: usize) -> Self {
        UnitSpan { first: param.offset, words: param.len(), step: width, shared: false }
    }

    /// The words of unit `unit` of `count`, in order.
    pub fn of(&self, unit: usize, count: usize) -> impl Iterator<Item = usize> + use<> {
        let (first, step, turn) = (self.first + unit * self.step, self.step, count * self.step);
        (0..self.words / count).map(move |i| first + i / step * turn + i % step)
    }
}

impl UnitSet {
    /// A set of which one unit stays. Its worth is set where it becomes a layout's.
    #[must_use]
    pub fn new(name: String, count: usize, spans: Vec<UnitSpan>, followers: Vec<UnitSpan>) -> Self {
        UnitSet { name, count, stays: 1, spans, followers, worth: 0 }
    }

    fn worth_of_spans(&self) -> usize {
        self.spans.iter().map(|span| span.words / self.count.max(1) * if span.shared { 1 } else { 2 }).sum()
    }

    /// What all its units are worth that need not stay.
    #[must_use]
    pub fn most(&self) -> usize {
        product(&[self.count.saturating_sub(self.stays), self.worth])
    }

    /// The words of one of its units, span by span; a shared one of its own twice.
    pub fn of(&self, unit: usize) -> impl Iterator<Item = usize> + '_ {
        self.spans.iter().flat_map(move |span| span.of(unit, self.count))
    }

    /// The words that fall with one of its units.
    pub fn falling(&self, unit: usize) -> impl Iterator<Item = usize> + '_ {
        self.spans.iter().chain(&self.followers).flat_map(move |span| span.of(unit, self.count))
    }

    /// Words of one of its units.
    #[must_use]
    pub fn words(&self) -> usize {
        self.spans.iter().map(|span| span.words / self.count.max(1)).sum()
    }
}

/// The end of the last word that falls with a unit.
#[must_use]
pub fn end(sets: &[UnitSet]) -> usize {
    end_of(sets.iter().flat_map(|set| set.spans.iter().chain(&set.followers)))
}

/// The end of the last word that a unit is ranked by.
#[must_use]
pub fn ranked_end(sets: &[UnitSet]) -> usize {
    end_of(sets.iter().flat_map(|set| &set.spans))
}

fn end_of<'a>(spans: impl Iterator<Item = &'a UnitSpan>) -> usize {
    spans.map(|span| span.first.saturating_add(span.words)).max().unwrap_or(0)
}

/// U: all units.
#[must_use]
pub fn total(sets: &[UnitSet]) -> usize {
    sets.iter().fold(0, |units, set| units.saturating_add(set.count))
}

/// Each set with its first unit.
pub fn placed(sets: &[UnitSet]) -> impl Iterator<Item = (usize, &UnitSet)> {
    let mut first = 0;
    sets.iter().map(move |set| {
        first += set.count;
        (first - set.count, set)
    })
}

/// Words that a set and a span take in [`table`].
pub const SET_WORDS: usize = 7;
/// The same of a span.
pub const SPAN_WORDS: usize = 3;

/// The sets as kernels read them: of each its first unit, count and worth, its first span's place, how many it has and how many follow, and how
/// many units stay; then of each span its first word, words and step.
#[must_use]
pub fn table(sets: &[UnitSet]) -> Vec<u32> {
    let mut at = sets.len() * SET_WORDS;
    let (mut head, mut spans) = (Vec::new(), Vec::new());
    for (first, set) in placed(sets) {
        let (own, more) = (set.spans.len(), set.followers.len());
        head.extend([first, set.count, set.worth, at, own, more, set.stays].map(|word| word as u32));
        at += (own + more) * SPAN_WORDS;
        let all = set.spans.iter().chain(&set.followers);
        spans.extend(all.flat_map(|span| [span.first, span.words, span.step].map(|word| word as u32)));
    }
    head.extend(spans);
    head
}

impl ParamLayout {
    /// With units that pruning takes as wholes; marks the spans whose words another span holds too.
    #[must_use]
    pub fn with_units(mut self, mut sets: Vec<UnitSet>) -> Self {
        let firsts: Vec<usize> = sets.iter().flat_map(|set| set.spans.iter().map(|span| span.first)).collect();
        for span in sets.iter_mut().flat_map(|set| &mut set.spans) {
            span.shared = firsts.iter().filter(|first| **first == span.first).count() > 1;
        }
        sets.iter_mut().for_each(|set| set.worth = set.worth_of_spans());
        self.units = sets;
        self
    }

    /// With worths, and with what must stay, of the same sets and groups of a model before it shrank: what has gone had been pruned.
    #[must_use]
    pub fn shrunk_from(mut self, before: &ParamLayout) -> Self {
        for (set, before) in self.units.iter_mut().zip(&before.units) {
            (set.worth, set.stays) = (before.worth, before.stays);
        }
        if let (Some(scope), Some(before)) = (&mut self.scope, &before.scope) {
            scope.shrunk_from(before);
        }
        self
    }

    /// What pruning shares out: prunable weights; of units, halves of the weights that they hold.
    #[must_use]
    pub fn budget(&self) -> usize {
        match (&self.scope, self.units.is_empty()) {
            (Some(scope), true) => scope.size(),
            (None, true) => self.prunable(),
            (_, false) => self.units.iter().map(|set| product(&[set.count, set.worth])).sum(),
        }
    }

    /// The most of [`Self::budget`] that a cap lets pruning take; of units, of those that need not stay.
    #[must_use]
    pub fn most(&self) -> usize {
        match (&self.scope, self.units.is_empty()) {
            (Some(scope), true) => scope.groups.iter().map(|group| group.most).sum(),
            (None, true) => self.prunable(),
            (_, false) => self.units.iter().map(UnitSet::most).sum(),
        }
    }

    /// A count shared over what is ranked on its own: groups of weights, or sets of units; `None` if all is ranked together.
    #[must_use]
    pub fn shares(&self, count: usize) -> Option<Vec<usize>> {
        if self.units_by_set {
            let sizes = self.units.iter().map(|set| (product(&[set.count, set.worth]), set.most()));
            return Some(scope::shares(count, &sizes.collect::<Vec<_>>()));
        }
        self.scope.as_ref().filter(|scope| scope.groups.len() > 1).map(|scope| scope.shares(count))
    }

    /// How much of [`Self::budget`] a mask has taken.
    #[must_use]
    pub fn taken(&self, mask: &[u32]) -> usize {
        if self.units.is_empty() {
            let fallen = |word: &usize| mask[word / 32] >> (word % 32) & 1 == 0;
            return self.ranges().into_iter().flatten().filter(fallen).count();
        }
        self.units.iter().map(|set| (set.count - living_units(set, mask)) * set.worth).sum()
    }
}

/// The units of a set of which a weight lives.
#[must_use]
pub fn living_units(set: &UnitSet, mask: &[u32]) -> usize {
    let lives = |word: usize| mask[word / 32] >> (word % 32) & 1 == 1;
    (0..set.count).filter(|unit| set.of(*unit).any(lives)).count()
}
