//! decompose — each target's look-back as a moving average, its ends repeated, and what that leaves.
//! Twin: src/reference/decompose.rs. One invocation per word of either walks the M rows of its average.
//! R replicas, B batch, T steps, C channels of which the first K are targets, M rows of an average.
//! Uses: grid

struct Params {
    words: u32,          // B·K·T
    steps: u32,          // T
    channels: u32,       // C
    targets: u32,        // K
    average: u32,        // M, odd
    input_row: u32,      // words per replica row of each tensor
    trend_row: u32,
    remainder_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;            // [R, B, T, C]
@group(0) @binding(2) var<storage, read_write> trend: array<f32>;      // [R, B, K, T]
@group(0) @binding(3) var<storage, read_write> remainder: array<f32>;  // [R, B, K, T]

@compute @workgroup_size(64)
fn decompose(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let t = i % p.steps;
    let s = i / p.steps;
    let from_word = replica * p.input_row + (s / p.targets) * p.steps * p.channels + s % p.targets;
    let half = (p.average - 1u) / 2u;
    var sum = 0.0;
    for (var m = 0u; m < p.average; m = m + 1u) {
        let row = min(max(t + m, half) - half, p.steps - 1u);
        sum = sum + input[from_word + row * p.channels];
    }
    let mean = sum / f32(p.average);
    trend[replica * p.trend_row + i] = mean;
    remainder[replica * p.remainder_row + i] = input[from_word + t * p.channels] - mean;
}
