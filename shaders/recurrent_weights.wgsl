//! recurrent_weights — w_hh rearranged so that the recurrent kernels read it four words at a time, neighbours side by side.
//! Stage of: rnn_forward, rnn_backward, lstm_forward, lstm_backward, gru_forward, gru_backward.
//! packed[n, j, v] = w_hh word n · stride_n + j · stride_j + v · stride_v, or 0 where n is past the terms or
//! j · check_j + v · check_v past the limit: so the kernels' loops go in whole fours. What n, j and v are is the host's say.
//! R replicas.
//! Uses: grid

struct Params {
    limit: u32,
    terms: u32,         // n's range that there is
    rows: u32,          // n's range, to whole fours
    columns: u32,       // j's range
    stride_n: u32,
    stride_j: u32,
    stride_v: u32,
    check_j: u32,
    check_v: u32,
    w_hh: u32,          // word offset of w_hh in a replica's row
    params_row: u32,    // words per replica row of each tensor
    packed_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;  // [R, n, j, 4]

@compute @workgroup_size(64)
fn recurrent_weights(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.rows * p.columns * 4u) {
        return;
    }
    let v = i % 4u;
    let j = (i / 4u) % p.columns;
    let n = i / 4u / p.columns;
    var value = 0.0;
    if (n < p.terms && j * p.check_j + v * p.check_v < p.limit) {
        value = params[replica * p.params_row + p.w_hh + n * p.stride_n + j * p.stride_j + v * p.stride_v];
    }
    packed[replica * p.packed_row + i] = value;
}
