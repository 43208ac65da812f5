//! patch_gather — the patches of every sequence, copied out of the windows; the last row repeated past the end.
//! Twin: src/reference/patches.rs. One invocation per word.
//! R replicas, B batch, T steps, C channels, G sequences of a window, N patches, J rows of a patch, W channels of a sequence.
//! Uses: grid

struct Params {
    words: u32,       // B·G·N·J·W
    steps: u32,       // T
    channels: u32,    // C
    sequences: u32,   // G
    width: u32,       // W
    first: u32,       // row of the window that the first patch starts at
    stride: u32,
    rows: u32,        // J
    count: u32,       // N
    input_row: u32,   // words per replica row of each tensor
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;         // [R, B, T, C]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;  // [R, B, G, N, J, W]

@compute @workgroup_size(64)
fn patch_gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let w = i % p.width;
    let row = i / p.width;
    let j = row % p.rows;
    let n = (row / p.rows) % p.count;
    let s = row / (p.rows * p.count);
    let t = min(p.first + n * p.stride + j, p.steps - 1u);
    let from_word = ((s / p.sequences) * p.steps + t) * p.channels + (s % p.sequences) * p.width + w;
    output[replica * p.output_row + i] = input[replica * p.input_row + from_word];
}
