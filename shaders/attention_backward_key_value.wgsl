//! attention_backward_key_value — d_k and d_v of every head.
//! Twin: src/reference/attention.rs. An invocation owns a key and its value and recomputes their probabilities, tiles of
//! queries, of their outputs' gradients and of their scores in workgroup memory.
//! R replicas, S sequences, N tokens, A heads, E words of a head.
//! Uses: grid, slot, replica_step, rng, drops, attention, attention_backward

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
@group(0) @binding(4) var<storage, read> before: array<f32>;           // [R, pairs, keys N, queries N]
@group(0) @binding(5) var<storage, read> softmax: array<f32>;          // [R, S, A, N, 2]  (log-sum-exp, δ)
@group(0) @binding(6) var<storage, read> d_output: array<f32>;         // [R, S, N, A, E]
@group(0) @binding(7) var<storage, read> d_scores: array<f32>;         // [R, pairs, keys N, queries N]
@group(0) @binding(8) var<storage, read_write> d_qkv: array<f32>;      // [R, S, N, 3, A, E]

override SCORES: u32 = 0u;  // 1 where layers hand scores on
override STRIDE: u32 = TILE | 1u;  // from a key's scores to the next one's: odd, for neighbours to read different banks
override TILE_ROWS: u32 = PAIRS * TILE;
override TILE_SCORES: u32 = select(1u, LANES / PARTS * STRIDE, SCORES == 1u);

// (log-sum-exp, δ) of the queries
var<workgroup> sh_row: array<vec2<f32>, TILE_ROWS>;
// (before, d_scores), a key's side by side
var<workgroup> sh_scores: array<vec2<f32>, TILE_SCORES>;

// A tile of queries, in sh_a, and of their outputs' gradients, in sh_b.
fn stage_queries(replica: u32, index: u32, lane: u32, first: u32, length: u32) {
    let model = p.heads.heads * WIDTH;
    for (var i = lane; i < TILE_FOURS; i = i + LANES) {
        let pair = (index / p.heads.blocks) * PAIRS + i / (TILE * PARTS * FOURS);
        let j = (i / (PARTS * FOURS)) % TILE;
        let f = i % (PARTS * FOURS);
        if (pair < p.heads.all && j < length) {
            let word = replica * p.qkv_row + token_word(p.heads, pair, first + j, 3u * model, p.qkv_first);
            sh_a[i] = four(QKV, word, f);
            sh_b[i] = four(D_OUTPUT, replica * p.d_output_row + token_word(p.heads, pair, first + j, model, 0u), f);
            if (f == 0u) {
                let row = replica * p.softmax_row + row_word(p.heads, pair, first + j) * 2u;
                sh_row[i / (PARTS * FOURS)] = vec2<f32>(softmax[row], softmax[row + 1u]);
            }
        }
    }
}

// What the tile's queries and the workgroup's keys have of scores, read along the queries, as they lie side by side.
fn stage_scores(replica: u32, index: u32, lane: u32, first: u32, length: u32) {
    let pair = (index / p.heads.blocks) * PAIRS;
    let begin = pair * p.heads.tokens + (index % p.heads.blocks) * p.heads.block;
    let end = min(begin + PAIRS * p.heads.block, min(pair + PAIRS, p.heads.all) * p.heads.tokens);
    for (var i = lane; i < (end - begin) * TILE; i = i + LANES) {
        let row = i / TILE;
        let j = i % TILE;
        if (j < length) {
            let word = (begin + row) * p.heads.tokens + first + j;
            var found = vec2<f32>(0.0);
            if (p.heads.has_before == 1u) {
                found.x = before[replica * p.before_row + word];
            }
            if (p.heads.has_scores == 1u) {
                found.y = d_scores[replica * p.d_scores_row + word];
            }
            sh_scores[row * STRIDE + j] = found;
        }
    }
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
    let model = p.heads.heads * WIDTH;
    let tokens = p.heads.tokens;
    let now = steps[replica * p.heads.steps_row + slot.index];

    var k: Part;
    var v: Part;
    var d_k: Part;
    var d_v: Part;
    if (here.works) {
        let word = replica * p.qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        k = load_part(QKV, word + model, here);
        v = load_part(QKV, word + 2u * model, here);
    }
    for (var first = 0u; first < tokens; first = first + TILE) {
        let length = min(TILE, tokens - first);
        workgroupBarrier();
        stage_queries(replica, index, lane, first, length);
        if (SCORES == 1u) {
            stage_scores(replica, index, lane, first, length);
        }
        workgroupBarrier();
        if (PARTS > 1u) {
            if (here.works) {
                for (var j = 0u; j < length; j = j + 1u) {
                    sh_parts[j * LANES + lane] = products(k, v, here, j);
                }
            }
            workgroupBarrier();
        }
        if (here.works) {
            for (var j = here.part; j < length; j = j + PARTS) {
                var found: vec2<f32>;
                if (PARTS == 1u) {
                    found = products(k, v, here, j);
                } else {
                    found = of_all_parts(here, j);
                }
                var score = found.x * p.heads.scale;
                if (SCORES == 1u && p.heads.has_before == 1u) {
                    score = score + sh_scores[here.row * STRIDE + j].x;
                }
                let of_query = sh_row[here.slot * TILE + j];
                let share = exp(score - of_query.x);
                let element = row_word(p.heads, here.pair, first + j) * tokens + here.token;
                let factor = drop_factor(now.seed, p.heads.site, now.step, element, now.attention_threshold);
                var d_score = share * (found.y * factor - of_query.y);
                if (SCORES == 1u && p.heads.has_scores == 1u) {
                    d_score = sh_scores[here.row * STRIDE + j].y;
                }
                let kept = share * factor;
                if (PARTS == 1u) {
                    d_k = combined(d_k, 1.0, part_of_a(here, j), d_score);
                    d_v = combined(d_v, 1.0, part_of_b(here, j), kept);
                } else {
                    sh_parts[j * LANES + here.peer] = vec2<f32>(d_score, kept);
                }
            }
        }
        if (PARTS > 1u) {
            workgroupBarrier();
            if (here.works) {
                for (var j = 0u; j < length; j = j + 1u) {
                    let of_token = sh_parts[j * LANES + here.peer];
                    d_k = combined(d_k, 1.0, part_of_a(here, j), of_token.x);
                    d_v = combined(d_v, 1.0, part_of_b(here, j), of_token.y);
                }
            }
        }
    }
    if (here.works) {
        let word = replica * p.d_qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        store_part(word + model, here, scaled(d_k, p.heads.scale));
        store_part(word + 2u * model, here, d_v);
    }
}
