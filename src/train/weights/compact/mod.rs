//! A pruned model without the units that pruning has cut off: smaller, dense, with the same forecasts.
//!
//! A unit goes only where its value provably never matters, or is the same for every input:
//! - *it reaches nothing*: every weight that reads it is 0, but for those of units that go too. Removing it removes products with
//!   exact zeros.
//! - *it is constant*: every weight by which it reads anything is 0, so that its value v follows from its biases. What reads it,
//!   y = … + w·v, gets w·v in its bias.
//!
//! Each removal may cut off others, so it is repeated until none is left. See [`recurrent`] and [`transformer`] for what the
//! two cases are there. Only sums change their order, so forecasts agree to rounding.

pub mod recurrent;
mod tensors;
pub mod transformer;

use serde::Serialize;

use self::tensors::Tensors;
use crate::error::{Error, Result};
use crate::models::{Family, LayerWidths, ModelOptions};
use crate::program::ParamLayout;
use crate::train::Loaded;

/// A compacted model, and what was cut.
#[derive(Debug, Clone)]
pub struct Compacted {
    /// The smaller model.
    pub loaded: Loaded,
    /// By layer and kind of unit.
    pub cuts: Vec<Cut>,
}

/// Which units of a layer stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::train) struct Stays {
    /// Hidden units of a recurrent layer.
    pub hidden: Vec<bool>,
    /// Heads of an encoder layer.
    pub heads: Vec<bool>,
    /// Feed-forward units of an encoder layer.
    pub ff: Vec<bool>,
}

impl Stays {
    /// The widths of the layer that are left of these.
    pub(in crate::train) fn widths(&self, before: LayerWidths) -> LayerWidths {
        let [hidden, heads, ff] = [&self.hidden, &self.heads, &self.ff].map(|units| places(units).len());
        LayerWidths { hidden, heads, ff, ..before }
    }
}

impl Stays {
    /// Lets the first of those that go stay, until as many stay as these widths say.
    pub(in crate::train) fn fill(&mut self, widths: &LayerWidths) {
        let parts = [(&mut self.hidden, widths.hidden), (&mut self.heads, widths.heads), (&mut self.ff, widths.ff)];
        for (stays, wanted) in parts {
            let missing = wanted.saturating_sub(places(stays).len());
            stays.iter_mut().filter(|stays| !**stays).take(missing).for_each(|stays| *stays = true);
        }
    }
}

/// A row of the layout before, without the units of each layer that go, as one of the layout after.
pub(in crate::train) fn take(
    model: &ModelOptions,
    stays: &[Stays],
    (before, after): (&ParamLayout, &ParamLayout),
    row: &[f32],
) -> Vec<f32> {
    let mut tensors = Tensors::of(before, row);
    for (layer, stays) in stays.iter().enumerate() {
        match model.family() {
            Family::Recurrent(cell) => recurrent::take(&mut tensors, model, cell, layer, &stays.hidden),
            Family::Transformer => transformer::take(&mut tensors, model, layer, (&stays.heads, &stays.ff)),
            Family::Linear => {}
        }
    }
    tensors.row(after)
}

/// Units of one kind in one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// From 0.
    pub layer: usize,
    /// `hidden units`, `heads`, `words of a head` or `feed-forward units`.
    pub units: &'static str,
    /// Units of the model that was cut.
    pub before: usize,
    /// Units that are left.
    pub after: usize,
    /// Of those that went, how many left a constant in a bias.
    pub folded: usize,
}

/// Compacts a model's kept weights.
///
/// # Errors
/// Rejects Monte Carlo dropout, whose forecasts are draws by a unit's place: fewer units would be other draws.
pub fn compact(loaded: &Loaded) -> Result<Compacted> {
    if loaded.header.mc_dropout.is_some() {
        return Err(Error::checkpoint(
            loaded.file.clone(),
            "forecasts by Monte Carlo dropout, whose draws depend on every unit's place",
            "export it dense or sparse",
        ));
    }
    let mut tensors = Tensors::of(&loaded.layout, &loaded.params);
    let model = &loaded.model;
    let before: Vec<LayerWidths> = (0..model.layers).map(|layer| model.layer(layer)).collect();
    let Some((after, folded)) = cut(&mut tensors, model, loaded.header.model.lookback) else {
        return Ok(Compacted { loaded: loaded.clone(), cuts: Vec::new() });
    };
    let loaded = loaded.with_model(model.with_layers(&after), |layout| tensors.row(layout))?;
    let mut cuts = Vec::new();
    for (layer, (before, after)) in before.into_iter().zip(after).enumerate() {
        let folded = &folded[layer];
        let mut add = |units, before, after, folded| cuts.push(Cut { layer, units, before, after, folded });
        match model.family() {
            Family::Linear => {}
            Family::Recurrent(_) => add("hidden units", before.hidden, after.hidden, folded.units),
            Family::Transformer => {
                add("heads", before.heads, after.heads, 0);
                add("words of a head", before.head, after.head, folded.channels);
                add("feed-forward units", before.ff, after.ff, folded.units);
            }
        }
    }
    Ok(Compacted { loaded, cuts })
}

/// The model that [`compact`] would leave of these weights.
pub(crate) fn smallest(model: &ModelOptions, layout: &ParamLayout, params: &[f32], lookback: usize) -> ModelOptions {
    let cut = cut(&mut Tensors::of(layout, params), model, lookback);
    cut.map_or_else(|| model.clone(), |(widths, _)| model.with_layers(&widths))
}

/// Cuts the tensors; the widths that are left. `None` of a model that has no units.
fn cut(tensors: &mut Tensors, model: &ModelOptions, lookback: usize) -> Option<(Vec<LayerWidths>, Vec<Folded>)> {
    match model.family() {
        Family::Recurrent(cell) => Some(recurrent::cut(tensors, model, cell, lookback)),
        Family::Transformer => Some(transformer::cut(tensors, model)),
        Family::Linear => None,
    }
}

/// How many of a layer's removed units left a constant.
#[derive(Debug, Clone, Copy, Default)]
struct Folded {
    units: usize,
    channels: usize,
}

/// Marks the first where none is: a layer has one unit at least, here of zeros.
fn at_least_one(live: &mut [bool]) {
    if live.iter().all(|live| !live) {
        live[0] = true;
    }
}

/// Places that are marked.
fn places(live: &[bool]) -> Vec<usize> {
    (0..live.len()).filter(|i| live[*i]).collect()
}
