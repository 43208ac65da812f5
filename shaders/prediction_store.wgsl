//! prediction_store — the batch's forecasts, kept at the slot's place.
//! Twin: src/reference/forecast.rs. One invocation per element.
//! R replicas, B batch, Z horizon, K targets, P words, Q prediction slots.
//! Uses: grid, slot, forecast, affine, link, softplus, revin_epsilon

struct Params {
    forecast: Forecast,
    predictions_row: u32,   // words per replica row
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> params: array<f32>;             // [R, P]
@group(0) @binding(3) var<storage, read> head: array<f32>;               // [R, B, Z, K], or [R, B, K, Z]
@group(0) @binding(4) var<storage, read> stats: array<f32>;              // [R, B, K, 2 or 4]
@group(0) @binding(5) var<storage, read_write> predictions: array<f32>;  // [R, Q, B, Z, K]

@compute @workgroup_size(64)
fn prediction_store(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.forecast.elements) {
        return;
    }
    let word = replica * p.predictions_row + slot.index * p.forecast.elements + i;
    let at = place(i);
    predictions[word] = bounded(replica, at, location(replica, at)).value;
}
