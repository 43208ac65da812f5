// Counts the keys of every `groups`-th part of a replica's first `words`, from part `group` on. The digit's lowest bit is
// `shift`; of `prefix`, the bits above the digit count.
fn count_keys(replica: u32, group: u32, groups: u32, lane: u32, words: u32, order: ReplicaStep, prefix: u32, shift: u32) {
    if (order.prune_random == 0u) {
        for (var i = group * 4u * DIGITS + lane; i < words / 4u; i = i + groups * 4u * DIGITS) {
            count_fours(replica, i, words / 4u, lane, prefix, shift);
        }
        return;
    }
    for (var i = group * DIGITS + lane; i < words; i = i + groups * DIGITS) {
        let living = mask[replica * p.mask_row + i / 32u] >> (i % 32u);
        count_key(random_key(order.seed, i), living, lane, prefix, shift);
    }
}

// Four fours of weights, so far apart that neighbours read neighbours; all under way before the first is counted. Two are counted
// in a turn: cards' compilers unroll the turns, and SwiftShader's takes minutes over a loop with sixteen conditions in a row.
fn count_fours(replica: u32, first: u32, end: u32, lane: u32, prefix: u32, shift: u32) {
    let fours = first + vec4<u32>(0u, 1u, 2u, 3u) * DIGITS;
    let at = min(fours, vec4<u32>(end - 1u));
    let word = replica * (p.params_row / 4u);
    var a = params[word + at.x];
    var b = params[word + at.y];
    let c = params[word + at.z];
    let d = params[word + at.w];
    var living = vec2<u32>(living_bits(replica, fours.x, end), living_bits(replica, fours.y, end));
    let later = vec2<u32>(living_bits(replica, fours.z, end), living_bits(replica, fours.w, end));
    for (var turn = 0u; turn < 2u; turn = turn + 1u) {
        count_four(a, living.x, lane, prefix, shift);
        count_four(b, living.y, lane, prefix, shift);
        a = c;
        b = d;
        living = later;
    }
}

// The mask's bits from a four of weights on; none past the end.
fn living_bits(replica: u32, four: u32, end: u32) -> u32 {
    let bits = mask[replica * p.mask_row + min(four, end - 1u) / 8u] >> (4u * (four % 8u));
    return select(0u, bits, four < end);
}

fn count_four(bits: vec4<u32>, living: u32, lane: u32, prefix: u32, shift: u32) {
    let keys = magnitude_keys(bits);
    count_key(keys.x, living, lane, prefix, shift);
    count_key(keys.y, living >> 1u, lane, prefix, shift);
    count_key(keys.z, living >> 2u, lane, prefix, shift);
    count_key(keys.w, living >> 3u, lane, prefix, shift);
}
