//! attention_forward — softmax(q·kᵀ/√E + before)·v of every head, without keeping the probabilities.
//! Twin: src/reference/attention.rs. An invocation owns a query: it walks over the keys with an online softmax (Milakov &
//! Gimelshein 2018), tiles of keys and values in workgroup memory.
//! R replicas, S sequences, N tokens, A heads, E words of a head.
//! Uses: grid, slot, replica_step, rng, drops, attention, attention_keys

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
@group(0) @binding(4) var<storage, read> before: array<f32>;           // [R, pairs, keys N, queries N]
@group(0) @binding(5) var<storage, read_write> scores: array<f32>;     // [R, pairs, keys N, queries N]
@group(0) @binding(6) var<storage, read_write> softmax: array<f32>;    // [R, S, A, N, 2]  (log-sum-exp, …)
@group(0) @binding(7) var<storage, read_write> output: array<f32>;     // [R, S, N, A, E]

const QKV: u32 = 0u;

fn word_of(side: u32, at: u32) -> f32 {
    return qkv[at];
}

fn store(at: u32, value: f32) {
    output[at] = value;
}

fn divided(x: Part, by: f32) -> Part {
    return Part(x.f0 / by, x.f1 / by, x.f2 / by, x.f3 / by);
}

// The keys walked over so far: their largest score, their shares' sum, and that of their values.
struct Seen {
    most: f32,
    total: f32,
    sum: Part,
}

// Walks over the tile's token j.
fn see(seen: Seen, score: f32, factor: f32, here: Place, j: u32) -> Seen {
    let top = max(seen.most, score);
    let shrink = exp(seen.most - top);
    let share = exp(score - top);
    let sum = combined(seen.sum, shrink, part_of_b(here, j), share * factor);
    return Seen(top, seen.total * shrink + share, sum);
}

@compute @workgroup_size(128)
fn attention_forward(
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
    var seen: Seen;
    seen.most = -3.0e38;
    if (here.works) {
        let word = replica * p.qkv_row + token_word(p.heads, here.pair, here.token, 3u * model, p.qkv_first);
        q = load_part(QKV, word, here);
    }
    for (var first = 0u; first < tokens; first = first + TILE) {
        let length = min(TILE, tokens - first);
        workgroupBarrier();
        stage_keys(replica, index, lane, first, length);
        workgroupBarrier();
        if (PARTS > 1u) {
            if (here.works) {
                for (var j = 0u; j < length; j = j + 1u) {
                    sh_parts[j * LANES + lane] = vec2<f32>(product(q, part_of_a(here, j)), 0.0);
                }
            }
            workgroupBarrier();
        }
        if (here.works) {
            for (var j = here.part; j < length; j = j + PARTS) {
                var score: f32;
                if (PARTS == 1u) {
                    score = product(q, part_of_a(here, j)) * p.heads.scale;
                } else {
                    score = of_all_parts(here, j).x * p.heads.scale;
                }
                let word = (here.pair * tokens + first + j) * tokens + here.token;
                if (p.heads.has_before == 1u) {
                    score = score + before[replica * p.before_row + word];
                }
                if (p.heads.has_scores == 1u) {
                    scores[replica * p.scores_row + word] = score;
                }
                let factor = drop_factor(now.seed, p.heads.site, now.step, draws + first + j, now.attention_threshold);
                if (PARTS == 1u) {
                    seen = see(seen, score, factor, here, j);
                } else {
                    sh_parts[j * LANES + here.peer] = vec2<f32>(score, factor);
                }
            }
        }
        if (PARTS > 1u) {
            workgroupBarrier();
            if (here.works) {
                for (var j = 0u; j < length; j = j + 1u) {
                    let of_token = sh_parts[j * LANES + here.peer];
                    seen = see(seen, of_token.x, of_token.y, here, j);
                }
            }
        }
    }
    if (here.works) {
        if (here.part == 0u) {
            let row = replica * p.softmax_row + row_word(p.heads, here.pair, here.token) * 2u;
            softmax[row] = seen.most + log(seen.total);
        }
        let word = replica * p.output_row + token_word(p.heads, here.pair, here.token, model, 0u);
        store_part(word, here, divided(seen.sum, seen.total));
    }
}
