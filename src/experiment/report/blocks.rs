//! Cells as blocks of the tests: each method's test MAE by seed, and differences between two.

use super::methods::Methods;
use crate::experiment::cell::Extras;
use crate::experiment::grid::GridCell;
use crate::experiment::row::{ResultRow, Selection};

/// A cell: per method the setting that stands for it, and each seed's test MAE.
#[derive(Debug, Clone)]
pub struct Block {
    pub cell: GridCell,
    /// By method; empty text for the plain setting.
    pub settings: Vec<String>,
    /// `[selection][method][seed]`; infinite where the model diverged.
    pub maes: [Vec<Vec<f64>>; 3],
    pub living: Vec<usize>,
    pub sparsity: Vec<f64>,
    /// Test MAE of the baselines; `None` where nothing was scored.
    pub baselines: [Option<f64>; 3],
}

impl Block {
    /// A method is represented by its setting with the lowest mean validation MAE; a setting of which a model diverged comes last.
    pub fn new(extras: &Extras, rows: &[ResultRow], methods: &Methods, seeds: &[u32]) -> Block {
        let mut found = Block {
            cell: extras.cell.clone(),
            settings: Vec::new(),
            maes: Default::default(),
            living: Vec::new(),
            sparsity: Vec::new(),
            baselines: extras.baselines,
        };
        for method in &methods.names {
            let mut by_setting: Vec<(String, Vec<&ResultRow>)> = Vec::new();
            for row in rows.iter().filter(|row| row.method == *method) {
                match by_setting.iter_mut().find(|(setting, _)| *setting == row.setting) {
                    Some((_, rows)) => rows.push(row),
                    None => by_setting.push((row.setting.clone(), vec![row])),
                }
            }
            let maes = |rows: &[&ResultRow], selection, test| -> Vec<f64> {
                rows.iter().map(|row| row.mae(selection, test)).collect()
            };
            let validation = |rows: &[&ResultRow]| mean(&maes(rows, Selection::Own, false));
            let best = by_setting.into_iter().min_by(|a, b| validation(&a.1).total_cmp(&validation(&b.1)));
            let (setting, mut rows) = best.unwrap_or_default();
            rows.sort_by_key(|row| seeds.iter().position(|seed| *seed == row.seed));
            for selection in Selection::ALL {
                found.maes[selection as usize].push(maes(&rows, selection, true));
            }
            found.settings.push(setting);
            found.living.push(rows.first().map_or(0, |row| row.living_weights));
            found.sparsity.push(mean(&rows.iter().map(|row| row.sparsity).collect::<Vec<_>>()));
        }
        found
    }

    /// The block's value of each method: the mean over its seeds, infinite where one diverged.
    pub fn values(&self, selection: Selection) -> Vec<f64> {
        self.maes[selection as usize].iter().map(|seeds| mean(seeds)).collect()
    }

    /// Differences of two methods, paired by seed, in per cent of the second.
    pub fn differences(&self, selection: Selection, a: usize, b: usize) -> Vec<Option<f64>> {
        let maes = &self.maes[selection as usize];
        maes[a].iter().zip(&maes[b]).map(|(a, b)| per_cent(*a, *b)).collect()
    }

    /// Each seed's difference of a method from a baseline, in per cent of the baseline; `None` where there is no baseline.
    pub fn against_baseline(&self, selection: Selection, a: usize, baseline: usize) -> Option<Vec<Option<f64>>> {
        let mae = self.baselines[baseline]?;
        Some(self.maes[selection as usize][a].iter().map(|a| per_cent(*a, mae)).collect())
    }
}

/// How far `a` lies above `b`, in per cent: infinite where one of the two diverged, `None` where both did.
pub(super) fn per_cent(a: f64, b: f64) -> Option<f64> {
    match (a.is_finite(), b.is_finite()) {
        (true, true) if a == b => Some(0.0),
        (true, true) => Some(100.0 * (a - b) / b),
        (true, false) => Some(f64::NEG_INFINITY),
        (false, true) => Some(f64::INFINITY),
        (false, false) => None,
    }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The median of values that may be infinite; `None` where the median is.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let middle = match sorted.len() {
        0 => return None,
        odd if odd % 2 == 1 => sorted[half],
        _ => (sorted[half - 1] + sorted[half]) / 2.0,
    };
    middle.is_finite().then_some(middle)
}
