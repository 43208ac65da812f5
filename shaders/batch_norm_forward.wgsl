//! batch_norm_forward — each feature less its mean, over its deviation, by weight and bias.
//! Twin: src/reference/batch_norm.rs. One invocation per word.
//! R replicas, N rows, D features.
//! Uses: grid, norm_epsilon

struct Params {
    words: u32,       // N·D
    width: u32,       // D
    mean: u32,        // word offset of mean [D] and variance [D] in a replica's row of stats
    weight: u32,      // word offsets [D] in a replica's row of params
    bias: u32,
    params_row: u32,  // words per replica row of each tensor
    stats_row: u32,
    input_row: u32,
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read> stats: array<f32>;         // [R, …]  means, variances
@group(0) @binding(3) var<storage, read> input: array<f32>;         // [R, N, D]
@group(0) @binding(4) var<storage, read_write> output: array<f32>;  // [R, N, D]

@compute @workgroup_size(64)
fn batch_norm_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let d = i % p.width;
    let stat = replica * p.stats_row + p.mean + d;
    let weights = replica * p.params_row + d;
    let normal = (input[replica * p.input_row + i] - stats[stat]) / sqrt(stats[stat + p.width] + NORM_EPSILON);
    output[replica * p.output_row + i] = normal * params[weights + p.weight] + params[weights + p.bias];
}
