//! Which units of a model pruning can take as wholes.

use super::head::{CONTEXT, FUTURE, OUTPUT, SPREAD};
use super::{Family, ModelOptions, patchtst};
use crate::error::{Error, Result};
use crate::program::ParamLayout;
use crate::program::units::{UnitSet, UnitSpan};

/// The model's units: hidden units of recurrent layers, feed-forward units and heads of a transformer's, units of a
/// decoder.
///
/// # Errors
/// [`Error::Config`] if the model has none.
pub(super) fn units(model: &ModelOptions, layout: &ParamLayout) -> Result<Vec<UnitSet>> {
    let mut sets = match model.family() {
        Family::Recurrent(cell) => hidden(model, cell.form().name, layout),
        Family::Transformer => (0..model.layers).flat_map(|layer| of_block(model, layer, layout)).collect(),
        Family::Linear => {
            let problem = format!("{} has no units", model.kind);
            return Err(Error::config("prune-unit", problem, "choose ‹prune-unit weight›, or another ‹model›"));
        }
    };
    let spans = Spans { layout };
    let decoder = spans.rows([CONTEXT.0, FUTURE.0], 1).chain(spans.columns([OUTPUT.0], 1)).collect();
    sets.push(UnitSet { name: "decoder".into(), count: model.decoder_hidden, stays: 1, spans: decoder });
    sets.retain(|set| !set.spans.is_empty());
    Ok(sets)
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
        let columns = [own[1].clone()].into_iter().chain(readers);
        let spans = spans.rows(own.clone(), 1).chain(spans.columns(columns, 1)).collect();
        UnitSet { name: format!("{name}.{layer}"), count: model.layer(layer).hidden, stays: 1, spans }
    };
    (0..model.layers).map(set).collect()
}

/// The heads of a transformer's layer and the units of its feed-forward block.
fn of_block(model: &ModelOptions, layer: usize, layout: &ParamLayout) -> [UnitSet; 2] {
    let spans = Spans { layout };
    let (name, widths) = (patchtst::layer_name(layer), model.layer(layer));
    let part = |part: &str| format!("{name}.self_attn.{part}.weight");
    let heads = spans.rows(["q_proj", "k_proj", "v_proj"].map(part), widths.head);
    let heads = heads.chain(spans.columns([part("out_proj")], widths.head)).collect();
    let ff = spans.rows([format!("{name}.ff.0.weight")], 1);
    let ff = ff.chain(spans.columns([format!("{name}.ff.3.weight")], 1)).collect();
    [
        UnitSet { name: format!("heads.{layer}"), count: widths.heads, stays: 1, spans: heads },
        UnitSet { name: format!("ff.{layer}"), count: widths.ff, stays: 1, spans: ff },
    ]
}

/// Spans of those weights that the model has and prunes.
struct Spans<'a> {
    layout: &'a ParamLayout,
}

impl<'a> Spans<'a> {
    fn rows<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>, width: usize) -> impl Iterator<Item = UnitSpan> {
        self.of(names, move |param| UnitSpan::rows(param, width))
    }

    fn columns<N: AsRef<str>>(
        &self,
        names: impl IntoIterator<Item = N>,
        width: usize,
    ) -> impl Iterator<Item = UnitSpan> {
        self.of(names, move |param| UnitSpan::columns(param, width))
    }

    fn of<N: AsRef<str>>(
        &self,
        names: impl IntoIterator<Item = N>,
        span: impl Fn(&crate::program::Param) -> UnitSpan,
    ) -> impl Iterator<Item = UnitSpan> {
        let params = names.into_iter().filter_map(|name| self.layout.get(name.as_ref()).filter(|param| param.prunable));
        params.map(span).collect::<Vec<_>>().into_iter()
    }
}
