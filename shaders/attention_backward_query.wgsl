//! attention_backward_query — d_q of every head, δ beside the log-sum-exp, and the scores' gradient where layers share it.
//! Twin: src/reference/attention.rs. An invocation owns a query and recomputes its probabilities, tiles of keys and values
//! in workgroup memory.
//! R replicas, S sequences, N tokens, A heads, E words of a head.
//! Uses: grid, slot, replica_step, rng, drops, attention, attention_keys, attention_backward

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
@group(0) @binding(4) var<storage, read> before: array<f32>;           // [R, pairs, keys N, queries N]
@group(0) @binding(5) var<storage, read> output: array<f32>;           // [R, S, N, A, E]
@group(0) @binding(6) var<storage, read> d_output: array<f32>;         // [R, S, N, A, E]
@group(0) @binding(7) var<storage, read_write> softmax: array<f32>;    // [R, S, A, N, 2]  (log-sum-exp, δ)
@group(0) @binding(8) var<storage, read_write> d_scores: array<f32>;   // [R, pairs, keys N, queries N]
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
    let model = p.heads.heads * WIDTH;
    let tokens = p.heads.tokens;
    let now = steps[replica * p.heads.steps_row + slot.index];
    let draws = row_word(p.heads, here.pair, here.token) * tokens;

    var q: Part;
    var d_out: Part;
    var d_q: Part;
    var normal = 0.0;
    var delta = 0.0;
    if (here.works) {
        let word = replica * p.qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        let out = token_word(p.heads, here.pair, here.token, model, 0u);
        q = load_part(QKV, word, here);
        d_out = load_part(D_OUTPUT, replica * p.d_output_row + out, here);
        for (var e = 0u; e < WIDTH; e = e + 1u) {
            delta = delta + d_output[replica * p.d_output_row + out + e] * output[replica * p.output_row + out + e];
        }
        let row = replica * p.softmax_row + row_word(p.heads, here.pair, here.token) * 2u;
        normal = softmax[row];
        if (here.part == 0u) {
            softmax[row + 1u] = delta;
        }
    }
    for (var first = 0u; first < tokens; first = first + TILE) {
        let length = min(TILE, tokens - first);
        workgroupBarrier();
        stage_keys(replica, index, lane, first, length);
        workgroupBarrier();
        if (PARTS > 1u) {
            if (here.works) {
                for (var j = 0u; j < length; j = j + 1u) {
                    sh_parts[j * LANES + lane] = products(q, d_out, here, j);
                }
            }
            workgroupBarrier();
        }
        if (here.works) {
            for (var j = here.part; j < length; j = j + PARTS) {
                var found: vec2<f32>;
                if (PARTS == 1u) {
                    found = products(q, d_out, here, j);
                } else {
                    found = of_all_parts(here, j);
                }
                var score = found.x * p.heads.scale;
                let word = (here.pair * tokens + first + j) * tokens + here.token;
                if (p.heads.has_before == 1u) {
                    score = score + before[replica * p.before_row + word];
                }
                let factor = drop_factor(now.seed, p.heads.site, now.step, draws + first + j, now.attention_threshold);
                var d_score = exp(score - normal) * (found.y * factor - delta);
                if (p.heads.has_scores == 1u) {
                    if (p.heads.handed_on == 1u) {
                        d_score = d_score + d_scores[replica * p.d_scores_row + word];
                    }
                    d_scores[replica * p.d_scores_row + word] = d_score;
                }
                if (PARTS == 1u) {
                    d_q = combined(d_q, 1.0, part_of_a(here, j), d_score);
                } else {
                    sh_parts[j * LANES + here.peer].x = d_score;
                }
            }
        }
        if (PARTS > 1u) {
            workgroupBarrier();
            if (here.works) {
                for (var j = 0u; j < length; j = j + 1u) {
                    d_q = combined(d_q, 1.0, part_of_a(here, j), sh_parts[j * LANES + here.peer].x);
                }
            }
        }
    }
    if (here.works) {
        let word = replica * p.d_qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        store_part(word, here, scaled(d_q, p.heads.scale));
    }
}
