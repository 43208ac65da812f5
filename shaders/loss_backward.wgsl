//! loss_backward — d_prediction = inv_target_count · weight · loss'(prediction − target).
//! Twin: src/reference/loss.rs. One invocation per element.
//! R replicas, S slots, B batch, O outputs.
//! Uses: grid, slot, replica_step

struct Params {
    kind: u32,              // 0 squared, 1 absolute, 2 Huber with delta 1
    elements: u32,          // B·O
    steps_row: u32,         // slots per replica row of the step table
    prediction_row: u32,    // words per replica row of each tensor
    target_row: u32,
    weight_row: u32,
    d_prediction_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;       // [R, S]
@group(0) @binding(3) var<storage, read> prediction: array<f32>;          // [R, B, O]
@group(0) @binding(4) var<storage, read> truth: array<f32>;               // [R, B, O]
@group(0) @binding(5) var<storage, read> weight: array<f32>;              // [R, B, O]
@group(0) @binding(6) var<storage, read_write> d_prediction: array<f32>;  // [R, B, O]

// Comparisons, since clamp and sign may turn what is not a number into one.
fn loss_slope(d: f32) -> f32 {
    if (p.kind == 0u) {
        return 2.0 * d;
    }
    let edge = select(0.0, 1.0, p.kind == 2u);
    if (d > edge) {
        return 1.0;
    }
    if (d < -edge) {
        return -1.0;
    }
    return d;
}

@compute @workgroup_size(64)
fn loss_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.elements) {
        return;
    }
    let d = prediction[replica * p.prediction_row + i] - truth[replica * p.target_row + i];
    let scale = steps[replica * p.steps_row + slot.index].inv_target_count;
    d_prediction[replica * p.d_prediction_row + i] = scale * weight[replica * p.weight_row + i] * loss_slope(d);
}
