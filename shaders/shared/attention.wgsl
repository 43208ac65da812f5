// What the attention kernels share. A workgroup of 128 holds `pairs` (sequence, head) pairs where tokens are few, an
// invocation per token; else 128 tokens of one pair. The other side's tokens come by in tiles, through workgroup memory.
struct Attention {
    first: u32,         // the first (sequence, head) pair of the op, among all of the batch
    all: u32,           // pairs of the op
    tokens: u32,        // N
    heads: u32,         // A
    width: u32,         // E
    fours: u32,         // vec4 of a head
    pairs: u32,         // per workgroup
    pair_lanes: u32,    // invocations per pair
    blocks: u32,        // workgroups per pair
    tile: u32,          // tokens per pair in workgroup memory at a time
    site: u32,
    steps_row: u32,     // slots per replica row of the step table
    scale: f32,         // 1 / sqrt(E)
    has_before: u32,    // 1 where the scores of the layer before are added
    has_scores: u32,    // 1 where scores are written, or their gradient
    handed_on: u32,     // 1 where d_scores holds what the layer after has written
}

const LANES: u32 = 128u;
const MAX_FOURS: u32 = 32u;
const TILE_FOURS: u32 = 448u;

var<workgroup> sh_a: array<vec4<f32>, TILE_FOURS>;
var<workgroup> sh_b: array<vec4<f32>, TILE_FOURS>;

// An invocation's pair, its place among the workgroup's, and its token.
struct Place {
    pair: u32,
    slot: u32,
    token: u32,
    works: bool,
}

fn place_of(heads: Attention, group: u32, lane: u32) -> Place {
    let slot = lane / heads.pair_lanes;
    let pair = (group / heads.blocks) * heads.pairs + slot;
    let token = (group % heads.blocks) * LANES + lane % heads.pair_lanes;
    return Place(pair, slot, token, slot < heads.pairs && pair < heads.all && token < heads.tokens);
}

// The word of a token's head in [S, N, words], less the head's own offset, of sequences from `begin` on.
fn token_word(heads: Attention, pair: u32, token: u32, words: u32, begin: u32) -> u32 {
    let all = heads.first + pair;
    return ((all / heads.heads - begin) * heads.tokens + token) * words + (all % heads.heads) * heads.width;
}

// The word of a token in [S, A, N].
fn row_word(heads: Attention, pair: u32, token: u32) -> u32 {
    return (heads.first + pair) * heads.tokens + token;
}

// Four words of a head in the kernel's qkv, 0 past its end.
fn four(word: u32, f: u32) -> vec4<f32> {
    var value = vec4<f32>(0.0);
    for (var c = 0u; c < min(4u, p.heads.width - f * 4u); c = c + 1u) {
        value[c] = qkv[word + f * 4u + c];
    }
    return value;
}
