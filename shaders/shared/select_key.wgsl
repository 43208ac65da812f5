// Words that are ranked by groups: a piece of a group, as the host's `scope::table` has it, and the place of each word in the order
// in which its group's words are picked.
struct Tile {
    group: u32,
    start: u32,
    end: u32,
    first: u32,   // the group's first piece
}

const TILE: u32 = 8192u;
const TILE_WORDS: u32 = 4u;

// Past the last, one without words.
fn tile_of(t: u32) -> Tile {
    let at = min(t, p.tiles - 1u) * TILE_WORDS;
    return Tile(table[at], table[at + 1u], select(table[at + 1u], table[at + 2u], t < p.tiles), table[at + 3u]);
}

// The first word of the mask that a piece has part in.
fn mask_start(tile: Tile) -> u32 {
    return tile.start / TILE * (TILE / 32u);
}

// The words of a piece under word m of the mask that may be picked, a bit each: those of the mask, or those that are not in it. Without
// bits of its own, `within` is the mask.
fn open_words(replica: u32, tile: Tile, m: u32) -> u32 {
    let first = m * 32u;
    var bits = 0u;
    if (first < tile.end && first + 32u > tile.start) {
        bits = (mask[replica * p.mask_row + m] ^ p.flipped) & (within[replica * p.within_row + m] ^ p.flipped);
        bits = bits & (0xFFFFFFFFu << (max(tile.start, first) - first));
        bits = bits & (0xFFFFFFFFu >> (first + 32u - min(tile.end, first + 32u)));
    }
    return bits;
}

// The codes of the host's `PruneKey`; the third, 0, is of the smallest magnitude first.
const SCORE: u32 = 1u;
const LARGEST: u32 = 2u;

fn select_key(order: ReplicaStep, replica: u32, word: u32) -> u32 {
    let bits = scores[replica * p.scores_row + word];
    let magnitude = bits & 0x7FFFFFFFu;
    if (p.key == LARGEST) {
        return ~magnitude;
    }
    if (order.prune_random != 0u) {
        return random_key(order.seed, word);
    }
    if (p.key == SCORE) {
        return score_key(bits);
    }
    return magnitude;
}
