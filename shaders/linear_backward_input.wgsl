//! linear_backward_input — d_input[n, i] = Σ_o d_output[n, o] · weight[o, i] + skip[n, i].
//! Twin: src/reference/linear.rs. An invocation owns 8 rows of 4 columns, in registers: what it loads it uses many times.
//! A workgroup is `column_lanes` such blocks wide. Blocks that reach past an edge repeat the last row or column: they
//! come to the same numbers again and store them in the same place.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, rows

struct Params {
    d_output: Rows,
    d_input: Rows,
    skip: Rows,          // has no rows where nothing is added
    weight: u32,         // word offset of weight [O, I] in a replica's row
    params_row: u32,     // words per replica row
    column_lanes: u32,   // a power of two, at most 64
    column_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of d_output and weight start at multiples of four words and are whole fours
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<vec4<f32>>;    // [R, P]
@group(0) @binding(2) var<storage, read> d_output: array<vec4<f32>>;  // [R, N, O]
@group(0) @binding(3) var<storage, read> skip: array<f32>;            // [R, N, I]
@group(0) @binding(4) var<storage, read_write> d_input: array<f32>;   // [R, N, I]

fn param(word: u32) -> f32 {
    return params[word / 4u][word % 4u];
}

fn d_output_word(word: u32) -> f32 {
    return d_output[word / 4u][word % 4u];
}

// Four columns of one row of what is added.
fn skipped(replica: u32, n: u32, columns: vec4<u32>) -> vec4<f32> {
    if (p.skip.count == 0u) {
        return vec4<f32>(0.0);
    }
    let row = row_start(p.skip, replica, n) + columns;
    return vec4<f32>(skip[row.x], skip[row.y], skip[row.z], skip[row.w]);
}

// Four columns of one row.
fn store(row: u32, columns: vec4<u32>, value: vec4<f32>) {
    d_input[row + columns.x] = value.x;
    d_input[row + columns.y] = value.y;
    d_input[row + columns.z] = value.z;
    d_input[row + columns.w] = value.w;
}

@compute @workgroup_size(64)
fn linear_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let column = ((block % p.column_groups) * p.column_lanes + lane % p.column_lanes) * 4u;
    let first = ((block / p.column_groups) * (64u / p.column_lanes) + lane / p.column_lanes) * 8u;
    if (column >= p.d_input.width || first >= p.d_input.count) {
        return;
    }
    let columns = min(column + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.d_input.width - 1u));
    let last = p.d_input.count - 1u;
    let inputs = p.d_input.width;
    var w = replica * p.params_row + p.weight + columns;
    let x0 = row_start(p.d_output, replica, min(first + 0u, last));
    let x1 = row_start(p.d_output, replica, min(first + 1u, last));
    let x2 = row_start(p.d_output, replica, min(first + 2u, last));
    let x3 = row_start(p.d_output, replica, min(first + 3u, last));
    let x4 = row_start(p.d_output, replica, min(first + 4u, last));
    let x5 = row_start(p.d_output, replica, min(first + 5u, last));
    let x6 = row_start(p.d_output, replica, min(first + 6u, last));
    let x7 = row_start(p.d_output, replica, min(first + 7u, last));
    var a0 = skipped(replica, min(first + 0u, last), columns);
    var a1 = skipped(replica, min(first + 1u, last), columns);
    var a2 = skipped(replica, min(first + 2u, last), columns);
    var a3 = skipped(replica, min(first + 3u, last), columns);
    var a4 = skipped(replica, min(first + 4u, last), columns);
    var a5 = skipped(replica, min(first + 5u, last), columns);
    var a6 = skipped(replica, min(first + 6u, last), columns);
    var a7 = skipped(replica, min(first + 7u, last), columns);
    if (p.fours == 1u) {
        for (var o = 0u; o < p.d_output.width; o = o + 4u) {
            let w0 = params[w.x / 4u];
            let w1 = params[(w.x + inputs) / 4u];
            let w2 = params[(w.x + 2u * inputs) / 4u];
            let w3 = params[(w.x + 3u * inputs) / 4u];
            let v0 = d_output[(x0 + o) / 4u];
            a0 = a0 + v0.x * w0 + v0.y * w1 + v0.z * w2 + v0.w * w3;
            let v1 = d_output[(x1 + o) / 4u];
            a1 = a1 + v1.x * w0 + v1.y * w1 + v1.z * w2 + v1.w * w3;
            let v2 = d_output[(x2 + o) / 4u];
            a2 = a2 + v2.x * w0 + v2.y * w1 + v2.z * w2 + v2.w * w3;
            let v3 = d_output[(x3 + o) / 4u];
            a3 = a3 + v3.x * w0 + v3.y * w1 + v3.z * w2 + v3.w * w3;
            let v4 = d_output[(x4 + o) / 4u];
            a4 = a4 + v4.x * w0 + v4.y * w1 + v4.z * w2 + v4.w * w3;
            let v5 = d_output[(x5 + o) / 4u];
            a5 = a5 + v5.x * w0 + v5.y * w1 + v5.z * w2 + v5.w * w3;
            let v6 = d_output[(x6 + o) / 4u];
            a6 = a6 + v6.x * w0 + v6.y * w1 + v6.z * w2 + v6.w * w3;
            let v7 = d_output[(x7 + o) / 4u];
            a7 = a7 + v7.x * w0 + v7.y * w1 + v7.z * w2 + v7.w * w3;
            w = w + 4u * inputs;
        }
    } else {
        for (var o = 0u; o < p.d_output.width; o = o + 1u) {
            let w0 = vec4<f32>(param(w.x), param(w.y), param(w.z), param(w.w));
            a0 = a0 + d_output_word(x0 + o) * w0;
            a1 = a1 + d_output_word(x1 + o) * w0;
            a2 = a2 + d_output_word(x2 + o) * w0;
            a3 = a3 + d_output_word(x3 + o) * w0;
            a4 = a4 + d_output_word(x4 + o) * w0;
            a5 = a5 + d_output_word(x5 + o) * w0;
            a6 = a6 + d_output_word(x6 + o) * w0;
            a7 = a7 + d_output_word(x7 + o) * w0;
            w = w + inputs;
        }
    }
    store(row_start(p.d_input, replica, min(first + 0u, last)), columns, a0);
    store(row_start(p.d_input, replica, min(first + 1u, last)), columns, a1);
    store(row_start(p.d_input, replica, min(first + 2u, last)), columns, a2);
    store(row_start(p.d_input, replica, min(first + 3u, last)), columns, a3);
    store(row_start(p.d_input, replica, min(first + 4u, last)), columns, a4);
    store(row_start(p.d_input, replica, min(first + 5u, last)), columns, a5);
    store(row_start(p.d_input, replica, min(first + 6u, last)), columns, a6);
    store(row_start(p.d_input, replica, min(first + 7u, last)), columns, a7);
}
