//! grad_norm — the L2 norm of all living gradients; of a model in blocks, each block's sum of squares.
//! Twin: src/reference/optimizer.rs. One workgroup per block, which is the whole model where that is small: strided sums,
//! then a tree.
//! R replicas, P words, G blocks.
//! Uses: grid, reduce

struct Params {
    words: u32,       // P
    block: u32,       // words of a block
    grads_row: u32,   // words per replica row of each tensor
    mask_row: u32,
    norm_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> grads: array<vec4<f32>>;  // [R, P]
@group(0) @binding(2) var<storage, read> mask: array<u32>;         // [R, P/32]
@group(0) @binding(3) var<storage, read_write> norm: array<f32>;   // [R, 1], or [R, G]

// The squares of four neighbouring gradients; 0 of those that are not living, and past the block's end.
fn squares(replica: u32, four: u32, end: u32) -> vec4<f32> {
    let at = min(four, end - 1u);
    let d = grads[replica * (p.grads_row / 4u) + at];
    let bits = mask[replica * p.mask_row + at / 8u] >> (4u * (at % 8u));
    let living = (vec4<u32>(bits) & vec4<u32>(1u, 2u, 4u, 8u)) != vec4<u32>(0u);
    return select(vec4<f32>(0.0), d * d, living & vec4<bool>(four < end));
}

@compute @workgroup_size(256)
fn grad_norm(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let end = min((block + 1u) * p.block, p.words) / 4u;
    var sums = vec4<f32>(0.0);
    // Four loads are under way at a time.
    for (var i = block * p.block / 4u + lane; i < end; i = i + 4u * REDUCE_LANES) {
        let a = squares(replica, i, end) + squares(replica, i + REDUCE_LANES, end);
        let b = squares(replica, i + 2u * REDUCE_LANES, end) + squares(replica, i + 3u * REDUCE_LANES, end);
        sums = sums + (a + b);
    }
    let total = workgroup_sum(lane, (sums.x + sums.y) + (sums.z + sums.w));
    if (lane == 0u && block * p.block < p.words) {
        norm[replica * p.norm_row + block] = select(total, sqrt(total), p.block >= p.words);
    }
}
