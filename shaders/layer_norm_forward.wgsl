//! layer_norm_forward — each row less its mean, over its deviation, by weight and bias.
//! Twin: src/reference/layer_norm.rs. A workgroup holds 16 rows, 16 lanes each: strided sums, then a tree.
//! R replicas, N rows, D features.
//! Uses: grid, row_sums, norm_epsilon

struct Params {
    count: u32,       // N
    width: u32,       // D
    weight: u32,      // word offsets [D] in a replica's row of params
    bias: u32,
    params_row: u32,  // words per replica row of each tensor
    input_row: u32,
    output_row: u32,
    stats_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read> input: array<f32>;         // [R, N, D]
@group(0) @binding(3) var<storage, read_write> output: array<f32>;  // [R, N, D]
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;   // [R, N, 2]  (mean, 1 / deviation)

@compute @workgroup_size(256)
fn layer_norm_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let n = group_index(group, groups) * ROWS + lane / LANES_PER_ROW;
    let first = lane % LANES_PER_ROW;
    let word = replica * p.input_row + n * p.width;
    let works = n < p.count;
    var sum = 0.0;
    if (works) {
        for (var j = first; j < p.width; j = j + LANES_PER_ROW) {
            sum = sum + input[word + j];
        }
    }
    let mean = row_sum(lane, sum) / f32(p.width);
    var squares = 0.0;
    if (works) {
        for (var j = first; j < p.width; j = j + LANES_PER_ROW) {
            let d = input[word + j] - mean;
            squares = squares + d * d;
        }
    }
    let inverse = 1.0 / sqrt(row_sum(lane, squares) / f32(p.width) + NORM_EPSILON);
    if (works) {
        let to = replica * p.output_row + n * p.width;
        let weights = replica * p.params_row;
        for (var j = first; j < p.width; j = j + LANES_PER_ROW) {
            let normal = (input[word + j] - mean) * inverse;
            output[to + j] = normal * params[weights + p.weight + j] + params[weights + p.bias + j];
        }
        if (first == 0u) {
            stats[replica * p.stats_row + n * 2u] = mean;
            stats[replica * p.stats_row + n * 2u + 1u] = inverse;
        }
    }
}
