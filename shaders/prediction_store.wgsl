//! prediction_store — the batch's predictions, kept at the slot's place.
//! Twin: src/reference/window.rs. One invocation per element.
//! R replicas, B batch, O outputs, Q prediction slots.
//! Uses: grid, slot

struct Params {
    elements: u32,         // B·O
    prediction_row: u32,   // words per replica row of each tensor
    predictions_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> prediction: array<f32>;         // [R, B, O]
@group(0) @binding(3) var<storage, read_write> predictions: array<f32>;  // [R, Q, B, O]

@compute @workgroup_size(64)
fn prediction_store(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.elements) {
        return;
    }
    predictions[replica * p.predictions_row + slot.index * p.elements + i] = prediction[replica * p.prediction_row + i];
}
