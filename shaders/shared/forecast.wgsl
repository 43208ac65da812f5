// How a head's output becomes the forecast: the Rust struct Forecast. For kernels that bind `head` and `stats`.
struct Forecast {
    elements: u32,             // B·Z·K
    horizon: u32,              // Z
    targets: u32,              // K
    outputs: u32,              // D
    step_stride: u32,          // of the head: words from a row of the horizon to the next
    target_stride: u32,        // from a target to the next
    other_target_stride: u32,  // the same of all outputs but the first, which lie behind those
    other_output_stride: u32,  // from one of them to the next
    normalized: u32,           // 1 where windows were normalised
    affine: u32,               // 1 where a weight and a bias of each target are undone
    weight: u32,               // their word offsets [K] in a replica's row of params
    bias: u32,
    params_row: u32,           // words per replica row of each tensor
    head_row: u32,
    stats_row: u32,
    stats_width: u32,          // 2: shift and scale; 4: also the deviation and mean of the scaler
}

// Where word i of the forecast [B, Z, K] comes from.
struct Place {
    head: u32,     // word of the head's first output
    other: u32,    // word of its second
    series: u32,   // which window and target
    k: u32,
}

fn place(i: u32) -> Place {
    let k = i % p.forecast.targets;
    let b = i / (p.forecast.horizon * p.forecast.targets);
    let z = (i / p.forecast.targets) % p.forecast.horizon;
    let values = p.forecast.horizon * p.forecast.targets;
    let own = z * p.forecast.step_stride;
    let word = b * values + own + k * p.forecast.target_stride;
    let before = p.forecast.elements + b * (p.forecast.outputs - 1u) * values;
    return Place(word, before + own + k * p.forecast.other_target_stride, b * p.forecast.targets + k, k);
}

// What is known of a window and target: 0 shift, 1 scale, 2 deviation, 3 mean.
fn of_window(replica: u32, at: Place, which: u32) -> f32 {
    return stats[replica * p.forecast.stats_row + at.series * p.forecast.stats_width + which];
}

// What the window was divided by.
fn unit(replica: u32, at: Place) -> f32 {
    if (p.forecast.normalized == 1u) {
        return of_window(replica, at, 1u);
    }
    return 1.0;
}

// The first output of a value, which is the forecast's.
fn first_output(replica: u32, at: Place) -> f32 {
    return head[replica * p.forecast.head_row + at.head];
}

// The forecast before the link, of a head's output without an affine part.
fn located(replica: u32, at: Place, value: f32) -> f32 {
    if (p.forecast.normalized == 1u) {
        return value * of_window(replica, at, 1u) + of_window(replica, at, 0u);
    }
    return value;
}

// A location within bounds; a target without a deviation stays at its bound.
fn bounded(replica: u32, at: Place, location: f32) -> Bounded {
    if (LINK != NO_LINK) {
        if (of_window(replica, at, 2u) == 0.0) {
            return Bounded(0.0, 0.0);
        }
    }
    return link(location);
}
