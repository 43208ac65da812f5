//! residual — a branch's end after dropout, beside what came past it: skip + dropout(input).
//! Twin: src/reference/activation.rs. One invocation per word.
//! R replicas.
//! Uses: grid, slot, replica_step, rng, drops

struct Params {
    elements: u32,
    site: u32,
    steps_row: u32,   // slots per replica row of the step table
    input_row: u32,   // words per replica row of each tensor
    skip_row: u32,
    output_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, slots]
@group(0) @binding(3) var<storage, read> input: array<f32>;          // [R, elements]
@group(0) @binding(4) var<storage, read> skip: array<f32>;           // [R, elements]
@group(0) @binding(5) var<storage, read_write> output: array<f32>;   // [R, elements]

@compute @workgroup_size(64)
fn residual(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.elements) {
        return;
    }
    let at = replica * p.steps_row + slot.index;
    let factor = drop_factor(steps[at].seed, p.site, steps[at].step, i, steps[at].dropout_threshold);
    output[replica * p.output_row + i] = skip[replica * p.skip_row + i] + input[replica * p.input_row + i] * factor;
}
