//! The counter-based generator: Threefry-2x32 with 20 rounds (Salmon et al., SC'11), keyed by (seed, site), counted by
//! (step, element). The shader twin is `shaders/shared/rng.wgsl`.

const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];

/// Two words from a key and a counter, as Random123's `threefry2x32`.
#[must_use]
pub fn threefry(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let keys = [key[0], key[1], 0x1BD1_1BDA ^ key[0] ^ key[1]];
    let mut x = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
    for round in 0..20 {
        x[0] = x[0].wrapping_add(x[1]);
        x[1] = x[1].rotate_left(ROTATIONS[round % 8]) ^ x[0];
        if round % 4 == 3 {
            let injection = round / 4 + 1;
            x[0] = x[0].wrapping_add(keys[injection % 3]);
            x[1] = x[1].wrapping_add(keys[(injection + 1) % 3]).wrapping_add(injection as u32);
        }
    }
    x
}

/// The constant of a named use of randomness, such as `dropout:lstm.0`: FNV-1a of the name.
#[must_use]
pub const fn site(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811C_9DC5u32;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash
}

/// A word for element `element` at step `step`.
#[must_use]
pub fn draw(seed: u32, site: u32, step: u32, element: u32) -> u32 {
    threefry([seed, site], [step, element])[0]
}

/// How many draws [`draw_block`] is best asked for: enough to keep vectors busy.
pub const BLOCK: usize = 32;

/// Their places in a block, as a constant: computed in a loop, they would pass the stack in pieces.
const PLACES: [u32; BLOCK] = {
    let mut places = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        places[i] = i as u32;
        i += 1;
    }
    places
};

/// [`draw`] of `N` elements, at most [`BLOCK`], from `first` on, `stride` apart, side by side, so that it vectorises.
#[inline(always)]
#[must_use]
pub fn draw_block<const N: usize>(seed: u32, site: u32, step: u32, first: u32, stride: u32) -> [u32; N] {
    let keys = [seed, site, 0x1BD1_1BDA ^ seed ^ site];
    let mut a = [step.wrapping_add(keys[0]); N];
    let mut b = [first.wrapping_add(keys[1]); N];
    for (b, place) in b.iter_mut().zip(&PLACES[..N]) {
        *b = b.wrapping_add(place.wrapping_mul(stride));
    }
    for group in 0..5 {
        for i in 0..4 {
            let rotation = ROTATIONS[group % 2 * 4 + i];
            for (a, b) in a.iter_mut().zip(&mut b) {
                *a = a.wrapping_add(*b);
                *b = b.rotate_left(rotation) ^ *a;
            }
        }
        let injection = group + 1;
        let (to_a, to_b) = (keys[injection % 3], keys[(injection + 1) % 3].wrapping_add(injection as u32));
        for (a, b) in a.iter_mut().zip(&mut b) {
            *a = a.wrapping_add(to_a);
            *b = b.wrapping_add(to_b);
        }
    }
    a
}

/// The 24 high bits of a word as a number in [0, 1).
#[must_use]
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// A standard normal number for element `element`, by Box and Muller.
#[must_use]
pub fn normal(seed: u32, site: u32, step: u32, element: u32) -> f32 {
    let [a, b] = threefry([seed, site], [step, element]);
    let (u, v) = ((a as f64 + 0.5) / 4_294_967_296.0, b as f64 / 4_294_967_296.0);
    ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
}

/// Puts `items` into an order drawn from (seed, site, step), by Fisher and Yates.
pub fn shuffle<T>(items: &mut [T], seed: u32, site: u32, step: u32) {
    for i in (1..items.len()).rev() {
        // A 64-bit word times i + 1, high part: uniform to 2⁻³².
        let word = draw(seed, site, step, i as u32) as u64;
        items.swap(i, ((word * (i as u64 + 1)) >> 32) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of Random123's `kat_vectors`.
    #[test]
    fn threefry_known_answers() {
        assert_eq!(threefry([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(threefry([u32::MAX; 2], [u32::MAX; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
        assert_eq!(threefry([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]), [0xc492_3a9c, 0x483d_f7a0]);
    }

    #[test]
    fn a_block_holds_the_draws_of_its_elements() {
        for first in [0, 7, u32::MAX - 5] {
            for stride in [1, 42] {
                let expected: [u32; BLOCK] =
                    std::array::from_fn(|i| draw(3, 4, 5, first.wrapping_add(i as u32 * stride)));
                assert_eq!(draw_block(3, 4, 5, first, stride), expected);
            }
        }
    }

    #[test]
    fn shuffle_is_a_permutation_that_differs_by_seed_and_step() {
        let order = |seed, step| {
            let mut items: Vec<u32> = (0..100).collect();
            shuffle(&mut items, seed, site("shuffle"), step);
            items
        };
        let mut sorted = order(1, 1);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order(1, 1), order(1, 1));
        assert_ne!(order(1, 1), order(2, 1));
        assert_ne!(order(1, 1), order(1, 2));
    }
}
