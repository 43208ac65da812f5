// What the attention kernels share. An invocation owns a token of a (sequence, head) pair, or where heads are wide a part of
// one. A workgroup of 128 holds PAIRS pairs where tokens are few, else `block` tokens of one pair. The other side's tokens
// come by in tiles of TILE, through workgroup memory.
struct Attention {
    first: u32,         // the first (sequence, head) pair of the op, among all of the batch
    all: u32,           // pairs of the op
    tokens: u32,        // N
    heads: u32,         // A
    block: u32,         // tokens of a pair that a workgroup holds
    blocks: u32,        // workgroups per pair
    site: u32,
    steps_row: u32,     // slots per replica row of the step table
    scale: f32,         // 1 / sqrt(E)
    has_before: u32,    // 1 where the scores of the layer before are added
    has_scores: u32,    // 1 where scores are written, or their gradient
    handed_on: u32,     // 1 where d_scores holds what the layer after has written
}

const LANES: u32 = 128u;

override WIDTH: u32 = 4u;  // E
override PARTS: u32 = 1u;  // invocations that share a token
override FOURS: u32 = 1u;  // vec4 of each of them
override PAIRS: u32 = 1u;
override TILE: u32 = 1u;
override TILE_FOURS: u32 = PAIRS * TILE * PARTS * FOURS;
override TILE_PARTS: u32 = select(1u, TILE * LANES, PARTS > 1u);

// An invocation's part of a head, in registers: FOURS vec4, each by its name, for compilers keep in memory what a loop
// indexes.
struct Part {
    f0: vec4<f32>,
    f1: vec4<f32>,
    f2: vec4<f32>,
    f3: vec4<f32>,
}

var<workgroup> sh_a: array<vec4<f32>, TILE_FOURS>;
var<workgroup> sh_b: array<vec4<f32>, TILE_FOURS>;
// What the parts of a token tell one another, [TILE, LANES].
var<workgroup> sh_parts: array<vec2<f32>, TILE_PARTS>;

// What an invocation owns.
struct Place {
    pair: u32,
    token: u32,
    part: u32,
    slot: u32,    // the pair, among the workgroup's
    row: u32,     // the token, among those of the workgroup
    peer: u32,    // the invocation with the token's first part; the others follow, `block` apart
    works: bool,
}

fn place_of(heads: Attention, group: u32, lane: u32) -> Place {
    let lanes = heads.block * PARTS;
    let slot = lane / lanes;
    let pair = (group / heads.blocks) * PAIRS + slot;
    let part = select((lane % lanes) / heads.block, 0u, PARTS == 1u);
    let own = lane % heads.block;
    let token = (group % heads.blocks) * heads.block + own;
    let works = slot < PAIRS && pair < heads.all && token < heads.tokens;
    return Place(pair, token, part, slot, slot * heads.block + own, slot * lanes + own, works);
}

// The same part of the tile's token j, in sh_a.
fn part_of_a(here: Place, j: u32) -> Part {
    let at = tile_part(here, j);
    var part: Part;
    part.f0 = sh_a[at];
    if (FOURS > 1u) {
        part.f1 = sh_a[at + 1u];
    }
    if (FOURS > 2u) {
        part.f2 = sh_a[at + 2u];
    }
    if (FOURS > 3u) {
        part.f3 = sh_a[at + 3u];
    }
    return part;
}

// The same part of the tile's token j, in sh_b.
fn part_of_b(here: Place, j: u32) -> Part {
    let at = tile_part(here, j);
    var part: Part;
    part.f0 = sh_b[at];
    if (FOURS > 1u) {
        part.f1 = sh_b[at + 1u];
    }
    if (FOURS > 2u) {
        part.f2 = sh_b[at + 2u];
    }
    if (FOURS > 3u) {
        part.f3 = sh_b[at + 3u];
    }
    return part;
}

fn tile_part(here: Place, j: u32) -> u32 {
    return ((here.slot * TILE + j) * PARTS + here.part) * FOURS;
}

fn product(x: Part, y: Part) -> f32 {
    var sum = dot(x.f0, y.f0);
    if (FOURS > 1u) {
        sum = sum + dot(x.f1, y.f1);
    }
    if (FOURS > 2u) {
        sum = sum + dot(x.f2, y.f2);
    }
    if (FOURS > 3u) {
        sum = sum + dot(x.f3, y.f3);
    }
    return sum;
}

// x · kept + y · factor
fn combined(x: Part, kept: f32, y: Part, factor: f32) -> Part {
    return Part(
        x.f0 * kept + factor * y.f0,
        x.f1 * kept + factor * y.f1,
        x.f2 * kept + factor * y.f2,
        x.f3 * kept + factor * y.f3,
    );
}

// What all parts of the token have left for the tile's token j.
fn of_all_parts(here: Place, j: u32) -> vec2<f32> {
    var sum = vec2<f32>(0.0);
    for (var part = 0u; part < PARTS; part = part + 1u) {
        sum = sum + sh_parts[j * LANES + here.peer + part * p.heads.block];
    }
    return sum;
}

// The word of a token's head in [S, N, words], less the head's own offset, of sequences from `begin` on.
fn token_word(heads: Attention, pair: u32, token: u32, words: u32, begin: u32) -> u32 {
    let all = heads.first + pair;
    return ((all / heads.heads - begin) * heads.tokens + token) * words + (all % heads.heads) * WIDTH;
}

// The word of a token in [S, A, N].
fn row_word(heads: Attention, pair: u32, token: u32) -> u32 {
    return (heads.first + pair) * heads.tokens + token;
}

// The invocation's part of the head that begins at a word of one side, by the kernel's `word_of`.
fn load_part(side: u32, word: u32, here: Place) -> Part {
    let f = here.part * FOURS;
    var part: Part;
    part.f0 = four(side, word, f);
    if (FOURS > 1u) {
        part.f1 = four(side, word, f + 1u);
    }
    if (FOURS > 2u) {
        part.f2 = four(side, word, f + 2u);
    }
    if (FOURS > 3u) {
        part.f3 = four(side, word, f + 3u);
    }
    return part;
}

// Stores it, by the kernel's `store`.
fn store_part(word: u32, here: Place, value: Part) {
    let f = here.part * FOURS;
    store_four(word, f, value.f0);
    if (FOURS > 1u) {
        store_four(word, f + 1u, value.f1);
    }
    if (FOURS > 2u) {
        store_four(word, f + 2u, value.f2);
    }
    if (FOURS > 3u) {
        store_four(word, f + 3u, value.f3);
    }
}

// Words of a head from its f-th vec4 on.
fn words_from(f: u32) -> u32 {
    return WIDTH - min(f * 4u, WIDTH);
}

// The f-th vec4 of a head, 0 past its end.
fn four(side: u32, word: u32, f: u32) -> vec4<f32> {
    let at = word + f * 4u;
    let words = words_from(f);
    var value = vec4<f32>(0.0);
    if (WIDTH == PARTS * FOURS * 4u || words >= 4u) {
        value = vec4<f32>(word_of(side, at), word_of(side, at + 1u), word_of(side, at + 2u), word_of(side, at + 3u));
    } else {
        if (words > 0u) {
            value.x = word_of(side, at);
        }
        if (words > 1u) {
            value.y = word_of(side, at + 1u);
        }
        if (words > 2u) {
            value.z = word_of(side, at + 2u);
        }
    }
    return value;
}

fn store_four(word: u32, f: u32, value: vec4<f32>) {
    let at = word + f * 4u;
    let words = words_from(f);
    if (words > 0u) {
        store(at, value.x);
    }
    if (words > 1u) {
        store(at + 1u, value.y);
    }
    if (words > 2u) {
        store(at + 2u, value.z);
    }
    if (words > 3u) {
        store(at + 3u, value.w);
    }
}
