//! grad_norm_partial — partial[g] = Σ d² over the g-th 4096 words of the gradients whose mask bit is 1.
//! Twin: src/reference/optimizer.rs. One workgroup per block: 16 words each, then a tree.
//! R replicas, P words, G blocks.
//! Uses: grid, reduce

struct Params {
    words: u32,         // P
    grads_row: u32,     // words per replica row of each tensor
    mask_row: u32,
    partial_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> grads: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> mask: array<u32>;           // [R, P/32]
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;  // [R, G]

const BLOCK: u32 = 4096u;

@compute @workgroup_size(256)
fn grad_norm_partial(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let end = min((block + 1u) * BLOCK, p.words);
    var sum = 0.0;
    for (var i = block * BLOCK + lane; i < end; i = i + REDUCE_LANES) {
        if (((mask[replica * p.mask_row + i / 32u] >> (i % 32u)) & 1u) == 1u) {
            let d = grads[replica * p.grads_row + i];
            sum = sum + d * d;
        }
    }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u && block * BLOCK < p.words) {
        partial[replica * p.partial_row + block] = total;
    }
}
