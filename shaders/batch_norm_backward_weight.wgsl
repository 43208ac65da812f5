//! batch_norm_backward_weight — d_weight[d] = Σ_n d_output·x̂ and d_bias[d] = Σ_n d_output, over a split of the rows;
//! linear_weight_sum adds up the splits.
//! Twin: src/reference/batch_norm.rs. One workgroup per 16 features and split: 16 lanes of rows, then a tree.
//! R replicas, N rows, D features.
//! Uses: grid, columns, norm_epsilon

struct Params {
    count: u32,         // N
    width: u32,         // D
    split_rows: u32,
    blocks: u32,        // workgroups that share a split
    stats_row: u32,     // words per replica row of each tensor
    input_row: u32,
    d_output_row: u32,
    sums_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> stats: array<f32>;        // [R, 2·D + 1]  (means, variances, count)
@group(0) @binding(2) var<storage, read> input: array<f32>;        // [R, N, D]
@group(0) @binding(3) var<storage, read> d_output: array<f32>;     // [R, N, D]
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;   // [R, splits, 2, D]

@compute @workgroup_size(256)
fn batch_norm_backward_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let split = index / p.blocks;
    let column = (index % p.blocks) * COLUMNS + lane % COLUMNS;
    let begin = split * p.split_rows;
    let end = min(begin + p.split_rows, p.count);
    var weight_sum = 0.0;
    var bias_sum = 0.0;
    if (column < p.width) {
        let stat = replica * p.stats_row + column;
        let mean = stats[stat];
        let inverse = 1.0 / sqrt(stats[stat + p.width] + NORM_EPSILON);
        for (var n = begin + lane / COLUMNS; n < end; n = n + ROW_LANES) {
            let word = n * p.width + column;
            let d = d_output[replica * p.d_output_row + word];
            weight_sum = weight_sum + d * ((input[replica * p.input_row + word] - mean) * inverse);
            bias_sum = bias_sum + d;
        }
    }
    let d_weight = column_sum(lane, weight_sum);
    let d_bias = column_sum(lane, bias_sum);
    if (lane < COLUMNS && column < p.width && begin < p.count) {
        let to = replica * p.sums_row + split * 2u * p.width + column;
        sums[to] = d_weight;
        sums[to + p.width] = d_bias;
    }
}
