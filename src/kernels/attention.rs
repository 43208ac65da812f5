//! attention_forward, attention_backward_query, attention_backward_key_value.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use crate::gpu::AdapterClass;
use crate::program::TensorId;
use crate::program::op::{AttentionBackward, AttentionForward, Heads};
use crate::program::tensor::STEPS;

/// Invocations of a workgroup.
const LANES: usize = 128;
/// Of workgroup memory, less what alignment may take of 16 KiB.
const MAX_BYTES: usize = (16 << 10) - 64;
/// A word that is bound where an op has no scores to write.
const NOTHING: usize = 0;

uniform! {
    /// `Attention` as the shaders see it (`shaders/shared/attention.wgsl`).
    AttentionWords {
        first: u32,
        all: u32,
        tokens: u32,
        heads: u32,
        block: u32,
        blocks: u32,
        site: u32,
        steps_row: u32,
        scale: f32,
        has_before: u32,
        has_scores: u32,
        handed_on: u32,
    }
}

/// What a kernel keeps in registers and in workgroup memory.
#[derive(Debug, Clone, Copy)]
struct Needs {
    /// vec4 of a head that an invocation holds, at most, of each side: what compilers keep in registers.
    fours: usize,
    /// Whether a tile's tokens come with a log-sum-exp and a δ.
    rows: bool,
    /// Whether a tile's scores pass through workgroup memory.
    scores: bool,
}

impl Needs {
    /// A query's pass.
    const QUERY: Needs = Needs { fours: 4, rows: false, scores: false };

    /// A key's pass holds four sides, 16 vec4 at 4 of each: more than Intel's 128 registers have room for.
    fn key_value(scores: bool, class: AdapterClass) -> Self {
        let fours = match class {
            AdapterClass::Software => 4,
            AdapterClass::Integrated | AdapterClass::Discrete => 2,
        };
        Needs { fours, rows: true, scores }
    }
}

/// How (sequence, head) pairs spread over workgroups: by one model's shape and the class of the adapter alone.
#[derive(Debug, Clone, Copy)]
struct Spread {
    /// Invocations that share a token.
    parts: usize,
    /// vec4 of each of them.
    fours: usize,
    /// Pairs of a workgroup.
    pairs: usize,
    /// Tokens of each.
    block: usize,
    /// Tokens of the other side that are in workgroup memory at a time, of each pair.
    tile: usize,
}

impl Spread {
    fn of(heads: &Heads, needs: Needs, class: AdapterClass) -> Self {
        let fours = heads.width.div_ceil(4);
        let parts = fours.div_ceil(needs.fours);
        let block = heads.tokens.min(LANES / parts);
        let least = Spread { parts, fours: fours.div_ceil(parts), pairs: 1, block, tile: 1 };
        let fits = |spread: &Spread, bytes: usize| spread.bytes(needs) <= bytes;
        let pairs = (1..=LANES / parts / block).map(|pairs| Spread { pairs, ..least });
        let full = pairs.rev().find(|spread| fits(spread, MAX_BYTES)).unwrap_or(least);
        // A real GPU runs the more workgroups at a time the less memory each takes; software pays for each tile's barriers.
        let (bytes, most) = match class {
            AdapterClass::Software => (MAX_BYTES, 128),
            AdapterClass::Integrated | AdapterClass::Discrete => (9 << 10, 32),
        };
        let tiles = (1..=most.min(heads.tokens)).map(|tile| Spread { tile, ..full });
        let longest = tiles.rev().find(|spread| fits(spread, bytes)).unwrap_or(full).tile;
        Spread { tile: heads.tokens.div_ceil(heads.tokens.div_ceil(longest)), ..full }
    }

    /// Of workgroup memory, as the shaders declare it.
    fn bytes(&self, needs: Needs) -> usize {
        let tile = 2 * 16 * self.pairs * self.tile * self.parts * self.fours;
        let parts = if self.parts > 1 { 8 * self.tile * LANES } else { 8 };
        let rows = if needs.rows { 8 * self.pairs * self.tile } else { 0 };
        let scores = if needs.scores { 8 * (LANES / self.parts) * (self.tile | 1) } else { 8 };
        tile + parts + rows + scores
    }

    fn workgroups(&self, heads: &Heads) -> [u32; 2] {
        groups(heads.pairs.div_ceil(self.pairs) * heads.tokens.div_ceil(self.block), 1)
    }

    fn words(&self, heads: &Heads, site: u32, before: Option<TensorId>, shapes: &Shapes) -> AttentionWords {
        AttentionWords {
            first: heads.first as u32,
            all: heads.pairs as u32,
            tokens: heads.tokens as u32,
            heads: heads.heads as u32,
            block: self.block as u32,
            blocks: heads.tokens.div_ceil(self.block) as u32,
            site,
            steps_row: shapes.steps_row(),
            scale: 1.0 / (heads.width as f32).sqrt(),
            has_before: before.is_some() as u32,
            has_scores: 0,
            handed_on: 0,
        }
    }

    /// The dispatch, with the shader's open words.
    fn open(&self, dispatch: Dispatch, heads: &Heads) -> Dispatch {
        let words = [
            ("WIDTH", heads.width),
            ("PARTS", self.parts),
            ("FOURS", self.fours),
            ("PAIRS", self.pairs),
            ("TILE", self.tile),
        ];
        words.into_iter().fold(dispatch, |dispatch, (name, value)| dispatch.constant(name, value as u32))
    }
}

/// Operations of `products` products of N² by E, and of the draws.
fn work(heads: &Heads, products: usize) -> usize {
    heads.scores() * (2 * products * heads.width + 120)
}

uniform! {
    AttentionForwardParams {
        heads: AttentionWords,
        qkv_first: u32,
        qkv_row: u32,
        before_row: u32,
        scores_row: u32,
        softmax_row: u32,
        output_row: u32,
        first_group: u32,
    }
}

pub(super) fn attention_forward(op: &AttentionForward, shapes: &Shapes) -> Lowered {
    let spread = Spread::of(&op.heads, Needs::QUERY, shapes.class);
    let heads = spread.words(&op.heads, op.site, op.before, shapes);
    // Something must be bound where there is nothing before.
    let before = op.before.unwrap_or(op.qkv);
    let params = AttentionForwardParams {
        heads: AttentionWords { has_scores: op.scores.is_some() as u32, ..heads },
        qkv_first: op.heads.qkv_first as u32,
        qkv_row: shapes.row(op.qkv),
        before_row: shapes.row(before),
        scores_row: op.scores.map_or(0, |scores| shapes.row(scores)),
        softmax_row: shapes.row(op.softmax),
        output_row: shapes.row(op.output),
        first_group: 0,
    };
    let bindings =
        [("steps", STEPS), ("qkv", op.qkv), ("before", before), ("softmax", op.softmax), ("output", op.output)];
    let workgroups = spread.workgroups(&op.heads);
    let dispatch = Dispatch::new("attention_forward", &params, &bindings, workgroups, work(&op.heads, 2));
    with_scores(spread.open(dispatch, &op.heads), "scores", op.scores)
}

/// Binds the scores, or a word of working memory where there are none.
fn with_scores(dispatch: Dispatch, name: &'static str, scores: Option<TensorId>) -> Lowered {
    match scores {
        Some(scores) => Lowered::one(dispatch.tensor(name, scores)),
        None => Lowered { scratch: vec![1], dispatches: vec![dispatch.scratch(name, NOTHING)] },
    }
}

uniform! {
    AttentionBackwardQueryParams {
        heads: AttentionWords,
        qkv_first: u32,
        qkv_row: u32,
        before_row: u32,
        softmax_row: u32,
        output_row: u32,
        d_output_row: u32,
        d_scores_row: u32,
        d_qkv_row: u32,
        first_group: u32,
    }
}

pub(super) fn attention_backward_query(op: &AttentionBackward, shapes: &Shapes) -> Lowered {
    let spread = Spread::of(&op.heads, Needs::QUERY, shapes.class);
    let heads = spread.words(&op.heads, op.site, op.before, shapes);
    let before = op.before.unwrap_or(op.qkv);
    let params = AttentionBackwardQueryParams {
        heads: AttentionWords { has_scores: op.d_scores.is_some() as u32, handed_on: op.handed_on as u32, ..heads },
        qkv_first: op.heads.qkv_first as u32,
        qkv_row: shapes.row(op.qkv),
        before_row: shapes.row(before),
        softmax_row: shapes.row(op.softmax),
        output_row: shapes.row(op.output),
        d_output_row: shapes.row(op.d_output),
        d_scores_row: op.d_scores.map_or(0, |scores| shapes.row(scores)),
        d_qkv_row: shapes.row(op.d_qkv),
        first_group: 0,
    };
    let bindings = [
        ("steps", STEPS),
        ("qkv", op.qkv),
        ("before", before),
        ("output", op.output),
        ("d_output", op.d_output),
        ("softmax", op.softmax),
        ("d_qkv", op.d_qkv),
    ];
    let workgroups = spread.workgroups(&op.heads);
    let dispatch = Dispatch::new("attention_backward_query", &params, &bindings, workgroups, work(&op.heads, 3));
    with_scores(spread.open(dispatch, &op.heads), "d_scores", op.d_scores)
}

uniform! {
    AttentionBackwardKeyValueParams {
        heads: AttentionWords,
        qkv_first: u32,
        qkv_row: u32,
        before_row: u32,
        softmax_row: u32,
        d_output_row: u32,
        d_scores_row: u32,
        d_qkv_row: u32,
        first_group: u32,
    }
}

pub(super) fn attention_backward_key_value(op: &AttentionBackward, shapes: &Shapes) -> Lowered {
    let scores = op.before.is_some() || op.d_scores.is_some();
    let spread = Spread::of(&op.heads, Needs::key_value(scores, shapes.class), shapes.class);
    let heads = spread.words(&op.heads, op.site, op.before, shapes);
    let before = op.before.unwrap_or(op.qkv);
    let params = AttentionBackwardKeyValueParams {
        heads: AttentionWords { has_scores: op.d_scores.is_some() as u32, ..heads },
        qkv_first: op.heads.qkv_first as u32,
        qkv_row: shapes.row(op.qkv),
        before_row: shapes.row(before),
        softmax_row: shapes.row(op.softmax),
        d_output_row: shapes.row(op.d_output),
        d_scores_row: op.d_scores.map_or(0, |scores| shapes.row(scores)),
        d_qkv_row: shapes.row(op.d_qkv),
        first_group: 0,
    };
    let bindings = [
        ("steps", STEPS),
        ("qkv", op.qkv),
        ("before", before),
        ("softmax", op.softmax),
        ("d_output", op.d_output),
        ("d_qkv", op.d_qkv),
    ];
    let workgroups = spread.workgroups(&op.heads);
    let dispatch = Dispatch::new("attention_backward_key_value", &params, &bindings, workgroups, work(&op.heads, 4));
    let dispatch = spread.open(dispatch, &op.heads).constant("SCORES", u32::from(scores));
    with_scores(dispatch, "d_scores", op.d_scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every shape that the model builder lets through fits a workgroup's lanes and memory, and an invocation's registers.
    #[test]
    fn every_shape_fits_a_workgroup() {
        let tokens = (1..=140).chain((141..=1024).step_by(59)).chain([1024]);
        for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
            let key_value = [false, true].map(|scores| Needs::key_value(scores, class));
            for needs in [Needs::QUERY].into_iter().chain(key_value) {
                for (tokens, width) in tokens.clone().flat_map(|tokens| (1..=128).map(move |width| (tokens, width))) {
                    let heads = Heads { first: 0, pairs: 6, qkv_first: 0, tokens, heads: 2, width };
                    let spread = Spread::of(&heads, needs, class);
                    let Spread { parts, fours, pairs, block, tile } = spread;
                    let told = || format!("{heads:?} {needs:?} {class:?}: {spread:?}");
                    assert!(pairs * block * parts <= LANES && pairs > 0 && block > 0, "{}", told());
                    assert!(pairs == 1 || block == tokens, "{}", told());
                    assert!((1..=tokens).contains(&tile) && spread.bytes(needs) <= MAX_BYTES, "{}", told());
                    assert!(fours <= needs.fours && parts * fours * 4 >= width, "{}", told());
                    assert!((parts - 1) * fours * 4 < width, "a part without a word: {}", told());
                }
            }
        }
    }
}
