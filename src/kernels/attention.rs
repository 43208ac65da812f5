//! attention_forward, attention_backward_query, attention_backward_key_value.

use super::plan::{Dispatch, Plan, Shapes, groups, uniform};
use crate::program::TensorId;
use crate::program::op::{AttentionBackward, AttentionForward, Heads};
use crate::program::tensor::STEPS;

/// Invocations of a workgroup, one per token.
const LANES: usize = 128;
/// vec4 of each of the two tiles in workgroup memory.
const TILE_FOURS: usize = 448;
/// Tokens of a tile, of all pairs together.
const MAX_TILE: usize = 128;
/// A word that is bound where an op has no scores to write.
const NOTHING: usize = 0;

uniform! {
    /// `Attention` as the shaders see it (`shaders/shared/attention.wgsl`).
    AttentionWords {
        first: u32,
        all: u32,
        tokens: u32,
        heads: u32,
        width: u32,
        fours: u32,
        pairs: u32,
        pair_lanes: u32,
        blocks: u32,
        tile: u32,
        site: u32,
        steps_row: u32,
        scale: f32,
        has_before: u32,
        has_scores: u32,
        handed_on: u32,
    }
}

/// How (sequence, head) pairs spread over workgroups: by one model's shape alone.
fn spread(heads: &Heads, site: u32, before: Option<TensorId>, shapes: &Shapes) -> (AttentionWords, [u32; 2]) {
    let all = heads.pairs;
    let fours = heads.width.div_ceil(4);
    let pairs = (LANES / heads.tokens).min(TILE_FOURS / fours).max(1);
    let tile = (TILE_FOURS / (pairs * fours)).min(MAX_TILE / pairs).min(heads.tokens);
    let blocks = heads.tokens.div_ceil(LANES);
    let words = AttentionWords {
        first: heads.first as u32,
        all: all as u32,
        tokens: heads.tokens as u32,
        heads: heads.heads as u32,
        width: heads.width as u32,
        fours: fours as u32,
        pairs: pairs as u32,
        pair_lanes: heads.tokens.min(LANES) as u32,
        blocks: blocks as u32,
        tile: tile as u32,
        site,
        steps_row: shapes.steps_row(),
        scale: 1.0 / (heads.width as f32).sqrt(),
        has_before: before.is_some() as u32,
        has_scores: 0,
        handed_on: 0,
    };
    (words, groups(all.div_ceil(pairs) * blocks, 1))
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

pub fn attention_forward(op: &AttentionForward, shapes: &Shapes) -> Plan {
    let (heads, workgroups) = spread(&op.heads, op.site, op.before, shapes);
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
    let dispatch = Dispatch::new("attention_forward", &params, &bindings, workgroups, work(&op.heads, 2));
    with_scores(dispatch, "scores", op.scores)
}

/// Binds the scores, or a word of working memory where there are none.
fn with_scores(dispatch: Dispatch, name: &'static str, scores: Option<TensorId>) -> Plan {
    match scores {
        Some(scores) => Plan::one(dispatch.tensor(name, scores)),
        None => Plan { scratch: vec![1], dispatches: vec![dispatch.scratch(name, NOTHING)] },
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

pub fn attention_backward_query(op: &AttentionBackward, shapes: &Shapes) -> Plan {
    let (heads, workgroups) = spread(&op.heads, op.site, op.before, shapes);
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
    let dispatch = Dispatch::new("attention_backward_query", &params, &bindings, workgroups, work(&op.heads, 3));
    with_scores(dispatch, "d_scores", op.d_scores)
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

pub fn attention_backward_key_value(op: &AttentionBackward, shapes: &Shapes) -> Plan {
    let (heads, workgroups) = spread(&op.heads, op.site, op.before, shapes);
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
    let dispatch = Dispatch::new("attention_backward_key_value", &params, &bindings, workgroups, work(&op.heads, 4));
    with_scores(dispatch, "d_scores", op.d_scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::AdapterClass;
    use crate::program::Program;

    /// Every shape that the model builder lets through fits a workgroup's memory and lanes.
    #[test]
    fn every_shape_fits_a_workgroup() {
        let sizes = crate::program::builder::Sizes {
            replicas: 1,
            batch: 1,
            slots: 1,
            prediction_slots: 1,
            rows: 1,
            channels: 1,
            targets: 1,
            horizon: 1,
            lookback: 1,
        };
        let program: Program = crate::program::Builder::new(sizes, Default::default()).finish().unwrap();
        let shapes = Shapes::of(&program, AdapterClass::Software);
        for tokens in 1..=1024 {
            for width in 1..=128 {
                let heads = Heads { first: 0, pairs: 6, qkv_first: 0, tokens, heads: 2, width };
                let (words, _) = spread(&heads, 0, None, &shapes);
                assert!((words.pairs * words.pair_lanes) as usize <= LANES, "{heads:?}");
                assert!(words.tile > 0 && (words.pairs * words.tile * words.fours) as usize <= TILE_FOURS, "{heads:?}");
                assert!((words.pairs * words.tile) as usize <= MAX_TILE, "{heads:?}");
            }
        }
    }
}
