//! mean_pool_forward — the mean of each sequence's tokens.
//! Twin: src/reference/patches.rs. One invocation per word of the mean.
//! R replicas, S sequences, N tokens, D width.
//! Uses: grid

struct Params {
    sequences: u32,   // S
    tokens: u32,      // N
    width: u32,       // D
    input_row: u32,   // words per replica row of each tensor
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;         // [R, S, N, D]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;  // [R, S, D]

@compute @workgroup_size(64)
fn mean_pool_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.sequences * p.width) {
        return;
    }
    let word = replica * p.input_row + (i / p.width) * p.tokens * p.width + i % p.width;
    var sum = 0.0;
    for (var n = 0u; n < p.tokens; n = n + 1u) {
        sum = sum + input[word + n * p.width];
    }
    output[replica * p.output_row + i] = sum / f32(p.tokens);
}
