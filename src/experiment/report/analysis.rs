//! From rows to verdicts, as the analysis plan says.

use serde::Serialize;

use super::blocks::{Block, mean};
use super::methods::Methods;
use super::versus::{Overall, Tests, Words, tests};
use crate::error::Result;
use crate::experiment::cell::{BASELINES, Extras};
use crate::experiment::grid::ArmKey;
use crate::experiment::results::Results;
use crate::experiment::row::Selection;
use crate::experiment::statistics::{Interval, t_interval};
use crate::experiment::study::Study;
use crate::words::said;

/// Within this many per cent, two methods are called equal.
pub(super) const EQUAL_PER_CENT: f64 = 1.0;

/// Differences paired by seed, in per cent.
#[derive(Debug, Clone, Serialize)]
pub struct Paired {
    /// In per cent, over seeds; `None` with one seed, or where a model diverged.
    pub interval: Option<Interval>,
    /// Why there is no interval.
    pub reason: Option<String>,
}

impl Paired {
    /// `[cell][seed]`, each seed's mean over cells. A pair that is not finite leaves no interval.
    pub fn new(cells: &[Vec<Option<f64>>], subject: &str, rival: &str) -> Paired {
        let lost = |what: &dyn Fn(Option<f64>) -> bool| cells.iter().flatten().filter(|pair| what(**pair)).count();
        let ours = lost(&|pair| pair.is_none_or(|pair| pair == f64::INFINITY));
        let theirs = lost(&|pair| pair.is_none_or(|pair| pair == f64::NEG_INFINITY));
        let seeds = cells.first().map_or(0, Vec::len);
        let none = |reason: String| Paired { interval: None, reason: Some(reason) };
        if ours + theirs > 0 {
            let pairs = cells.len() * seeds;
            return none(format!("of {pairs} pairs, {subject} diverged in {ours} and {rival} in {theirs}"));
        }
        let by_seed: Vec<f64> =
            (0..seeds).map(|seed| mean(&cells.iter().filter_map(|cell| cell[seed]).collect::<Vec<_>>())).collect();
        match t_interval(&by_seed) {
            None => none("one seed gives no interval".into()),
            interval => Paired { interval, reason: None },
        }
    }

    /// Below 0 pruning is better.
    pub fn effect(&self) -> Effect {
        match self.interval {
            None => Effect::Undecided,
            Some(found) if found.low >= -EQUAL_PER_CENT && found.high <= EQUAL_PER_CENT => Effect::Equal,
            Some(found) if found.high < 0.0 => Effect::Helps,
            Some(found) if found.low > 0.0 => Effect::Hurts,
            Some(_) => Effect::Undecided,
        }
    }
}

/// What an interval of differences says of pruning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The interval lies below 0.
    Helps,
    /// The interval lies above 0.
    Hurts,
    /// The interval lies within ±1 %.
    Equal,
    /// None of these, or there is no interval.
    Undecided,
    /// As [`Effect::Helps`], against a baseline.
    Beats,
    /// As [`Effect::Hurts`], against a baseline.
    Loses,
}

said!(
    Effect,
    Effect::Helps = "helps",
    Effect::Hurts = "hurts",
    Effect::Equal = "equal",
    Effect::Undecided = "undecided",
    Effect::Beats = "beats it",
    Effect::Loses = "loses to it",
);

/// What pruning does on one data set against one rival, by seed intervals: training noise only.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The data set's name.
    pub data: String,
    /// The pruning method's name.
    pub subject: String,
    /// A method, or a baseline.
    pub rival: String,
    /// Per cent of the rival's MAE, paired by seed, mean over the data set's cells.
    #[serde(flatten)]
    pub paired: Paired,
    /// What the interval says under each selection.
    #[serde(flatten)]
    pub words: Words<Effect>,
}

/// All cells of an arm.
#[derive(Debug, Clone, Serialize)]
pub struct Arm {
    /// What they have in common.
    #[serde(flatten)]
    pub key: ArmKey,
    /// By cell, in the grid's order.
    #[serde(skip)]
    pub blocks: Vec<Block>,
    /// By selection.
    pub tests: Vec<Tests>,
    /// What the tests over all cells say under each selection.
    pub overall: Overall,
    /// With one block per data set.
    pub overall_by_data: Overall,
    /// Of each data set, subject and rival.
    pub verdicts: Vec<Verdict>,
    /// Against the baselines, which are not rivals and take no part in tests.
    pub baselines: Vec<Verdict>,
}

/// What a study found, by arm.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// See [`Study::protocol`].
    pub protocol: &'static str,
    /// The methods, and which of them are asked about.
    #[serde(flatten)]
    pub methods: Methods,
    /// Cells with all their rows.
    pub cells_done: usize,
    /// Cells of the whole grid.
    pub cells: usize,
    /// Models that diverged.
    pub diverged: usize,
    /// Cells of which no model stayed finite.
    pub failed_cells: Vec<String>,
    /// The study's own first.
    pub arms: Vec<Arm>,
}

impl Analysis {
    /// Tests and verdicts of the cells that are done. `extras`: of the cells in `results`, in the same order.
    ///
    /// # Errors
    /// Where a setting of the study is unsound.
    pub fn new(study: &Study, results: &Results, extras: &[Extras]) -> Result<Analysis> {
        let methods = Methods::of(study)?;
        let mut arms = Vec::new();
        for key in study.arms() {
            let cells = results.cells().zip(extras).filter(|((cell, _), _)| cell.arm == key);
            let blocks: Vec<Block> =
                cells.map(|((_, rows), extras)| Block::new(extras, rows, &methods, &study.seeds)).collect();
            let tests = Selection::ALL.map(|selection| tests(&blocks, &methods, selection));
            let verdicts = verdicts(&blocks, &methods);
            arms.push(Arm {
                key,
                overall: Overall::new([0, 1, 2].map(|i| &tests[i].blocks)),
                overall_by_data: Overall::new([0, 1, 2].map(|i| &tests[i].by_data)),
                tests: tests.to_vec(),
                verdicts,
                baselines: yardsticks(&blocks, &methods),
                blocks,
            });
        }
        Ok(Analysis {
            protocol: study.protocol(),
            cells_done: results.cells().count(),
            cells: crate::experiment::grid::cells(study).len(),
            diverged: results.rows().filter(|row| row.diverged.is_some()).count(),
            failed_cells: results.failed(),
            methods,
            arms,
        })
    }
}

/// Blocks by data set, in the grid's order.
fn by_data(blocks: &[Block]) -> impl Iterator<Item = (&str, &[Block])> {
    blocks.chunk_by(|a, b| a.cell.data == b.cell.data).map(|own| (own[0].cell.data.as_str(), own))
}

fn verdicts(blocks: &[Block], methods: &Methods) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (data, own) in by_data(blocks) {
        for &subject in &methods.subjects {
            for rival in methods.rivals() {
                let differences =
                    |selection| own.iter().map(|one| one.differences(selection, subject, rival)).collect();
                verdicts.push(verdict(data, &methods.names[subject], &methods.names[rival], differences));
            }
        }
    }
    verdicts
}

fn yardsticks(blocks: &[Block], methods: &Methods) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (data, own) in by_data(blocks) {
        for &subject in &methods.subjects {
            for (baseline, name) in BASELINES.iter().enumerate() {
                let differences = |selection: Selection| -> Vec<Vec<Option<f64>>> {
                    own.iter().filter_map(|one| one.against_baseline(selection, subject, baseline)).collect()
                };
                if !differences(Selection::Own).is_empty() {
                    let found = verdict(data, &methods.names[subject], name, differences);
                    verdicts.push(Verdict { words: found.words.of_a_yardstick(), ..found });
                }
            }
        }
    }
    verdicts
}

fn verdict(
    data: &str,
    subject: &str,
    rival: &str,
    differences: impl Fn(Selection) -> Vec<Vec<Option<f64>>>,
) -> Verdict {
    let [own, common, last] = Selection::ALL.map(|selection| Paired::new(&differences(selection), subject, rival));
    Verdict {
        data: data.to_string(),
        subject: subject.to_string(),
        rival: rival.to_string(),
        words: Words::new([own.effect(), common.effect(), last.effect()]),
        paired: own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_intervals() {
        let of = |low, high| {
            let interval = Some(Interval { mean: (low + high) / 2.0, low, high, count: 5 });
            Paired { interval, reason: None }.effect()
        };
        assert_eq!(
            [of(-3.0, -0.5), of(0.5, 3.0), of(-0.9, -0.1), of(-2.0, 1.0)],
            [Effect::Helps, Effect::Hurts, Effect::Equal, Effect::Undecided]
        );
    }

    #[test]
    fn pairs_that_diverged_decide_nothing_and_are_told() {
        let both = Paired::new(&[vec![None, None, None]], "pruning", "none");
        assert_eq!(both.effect(), Effect::Undecided);
        assert_eq!(both.reason.unwrap(), "of 3 pairs, pruning diverged in 3 and none in 3");
        let some = Paired::new(&[vec![Some(-0.1), None, Some(0.1)], vec![Some(0.0); 3]], "pruning", "none");
        assert!(some.interval.is_none() && some.effect() == Effect::Undecided);
        let one = Paired::new(&[vec![Some(-2.0), Some(f64::NEG_INFINITY), Some(-2.1)]], "pruning", "none");
        assert_eq!(one.reason.unwrap(), "of 3 pairs, pruning diverged in 0 and none in 1");
        let sound = Paired::new(&[vec![Some(-2.0), Some(-2.2), Some(-2.1)]], "pruning", "none");
        assert!(sound.effect() == Effect::Helps && sound.reason.is_none());
        assert_eq!(Paired::new(&[vec![Some(-2.0)]], "a", "b").reason.unwrap(), "one seed gives no interval");
    }
}
