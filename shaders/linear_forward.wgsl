//! linear_forward — output[n, o] = Σ_i input[n, i] · weight[o, i] + bias[o].
//! Twin: src/reference/linear.rs. One workgroup per (8 rows, 64 columns, replica); an invocation owns a column of 8 rows.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, rows

struct Params {
    input: Rows,
    output: Rows,
    weight: u32,       // word offset of weight [O, I] in a replica's row
    bias: u32,         // word offset of bias [O]
    params_row: u32,   // words per replica row
    column_groups: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read> input: array<f32>;         // [R, N, I]
@group(0) @binding(3) var<storage, read_write> output: array<f32>;  // [R, N, O]

const ROWS: u32 = 8u;

@compute @workgroup_size(64)
fn linear_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let o = (block % p.column_groups) * 64u + lane;
    let first = (block / p.column_groups) * ROWS;
    if (o >= p.output.width || first >= p.output.count) {
        return;
    }
    // Rows past the last repeat it, and are not written.
    let last = p.output.count - 1u;
    let x0 = row_start(p.input, replica, first);
    let x1 = row_start(p.input, replica, min(first + 1u, last));
    let x2 = row_start(p.input, replica, min(first + 2u, last));
    let x3 = row_start(p.input, replica, min(first + 3u, last));
    let x4 = row_start(p.input, replica, min(first + 4u, last));
    let x5 = row_start(p.input, replica, min(first + 5u, last));
    let x6 = row_start(p.input, replica, min(first + 6u, last));
    let x7 = row_start(p.input, replica, min(first + 7u, last));
    let w = replica * p.params_row + p.weight + o * p.input.width;
    let bias = params[replica * p.params_row + p.bias + o];
    var a = vec4<f32>(bias);
    var b = vec4<f32>(bias);
    for (var i = 0u; i < p.input.width; i = i + 1u) {
        let weight = params[w + i];
        a = a + weight * vec4<f32>(input[x0 + i], input[x1 + i], input[x2 + i], input[x3 + i]);
        b = b + weight * vec4<f32>(input[x4 + i], input[x5 + i], input[x6 + i], input[x7 + i]);
    }
    for (var r = 0u; r < min(ROWS, p.output.count - first); r = r + 1u) {
        var value = 0.0;
        if (r < 4u) {
            value = a[r];
        } else {
            value = b[r - 4u];
        }
        output[row_start(p.output, replica, first + r) + o] = value;
    }
}
