//! A run that goes on without the units whose weights have all fallen: which stay, what that saves, and the run's rows at the new
//! widths.
//!
//! A unit goes where no weight of it lives, so nothing reads it and its loss has no gradient: what it leaves out are products with exact
//! zeros. So losses, forecasts and later masks are those of the run that does not shrink, but for the rounding of
//! sums that are added up in another order. Dropout and random pruning draw by a unit's place, and draw differently.
//!
//! Each replica goes on with its own units. All are in one program, as wide as the widest of them; units that fell fill up the others.
//! Widths are multiples of 8, which both engines compute fastest. A unit's worth and the schedule's budget are those of the network that the run
//! began with, and what has gone counts as pruned ([`Plan::gone`]).

use super::options::CompactEvery;
use super::plan::Plan;
use super::run::state::{ReplicaRows, RunState};
use super::weights::compact::{Stays, take};
use crate::data::{Dataset, counted};
use crate::error::{Error, Result, Text};
use crate::models::{Family, LayerWidths, ModelOptions, Variant, unit_sets};
use crate::program::units::UnitSet;
use crate::program::{Cost, List, ParamLayout};

/// Hidden and feed-forward units are rounded up to a multiple of this.
const MULTIPLE: usize = 8;

/// What the change costs, in steps of the smaller network: 2 on the CPU engine (measured, LSTM of 64 and 256 units). A GPU's driver
/// compiles the kernels anew, for which more are allowed.
const CHANGE_STEPS: f64 = 50.0;

/// The least share of a step's operations for which `auto` changes the network.
const LEAST_GAIN: f64 = 0.05;

/// A run at new widths.
#[derive(Debug)]
pub(super) struct Shrink {
    /// By replica and layer.
    stays: Vec<Vec<Stays>>,
    /// The run from here on.
    pub(super) plan: Plan,
}

impl Shrink {
    /// What a run goes on as, where any unit can go; with `auto`, only where an epoch gains more than the change costs. `living` has the
    /// bits of each replica's words that are not 0.
    pub(super) fn of(dataset: &Dataset, plan: &Plan, living: &[Vec<u32>]) -> Result<Option<Shrink>> {
        let model = &plan.options.model;
        let sets = unit_sets(model, &plan.program.params);
        let mut stays: Vec<Vec<Stays>> = living.iter().map(|living| alive(model, &sets, living)).collect();
        let widths: Vec<LayerWidths> =
            (0..model.layers).map(|layer| widest(model.layer(layer), &stays, layer)).collect();
        if (0..model.layers).all(|layer| model.layer(layer) == widths[layer]) {
            return Ok(None);
        }
        stays.iter_mut().for_each(|own| own.iter_mut().zip(&widths).for_each(|(own, widths)| own.fill(widths)));
        let shrink = Shrink { stays, plan: plan.shrunk(dataset, &widths)? };
        // By one epoch: how many are to come may change when the run is resumed, and its bits must not.
        let left = shrink.share(plan, |cost| cost.flops);
        let pays = 1.0 - left >= LEAST_GAIN && (1.0 - left) * plan.steps_per_epoch as f64 > CHANGE_STEPS * left;
        Ok((pays || plan.options.compact_every != CompactEvery::Auto).then_some(shrink))
    }

    /// What a step costs of what it costs in another network.
    fn share(&self, other: &Plan, of: impl Fn(&Cost) -> u64) -> f64 {
        of(&step_cost(&self.plan)) as f64 / of(&step_cost(other)).max(1) as f64
    }

    /// What is left of which units, and what a step costs of the first ones.
    pub(super) fn line(&self, epochs: usize) -> Text {
        let first = self.plan.began();
        let (old, new) = (&first.options.model, &self.plan.options.model);
        let layer = |layer: usize| {
            let (was, is) = (old.layer(layer), new.layer(layer));
            let parts = [("hidden", was.hidden, is.hidden), ("heads", was.heads, is.heads), ("ff", was.ff, is.ff)];
            let parts = parts.into_iter().filter(|(_, was, _)| *was > 0);
            parts.map(|(what, was, is)| format!("{what} {is} of {was}")).collect::<Vec<_>>().join(", ")
        };
        let layers: Vec<String> = (0..old.layers).map(layer).collect();
        let [flops, bytes] = [self.share(first, |cost| cost.flops), self.share(first, Cost::bytes)].map(|s| 100.0 * s);
        format!(
            "after {}: goes on without the units that fell, {}; a step counts {flops:.1} % of the first ones' operations and {bytes:.1} % \
             of their bytes",
            counted(epochs, "epoch"),
            layers.join("; ")
        )
        .into()
    }

    /// The run's state at the new widths.
    pub(super) fn state(&self, before: &Plan, state: RunState) -> RunState {
        let layouts = (&before.program.params, &self.plan.program.params);
        // Scores are of prunable weights alone, which come first.
        let prefix = |row: &[f32]| {
            let rest = layouts.0.words.checked_sub(row.len()).filter(|_| !row.is_empty())?;
            Some([row, &vec![0.0; rest]].concat())
        };
        let rows = |(rows, stays): (ReplicaRows, &Vec<Stays>)| {
            let take = |row: &[f32]| take(&before.options.model, stays, layouts, row);
            ReplicaRows {
                params: take(&rows.params),
                best_params: take(&rows.best_params),
                moment1: take(&rows.moment1),
                moment2: take(&rows.moment2),
                score: prefix(&rows.score).map_or_else(Vec::new, |row| take(&row)[..layouts.1.prunable_words].to_vec()),
                mask: bits(&take(&flags(layouts.0, &rows.mask))),
                ..rows
            }
        };
        let widths = self.plan.options.model.layer_widths.clone();
        RunState { rows: state.rows.into_iter().zip(&self.stays).map(rows).collect(), widths, ..state }
    }
}

/// Of a training step, all replicas together.
fn step_cost(plan: &Plan) -> Cost {
    let lists = List::STEP.into_iter().filter(|list| *list != List::Prune);
    lists.flat_map(|list| plan.program.list(list)).map(|op| plan.program.cost(op)).sum()
}

/// By layer, the units of a replica of which a word lives.
fn alive(model: &ModelOptions, sets: &[UnitSet], living: &[u32]) -> Vec<Stays> {
    let lives = |word: usize| living[word / 32] >> (word % 32) & 1 == 1;
    let of = |name: String, count: usize| -> Vec<bool> {
        let set = sets.iter().find(|set| set.name == name);
        (0..count).map(|unit| set.is_none_or(|set| set.falling(unit).any(lives))).collect()
    };
    let layer = |layer: usize| {
        let widths = model.layer(layer);
        match model.family() {
            Family::Linear => Stays::default(),
            Family::Recurrent(cell) => {
                Stays { hidden: of(format!("{}.{layer}", cell.form().name), widths.hidden), ..Stays::default() }
            }
            Family::Transformer => Stays {
                heads: of(format!("heads.{layer}"), widths.heads),
                ff: of(format!("ff.{layer}"), widths.ff),
                ..Stays::default()
            },
        }
    };
    let mut stays: Vec<Stays> = (0..model.layers).map(layer).collect();
    if model.family() == Family::Transformer && model.patchtst.variant == Variant::Official {
        // Each head hands its scores on to the one in its place.
        let any = |head: usize| stays.iter().any(|one| one.heads[head]);
        let heads: Vec<bool> = (0..model.layer(0).heads).map(any).collect();
        stays.iter_mut().for_each(|one| one.heads.clone_from(&heads));
    }
    stays
}

/// The widths of a layer that hold what stays of every replica.
fn widest(before: LayerWidths, stays: &[Vec<Stays>], layer: usize) -> LayerWidths {
    let most = |of: fn(&LayerWidths) -> usize, multiple: usize| {
        let most = stays.iter().map(|own| of(&own[layer].widths(before))).max().unwrap_or(0);
        most.max(1).next_multiple_of(multiple).min(of(&before))
    };
    LayerWidths {
        hidden: most(|widths| widths.hidden, MULTIPLE),
        heads: most(|widths| widths.heads, 1),
        ff: most(|widths| widths.ff, MULTIPLE),
        ..before
    }
}

/// The bits of a mask as numbers of a row.
fn flags(layout: &ParamLayout, mask: &[u32]) -> Vec<f32> {
    (0..layout.words).map(|word| (mask[word / 32] >> (word % 32) & 1) as f32).collect()
}

fn bits(row: &[f32]) -> Vec<u32> {
    let word = |flags: &[f32]| flags.iter().enumerate().map(|(bit, flag)| u32::from(*flag != 0.0) << bit).sum();
    row.chunks(32).map(word).collect()
}

/// Rejects widths that no run of this plan can have shrunk to.
pub(super) fn check(plan: &Plan, widths: &[LayerWidths]) -> Result<()> {
    let model = &plan.options.model;
    let fits = |(layer, is): (usize, &LayerWidths)| {
        let was = model.layer(layer);
        let part = |is: usize, was: usize| is <= was && (is > 0) == (was > 0);
        part(is.hidden, was.hidden) && part(is.heads, was.heads) && part(is.ff, was.ff) && is.head == was.head
    };
    if widths.len() == model.layers && widths.iter().enumerate().all(fits) {
        return Ok(());
    }
    let problem = "the checkpoint stands where this run cannot: its layers are wider than the network's";
    Err(Error::config("resume", problem, "the file is damaged, or of another run: begin a new one"))
}

#[cfg(test)]
mod tests {
    use super::{bits, widest};
    use crate::models::LayerWidths;
    use crate::train::weights::compact::Stays;

    #[test]
    fn each_replica_keeps_its_own_units_and_others_fill_it_up() {
        let of = |living: &[usize], count: usize| -> Vec<Stays> {
            let hidden = (0..count).map(|unit| living.contains(&unit)).collect();
            vec![Stays { hidden, ..Stays::default() }]
        };
        let stays = |living: &[&[usize]], count: usize| -> Vec<Vec<usize>> {
            let before = LayerWidths { hidden: count, heads: 0, head: 0, ff: 0 };
            let mut all: Vec<Vec<Stays>> = living.iter().map(|living| of(living, count)).collect();
            let widths = widest(before, &all, 0);
            all.iter_mut().for_each(|own| own[0].fill(&widths));
            let places = |own: &Vec<Stays>| (0..count).filter(|unit| own[0].hidden[*unit]).collect();
            all.iter().map(places).collect()
        };
        assert_eq!(stays(&[&[3, 9]], 20), [[0, 1, 2, 3, 4, 5, 6, 9]]);
        assert_eq!(stays(&[&[]], 20), [[0, 1, 2, 3, 4, 5, 6, 7]]);
        assert_eq!(stays(&[&[1, 2]], 3), [[0, 1, 2]]);
        let two = [vec![0, 10, 11, 12, 13, 14, 15, 16], vec![0, 1, 2, 3, 4, 5, 6, 7]];
        assert_eq!(stays(&[&two[0][1..], &two[1]], 20), two);
    }

    #[test]
    fn flags_become_bits_in_their_order() {
        let mut row = vec![0.0; 64];
        (row[0], row[31], row[33]) = (1.0, 1.0, 1.0);
        assert_eq!(bits(&row), [1 << 31 | 1, 2]);
    }
}
