//! attention_backward_query — d_q of every head, δ beside the log-sum-exp, and the scores' gradient where layers share it.
//! Twin: src/reference/attention.rs. An invocation owns a query and recomputes its probabilities, tiles of keys and values
//! in workgroup memory.
//! R replicas, S sequences, N tokens, A heads, E words of a head.
//! Uses: grid, slot, replica_step, rng, drops, attention

struct Params {
    heads: Attention,
    qkv_first: u32,     // sequence that qkv begins with
    qkv_row: u32,       // words per replica row of each tensor
    before_row: u32,
    softmax_row: u32,
    output_row: u32,
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
@group(0) @binding(5) var<storage, read> output: array<f32>;           // [R, S, N, A, E]
@group(0) @binding(6) var<storage, read> d_output: array<f32>;         // [R, S, N, A, E]
@group(0) @binding(7) var<storage, read_write> softmax: array<f32>;    // [R, S, A, N, 2]  (log-sum-exp, δ)
@group(0) @binding(8) var<storage, read_write> d_scores: array<f32>;   // [R, pairs, N, N]
@group(0) @binding(9) var<storage, read_write> d_qkv: array<f32>;      // [R, S, N, 3, A, E]

@compute @workgroup_size(128)
fn attention_backward_query(
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
    let row_at = replica * p.softmax_row + row_word(p.heads, here.pair, here.token) * 2u;

    var q: array<vec4<f32>, MAX_FOURS>;
    var d_out: array<vec4<f32>, MAX_FOURS>;
    var d_q: array<vec4<f32>, MAX_FOURS>;
    var normal = 0.0;
    var delta = 0.0;
    if (here.works) {
        let word = replica * p.qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        let out = token_word(p.heads, here.pair, here.token, model, 0u);
        for (var f = 0u; f < fours; f = f + 1u) {
            q[f] = four(word, f);
            d_q[f] = vec4<f32>(0.0);
            d_out[f] = vec4<f32>(0.0);
        }
        for (var e = 0u; e < p.heads.width; e = e + 1u) {
            let d = d_output[replica * p.d_output_row + out + e];
            d_out[e / 4u][e % 4u] = d;
            delta = delta + d * output[replica * p.output_row + out + e];
        }
        normal = softmax[row_at];
        softmax[row_at + 1u] = delta;
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
                var d_share = 0.0;
                for (var f = 0u; f < fours; f = f + 1u) {
                    score = score + dot(q[f], sh_a[key + f]);
                    d_share = d_share + dot(d_out[f], sh_b[key + f]);
                }
                score = score * p.heads.scale;
                if (p.heads.has_before == 1u) {
                    score = score + before[replica * p.before_row + row + first + j];
                }
                let threshold = steps[at].attention_threshold;
                let element = draws + first + j;
                d_share = d_share * drop_factor(steps[at].seed, p.heads.site, steps[at].step, element, threshold);
                var d_score = exp(score - normal) * (d_share - delta);
                if (p.heads.has_scores == 1u) {
                    let word = replica * p.d_scores_row + row + first + j;
                    if (p.heads.handed_on == 1u) {
                        d_score = d_score + d_scores[word];
                    }
                    d_scores[word] = d_score;
                }
                for (var f = 0u; f < fours; f = f + 1u) {
                    d_q[f] = d_q[f] + d_score * sh_a[key + f];
                }
            }
        }
    }
    if (here.works) {
        let word = replica * p.d_qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        for (var e = 0u; e < p.heads.width; e = e + 1u) {
            d_qkv[word + e] = d_q[e / 4u][e % 4u] * p.heads.scale;
        }
    }
}
