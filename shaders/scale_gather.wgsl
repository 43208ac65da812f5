//! scale_gather — the scalers of the slot's windows, out of those of the series, beside what the windows were normalised by.
//! Twin: src/reference/distribution.rs. One invocation per window and target finds the series whose rows hold the window's first.
//! R replicas, S slots, B batch, K targets, N series. Empty places are zeros.
//! Uses: grid, slot, no_window

struct Params {
    words: u32,          // B·K
    batch: u32,          // B
    targets: u32,        // K
    series: u32,         // N
    normalized: u32,     // 1 where windows were normalised
    windows_row: u32,    // words per replica row of each tensor
    stats_row: u32,
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> starts: array<u32>;         // [N]
@group(0) @binding(3) var<storage, read> scales: array<f32>;         // [N, K, 2]
@group(0) @binding(4) var<storage, read> windows: array<u32>;        // [R, S, B]
@group(0) @binding(5) var<storage, read> stats: array<f32>;          // [R, B, K, 2]  (shift, scale), or what else is bound
@group(0) @binding(6) var<storage, read_write> output: array<f32>;   // [R, B, K, 4]

@compute @workgroup_size(64)
fn scale_gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let window = windows[replica * p.windows_row + slot.index * p.batch + i / p.targets];
    var own = vec2<f32>(0.0, 0.0);
    if (window != NO_WINDOW) {
        // The first row of series `low` is at most the window's; that of `high` is beyond.
        var low = 0u;
        var high = p.series;
        while (high - low > 1u) {
            let middle = (low + high) / 2u;
            if (starts[middle] <= window) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let word = 2u * (low * p.targets + i % p.targets);
        own = vec2<f32>(scales[word], scales[word + 1u]);
    }
    var norm = vec2<f32>(0.0, 1.0);
    if (p.normalized == 1u) {
        let word = replica * p.stats_row + 2u * i;
        norm = vec2<f32>(stats[word], stats[word + 1u]);
    }
    let word = replica * p.output_row + 4u * i;
    output[word] = norm.x;
    output[word + 1u] = norm.y;
    output[word + 2u] = own.x;
    output[word + 3u] = own.y;
}
