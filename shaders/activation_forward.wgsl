//! activation_forward — GELU or ReLU of every word, and dropout.
//! Twin: src/reference/activation.rs. One invocation per word.
//! R replicas.
//! Uses: grid, slot, replica_step, rng, drops, normal_cdf

struct Params {
    kind: u32,        // 0 GELU, 1 ReLU
    first: u32,       // what dropout's count of elements starts from
    elements: u32,
    site: u32,
    steps_row: u32,   // slots per replica row of the step table
    input_row: u32,   // words per replica row of each tensor
    output_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, slots]
@group(0) @binding(3) var<storage, read> input: array<f32>;          // [R, elements]
@group(0) @binding(4) var<storage, read_write> output: array<f32>;   // [R, elements]

@compute @workgroup_size(64)
fn activation_forward(
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
    let factor = drop_factor(steps[at].seed, p.site, steps[at].step, p.first + i, steps[at].dropout_threshold);
    let x = input[replica * p.input_row + i];
    var y = 0.0;
    if (p.kind == 0u) {
        y = x * normal_cdf(x);
    } else {
        // By a comparison, which lets what is not a number through.
        y = select(x, 0.0, x <= 0.0);
    }
    output[replica * p.output_row + i] = y * factor;
}
