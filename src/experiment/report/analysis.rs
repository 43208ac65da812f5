//! From rows to verdicts, as the analysis plan says.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Result;
use crate::experiment::grid::Cell;
use crate::experiment::results::{Results, Row, Selection};
use crate::experiment::statistics::{
    ALPHA, Friedman, Interval, critical_difference, friedman, holm, t_interval, wilcoxon,
};
use crate::experiment::study::Study;

/// Within this many per cent, two methods are called equal.
pub const EQUAL_PER_CENT: f64 = 1.0;

/// A cell: per method the setting that stands for it, and each seed's test MAE.
#[derive(Debug, Clone)]
pub struct Block {
    pub cell: Cell,
    /// By method of [`Analysis::methods`]; empty text for the plain setting.
    pub settings: Vec<String>,
    /// `[selection][method][seed]`; infinite where the model diverged.
    pub maes: [Vec<Vec<f64>>; 3],
    pub living: Vec<usize>,
    pub sparsity: Vec<f64>,
    pub diverged: Vec<usize>,
}

impl Block {
    /// The block's value of each method: the mean over its seeds.
    pub fn values(&self, selection: Selection) -> Vec<f64> {
        self.maes[selection as usize].iter().map(|seeds| mean(seeds)).collect()
    }

    /// Differences of two methods, paired by seed, in per cent of the second.
    pub fn differences(&self, selection: Selection, a: usize, b: usize) -> Vec<f64> {
        let maes = &self.maes[selection as usize];
        maes[a].iter().zip(&maes[b]).map(|(a, b)| per_cent(*a, *b)).collect()
    }
}

/// Where one of the two diverged, the difference is infinite; where both did, there is none.
fn per_cent(a: f64, b: f64) -> f64 {
    match (a.is_finite(), b.is_finite()) {
        (true, true) => 100.0 * (a - b) / b,
        (true, false) => f64::NEG_INFINITY,
        (false, true) => f64::INFINITY,
        (false, false) => 0.0,
    }
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One pruning method against one rival, over blocks.
#[derive(Debug, Clone, Serialize)]
pub struct Versus {
    pub subject: String,
    pub rival: String,
    /// Mean over blocks, per cent of the rival's MAE; below 0 pruning is better.
    pub mean_per_cent: f64,
    pub blocks: usize,
    pub p: Option<f64>,
    /// After Holm, over this subject's rivals.
    pub p_holm: Option<f64>,
    /// The least that p after Holm could have been.
    pub smallest_p: f64,
    pub rank_biserial: Option<f64>,
}

impl Versus {
    pub fn words(&self) -> &'static str {
        match self.p_holm {
            _ if self.smallest_p > ALPHA => "cannot decide",
            Some(p) if p < ALPHA && self.mean_per_cent < 0.0 => "pruning better",
            Some(p) if p < ALPHA => "pruning worse",
            _ => "no difference found",
        }
    }
}

/// The tests of one arm under one selection.
#[derive(Debug, Clone, Serialize)]
pub struct Tests {
    pub selection: &'static str,
    pub friedman: Option<Friedman>,
    pub critical_difference: f64,
    pub versus: Vec<Versus>,
    /// The same with one block per data set.
    pub by_data_friedman: Option<Friedman>,
    pub by_data_versus: Vec<Versus>,
}

/// What pruning does on one data set against one rival, by seed intervals: training noise only.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    pub data: String,
    pub subject: String,
    pub rival: String,
    /// Per cent of the rival's MAE, paired by seed, mean over the data set's cells.
    pub interval: Option<Interval>,
    pub word: &'static str,
    /// Under `common` or `last` the word is another.
    pub fragile: bool,
    pub common: &'static str,
    pub last: &'static str,
}

/// All cells with one instance normalisation.
#[derive(Debug, Clone, Serialize)]
pub struct Arm {
    pub instance_norm: String,
    #[serde(skip)]
    pub blocks: Vec<Block>,
    /// By selection.
    pub tests: Vec<Tests>,
    pub verdicts: Vec<Verdict>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    pub methods: Vec<String>,
    pub cells_done: usize,
    pub cells: usize,
    pub diverged: usize,
    pub arms: Vec<Arm>,
    /// Settings per method; methods whose number differs are named in the report.
    pub settings: BTreeMap<String, usize>,
}

impl Analysis {
    pub fn new(study: &Study, results: &Results) -> Result<Analysis> {
        let mut methods: Vec<String> = Vec::new();
        let mut settings: BTreeMap<String, usize> = BTreeMap::new();
        for setting in study.settings()? {
            *settings.entry(setting.name.clone()).or_default() += 1;
            if !methods.contains(&setting.name) {
                methods.push(setting.name);
            }
        }
        let subjects: Vec<usize> = (0..methods.len()).filter(|&m| methods[m].starts_with("pruning")).collect();
        let grid = crate::experiment::grid::cells(study);
        let mut arms = Vec::new();
        for norm in &study.instance_norm {
            let done: BTreeMap<&Cell, &Vec<Row>> = results.cells().collect();
            let cells = grid.iter().filter(|cell| cell.instance_norm == *norm);
            let blocks: Vec<Block> =
                cells.filter_map(|cell| Some(block(cell, done.get(cell)?, &methods, &study.seeds))).collect();
            let tests = Selection::ALL.map(|selection| tests(&blocks, &methods, &subjects, selection)).to_vec();
            let verdicts = verdicts(&blocks, &methods, &subjects);
            arms.push(Arm { instance_norm: norm.clone(), blocks, tests, verdicts });
        }
        Ok(Analysis {
            cells_done: results.cells().count(),
            cells: grid.len(),
            diverged: results.rows().filter(|row| row.diverged()).count(),
            methods,
            arms,
            settings,
        })
    }
}

/// Each method's setting of the lowest mean validation MAE stands for it.
fn block(cell: &Cell, rows: &[Row], methods: &[String], seeds: &[u32]) -> Block {
    let finite = |row: &Row, value: f64| if row.diverged() || value.is_nan() { f64::INFINITY } else { value };
    let mut found = Block {
        cell: cell.clone(),
        settings: Vec::new(),
        maes: Default::default(),
        living: Vec::new(),
        sparsity: Vec::new(),
        diverged: Vec::new(),
    };
    for method in methods {
        let mut by_setting: Vec<(String, Vec<&Row>)> = Vec::new();
        for row in rows.iter().filter(|row| row.method == *method) {
            match by_setting.iter_mut().find(|(setting, _)| *setting == row.setting) {
                Some((_, rows)) => rows.push(row),
                None => by_setting.push((row.setting.clone(), vec![row])),
            }
        }
        let validation = |rows: &[&Row]| {
            mean(&rows.iter().map(|row| finite(row, row.score(Selection::Own, false).mae())).collect::<Vec<_>>())
        };
        let best = by_setting.into_iter().min_by(|a, b| validation(&a.1).total_cmp(&validation(&b.1)));
        let (setting, mut rows) = best.unwrap_or_default();
        rows.sort_by_key(|row| seeds.iter().position(|seed| *seed == row.seed));
        for selection in Selection::ALL {
            let maes = rows.iter().map(|row| finite(row, row.score(selection, true).mae())).collect();
            found.maes[selection as usize].push(maes);
        }
        found.settings.push(setting);
        found.living.push(rows.first().map_or(0, |row| row.living_weights));
        found.sparsity.push(mean(&rows.iter().map(|row| row.sparsity).collect::<Vec<_>>()));
        found.diverged.push(rows.iter().filter(|row| row.diverged()).count());
    }
    found
}

/// Methods that a subject is held against: all but the other pruning arms.
pub fn rivals(methods: &[String]) -> impl Iterator<Item = usize> {
    (0..methods.len()).filter(|&m| !methods[m].starts_with("pruning"))
}

fn tests(blocks: &[Block], methods: &[String], subjects: &[usize], selection: Selection) -> Tests {
    let table: Vec<Vec<f64>> = blocks.iter().map(|block| block.values(selection)).collect();
    let mut by_data: BTreeMap<&str, Vec<&Block>> = BTreeMap::new();
    blocks.iter().for_each(|block| by_data.entry(&block.cell.data).or_default().push(block));
    // Per data set each method's mean MAE relative to its block's mean, so that every cell weighs alike.
    let relative = |block: &Block| {
        let values = block.values(selection);
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        values.iter().map(|value| value / mean(&finite)).collect::<Vec<f64>>()
    };
    let per_data: Vec<Vec<f64>> = by_data
        .values()
        .map(|blocks| {
            let rows: Vec<Vec<f64>> = blocks.iter().map(|block| relative(block)).collect();
            (0..methods.len()).map(|m| mean(&rows.iter().map(|row| row[m]).collect::<Vec<_>>())).collect()
        })
        .collect();
    Tests {
        selection: selection.word(),
        friedman: friedman(&table),
        critical_difference: critical_difference(methods.len(), blocks.len().max(1)),
        versus: versus(&table, methods, subjects),
        by_data_friedman: friedman(&per_data),
        by_data_versus: versus(&per_data, methods, subjects),
    }
}

/// Each subject against its rivals; Holm over one subject's family.
fn versus(table: &[Vec<f64>], methods: &[String], subjects: &[usize]) -> Vec<Versus> {
    let mut all = Vec::new();
    for &subject in subjects {
        let family: Vec<usize> = rivals(methods).collect();
        let found: Vec<_> = family
            .iter()
            .map(|&rival| {
                let differences: Vec<f64> = table.iter().map(|row| per_cent(row[subject], row[rival])).collect();
                let test = wilcoxon(&differences);
                (rival, mean(&differences), test)
            })
            .collect();
        let p: Vec<f64> = found.iter().map(|(_, _, test)| test.as_ref().map_or(1.0, |test| test.p)).collect();
        let adjusted = holm(&p);
        for ((rival, mean_per_cent, test), p_holm) in found.into_iter().zip(adjusted) {
            // Holm multiplies the smallest p of a family by its size.
            let smallest = 2f64.powf(1.0 - table.len() as f64).min(1.0) * family.len() as f64;
            all.push(Versus {
                subject: methods[subject].clone(),
                rival: methods[rival].clone(),
                mean_per_cent,
                blocks: table.len(),
                p: test.as_ref().map(|test| test.p),
                p_holm: test.as_ref().map(|_| p_holm),
                smallest_p: smallest.min(1.0),
                rank_biserial: test.map(|test| test.rank_biserial),
            });
        }
    }
    all
}

fn verdicts(blocks: &[Block], methods: &[String], subjects: &[usize]) -> Vec<Verdict> {
    let mut data: Vec<&str> = blocks.iter().map(|block| block.cell.data.as_str()).collect();
    data.dedup();
    let mut verdicts = Vec::new();
    for name in data {
        let own: Vec<&Block> = blocks.iter().filter(|block| block.cell.data == name).collect();
        for &subject in subjects {
            for rival in rivals(methods) {
                let interval = |selection| seed_interval(&own, selection, subject, rival);
                let [first, common, last] = Selection::ALL.map(|selection| word(interval(selection)));
                verdicts.push(Verdict {
                    data: name.to_string(),
                    subject: methods[subject].clone(),
                    rival: methods[rival].clone(),
                    interval: interval(Selection::Own),
                    word: first,
                    fragile: common != first || last != first,
                    common,
                    last,
                });
            }
        }
    }
    verdicts
}

/// The interval over seeds of the difference in per cent, mean over the cells of each seed.
fn seed_interval(blocks: &[&Block], selection: Selection, subject: usize, rival: usize) -> Option<Interval> {
    let rows: Vec<Vec<f64>> = blocks.iter().map(|block| block.differences(selection, subject, rival)).collect();
    let seeds = rows.first()?.len();
    let by_seed: Vec<f64> =
        (0..seeds).map(|seed| mean(&rows.iter().map(|row| row[seed]).collect::<Vec<_>>())).collect();
    t_interval(&by_seed)
}

/// Of an interval of differences in per cent: below 0 pruning is better.
pub fn word(interval: Option<Interval>) -> &'static str {
    match interval {
        None => "undecided",
        Some(found) if found.low >= -EQUAL_PER_CENT && found.high <= EQUAL_PER_CENT => "equal",
        Some(found) if found.high < 0.0 => "helps",
        Some(found) if found.low > 0.0 => "hurts",
        Some(_) => "undecided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_intervals() {
        let of = |low, high| word(Some(Interval { mean: (low + high) / 2.0, low, high, count: 5 }));
        assert_eq!(
            [of(-3.0, -0.5), of(0.5, 3.0), of(-0.9, -0.1), of(-2.0, 1.0)],
            ["helps", "hurts", "equal", "undecided"]
        );
        assert_eq!(word(None), "undecided");
    }

    #[test]
    fn a_family_that_is_too_small_cannot_decide() {
        let methods = ["none", "dropout", "pruning"].map(String::from);
        let table: Vec<Vec<f64>> = (0..4).map(|i| vec![2.0, 3.0 + i as f64, 1.0]).collect();
        let found = versus(&table, &methods, &[2]);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|one| one.words() == "cannot decide" && one.mean_per_cent < 0.0));
        let table: Vec<Vec<f64>> = (0..9).map(|i| vec![2.0 + i as f64, 3.0, 1.0]).collect();
        assert_eq!(versus(&table, &methods, &[2])[0].words(), "pruning better");
    }
}
