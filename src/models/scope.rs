//! Which of a model's weights pruning may take, and which it ranks among one another.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};
use wildmatch::WildMatch;

use super::units::units;
use super::{ModelOptions, Training, params};
use crate::data::few;
use crate::error::{Error, Result};
use crate::program::builder::Sizes;
use crate::program::scope::{PruneGroup, PruneScope, PruneScore};
use crate::program::units::{UnitSet, UnitSpan};
use crate::program::{Param, ParamLayout};
use crate::words::words;

/// Which weights may be pruned, and how they are ranked: the same for all replicas of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PruneRule {
    /// What is ranked together.
    #[serde(serialize_with = "as_word")]
    pub among: PruneAmong,
    /// Patterns of names, as in a state dict: the tensors that are never pruned.
    pub exclude: Vec<String>,
    /// The same of the only ones that are; empty: all that can be.
    pub include: Vec<String>,
    /// The largest share that a tensor may lose, or a set of units; `None` is all of it.
    pub cap: Option<f64>,
    /// By what they are ranked.
    #[serde(serialize_with = "as_word")]
    pub score: PruneScore,
    /// Whether and by what pruned weights grow again.
    #[serde(serialize_with = "as_word")]
    pub regrow: Regrow,
}

/// How pruned weights grow again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Regrow {
    /// Not at all: what has been pruned stays 0.
    #[default]
    None,
    /// Those of the largest gradients, as many as fall beyond the schedule (RigL, arXiv 1911.11134).
    Gradient,
}
words!(Regrow, "regrow", Regrow::None = "none", Regrow::Gradient = "gradient");

/// What is ranked together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PruneAmong {
    /// All weights, or all units.
    #[default]
    Global,
    /// Those of a layer; of units, those of a set.
    Layer,
    /// Those of a tensor; of units, those of a set.
    Tensor,
}
words!(
    PruneAmong,
    "prune-scope",
    PruneAmong::Global = "global",
    PruneAmong::Layer = "layer",
    PruneAmong::Tensor = "tensor",
);

fn as_word<W: std::fmt::Display, S: Serializer>(word: &W, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(word)
}

impl PruneRule {
    /// Whether it is that of all weights together, by magnitude.
    fn is_plain(&self) -> bool {
        *self == PruneRule::default()
    }

    /// The tensors that may be pruned. What is excluded may be one that pruning does not take anyway, as the head beside a linear path.
    fn chosen<'a>(&self, layout: &'a ParamLayout) -> Result<Vec<&'a Param>> {
        let all: Vec<&Param> = layout.params.iter().filter(|param| param.prunable).collect();
        let every: Vec<&Param> = layout.params.iter().collect();
        let matching = |key: &str, patterns: &[String], among: &[&Param]| -> Result<Vec<WildMatch>> {
            let patterns: Vec<WildMatch> = patterns.iter().map(|pattern| WildMatch::new(pattern)).collect();
            let idle = |pattern: &&WildMatch| !among.iter().any(|param| pattern.matches(&param.name));
            let Some(pattern) = patterns.iter().find(idle) else { return Ok(patterns) };
            let names: Vec<&str> = all.iter().map(|param| param.name.as_str()).collect();
            let problem = match layout.params.iter().find(|param| pattern.matches(&param.name)) {
                Some(param) => format!("`{pattern}` matches `{}`, which pruning does not take", param.name),
                None => format!("`{pattern}` matches no tensor"),
            };
            Err(Error::config(key, problem, format!("the tensors that pruning takes are {}", names.join(", "))))
        };
        let include = matching("prune-include", &self.include, &all)?;
        let exclude = matching("prune-exclude", &self.exclude, &every)?;
        let any = |patterns: &[WildMatch], param: &Param| patterns.iter().any(|pattern| pattern.matches(&param.name));
        let own = |param: &&Param| (include.is_empty() || any(&include, param)) && !any(&exclude, param);
        let chosen: Vec<&Param> = all.iter().copied().filter(own).collect();
        if chosen.is_empty() && !all.is_empty() {
            let problem = "nothing is left to prune";
            return Err(Error::config("prune-exclude", problem, "exclude less, or choose ‹regularizer none›"));
        }
        Ok(chosen)
    }

    /// The layout with the groups of this rule.
    fn scoped(&self, layout: ParamLayout) -> Result<ParamLayout> {
        let chosen = self.chosen(&layout)?;
        let most = |param: &Param| capped(self.cap, param.len());
        let by_tensor =
            |param: &&Param| PruneGroup { name: param.name.clone(), ranges: vec![param.range()], most: most(param) };
        let capped = chosen.iter().filter(|_| self.cap.is_some()).map(by_tensor).collect();
        let mut groups: Vec<PruneGroup> = Vec::new();
        for param in chosen {
            let name = match self.among {
                PruneAmong::Global => String::new(),
                PruneAmong::Layer => layer_of(&param.name),
                PruneAmong::Tensor => param.name.clone(),
            };
            let at = groups.iter().position(|group| group.name == name).unwrap_or_else(|| {
                groups.push(PruneGroup { name, ranges: Vec::new(), most: 0 });
                groups.len() - 1
            });
            groups[at].ranges.push(param.range());
            groups[at].most += most(param);
        }
        Ok(if groups.is_empty() {
            layout
        } else {
            layout.with_scope(PruneScope { groups, capped, regrows: self.regrow != Regrow::None })
        })
    }

    /// The layout with units that may be pruned as wholes: not those with a weight in a tensor that may not be.
    fn units(&self, model: &ModelOptions, layout: ParamLayout) -> Result<ParamLayout> {
        if self.regrow != Regrow::None {
            let problem = "a unit that falls is gone: its weights have no gradients while all of them are 0";
            return Err(Error::config("regrow", problem, "leave out ‹regrow›, or choose ‹prune-unit weight›"));
        }
        let chosen: Vec<usize> = self.chosen(&layout)?.iter().map(|param| param.offset).collect();
        let mut sets = units(model, &layout);
        if sets.is_empty() {
            let problem = format!("{} has no units", model.kind);
            return Err(Error::config("prune-unit", problem, "choose ‹prune-unit weight›, or another ‹model›"));
        }
        let excluded = |span: &UnitSpan| {
            let param = layout.params.iter().find(|param| param.offset == span.first);
            param.is_some_and(|param| self.exclude.iter().any(|pattern| WildMatch::new(pattern).matches(&param.name)))
        };
        let whole = |set: &UnitSet, chosen: &[usize]| {
            set.spans.iter().all(|span| chosen.contains(&span.first)) && !set.followers.iter().any(excluded)
        };
        if !sets.iter().any(|set| whole(set, &chosen)) {
            return Err(self.no_set(&layout, &sets, whole));
        }
        sets.retain(|set| whole(set, &chosen));
        for set in &mut sets {
            // One always stays.
            set.stays = (set.count - capped(self.cap, set.count)).max(1);
        }
        Ok(ParamLayout { units_by_set: self.among != PruneAmong::Global, ..layout.with_units(sets) })
    }

    /// That units of every set have weights in a tensor that is not to be pruned: by the option that says so.
    fn no_set(&self, layout: &ParamLayout, sets: &[UnitSet], whole: impl Fn(&UnitSet, &[usize]) -> bool) -> Error {
        let included = PruneRule { exclude: Vec::new(), ..self.clone() }.chosen(layout).unwrap_or_default();
        let included: Vec<usize> = included.iter().map(|param| param.offset).collect();
        let (key, change) = match sets.iter().any(|set| whole(set, &included)) {
            true => ("prune-exclude", "exclude none of the tensors of a set"),
            false => ("prune-include", "include all tensors of a set"),
        };
        let name =
            |span: &UnitSpan| layout.params.iter().find(|param| param.offset == span.first).map(|param| &*param.name);
        let words = |set: &UnitSet| {
            let names: BTreeSet<&str> = set.spans.iter().filter_map(name).collect();
            format!("{}: {}", set.name, names.into_iter().collect::<Vec<_>>().join(", "))
        };
        let sets = few(sets.len(), sets.iter().map(words));
        let problem = format!(
            "every unit has weights in a tensor that is not to be pruned; by set of units, they read and write {sets}"
        );
        Error::config(key, problem, format!("{change}, or choose ‹prune-unit weight›"))
    }
}

/// The most of so many that may be pruned: ⌊cap·n + 1e-6⌋.
fn capped(cap: Option<f64>, count: usize) -> usize {
    cap.map_or(count, |cap| ((cap * count as f64 + 1e-6).floor() as usize).min(count))
}

/// The layer of a tensor: `lstm.0` of `lstm.weight_hh_l0`, all of a transformer's `layers.N`, else its module, such as `head`.
fn layer_of(name: &str) -> String {
    let (module, own) = name.rsplit_once('.').unwrap_or(("", name));
    if let Some((_, layer)) = own.rsplit_once("_l").filter(|(_, layer)| layer.parse::<usize>().is_ok()) {
        return format!("{module}.{layer}");
    }
    let parts: Vec<&str> = module.split('.').collect();
    match parts.iter().position(|part| *part == "layers") {
        Some(at) if at + 1 < parts.len() => parts[..at + 2].join("."),
        _ => module.into(),
    }
}

/// The layout as a program prunes it. A model whose layers have widths of their own began without them, and shrank.
///
/// # Errors
/// As [`params`]; where the model has no such units or tensors.
pub(crate) fn pruned(model: &ModelOptions, training: &Training, sizes: &Sizes) -> Result<ParamLayout> {
    let layout = ParamLayout { score: training.rule.score, ..params(model, sizes)? };
    let layout = match (training.units, training.rule.is_plain()) {
        (true, _) => training.rule.units(model, layout)?,
        (false, true) => return Ok(layout),
        (false, false) => training.rule.scoped(layout)?,
    };
    if model.layer_widths.is_empty() {
        return Ok(layout);
    }
    let began = ModelOptions { layer_widths: Vec::new(), ..model.clone() };
    Ok(layout.shrunk_from(&pruned(&began, training, sizes)?))
}

#[cfg(test)]
mod tests {
    use super::{capped, layer_of};

    #[test]
    fn layers_are_named_by_their_tensors() {
        let names = [
            ("lstm.weight_hh_l0", "lstm.0"),
            ("gru.weight_ih_l12", "gru.12"),
            ("head.weight", "head"),
            ("decoder.context.weight", "decoder.context"),
            ("model.encoder.layers.2.self_attn.q_proj.weight", "model.encoder.layers.2"),
            ("model.encoder.layers.2.ff.0.weight", "model.encoder.layers.2"),
            ("model.encoder.embedder.input_embedding.weight", "model.encoder.embedder.input_embedding"),
        ];
        for (name, layer) in names {
            assert_eq!(layer_of(name), layer);
        }
    }

    #[test]
    fn a_cap_of_nine_tenths_of_ten_is_nine() {
        assert_eq!([10, 1, 0, 19].map(|count| capped(Some(0.9), count)), [9, 0, 0, 17]);
        assert_eq!(capped(None, 5), 5);
    }
}
