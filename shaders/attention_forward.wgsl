//! attention_forward — softmax(q·kᵀ/√E + before)·v of every head, without keeping the probabilities.
//! Twin: src/reference/attention.rs. An invocation owns a query: it walks over the keys with an online softmax (Milakov &
//! Gimelshein 2018), tiles of keys and values in workgroup memory.
//! R replicas, S sequences, N tokens, A heads, E words of a head.
//! Uses: grid, slot, replica_step, rng, drops, attention

struct Params {
    heads: Attention,
    qkv_first: u32,    // sequence that qkv begins with
    qkv_row: u32,      // words per replica row of each tensor
    before_row: u32,
    scores_row: u32,
    softmax_row: u32,
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;    // [R, slots]
@group(0) @binding(3) var<storage, read> qkv: array<f32>;              // [R, S, N, 3, A, E]
@group(0) @binding(4) var<storage, read> before: array<f32>;           // [R, pairs, N, N]
@group(0) @binding(5) var<storage, read_write> scores: array<f32>;     // [R, pairs, N, N]
@group(0) @binding(6) var<storage, read_write> softmax: array<f32>;    // [R, S, A, N, 2]  (log-sum-exp, …)
@group(0) @binding(7) var<storage, read_write> output: array<f32>;     // [R, S, N, A, E]

@compute @workgroup_size(128)
fn attention_forward(
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
    let draws = row_word(p.heads, here.pair, here.token) * tokens;
    let row = (here.pair * tokens + here.token) * tokens;

    var q: array<vec4<f32>, MAX_FOURS>;
    var sum: array<vec4<f32>, MAX_FOURS>;
    if (here.works) {
        let word = replica * p.qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        for (var f = 0u; f < fours; f = f + 1u) {
            q[f] = four(word, f);
            sum[f] = vec4<f32>(0.0);
        }
    }
    var most = -3.0e38;
    var total = 0.0;
    for (var first = 0u; first < tokens; first = first + p.heads.tile) {
        let length = min(p.heads.tile, tokens - first);
        workgroupBarrier();
        for (var i = lane; i < p.heads.pairs * length * fours; i = i + LANES) {
            let owner = i / (length * fours);
            let pair = (index / p.heads.blocks) * p.heads.pairs + owner;
            let j = (i / fours) % length;
            let f = i % fours;
            if (pair < p.heads.all) {
                let word = replica * p.qkv_row + token_word(p.heads, pair, first + j, 3u * model, p.qkv_first);
                sh_a[i] = four(word + model, f);
                sh_b[i] = four(word + 2u * model, f);
            }
        }
        workgroupBarrier();
        if (here.works) {
            for (var j = 0u; j < length; j = j + 1u) {
                let key = (here.slot * length + j) * fours;
                var score = 0.0;
                for (var f = 0u; f < fours; f = f + 1u) {
                    score = score + dot(q[f], sh_a[key + f]);
                }
                score = score * p.heads.scale;
                if (p.heads.has_before == 1u) {
                    score = score + before[replica * p.before_row + row + first + j];
                }
                if (p.heads.has_scores == 1u) {
                    scores[replica * p.scores_row + row + first + j] = score;
                }
                let top = max(most, score);
                let shrink = exp(most - top);
                let share = exp(score - top);
                most = top;
                total = total * shrink + share;
                let threshold = steps[at].attention_threshold;
                let element = draws + first + j;
                let kept = share * drop_factor(steps[at].seed, p.heads.site, steps[at].step, element, threshold);
                for (var f = 0u; f < fours; f = f + 1u) {
                    sum[f] = sum[f] * shrink + kept * sh_b[key + f];
                }
            }
        }
    }
    if (here.works) {
        softmax[replica * p.softmax_row + row_word(p.heads, here.pair, here.token) * 2u] = most + log(total);
        let word = replica * p.output_row + token_word(p.heads, here.pair, here.token, model, 0u);
        for (var e = 0u; e < p.heads.width; e = e + 1u) {
            output[word + e] = sum[e / 4u][e % 4u] / total;
        }
    }
}
