// A tile of keys, in sh_a, and of their values, in sh_b.
fn stage_keys(replica: u32, index: u32, lane: u32, first: u32, length: u32) {
    let model = p.heads.heads * WIDTH;
    for (var i = lane; i < TILE_FOURS; i = i + LANES) {
        let pair = (index / p.heads.blocks) * PAIRS + i / (TILE * PARTS * FOURS);
        let j = (i / (PARTS * FOURS)) % TILE;
        let f = i % (PARTS * FOURS);
        if (pair < p.heads.all && j < length) {
            let word = replica * p.qkv_row + token_word(p.heads, pair, first + j, 3u * model, p.qkv_first);
            sh_a[i] = four(QKV, word + model, f);
            sh_b[i] = four(QKV, word + 2u * model, f);
        }
    }
}
