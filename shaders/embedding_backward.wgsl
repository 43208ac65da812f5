//! embedding_backward — the gradient of a learned table: of each of its rows, the sum of those of the rows whose code names it.
//! Twin: src/reference/embedding.rs. One invocation per word of the table walks over all rows in order; a dispatch per table.
//! R replicas, N rows, C words of a row of codes, W of one of gradients, E words of a row of the table.
//! Uses: grid, level

struct Params {
    rows: u32,           // N
    channels: u32,       // C
    channel: u32,        // that of the codes
    levels: u32,         // rows of the table
    table_width: u32,    // E
    first: u32,          // the table's first word
    at: u32,             // where the gradients of its rows lie
    width: u32,          // W
    input_row: u32,      // words per replica row of each tensor
    d_output_row: u32,
    grads_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;         // [R, N, C]
@group(0) @binding(2) var<storage, read> d_output: array<f32>;      // [R, N, W]
@group(0) @binding(3) var<storage, read_write> grads: array<f32>;   // [R, P]

@compute @workgroup_size(64)
fn embedding_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.levels * p.table_width) {
        return;
    }
    let level = i / p.table_width;
    let codes = replica * p.input_row + p.channel;
    let own = replica * p.d_output_row + p.at + i % p.table_width;
    var sum = 0.0;
    for (var n = 0u; n < p.rows; n = n + 1u) {
        if (level_of(input[codes + n * p.channels], p.levels) == level) {
            sum = sum + d_output[own + n * p.width];
        }
    }
    grads[replica * p.grads_row + p.first + i] = sum;
}
