// Threefry-2x32 with 20 rounds (Salmon et al., SC'11), keyed by (seed, site), counted by (step, element).
// Twin: src/program/rng.rs.

fn threefry_round(x: vec2<u32>, rotation: u32) -> vec2<u32> {
    let sum = x.x + x.y;
    return vec2<u32>(sum, ((x.y << rotation) | (x.y >> (32u - rotation))) ^ sum);
}

fn threefry_even(x: vec2<u32>) -> vec2<u32> {
    return threefry_round(threefry_round(threefry_round(threefry_round(x, 13u), 15u), 26u), 6u);
}

fn threefry_odd(x: vec2<u32>) -> vec2<u32> {
    return threefry_round(threefry_round(threefry_round(threefry_round(x, 17u), 29u), 16u), 24u);
}

fn draw(seed: u32, site: u32, step: u32, element: u32) -> u32 {
    let parity = 0x1BD11BDAu ^ seed ^ site;
    var x = vec2<u32>(step + seed, element + site);
    x = threefry_even(x) + vec2<u32>(site, parity + 1u);
    x = threefry_odd(x) + vec2<u32>(parity, seed + 2u);
    x = threefry_even(x) + vec2<u32>(seed, site + 3u);
    x = threefry_odd(x) + vec2<u32>(site, parity + 4u);
    x = threefry_even(x) + vec2<u32>(parity, seed + 5u);
    return x.x;
}
