//! embedding_numbers — the numbers of each row, and the zeros at its end: what lies around the rows of tables.
//! Stage of: embedding_forward.
//! Twin: src/reference/embedding.rs. One invocation per word.
//! R replicas, N rows, C words of a row that is read, W of one that is written.
//! Uses: grid

struct Params {
    rows: u32,          // N
    channels: u32,      // C
    codes: u32,         // the first channel of codes
    tables: u32,        // channels of codes
    numbers: u32,       // words before the rows of tables
    end: u32,           // words before the zeros
    width: u32,         // W
    input_row: u32,     // words per replica row of each tensor
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;          // [R, N, C]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;   // [R, N, W]

@compute @workgroup_size(64)
fn embedding_numbers(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let words = p.numbers + p.width - p.end;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.rows * words) {
        return;
    }
    let n = i / words;
    let j = i % words;
    var value = 0.0;
    var at = j;
    if (j < p.numbers) {
        let channel = j + select(0u, p.tables, j >= p.codes);
        value = input[replica * p.input_row + n * p.channels + channel];
    } else {
        at = p.end + j - p.numbers;
    }
    output[replica * p.output_row + n * p.width + at] = value;
}
