//! matrix_transpose — matrices turned.
//! Twin: src/reference/decoder.rs. One invocation per word of the output.
//! R replicas, B matrices.
//! Uses: grid

struct Params {
    words: u32,        // B · rows · columns
    rows: u32,         // of an input matrix
    columns: u32,
    input_row: u32,    // words per replica row of each tensor
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;         // [R, B, rows, columns]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;  // [R, B, columns, rows]

@compute @workgroup_size(64)
fn matrix_transpose(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let words = p.rows * p.columns;
    let j = i % words / p.rows;
    let row = i % p.rows;
    output[replica * p.output_row + i] = input[replica * p.input_row + i / words * words + row * p.columns + j];
}
