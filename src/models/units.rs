//! Which units of a model pruning can take as wholes.

use super::head::{CONTEXT, FUTURE, OUTPUT, SPREAD};
use super::{Family, ModelOptions, patchtst};
use crate::program::units::{UnitSet, UnitSpan};
use crate::program::{Param, ParamLayout};

/// The units of a model: hidden units of recurrent layers, feed-forward units and heads of a transformer's, units of a decoder; none of a
/// linear one.
pub(crate) fn units(model: &ModelOptions, layout: &ParamLayout) -> Vec<UnitSet> {
    let mut sets = match model.family() {
        Family::Recurrent(cell) => hidden(model, cell.form().name, layout),
        Family::Transformer => (0..model.layers).flat_map(|layer| of_block(model, layer, layout)).collect(),
        Family::Linear => Vec::new(),
    };
    let spans = Spans { layout };
    let rows = spans.rows([CONTEXT.0, FUTURE.0], 1);
    sets.push(spans.set("decoder".into(), model.decoder_hidden, rows, ([OUTPUT.0.to_string()].into(), 1)));
    sets.retain(|set| !set.spans.is_empty());
    sets
}

/// The hidden units of recurrent layers: their rows of gates, their columns of `weight_hh`, and those of what reads them.
fn hidden(model: &ModelOptions, name: &str, layout: &ParamLayout) -> Vec<UnitSet> {
    let spans = Spans { layout };
    let set = |layer: usize| {
        let own = [format!("{name}.weight_ih_l{layer}"), format!("{name}.weight_hh_l{layer}")];
        let readers = match layer + 1 == model.layers {
            true => ["head.weight", SPREAD.0, CONTEXT.0].map(String::from).to_vec(),
            false => vec![format!("{name}.weight_ih_l{}", layer + 1)],
        };
        let columns = [own[1].clone()].into_iter().chain(readers).collect();
        spans.set(format!("{name}.{layer}"), model.layer(layer).hidden, spans.rows(own, 1), (columns, 1))
    };
    (0..model.layers).map(set).collect()
}

/// The heads of a transformer's layer and the units of its feed-forward block.
fn of_block(model: &ModelOptions, layer: usize, layout: &ParamLayout) -> [UnitSet; 2] {
    let spans = Spans { layout };
    let (name, widths) = (patchtst::layer_name(layer), model.layer(layer));
    let part = |part: &str| format!("{name}.self_attn.{part}.weight");
    let heads = spans.rows(["q_proj", "k_proj", "v_proj"].map(part), widths.head);
    let ff = spans.rows([format!("{name}.ff.0.weight")], 1);
    [
        spans.set(format!("heads.{layer}"), widths.heads, heads, ([part("out_proj")].into(), widths.head)),
        spans.set(format!("ff.{layer}"), widths.ff, ff, ([format!("{name}.ff.3.weight")].into(), 1)),
    ]
}

/// Spans of the weights that a model has.
struct Spans<'a> {
    layout: &'a ParamLayout,
}

impl Spans<'_> {
    /// The rows of matrices that are pruned, `width` of each unit.
    fn rows<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>, width: usize) -> Vec<UnitSpan> {
        let own = names.into_iter().filter_map(|name| self.layout.get(name.as_ref()).filter(|param| param.prunable));
        own.map(|param| UnitSpan::rows(param, width)).collect()
    }

    /// A set of these rows, and of the columns that read its units; columns of a matrix that is not pruned follow.
    fn set(&self, name: String, count: usize, rows: Vec<UnitSpan>, columns: (Vec<String>, usize)) -> UnitSet {
        let readers = columns.0.iter().filter_map(|name| self.layout.get(name));
        let (own, others): (Vec<&Param>, Vec<&Param>) = readers.partition(|param| param.prunable);
        let span = |param: &Param| UnitSpan::columns(param, columns.1);
        let own = rows.into_iter().chain(own.into_iter().map(span)).collect();
        UnitSet::new(name, count, own, others.into_iter().map(span).collect())
    }
}
