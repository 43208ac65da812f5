//! Feed-forward units and attention channels of a PatchTST. The width that flows past the layers stays: every norm and the head
//! read it whole.
//!
//! - A feed-forward unit *reaches nothing* where its column of `ff.3` is 0; it is *constant*, act(b), where its row of `ff.0` is.
//! - A channel of v reaches nothing where its column of `out_proj` is 0. Where its row of `v_proj` is 0, it is its bias for every
//!   token, and so is any mean of tokens: attention weighs by numbers that add up to 1.
//! - A channel of q and k adds q·k to a query's scores. Where the row of `k_proj` is 0, that is the same for all keys, which a
//!   softmax does not see, nor any later one to which the scores are handed on. Where the row of `q_proj` and its bias are 0,
//!   it is 0.
//! - A head goes where all its channels of v do; where scores are handed on from layer to layer, only if it does so in all.
//!
//! The heads of a layer keep equally many channels, those of the head that needs most, the others' filled with zeros. Scores are
//! divided by √E, so with E′ channels left q is multiplied by √(E′/E).

use super::tensors::Tensors;
use super::{Folded, at_least_one, places};
use crate::models::{LayerWidths, ModelOptions, Variant, layer_name};
use crate::program::op::FeedForward;

/// Cuts the tensors; the widths that are left.
pub(super) fn cut(tensors: &mut Tensors, model: &ModelOptions) -> (Vec<LayerWidths>, Vec<Folded>) {
    let mut layers: Vec<Layer> = (0..model.layers).map(|layer| Layer::new(tensors, model, layer)).collect();
    if model.patchtst.variant == Variant::Official {
        let heads = layers[0].heads.len();
        let needed: Vec<bool> = (0..heads).map(|h| layers.iter().any(|layer| layer.heads[h])).collect();
        layers.iter_mut().for_each(|layer| layer.heads.clone_from(&needed));
    }
    let widths = layers.iter_mut().map(|layer| layer.shrink(tensors)).collect();
    (widths, layers.iter().map(|layer| layer.folded).collect())
}

/// Takes these heads and feed-forward units of a layer, and no others.
pub(super) fn take(tensors: &mut Tensors, model: &ModelOptions, layer: usize, (heads, units): (&[bool], &[bool])) {
    let width = model.layer(layer).head;
    let all = vec![true; heads.len() * width];
    let (heads, units) = (heads.to_vec(), units.to_vec());
    let (name, folded) = (layer_name(layer), Folded::default());
    Layer { name, width, heads, scores: all.clone(), values: all, units, folded }.shrink(tensors);
}

struct Layer {
    name: String,
    /// Channels of a head.
    width: usize,
    heads: Vec<bool>,
    /// By head and channel, `[A·E]`: those of q and k that are needed, and those of v.
    scores: Vec<bool>,
    values: Vec<bool>,
    units: Vec<bool>,
    folded: Folded,
}

impl Layer {
    /// What of a layer is needed; constants go into biases.
    fn new(tensors: &mut Tensors, model: &ModelOptions, layer: usize) -> Layer {
        let name = layer_name(layer);
        let part = |part: &str| format!("{name}.{part}");
        let LayerWidths { heads, head: width, ff, .. } = model.layer(layer);
        let mut folded = Folded::default();

        let mut units = vec![true; ff];
        for (u, live) in units.iter_mut().enumerate() {
            if tensors.get(&part("ff.3.weight")).column_is_zero(u) {
                *live = false;
            } else if tensors.get(&part("ff.0.weight")).row_is_zero(u) {
                let value = activate(model.patchtst.ff_activation, f64::from(tensors.get(&part("ff.0.bias")).at(u, 0)));
                tensors.fold(&part("ff.3.weight"), u, value, &part("ff.3.bias"));
                (*live, folded.units) = (false, folded.units + 1);
            }
        }

        let attention = |name: &str| part(&format!("self_attn.{name}"));
        let zero = |tensors: &Tensors, name: &str, row: usize| tensors.get(&attention(name)).row_is_zero(row);
        let mut values = vec![true; heads * width];
        for (c, live) in values.iter_mut().enumerate() {
            if tensors.get(&attention("out_proj.weight")).column_is_zero(c) {
                *live = false;
            } else if zero(tensors, "v_proj.weight", c) {
                let value = f64::from(tensors.get(&attention("v_proj.bias")).at(c, 0));
                tensors.fold(&attention("out_proj.weight"), c, value, &attention("out_proj.bias"));
                (*live, folded.channels) = (false, folded.channels + 1);
            }
        }
        let needed = |c: usize| {
            let no_query = zero(tensors, "q_proj.weight", c) && zero(tensors, "q_proj.bias", c);
            !zero(tensors, "k_proj.weight", c) && !no_query
        };
        let scores: Vec<bool> = (0..heads * width).map(needed).collect();
        let heads = values.chunks(width).map(|own| own.contains(&true)).collect();
        Layer { name, width, heads, scores, values, units, folded }
    }

    fn shrink(&mut self, tensors: &mut Tensors) -> LayerWidths {
        at_least_one(&mut self.units);
        at_least_one(&mut self.heads);
        let part = |part: &str| format!("{}.{part}", self.name);
        let units: Vec<Option<usize>> = places(&self.units).into_iter().map(Some).collect();
        tensors.get_mut(&part("ff.0.weight")).take_rows(&units);
        tensors.get_mut(&part("ff.0.bias")).take_rows(&units);
        tensors.get_mut(&part("ff.3.weight")).take_columns(&units);

        let heads = places(&self.heads);
        let channels = |all: &[bool], head: usize| -> Vec<usize> {
            (head * self.width..(head + 1) * self.width).filter(|c| all[*c]).collect()
        };
        let need = |head: &usize| channels(&self.scores, *head).len().max(channels(&self.values, *head).len());
        let width = heads.iter().map(need).max().unwrap_or(0).max(1);
        let of = |all: &[bool]| -> Vec<Option<usize>> {
            let filled = |head: &usize| {
                let own = channels(all, *head);
                (0..width).map(move |e| own.get(e).copied()).collect::<Vec<_>>()
            };
            heads.iter().flat_map(filled).collect()
        };
        let (scores, values) = (of(&self.scores), of(&self.values));
        for kind in ["weight", "bias"] {
            let name = |name: &str| part(&format!("self_attn.{name}.{kind}"));
            tensors.get_mut(&name("q_proj")).take_rows(&scores);
            tensors.get_mut(&name("k_proj")).take_rows(&scores);
            tensors.get_mut(&name("v_proj")).take_rows(&values);
            if width != self.width {
                tensors.get_mut(&name("q_proj")).scale((width as f64 / self.width as f64).sqrt());
            }
        }
        tensors.get_mut(&part("self_attn.out_proj.weight")).take_columns(&values);
        LayerWidths { hidden: 0, heads: heads.len(), head: width, ff: units.len() }
    }
}

fn activate(kind: FeedForward, x: f64) -> f64 {
    match kind {
        FeedForward::Relu => x.max(0.0),
        FeedForward::Gelu => 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
    }
}
