//! patch_gather_backward — the gradient of each word of a window: the sum of those of its copies, by patch and then by row.
//! Twin: src/reference/patches.rs. One invocation per word.
//! R replicas, B batch, T steps, G sequences of a window, N patches, J rows of a patch, W channels of a sequence.
//! Uses: grid

struct Params {
    words: u32,         // B·T·G·W
    steps: u32,         // T
    sequences: u32,     // G
    width: u32,         // W
    first: u32,         // row of the window that the first patch starts at
    stride: u32,
    rows: u32,          // J
    count: u32,         // N
    d_output_row: u32,  // words per replica row of each tensor
    d_input_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> d_output: array<f32>;       // [R, B, G, N, J, W]
@group(0) @binding(2) var<storage, read_write> d_input: array<f32>;  // [R, B, T, G, W]

@compute @workgroup_size(64)
fn patch_gather_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let channels = p.sequences * p.width;
    let t = (i / channels) % p.steps;
    let s = i / (channels * p.steps) * p.sequences + i % channels / p.width;
    let own = replica * p.d_output_row + s * p.count * p.rows * p.width + i % p.width;
    var sum = 0.0;
    for (var n = 0u; n < p.count; n = n + 1u) {
        let start = p.first + n * p.stride;
        // Every row past the end is a copy of the last.
        var end = p.rows;
        if (t + 1u < p.steps) {
            end = min(end, max(t + 1u, start) - start);
        }
        for (var j = max(t, start) - start; j < end; j = j + 1u) {
            sum = sum + d_output[own + (n * p.rows + j) * p.width];
        }
    }
    d_input[replica * p.d_input_row + i] = sum;
}
