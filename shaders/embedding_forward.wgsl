//! embedding_forward — of each row, the row of a learned table that its code names.
//! Twin: src/reference/embedding.rs. One invocation per word; a dispatch per table, after that of embedding_numbers.
//! R replicas, N rows, C words of a row that is read, W of one that is written, E words of a row of the table.
//! A code that the table does not have is code 0.
//! Uses: grid, level

struct Params {
    rows: u32,          // N
    channels: u32,      // C
    channel: u32,       // that of the codes
    levels: u32,        // rows of the table
    table_width: u32,   // E
    first: u32,         // the table's first word
    at: u32,            // where its rows go
    width: u32,         // W
    weights_row: u32,   // words per replica row of each tensor
    input_row: u32,
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read> input: array<f32>;          // [R, N, C]
@group(0) @binding(3) var<storage, read_write> output: array<f32>;   // [R, N, W]

@compute @workgroup_size(64)
fn embedding_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.rows * p.table_width) {
        return;
    }
    let n = i / p.table_width;
    let e = i % p.table_width;
    let level = level_of(input[replica * p.input_row + n * p.channels + p.channel], p.levels);
    let value = weights[replica * p.weights_row + p.first + level * p.table_width + e];
    output[replica * p.output_row + n * p.width + p.at + e] = value;
}
