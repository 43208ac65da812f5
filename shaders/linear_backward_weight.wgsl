//! linear_backward_weight — d_weight[o, i] = Σ_n d_output[n, o] · input[n, i] and d_bias[o] = Σ_n d_output[n, o].
//! Twin: src/reference/linear.rs. One workgroup per (64 outputs, 8 inputs, replica); an invocation owns an output's 8
//! inputs. The bias is a further input that is always 1.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, rows

struct Params {
    input: Rows,
    d_output: Rows,
    d_weight: u32,      // word offset of d_weight [O, I] in a replica's row
    d_bias: u32,        // word offset of d_bias [O]
    grads_row: u32,     // words per replica row
    output_groups: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;        // [R, N, I]
@group(0) @binding(2) var<storage, read> d_output: array<f32>;     // [R, N, O]
@group(0) @binding(3) var<storage, read_write> grads: array<f32>;  // [R, P]

const INPUTS: u32 = 8u;

@compute @workgroup_size(64)
fn linear_backward_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let o = (block % p.output_groups) * 64u + lane;
    let first = (block / p.output_groups) * INPUTS;
    if (o >= p.d_output.width || first > p.input.width) {
        return;
    }
    let last = p.input.width - 1u;
    let i1 = min(first + 1u, last);
    let i2 = min(first + 2u, last);
    let i3 = min(first + 3u, last);
    let i4 = min(first + 4u, last);
    let i5 = min(first + 5u, last);
    let i6 = min(first + 6u, last);
    let i7 = min(first + 7u, last);
    let i0 = min(first, last);
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    var bias = 0.0;
    for (var n = 0u; n < p.input.count; n = n + 1u) {
        let d = d_output[row_start(p.d_output, replica, n) + o];
        let x = row_start(p.input, replica, n);
        a = a + d * vec4<f32>(input[x + i0], input[x + i1], input[x + i2], input[x + i3]);
        b = b + d * vec4<f32>(input[x + i4], input[x + i5], input[x + i6], input[x + i7]);
        bias = bias + d;
    }
    for (var k = 0u; k < INPUTS; k = k + 1u) {
        var value = 0.0;
        if (k < 4u) {
            value = a[k];
        } else {
            value = b[k - 4u];
        }
        if (first + k < p.input.width) {
            grads[replica * p.grads_row + p.d_weight + o * p.input.width + first + k] = value;
        } else if (first + k == p.input.width) {
            grads[replica * p.grads_row + p.d_bias + o] = bias;
        }
    }
}
