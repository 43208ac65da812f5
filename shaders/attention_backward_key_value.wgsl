//! attention_backward_key_value — d_k and d_v of every head.
//! Twin: src/reference/attention.rs. An invocation owns a key and its value and recomputes their probabilities, tiles of
//! queries and of their outputs' gradients in workgroup memory.
//! R replicas, S sequences, N tokens, A heads, E words of a head.
//! Uses: grid, slot, replica_step, rng, drops, attention

struct Params {
    heads: Attention,
    qkv_first: u32,     // sequence that qkv begins with
    qkv_row: u32,       // words per replica row of each tensor
    before_row: u32,
    softmax_row: u32,
    d_output_row: u32,
    d_scores_row: u32,
    d_qkv_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;    // [R, slots]
@group(0) @binding(3) var<storage, read> qkv: array<f32>;              // [R, S, N, 3, A, E]
@group(0) @binding(4) var<storage, read> before: array<f32>;           // [R, pairs, N, N]
@group(0) @binding(5) var<storage, read> softmax: array<f32>;          // [R, S, A, N, 2]  (log-sum-exp, δ)
@group(0) @binding(6) var<storage, read> d_output: array<f32>;         // [R, S, N, A, E]
@group(0) @binding(7) var<storage, read> d_scores: array<f32>;         // [R, pairs, N, N]
@group(0) @binding(8) var<storage, read_write> d_qkv: array<f32>;      // [R, S, N, 3, A, E]

const MAX_TILE: u32 = 128u;

var<workgroup> sh_row: array<vec2<f32>, MAX_TILE>;  // (log-sum-exp, δ) of the queries

fn d_output_four(word: u32, f: u32) -> vec4<f32> {
    var value = vec4<f32>(0.0);
    for (var c = 0u; c < min(4u, p.heads.width - f * 4u); c = c + 1u) {
        value[c] = d_output[word + f * 4u + c];
    }
    return value;
}

@compute @workgroup_size(128)
fn attention_backward_key_value(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let here = place_of(p.heads, index, lane);
    let model = p.heads.heads * p.heads.width;
    let fours = p.heads.fours;
    let tokens = p.heads.tokens;
    let at = replica * p.heads.steps_row + slot.index;

    var k: array<vec4<f32>, MAX_FOURS>;
    var v: array<vec4<f32>, MAX_FOURS>;
    var d_k: array<vec4<f32>, MAX_FOURS>;
    var d_v: array<vec4<f32>, MAX_FOURS>;
    if (here.works) {
        let word = replica * p.qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        for (var f = 0u; f < fours; f = f + 1u) {
            k[f] = four(word + model, f);
            v[f] = four(word + 2u * model, f);
            d_k[f] = vec4<f32>(0.0);
            d_v[f] = vec4<f32>(0.0);
        }
    }
    for (var first = 0u; first < tokens; first = first + p.heads.tile) {
        let length = min(p.heads.tile, tokens - first);
        workgroupBarrier();
        for (var i = lane; i < p.heads.pairs * length * fours; i = i + LANES) {
            let owner = i / (length * fours);
            let pair = (index / p.heads.blocks) * p.heads.pairs + owner;
            let j = (i / fours) % length;
            let f = i % fours;
            if (pair < p.heads.all) {
                sh_a[i] = four(replica * p.qkv_row + token_word(p.heads, pair, first + j, 3u * model, p.qkv_first), f);
                sh_b[i] = d_output_four(replica * p.d_output_row + token_word(p.heads, pair, first + j, model, 0u), f);
                if (f == 0u) {
                    let word = replica * p.softmax_row + row_word(p.heads, pair, first + j) * 2u;
                    sh_row[i / fours] = vec2<f32>(softmax[word], softmax[word + 1u]);
                }
            }
        }
        workgroupBarrier();
        if (here.works) {
            for (var j = 0u; j < length; j = j + 1u) {
                let query = (here.slot * length + j) * fours;
                let row = (here.pair * tokens + first + j) * tokens + here.token;
                var score = 0.0;
                var d_share = 0.0;
                for (var f = 0u; f < fours; f = f + 1u) {
                    score = score + dot(sh_a[query + f], k[f]);
                    d_share = d_share + dot(sh_b[query + f], v[f]);
                }
                score = score * p.heads.scale;
                if (p.heads.has_before == 1u) {
                    score = score + before[replica * p.before_row + row];
                }
                let of_query = sh_row[here.slot * length + j];
                let share = exp(score - of_query.x);
                let threshold = steps[at].attention_threshold;
                let element = row_word(p.heads, here.pair, first + j) * tokens + here.token;
                let factor = drop_factor(steps[at].seed, p.heads.site, steps[at].step, element, threshold);
                var d_score = share * (d_share * factor - of_query.y);
                if (p.heads.has_scores == 1u) {
                    d_score = d_scores[replica * p.d_scores_row + row];
                }
                let kept = share * factor;
                for (var f = 0u; f < fours; f = f + 1u) {
                    d_k[f] = d_k[f] + d_score * sh_a[query + f];
                    d_v[f] = d_v[f] + kept * sh_b[query + f];
                }
            }
        }
    }
    if (here.works) {
        let word = replica * p.d_qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        for (var e = 0u; e < p.heads.width; e = e + 1u) {
            d_qkv[word + model + e] = d_k[e / 4u][e % 4u] * p.heads.scale;
            d_qkv[word + 2u * model + e] = d_v[e / 4u][e % 4u];
        }
    }
}
