//! activation_backward — the gradient through dropout and GELU or ReLU.
//! Twin: src/reference/activation.rs. One invocation per word.
//! R replicas.
//! Uses: grid, slot, replica_step, rng, drops, normal_cdf

struct Params {
    kind: u32,         // 0 GELU, 1 ReLU
    first: u32,        // what dropout's count of elements starts from
    elements: u32,
    site: u32,
    steps_row: u32,    // slots per replica row of the step table
    input_row: u32,    // words per replica row of each tensor
    d_output_row: u32,
    d_input_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, slots]
@group(0) @binding(3) var<storage, read> input: array<f32>;          // [R, elements]
@group(0) @binding(4) var<storage, read> d_output: array<f32>;       // [R, elements]
@group(0) @binding(5) var<storage, read_write> d_input: array<f32>;  // [R, elements]

const INV_SQRT_TAU: f32 = 0.39894228;

@compute @workgroup_size(64)
fn activation_backward(
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
    let d = d_output[replica * p.d_output_row + i];
    var d_x = 0.0;
    if (p.kind == 0u) {
        d_x = d * (normal_cdf(x) + x * (INV_SQRT_TAU * exp(-0.5 * x * x)));
    } else {
        d_x = select(d, 0.0, x <= 0.0);
    }
    d_input[replica * p.d_input_row + i] = d_x * factor;
}
