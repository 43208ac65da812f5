// The living weights of a mask word by a cut.
fn by_cut(replica: u32, m: u32, living: u32, order: ReplicaStep, cut: u32) -> ByCut {
    var by = ByCut(0u, 0u);
    if (order.prune_random == 0u) {
        let word = replica * (p.params_row / 4u) + m * 8u;
        let low = half_by_cut(params[word], params[word + 1u], params[word + 2u], params[word + 3u], cut);
        let high = half_by_cut(params[word + 4u], params[word + 5u], params[word + 6u], params[word + 7u], cut);
        by = ByCut(low.below | (high.below << 16u), low.tied | (high.tied << 16u));
    } else {
        for (var bit = 0u; bit < 32u; bit = bit + 1u) {
            let key = random_key(order.seed, m * 32u + bit);
            by.below = by.below | (select(0u, 1u, key < cut) << bit);
            by.tied = by.tied | (select(0u, 1u, key == cut) << bit);
        }
    }
    return ByCut(by.below & living, by.tied & living);
}

fn half_by_cut(a: vec4<u32>, b: vec4<u32>, c: vec4<u32>, d: vec4<u32>, cut: u32) -> ByCut {
    let at = vec4<u32>(cut);
    let ka = magnitude_keys(a);
    let kb = magnitude_keys(b);
    let kc = magnitude_keys(c);
    let kd = magnitude_keys(d);
    return ByCut(
        four_bits(ka < at) | (four_bits(kb < at) << 4u) | (four_bits(kc < at) << 8u) | (four_bits(kd < at) << 12u),
        four_bits(ka == at) | (four_bits(kb == at) << 4u) | (four_bits(kc == at) << 8u) | (four_bits(kd == at) << 12u),
    );
}

fn four_bits(flags: vec4<bool>) -> u32 {
    let bits = select(vec4<u32>(0u), vec4<u32>(1u, 2u, 4u, 8u), flags);
    return bits.x | bits.y | bits.z | bits.w;
}
