//! dropout — inverted dropout of a matrix, and of its gradient: the draws are repeated, never stored.
//! Twin: src/reference/dropout.rs. One invocation per element (n, j).
//! R replicas, S slots, N rows.
//! Uses: grid, slot, replica_step, rng, drops, rows

struct Params {
    input: Rows,
    output: Rows,
    chance: u32,      // of dropping a hidden value (0) or what the head reads (2)
    site: u32,
    steps_row: u32,   // slots per replica row of the step table
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, S]
@group(0) @binding(3) var<storage, read> input: array<f32>;          // [R, N, width]
@group(0) @binding(4) var<storage, read_write> output: array<f32>;   // [R, N, width]

const HEAD_CHANCE: u32 = 2u;

@compute @workgroup_size(64)
fn dropout(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.input.count * p.input.width) {
        return;
    }
    let n = i / p.input.width;
    let j = i % p.input.width;
    let at = replica * p.steps_row + slot.index;
    let threshold = select(steps[at].dropout_threshold, steps[at].head_threshold, p.chance == HEAD_CHANCE);
    let factor = drop_factor(steps[at].seed, p.site, steps[at].step, i, threshold);
    output[row_start(p.output, replica, n) + j] = input[row_start(p.input, replica, n) + j] * factor;
}
