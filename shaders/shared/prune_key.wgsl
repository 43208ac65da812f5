// The order in which weights fall: that of |w|, by its bits, which as integers compare like the magnitudes, denormals
// included; or at random, the same order at every step.

const RANDOM_PRUNE: u32 = 2077606223u;

fn magnitude_keys(bits: vec4<u32>) -> vec4<u32> {
    return bits & vec4<u32>(0x7FFFFFFFu);
}

fn random_key(seed: u32, element: u32) -> u32 {
    return draw(seed, RANDOM_PRUNE, 0u, element);
}
