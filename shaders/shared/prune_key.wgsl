// The order in which weights fall: that of |w|, by its bits, which as integers compare like the magnitudes, denormals
// included; or at random, the same order at every step.

const RANDOM_PRUNE: u32 = 2077606223u;

fn prune_key(bits: u32, seed: u32, random: u32, element: u32) -> u32 {
    if (random != 0u) {
        return draw(seed, RANDOM_PRUNE, 0u, element);
    }
    return bits & 0x7FFFFFFFu;
}
