//! positions_forward — tokens with their positions added, and dropout.
//! Twin: src/reference/patches.rs. One invocation per word.
//! R replicas, S sequences, N tokens, D width.
//! Uses: grid, slot, replica_step, rng, drops

struct Params {
    words: u32,       // S·N·D
    width: u32,       // N·D
    positions: u32,   // word offset of positions [N, D] in a replica's row
    site: u32,
    steps_row: u32,   // slots per replica row of the step table
    params_row: u32,  // words per replica row of each tensor
    input_row: u32,
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, slots]
@group(0) @binding(3) var<storage, read> params: array<f32>;         // [R, P]
@group(0) @binding(4) var<storage, read> input: array<f32>;          // [R, S, N, D]
@group(0) @binding(5) var<storage, read_write> output: array<f32>;   // [R, S, N, D]

@compute @workgroup_size(64)
fn positions_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let at = replica * p.steps_row + slot.index;
    let factor = drop_factor(steps[at].seed, p.site, steps[at].step, i, steps[at].dropout_threshold);
    let sum = input[replica * p.input_row + i] + params[replica * p.params_row + p.positions + i % p.width];
    output[replica * p.output_row + i] = sum * factor;
}
