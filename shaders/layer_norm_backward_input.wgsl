//! layer_norm_backward_input — the gradient through a row's statistics, more by what comes past the norm.
//! Twin: src/reference/layer_norm.rs. A workgroup holds 16 rows, 16 lanes each: strided sums, then a tree.
//! R replicas, N rows, D features.
//! Uses: grid, row_sums

struct Params {
    count: u32,         // N
    width: u32,         // D
    weight: u32,        // word offset [D] in a replica's row of params
    has_skip: u32,      // 1 where something comes past the norm
    params_row: u32,    // words per replica row of each tensor
    stats_row: u32,
    input_row: u32,
    d_output_row: u32,
    skip_row: u32,
    d_input_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> stats: array<f32>;           // [R, N, 2]  (mean, 1 / deviation)
@group(0) @binding(3) var<storage, read> input: array<f32>;           // [R, N, D]
@group(0) @binding(4) var<storage, read> d_output: array<f32>;        // [R, N, D]
@group(0) @binding(5) var<storage, read> skip: array<f32>;            // [R, N, D]
@group(0) @binding(6) var<storage, read_write> d_input: array<f32>;   // [R, N, D]

@compute @workgroup_size(256)
fn layer_norm_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let n = group_index(group, groups) * ROWS + lane / LANES_PER_ROW;
    let first = lane % LANES_PER_ROW;
    let works = n < p.count;
    let from_word = replica * p.input_row + n * p.width;
    let d_word = replica * p.d_output_row + n * p.width;
    let weights = replica * p.params_row + p.weight;
    var mean = 0.0;
    var inverse = 0.0;
    var sum = 0.0;
    var product = 0.0;
    if (works) {
        mean = stats[replica * p.stats_row + n * 2u];
        inverse = stats[replica * p.stats_row + n * 2u + 1u];
        for (var j = first; j < p.width; j = j + LANES_PER_ROW) {
            let g = d_output[d_word + j] * params[weights + j];
            sum = sum + g;
            product = product + g * ((input[from_word + j] - mean) * inverse);
        }
    }
    let mean_g = row_sum(lane, sum) / f32(p.width);
    let mean_gx = row_sum(lane, product) / f32(p.width);
    if (works) {
        for (var j = first; j < p.width; j = j + LANES_PER_ROW) {
            let g = d_output[d_word + j] * params[weights + j];
            let normal = (input[from_word + j] - mean) * inverse;
            var d = (g - mean_g - normal * mean_gx) * inverse;
            if (p.has_skip == 1u) {
                d = d + skip[replica * p.skip_row + n * p.width + j];
            }
            d_input[replica * p.d_input_row + n * p.width + j] = d;
        }
    }
}
