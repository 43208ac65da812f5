//! recurrent_weights — w_hh rearranged so that the recurrent kernels read it four words at a time, neighbours side by side.
//! Stage of: rnn_forward, rnn_backward, lstm_forward, lstm_backward.
//! packed[n, j, v]: n counts what the kernel sums over, j is the invocation's hidden unit, and v the gate (LSTM) or the
//! n-th four summands (RNN). Summands past H are zero, so that the kernels' loops go in whole fours.
//! R replicas, G gates, H hidden.
//! Uses: grid

struct Params {
    hidden: u32,        // H
    rows: u32,          // n's range
    summands_n: u32,    // summand = n · summands_n + v · summands_v
    summands_v: u32,
    stride_n: u32,      // word in w_hh = n · stride_n + j · stride_j + v · stride_v
    stride_j: u32,
    stride_v: u32,
    w_hh: u32,          // word offset of w_hh [G, H, H] in a replica's row
    params_row: u32,    // words per replica row of each tensor
    packed_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;  // [R, n, H, 4]

@compute @workgroup_size(64)
fn recurrent_weights(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.rows * p.hidden * 4u) {
        return;
    }
    let v = i % 4u;
    let j = (i / 4u) % p.hidden;
    let n = i / 4u / p.hidden;
    var value = 0.0;
    if (n * p.summands_n + v * p.summands_v < p.hidden) {
        value = params[replica * p.params_row + p.w_hh + n * p.stride_n + j * p.stride_j + v * p.stride_v];
    }
    packed[replica * p.packed_row + i] = value;
}
