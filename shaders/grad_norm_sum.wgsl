//! grad_norm_sum — the L2 norm of all living gradients, from the blocks' sums of squares.
//! Stage of: grad_norm
//! One workgroup per replica: strided sums, then a tree.
//! R replicas, G blocks.
//! Uses: reduce

struct Params {
    blocks: u32,     // G
    sums_row: u32,   // words per replica row of each tensor
    norm_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> sums: array<f32>;         // [R, G]
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;   // [R, 1]

@compute @workgroup_size(256)
fn grad_norm_sum(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    var sum = 0.0;
    for (var i = lane; i < p.blocks; i = i + REDUCE_LANES) {
        sum = sum + sums[replica * p.sums_row + i];
    }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u) {
        norm[replica * p.norm_row] = sqrt(total);
    }
}
