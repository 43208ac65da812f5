//! window_gather — the slot's windows, copied out of the series: input, target and weight.
//! Twin: src/reference/window.rs. One invocation per word of the input, then per word of the target (`truth`: WGSL reserves the word).
//! R replicas, S slots, B batch, T steps, C channels, W words of a window's row, Z horizon, K targets. Empty places and what
//! follows the channels are zeros.
//! Uses: grid, slot

struct Params {
    rows: u32,          // of the series
    batch: u32,         // B
    steps: u32,         // T
    channels: u32,      // C
    width: u32,         // W
    targets: u32,       // K
    horizon: u32,       // Z
    windows_row: u32,   // words per replica row of each tensor
    input_row: u32,
    target_row: u32,
    weight_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> series: array<f32>;         // [rows, C]
@group(0) @binding(3) var<storage, read> observed: array<f32>;       // [rows, K]
@group(0) @binding(4) var<storage, read> windows: array<u32>;        // [R, S, B]
@group(0) @binding(5) var<storage, read_write> input: array<f32>;    // [R, B, T, W]
@group(0) @binding(6) var<storage, read_write> truth: array<f32>;    // [R, B, Z, K]
@group(0) @binding(7) var<storage, read_write> weight: array<f32>;   // [R, B, Z, K]

// The series' row, `ahead` rows after window b's first; past the end for an empty place.
fn series_row(replica: u32, b: u32, ahead: u32) -> u32 {
    let first = windows[replica * p.windows_row + slot.index * p.batch + b];
    if (first >= p.rows || ahead >= p.rows - first) {
        return p.rows;
    }
    return first + ahead;
}

@compute @workgroup_size(64)
fn window_gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    let inputs = p.batch * p.steps * p.width;
    if (i < inputs) {
        let n = i / p.width;
        let c = i % p.width;
        let row = series_row(replica, n / p.steps, n % p.steps);
        var value = 0.0;
        if (row < p.rows && c < p.channels) {
            value = series[row * p.channels + c];
        }
        input[replica * p.input_row + i] = value;
    } else if (i - inputs < p.batch * p.horizon * p.targets) {
        let j = i - inputs;
        let n = j / p.targets;
        let k = j % p.targets;
        let row = series_row(replica, n / p.horizon, p.steps + n % p.horizon);
        var value = 0.0;
        var seen = 0.0;
        if (row < p.rows) {
            value = series[row * p.channels + k];
            seen = observed[row * p.targets + k];
        }
        truth[replica * p.target_row + j] = value;
        weight[replica * p.weight_row + j] = seen;
    }
}
