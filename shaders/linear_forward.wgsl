//! linear_forward — output[n, o] = Σ_i input[n, i] · weight[o, i] + bias[o].
//! Twin: src/reference/linear.rs. An invocation owns 8 rows of 4 columns, in registers: what it loads it uses many times.
//! A workgroup is `column_lanes` such blocks wide. Blocks that reach past an edge repeat the last row or column: they
//! come to the same numbers again and store them in the same place.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, rows

struct Params {
    input: Rows,
    output: Rows,
    weight: u32,         // word offset of weight [O, I] in a replica's row
    bias: u32,           // word offset of bias [O]
    params_row: u32,     // words per replica row
    column_lanes: u32,   // a power of two, at most 64
    column_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of input and weight start at multiples of four words and are whole fours
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<vec4<f32>>;  // [R, P]
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>;   // [R, N, I]
@group(0) @binding(3) var<storage, read_write> output: array<f32>;  // [R, N, O]

fn param(word: u32) -> f32 {
    return params[word / 4u][word % 4u];
}

fn input_word(word: u32) -> f32 {
    return input[word / 4u][word % 4u];
}

// Four columns of one row.
fn store(row: u32, columns: vec4<u32>, value: vec4<f32>) {
    output[row + columns.x] = value.x;
    output[row + columns.y] = value.y;
    output[row + columns.z] = value.z;
    output[row + columns.w] = value.w;
}

@compute @workgroup_size(64)
fn linear_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let column = ((block % p.column_groups) * p.column_lanes + lane % p.column_lanes) * 4u;
    let first = ((block / p.column_groups) * (64u / p.column_lanes) + lane / p.column_lanes) * 8u;
    if (column >= p.output.width || first >= p.output.count) {
        return;
    }
    let columns = min(column + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.output.width - 1u));
    let last = p.output.count - 1u;
    let b = replica * p.params_row + p.bias + columns;
    let w = replica * p.params_row + p.weight + columns * p.input.width;
    let x0 = row_start(p.input, replica, min(first + 0u, last));
    let x1 = row_start(p.input, replica, min(first + 1u, last));
    let x2 = row_start(p.input, replica, min(first + 2u, last));
    let x3 = row_start(p.input, replica, min(first + 3u, last));
    let x4 = row_start(p.input, replica, min(first + 4u, last));
    let x5 = row_start(p.input, replica, min(first + 5u, last));
    let x6 = row_start(p.input, replica, min(first + 6u, last));
    let x7 = row_start(p.input, replica, min(first + 7u, last));
    let bias = vec4<f32>(param(b.x), param(b.y), param(b.z), param(b.w));
    var a0 = bias;
    var a1 = bias;
    var a2 = bias;
    var a3 = bias;
    var a4 = bias;
    var a5 = bias;
    var a6 = bias;
    var a7 = bias;
    if (p.fours == 1u) {
        for (var i = 0u; i < p.input.width; i = i + 4u) {
            let wa = params[(w.x + i) / 4u];
            let wb = params[(w.y + i) / 4u];
            let wc = params[(w.z + i) / 4u];
            let wd = params[(w.w + i) / 4u];
            // By input, each over the four columns.
            let w0 = vec4<f32>(wa.x, wb.x, wc.x, wd.x);
            let w1 = vec4<f32>(wa.y, wb.y, wc.y, wd.y);
            let w2 = vec4<f32>(wa.z, wb.z, wc.z, wd.z);
            let w3 = vec4<f32>(wa.w, wb.w, wc.w, wd.w);
            let v0 = input[(x0 + i) / 4u];
            a0 = a0 + v0.x * w0 + v0.y * w1 + v0.z * w2 + v0.w * w3;
            let v1 = input[(x1 + i) / 4u];
            a1 = a1 + v1.x * w0 + v1.y * w1 + v1.z * w2 + v1.w * w3;
            let v2 = input[(x2 + i) / 4u];
            a2 = a2 + v2.x * w0 + v2.y * w1 + v2.z * w2 + v2.w * w3;
            let v3 = input[(x3 + i) / 4u];
            a3 = a3 + v3.x * w0 + v3.y * w1 + v3.z * w2 + v3.w * w3;
            let v4 = input[(x4 + i) / 4u];
            a4 = a4 + v4.x * w0 + v4.y * w1 + v4.z * w2 + v4.w * w3;
            let v5 = input[(x5 + i) / 4u];
            a5 = a5 + v5.x * w0 + v5.y * w1 + v5.z * w2 + v5.w * w3;
            let v6 = input[(x6 + i) / 4u];
            a6 = a6 + v6.x * w0 + v6.y * w1 + v6.z * w2 + v6.w * w3;
            let v7 = input[(x7 + i) / 4u];
            a7 = a7 + v7.x * w0 + v7.y * w1 + v7.z * w2 + v7.w * w3;
        }
    } else {
        for (var i = 0u; i < p.input.width; i = i + 1u) {
            let w0 = vec4<f32>(param(w.x + i), param(w.y + i), param(w.z + i), param(w.w + i));
            a0 = a0 + input_word(x0 + i) * w0;
            a1 = a1 + input_word(x1 + i) * w0;
            a2 = a2 + input_word(x2 + i) * w0;
            a3 = a3 + input_word(x3 + i) * w0;
            a4 = a4 + input_word(x4 + i) * w0;
            a5 = a5 + input_word(x5 + i) * w0;
            a6 = a6 + input_word(x6 + i) * w0;
            a7 = a7 + input_word(x7 + i) * w0;
        }
    }
    store(row_start(p.output, replica, min(first + 0u, last)), columns, a0);
    store(row_start(p.output, replica, min(first + 1u, last)), columns, a1);
    store(row_start(p.output, replica, min(first + 2u, last)), columns, a2);
    store(row_start(p.output, replica, min(first + 3u, last)), columns, a3);
    store(row_start(p.output, replica, min(first + 4u, last)), columns, a4);
    store(row_start(p.output, replica, min(first + 5u, last)), columns, a5);
    store(row_start(p.output, replica, min(first + 6u, last)), columns, a6);
    store(row_start(p.output, replica, min(first + 7u, last)), columns, a7);
}
