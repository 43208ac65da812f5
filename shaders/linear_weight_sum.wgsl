//! linear_weight_sum — adds up the splits of a weight's and a bias's gradient, and of a second pair after them, in order.
//! Stage of: linear_backward_weight, positions_backward, batch_norm_backward_weight, layer_norm_backward_weight.
//! One invocation per word.
//! R replicas, S splits, I inputs, J inputs of the second pair, O outputs.
//! Uses: grid

struct Params {
    weights: u32,         // O·I
    outputs: u32,         // O
    beside_weights: u32,  // O·J
    words: u32,           // of a split
    splits: u32,          // S
    sums_row: u32,        // words per replica row of each buffer
    grads_row: u32,
    d_weight: u32,        // word offset of d_weight [O, I] in a replica's row
    d_bias: u32,          // word offset of d_bias [O]
    beside_weight: u32,   // word offset of the second weight's gradient [O, J]
    beside_bias: u32,     // word offset of the second bias's gradient [O]
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;         // [R, S, O·I + O + O·J + O]
@group(0) @binding(2) var<storage, read_write> grads: array<f32>;  // [R, P]

@compute @workgroup_size(64)
fn linear_weight_sum(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < p.splits; s = s + 1u) {
        sum = sum + sums[replica * p.sums_row + s * p.words + i];
    }
    var to = 0u;
    let own = p.weights + p.outputs;
    if (i < own) {
        to = select(p.d_bias + i - p.weights, p.d_weight + i, i < p.weights);
    } else {
        let at = i - own;
        to = select(p.beside_bias + at - p.beside_weights, p.beside_weight + at, at < p.beside_weights);
    }
    grads[replica * p.grads_row + to] = sum;
}
