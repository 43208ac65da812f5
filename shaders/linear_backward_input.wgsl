//! linear_backward_input — d_input[n, i] = Σ_o d_output[n, o] · weight[o, i].
//! Twin: src/reference/linear.rs. One workgroup per (8 rows, 64 columns, replica); an invocation owns a column of 8 rows.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, rows

struct Params {
    d_output: Rows,
    d_input: Rows,
    weight: u32,       // word offset of weight [O, I] in a replica's row
    params_row: u32,   // words per replica row
    column_groups: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;         // [R, P]
@group(0) @binding(2) var<storage, read> d_output: array<f32>;       // [R, N, O]
@group(0) @binding(3) var<storage, read_write> d_input: array<f32>;  // [R, N, I]

const ROWS: u32 = 8u;

@compute @workgroup_size(64)
fn linear_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let i = (block % p.column_groups) * 64u + lane;
    let first = (block / p.column_groups) * ROWS;
    if (i >= p.d_input.width || first >= p.d_input.count) {
        return;
    }
    // Rows past the last repeat it, and are not written.
    let last = p.d_input.count - 1u;
    let x0 = row_start(p.d_output, replica, first);
    let x1 = row_start(p.d_output, replica, min(first + 1u, last));
    let x2 = row_start(p.d_output, replica, min(first + 2u, last));
    let x3 = row_start(p.d_output, replica, min(first + 3u, last));
    let x4 = row_start(p.d_output, replica, min(first + 4u, last));
    let x5 = row_start(p.d_output, replica, min(first + 5u, last));
    let x6 = row_start(p.d_output, replica, min(first + 6u, last));
    let x7 = row_start(p.d_output, replica, min(first + 7u, last));
    var w = replica * p.params_row + p.weight + i;
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    for (var o = 0u; o < p.d_output.width; o = o + 1u) {
        let weight = params[w];
        a = a + weight * vec4<f32>(d_output[x0 + o], d_output[x1 + o], d_output[x2 + o], d_output[x3 + o]);
        b = b + weight * vec4<f32>(d_output[x4 + o], d_output[x5 + o], d_output[x6 + o], d_output[x7 + o]);
        w = w + p.d_input.width;
    }
    for (var r = 0u; r < min(ROWS, p.d_input.count - first); r = r + 1u) {
        var value = 0.0;
        if (r < 4u) {
            value = a[r];
        } else {
            value = b[r - 4u];
        }
        d_input[row_start(p.d_input, replica, first + r) + i] = value;
    }
}
