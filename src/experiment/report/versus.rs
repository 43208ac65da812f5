//! Tests over blocks: all methods together, and pruning against each rival.

use std::collections::BTreeMap;

use serde::Serialize;

use super::analysis::Effect;
use super::blocks::{Block, mean, median, per_cent};
use super::methods::Methods;
use crate::experiment::cell::BASELINES;
use crate::experiment::row::Selection;
use crate::experiment::statistics::{ALPHA, Friedman, critical_difference, friedman, holm, wilcoxon};
use crate::words::said;

/// What a test or an interval says under each selection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words<W> {
    /// Under `own`, the primary selection.
    pub word: W,
    /// Under `common`.
    pub common: W,
    /// Under `last`.
    pub last: W,
    /// Under `common` or `last` it says something else.
    pub fragile: bool,
}

impl<W: Copy + PartialEq> Words<W> {
    /// By [`Selection`].
    pub fn new([word, common, last]: [W; 3]) -> Words<W> {
        Words { word, common, last, fragile: common != word || last != word }
    }
}

impl Words<Effect> {
    /// The same against a baseline, which nothing helps against.
    pub fn of_a_yardstick(&self) -> Words<Effect> {
        Words::new([self.word, self.common, self.last].map(|word| match word {
            Effect::Helps => Effect::Beats,
            Effect::Hurts => Effect::Loses,
            other => other,
        }))
    }
}

/// What Friedman's test says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differ {
    /// p is below the level.
    Found,
    /// p is not below the level.
    NotFound,
    /// The smallest p that the blocks could give is above the level, or there is no test.
    CannotDecide,
}

said!(
    Differ,
    Differ::Found = "the methods differ",
    Differ::NotFound = "no difference found among the methods",
    Differ::CannotDecide = "cannot decide",
);

impl Differ {
    /// By [`ALPHA`].
    pub fn of(found: Option<&Friedman>) -> Differ {
        match found {
            Some(found) if found.smallest_p <= ALPHA && found.p < ALPHA => Differ::Found,
            Some(found) if found.smallest_p <= ALPHA => Differ::NotFound,
            _ => Differ::CannotDecide,
        }
    }
}

/// What Wilcoxon's test of a pruning method against a rival says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// p after Holm is below the level, and pruning has the lower errors.
    Better,
    /// p after Holm is below the level, and pruning has the higher errors.
    Worse,
    /// p after Holm is not below the level.
    NotFound,
    /// The smallest p that the blocks could give is above the level.
    CannotDecide,
}

said!(
    Direction,
    Direction::Better = "pruning better",
    Direction::Worse = "pruning worse",
    Direction::NotFound = "no difference found",
    Direction::CannotDecide = "cannot decide",
);

/// One pruning method against one rival, over blocks.
#[derive(Debug, Clone, Serialize)]
pub struct Versus {
    /// The pruning method's name.
    pub subject: String,
    /// The rival's name.
    pub rival: String,
    /// Median difference over blocks, in per cent of the rival's MAE; below 0 pruning is better. `None` where too many
    /// blocks diverged.
    pub median_per_cent: Option<f64>,
    /// Blocks in which at least one of the two did not diverge.
    pub blocks: usize,
    /// Blocks in which the subject alone diverged.
    pub subject_diverged: usize,
    /// Blocks in which the rival alone diverged.
    pub rival_diverged: usize,
    /// Blocks in which both diverged.
    pub both_diverged: usize,
    /// Wilcoxon's two-sided p; `None` where no block shows a difference.
    pub p: Option<f64>,
    /// p after Holm's adjustment over this subject's rivals.
    pub p_holm: Option<f64>,
    /// The smallest p after Holm that these blocks could give.
    pub smallest_p: f64,
    /// Rank-biserial correlation of the same test; below 0 pruning is better.
    pub rank_biserial: Option<f64>,
}

impl Versus {
    /// By [`ALPHA`].
    pub fn direction(&self) -> Direction {
        match (self.p_holm, self.rank_biserial) {
            _ if self.smallest_p > ALPHA => Direction::CannotDecide,
            (Some(p), Some(r)) if p < ALPHA && r < 0.0 => Direction::Better,
            (Some(p), Some(_)) if p < ALPHA => Direction::Worse,
            _ => Direction::NotFound,
        }
    }
}

/// One pruning method against a baseline, over blocks: for comparison, outside the family that is tested.
#[derive(Debug, Clone, Serialize)]
pub struct Yardstick {
    /// The pruning method's name.
    pub subject: String,
    /// The baseline's name.
    pub baseline: &'static str,
    /// Median difference over blocks, in per cent of the baseline's MAE. `None` where too many blocks diverged, or the
    /// baseline has no score.
    pub median_per_cent: Option<f64>,
}

/// Tests over one table of blocks.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// `None` with fewer than two blocks that distinguish methods.
    pub friedman: Option<Friedman>,
    /// By subject, then rival.
    pub versus: Vec<Versus>,
    /// By subject, then baseline.
    pub baselines: Vec<Yardstick>,
}

/// The tests of one arm under one selection.
#[derive(Debug, Clone, Serialize)]
pub struct Tests {
    /// `own`, `common` or `last`.
    pub selection: &'static str,
    /// Nemenyi's, of mean ranks at 5 %.
    pub critical_difference: f64,
    /// With one block per cell.
    #[serde(flatten)]
    pub blocks: Comparison,
    /// The same with one block per data set.
    pub by_data: Comparison,
}

/// The words of an arm's tests under all selections.
#[derive(Debug, Clone, Serialize)]
pub struct Overall {
    /// Of all methods together.
    pub friedman: Words<Differ>,
    /// In the order of [`Comparison::versus`].
    pub versus: Vec<Words<Direction>>,
}

impl Overall {
    /// Of the comparisons under `own`, `common` and `last`.
    pub fn new(three: [&Comparison; 3]) -> Overall {
        let of = |i: usize| Words::new(three.map(|one| one.versus[i].direction()));
        Overall {
            friedman: Words::new(three.map(|one| Differ::of(one.friedman.as_ref()))),
            versus: (0..three[0].versus.len()).map(of).collect(),
        }
    }
}

/// A block's values: of each method, infinite where it diverged, and of each baseline.
#[derive(Debug, Clone)]
struct Values {
    methods: Vec<f64>,
    baselines: [Option<f64>; 3],
}

pub(super) fn tests(blocks: &[Block], methods: &Methods, selection: Selection) -> Tests {
    let values = |block: &&Block| Values { methods: block.values(selection), baselines: block.baselines };
    let mut by_data: BTreeMap<&str, Vec<&Block>> = BTreeMap::new();
    blocks.iter().for_each(|block| by_data.entry(&block.cell.data).or_default().push(block));
    let per_data: Vec<Values> =
        by_data.values().map(|blocks| joined(&blocks.iter().map(values).collect::<Vec<_>>())).collect();
    let table: Vec<Values> = blocks.iter().map(|block| values(&block)).collect();
    Tests {
        selection: selection.word(),
        critical_difference: critical_difference(methods.names.len(), blocks.len().max(1)),
        blocks: comparison(&table, methods),
        by_data: comparison(&per_data, methods),
    }
}

/// One data set's blocks as one: the mean of each block's values relative to its methods' mean, so that every cell weighs
/// alike. Blocks in which all diverged say nothing and are left out, unless all did.
fn joined(blocks: &[Values]) -> Values {
    let relative = |block: &Values| {
        let finite: Vec<f64> = block.methods.iter().copied().filter(|value| value.is_finite()).collect();
        let scale = mean(&finite);
        (!finite.is_empty()).then(|| Values {
            methods: block.methods.iter().map(|value| value / scale).collect(),
            baselines: block.baselines.map(|value| value.map(|value| value / scale)),
        })
    };
    let rows: Vec<Values> = blocks.iter().filter_map(relative).collect();
    let Some(first) = rows.first() else { return blocks[0].clone() };
    let column = |m: usize| mean(&rows.iter().map(|row| row.methods[m]).collect::<Vec<_>>());
    let baseline =
        |b: usize| -> Option<f64> { Some(mean(&rows.iter().map(|row| row.baselines[b]).collect::<Option<Vec<_>>>()?)) };
    Values { methods: (0..first.methods.len()).map(column).collect(), baselines: [0, 1, 2].map(baseline) }
}

fn comparison(table: &[Values], methods: &Methods) -> Comparison {
    let values: Vec<Vec<f64>> = table.iter().map(|row| row.methods.clone()).collect();
    let yardstick = |subject: usize, baseline: usize| {
        let differences: Option<Vec<f64>> =
            table.iter().map(|row| per_cent(row.methods[subject], row.baselines[baseline]?)).collect();
        Yardstick {
            subject: methods.names[subject].clone(),
            baseline: BASELINES[baseline],
            median_per_cent: differences.and_then(|differences| median(&differences)),
        }
    };
    Comparison {
        friedman: friedman(&values),
        versus: methods.subjects.iter().flat_map(|&subject| family(&values, methods, subject)).collect(),
        baselines: methods.subjects.iter().flat_map(|&m| [0, 1, 2].map(|b| yardstick(m, b))).collect(),
    }
}

/// A subject against its rivals; Holm over that family.
fn family(table: &[Vec<f64>], methods: &Methods, subject: usize) -> Vec<Versus> {
    let rivals: Vec<usize> = methods.rivals().collect();
    let mut family: Vec<Versus> = rivals
        .iter()
        .map(|&rival| {
            let pairs: Vec<Option<f64>> = table.iter().map(|row| per_cent(row[subject], row[rival])).collect();
            let differences: Vec<f64> = pairs.iter().flatten().copied().collect();
            let count = |value: Option<f64>| pairs.iter().filter(|pair| **pair == value).count();
            let test = wilcoxon(&differences);
            // Holm multiplies the smallest p of a family by its size.
            let smallest = 2f64.powf(1.0 - differences.len() as f64) * rivals.len() as f64;
            Versus {
                subject: methods.names[subject].clone(),
                rival: methods.names[rival].clone(),
                median_per_cent: median(&differences),
                blocks: differences.len(),
                subject_diverged: count(Some(f64::INFINITY)),
                rival_diverged: count(Some(f64::NEG_INFINITY)),
                both_diverged: count(None),
                p: test.as_ref().map(|test| test.p),
                p_holm: None,
                smallest_p: smallest.min(1.0),
                rank_biserial: test.map(|test| test.rank_biserial),
            }
        })
        .collect();
    let adjusted = holm(&family.iter().map(|one| one.p.unwrap_or(1.0)).collect::<Vec<_>>());
    for (one, adjusted) in family.iter_mut().zip(adjusted) {
        one.p_holm = one.p.map(|_| adjusted);
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(names: [&str; 3]) -> Methods {
        Methods { names: names.map(String::from).to_vec(), subjects: vec![2], settings: vec![1; 3] }
    }

    fn versus(table: &[Vec<f64>]) -> Vec<Versus> {
        family(table, &methods(["none", "dropout", "pruning"]), 2)
    }

    #[test]
    fn a_family_that_is_too_small_cannot_decide() {
        let table: Vec<Vec<f64>> = (0..4).map(|i| vec![2.0, 3.0 + i as f64, 1.0]).collect();
        let found = versus(&table);
        assert_eq!(found.len(), 2);
        assert!(
            found.iter().all(|one| one.direction() == Direction::CannotDecide && one.median_per_cent.unwrap() < 0.0)
        );
        let table: Vec<Vec<f64>> = (0..9).map(|i| vec![2.0 + i as f64, 3.0, 1.0]).collect();
        assert_eq!(versus(&table)[0].direction(), Direction::Better);
    }

    /// One block far off decides a mean, not the test: the word goes with the test.
    #[test]
    fn the_direction_is_that_of_the_test() {
        let mut table: Vec<Vec<f64>> = (0..20).map(|i| vec![2.0 + 0.01 * i as f64, 2.0, 1.9]).collect();
        table[0][2] = 900.0;
        assert_eq!(versus(&table)[0].direction(), Direction::Better);
        let mut table: Vec<Vec<f64>> = (0..20).map(|i| vec![2.0, 2.0, 2.1 + 0.01 * i as f64]).collect();
        table[0][0] = 900.0;
        assert_eq!(versus(&table)[0].direction(), Direction::Worse);
    }

    #[test]
    fn models_that_diverged_are_worst_and_where_both_did_nothing_is_said() {
        let infinite = f64::INFINITY;
        // The rival diverged in one block, pruning is worse in the others.
        let mut table: Vec<Vec<f64>> = (0..20).map(|i| vec![2.0, 2.0, 2.1 + 0.01 * i as f64]).collect();
        table[3][0] = infinite;
        let found = &versus(&table)[0];
        assert_eq!((found.direction(), found.rival_diverged, found.blocks), (Direction::Worse, 1, 20));
        assert!(found.median_per_cent.unwrap() > 0.0 && found.rank_biserial.unwrap() > 0.0);
        // Pruning diverged everywhere.
        let table: Vec<Vec<f64>> = (0..12).map(|_| vec![2.0, infinite, infinite]).collect();
        let [none, dropout] = &versus(&table)[..] else { panic!() };
        assert_eq!((none.direction(), none.subject_diverged, none.median_per_cent), (Direction::Worse, 12, None));
        assert_eq!((dropout.direction(), dropout.both_diverged, dropout.blocks), (Direction::CannotDecide, 12, 0));
        assert_eq!((dropout.p, dropout.median_per_cent), (None, None));
    }

    #[test]
    fn a_word_that_changes_under_another_selection_is_fragile() {
        assert!(!Words::new([Effect::Equal; 3]).fragile);
        assert!(Words::new([Effect::Helps, Effect::Helps, Effect::Undecided]).fragile);
        assert!(Words::new([Effect::Helps, Effect::Hurts, Effect::Helps]).fragile);
        let better: Vec<Values> = (0..12)
            .map(|i| Values { methods: vec![2.0, 3.0 + i as f64, 1.0], baselines: [Some(4.0), None, Some(0.5)] })
            .collect();
        let turned: Vec<Values> =
            better.iter().map(|row| Values { methods: vec![1.0, row.methods[1], 2.0], ..row.clone() }).collect();
        let roster = methods(["none", "dropout", "pruning"]);
        let [better, turned] = [better, turned].map(|table| comparison(&table, &roster));
        let overall = Overall::new([&better, &better, &turned]);
        assert_eq!((overall.friedman.word, overall.friedman.fragile), (Differ::Found, false));
        assert_eq!((overall.versus[0].word, overall.versus[0].last), (Direction::Better, Direction::Worse));
        assert_eq!([overall.versus[0].fragile, overall.versus[1].fragile], [true, false]);
        let medians = [0, 1, 2].map(|i| better.baselines[i].median_per_cent);
        assert_eq!(medians, [Some(-75.0), None, Some(100.0)]);
    }

    #[test]
    fn a_cell_in_which_all_diverged_spoils_no_data_set() {
        let infinite = f64::INFINITY;
        let of = |methods: [f64; 2]| Values { methods: methods.to_vec(), baselines: [Some(3.0); 3] };
        let lost = of([infinite, infinite]);
        assert_eq!(joined(&[of([1.0, 3.0]), lost.clone()]).methods, [0.5, 1.5]);
        assert_eq!(joined(&[of([1.0, 3.0]), of([1.0, infinite])]).methods, [0.75, infinite]);
        assert_eq!(joined(&[lost]).methods, [infinite, infinite]);
    }
}
