//! positions_backward — d_positions[n, d] = Σ_s d_sum[s, n, d], over a split of the sequences; linear_weight_sum adds up the
//! splits.
//! Twin: src/reference/patches.rs. One workgroup per 16 columns and split: 16 lanes of sequences, then a tree.
//! R replicas, S sequences, W = N·D words of a sequence.
//! Uses: grid, columns

struct Params {
    count: u32,       // S
    width: u32,       // W
    split_rows: u32,
    blocks: u32,      // workgroups that share a split
    d_sum_row: u32,   // words per replica row of each tensor
    sums_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> d_sum: array<f32>;        // [R, S, W]
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;   // [R, splits, W]

@compute @workgroup_size(256)
fn positions_backward(
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
    var sum = 0.0;
    if (column < p.width) {
        for (var n = begin + lane / COLUMNS; n < end; n = n + ROW_LANES) {
            sum = sum + d_sum[replica * p.d_sum_row + n * p.width + column];
        }
    }
    let total = column_sum(lane, sum);
    if (lane < COLUMNS && column < p.width && begin < p.count) {
        sums[replica * p.sums_row + split * p.width + column] = total;
    }
}
