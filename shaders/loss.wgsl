//! loss — losses[slot] = inv_target_count · Σ weight · loss(forecast − target), and the gradient of the head's output by
//! d_forecast = inv_target_count · weight · loss'(forecast − target).
//! Twin: src/reference/loss.rs. One workgroup per replica: strided sums, then a tree.
//! R replicas, S slots, B batch, Z horizon, K targets, P words.
//! Uses: slot, replica_step, reduce, forecast, revin_epsilon

struct Params {
    forecast: Forecast,
    kind: u32,         // 0 squared, 1 absolute, 2 Huber with delta 1
    steps_row: u32,    // slots per replica row of the step table
    target_row: u32,   // words per replica row of each tensor
    weight_row: u32,
    d_head_row: u32,
    losses_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, S]
@group(0) @binding(3) var<storage, read> params: array<f32>;         // [R, P]
@group(0) @binding(4) var<storage, read> head: array<f32>;           // [R, B, Z, K], or [R, B, K, Z]
@group(0) @binding(5) var<storage, read> stats: array<f32>;          // [R, B, K, 2]  (shift, scale)
@group(0) @binding(6) var<storage, read> truth: array<f32>;          // [R, B, Z, K]
@group(0) @binding(7) var<storage, read> weight: array<f32>;         // [R, B, Z, K]
@group(0) @binding(8) var<storage, read_write> d_head: array<f32>;   // as head
@group(0) @binding(9) var<storage, read_write> losses: array<f32>;   // [R, S]

const MSE: u32 = 0u;
const HUBER: u32 = 2u;

fn loss_value(d: f32) -> f32 {
    if (p.kind == MSE) {
        return d * d;
    }
    let a = abs(d);
    if (p.kind == HUBER && a <= 1.0) {
        return 0.5 * d * d;
    }
    return select(a, a - 0.5, p.kind == HUBER);
}

// Comparisons, since clamp and sign may turn what is not a number into one.
fn loss_slope(d: f32) -> f32 {
    if (p.kind == MSE) {
        return 2.0 * d;
    }
    let edge = select(0.0, 1.0, p.kind == HUBER);
    if (d > edge) {
        return 1.0;
    }
    if (d < -edge) {
        return -1.0;
    }
    return d;
}

// A forecast's gradient as that of the head's output; the statistics carry none.
fn head_slope(replica: u32, at: Place, d_forecast: f32) -> f32 {
    var d = d_forecast;
    if (p.forecast.scaled == 1u) {
        d = d * stats[replica * p.forecast.stats_row + at.series * 2u + 1u];
    }
    if (p.forecast.affine == 1u) {
        d = d / (params[replica * p.forecast.params_row + p.forecast.weight + at.k] + REVIN_EPSILON);
    }
    return d;
}

@compute @workgroup_size(256)
fn loss(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let scale = steps[replica * p.steps_row + slot.index].inv_target_count;
    var sum = 0.0;
    for (var i = lane; i < p.forecast.elements; i = i + REDUCE_LANES) {
        let at = place(i);
        let d = forecast(replica, at) - truth[replica * p.target_row + i];
        let w = weight[replica * p.weight_row + i];
        sum = sum + w * loss_value(d);
        d_head[replica * p.d_head_row + at.head] = head_slope(replica, at, scale * w * loss_slope(d));
    }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u) {
        losses[replica * p.losses_row + slot.index] = scale * total;
    }
}
