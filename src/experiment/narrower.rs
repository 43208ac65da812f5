//! The dense rival of a pruned net: as many weights, all living, in a narrower model.

use crate::data::Dataset;
use crate::models::{ModelOptions, params};
use crate::program::builder::Sizes;

/// A narrower model and its count of prunable weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Narrower {
    /// The model, with fewer units and nothing pruned.
    pub model: ModelOptions,
    /// Its prunable weights.
    pub weights: usize,
    /// Prunable weights that the pruned net keeps.
    pub wanted: usize,
}

impl Narrower {
    /// The widest model with at most as many prunable weights as `model` keeps at sparsity `max`:
    /// N − ⌊max·N⌋; `None` where even the narrowest has more.
    pub fn of(model: &ModelOptions, dataset: &Dataset, max: f64) -> Option<Narrower> {
        let sizes = Sizes::of(dataset);
        let weights = |model: &ModelOptions| {
            let patchtst = model.patchtst.resolved(dataset.lookback);
            Some(params(&ModelOptions { patchtst, ..model.clone() }, &sizes).ok()?.prunable())
        };
        let all = weights(model)?;
        let wanted = all - (max * all as f64 + 1e-6).floor() as usize;
        (1..model.width())
            .rev()
            .filter_map(|width| model.with_width(width))
            .filter_map(|model| Some(Narrower { weights: weights(&model)?, wanted, model }))
            .find(|one| one.weights <= wanted)
    }

    /// Both counts, and whether they are far apart; `place` is the model and cell.
    pub fn line(&self, place: &str, max: f64) -> String {
        let gap = 1.0 - self.weights as f64 / self.wanted as f64;
        let flag = if gap > 0.05 { ": MORE THAN 5 % APART" } else { "" };
        format!(
            "{place}: narrower at sparsity {max}: width {}, {} weights where the pruned net keeps {} ({:.1} % fewer{flag})",
            self.model.width(),
            self.weights,
            self.wanted,
            100.0 * gap
        )
    }
}
