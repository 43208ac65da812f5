// How a head's output becomes the forecast: the Rust struct Forecast. For kernels that bind `params`, `head` and `stats`.
struct Forecast {
    elements: u32,     // B·Z·K
    horizon: u32,      // Z
    targets: u32,      // K
    by_channel: u32,   // 1 where the head's side is [B, K, Z]
    scaled: u32,       // 1 where windows were normalised
    affine: u32,       // 1 where a weight and a bias of each target are undone
    weight: u32,       // their word offsets [K] in a replica's row of params
    bias: u32,
    params_row: u32,   // words per replica row of each tensor
    head_row: u32,
    stats_row: u32,
    unused: u32,       // a struct within a uniform is a multiple of 16 bytes
}

// Where word i of the forecast [B, Z, K] comes from.
struct Place {
    head: u32,     // word of the head's output
    series: u32,   // which window and target
    k: u32,
}

fn place(i: u32) -> Place {
    let k = i % p.forecast.targets;
    let b = i / (p.forecast.horizon * p.forecast.targets);
    let z = (i / p.forecast.targets) % p.forecast.horizon;
    let series = b * p.forecast.targets + k;
    return Place(select(i, series * p.forecast.horizon + z, p.forecast.by_channel == 1u), series, k);
}

fn forecast(replica: u32, at: Place) -> f32 {
    var value = head[replica * p.forecast.head_row + at.head];
    if (p.forecast.affine == 1u) {
        let word = replica * p.forecast.params_row + at.k;
        value = (value - params[word + p.forecast.bias]) / (params[word + p.forecast.weight] + REVIN_EPSILON);
    }
    if (p.forecast.scaled == 1u) {
        let stat = replica * p.forecast.stats_row + at.series * 2u;
        value = value * stats[stat + 1u] + stats[stat];
    }
    return value;
}
