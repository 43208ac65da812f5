//! future_gather — what is known of the rows to forecast, copied out of the series.
//! Twin: src/reference/decoder.rs. One invocation per word.
//! R replicas, S slots, B batch, T steps, Z horizon, C channels of which the last F are known ahead, W words of a row of the output.
//! Empty places and what follows the F channels are zeros.
//! Uses: grid, slot

struct Params {
    rows: u32,          // of the series
    batch: u32,         // B
    steps: u32,         // T
    channels: u32,      // C
    horizon: u32,       // Z
    future: u32,        // F
    width: u32,         // W
    windows_row: u32,   // words per replica row of each tensor
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> series: array<f32>;         // [rows, C]
@group(0) @binding(3) var<storage, read> windows: array<u32>;        // [R, S, B]
@group(0) @binding(4) var<storage, read_write> output: array<f32>;   // [R, B, Z, W]

@compute @workgroup_size(64)
fn future_gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.batch * p.horizon * p.width) {
        return;
    }
    let n = i / p.width;
    let f = i % p.width;
    let first = windows[replica * p.windows_row + slot.index * p.batch + n / p.horizon];
    let ahead = p.steps + n % p.horizon;
    var value = 0.0;
    if (f < p.future && first < p.rows && ahead < p.rows - first) {
        value = series[(first + ahead) * p.channels + p.channels - p.future + f];
    }
    output[replica * p.output_row + i] = value;
}
