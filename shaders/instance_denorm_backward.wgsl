//! instance_denorm_backward — d_input = d_output · scale / weight; the statistics carry no gradient.
//! Twin: src/reference/instance_norm.rs. One invocation per word.
//! R replicas, B batch, Z horizon, K targets.
//! Uses: grid

struct Params {
    batch: u32,       // B
    horizon: u32,     // Z
    targets: u32,     // K
    stats_row: u32,   // words per replica row of each tensor
    input_row: u32,
    output_row: u32,
    params_row: u32,
    by_channel: u32,  // 1 where the head's side is [B, K, Z]
    affine: u32,      // 1 where a weight of each target is undone
    weight: u32,      // its word offset [K] in a replica's row
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read> stats: array<f32>;         // [R, B, K, 2]  (shift, scale)
@group(0) @binding(3) var<storage, read> input: array<f32>;         // [R, B, Z, K]
@group(0) @binding(4) var<storage, read_write> output: array<f32>;  // [R, B, Z, K], or [R, B, K, Z]

// What RevIN's authors add to keep the weight from 0.
const EPSILON: f32 = 1e-10;

@compute @workgroup_size(64)
fn instance_denorm_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.batch * p.horizon * p.targets) {
        return;
    }
    let b = i / (p.horizon * p.targets);
    let k = i % p.targets;
    let z = (i / p.targets) % p.horizon;
    let head = select(i, (b * p.targets + k) * p.horizon + z, p.by_channel == 1u);
    let stat = replica * p.stats_row + (b * p.targets + k) * 2u;
    var value = input[replica * p.input_row + i] * stats[stat + 1u];
    if (p.affine == 1u) {
        value = value / (params[replica * p.params_row + p.weight + k] + EPSILON);
    }
    output[replica * p.output_row + head] = value;
}
