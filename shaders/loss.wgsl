//! loss — losses[slot] = inv_target_count · Σ weight · loss(forecast − target), and the gradient of the head's output by
//! d_forecast = inv_target_count · weight · loss'(forecast − target).
//! Twin: src/reference/loss.rs. One workgroup per replica: strided sums, then a tree.
//! R replicas, S slots, B batch, Z horizon, K targets, P words.
//! Uses: slot, replica_step, reduce, forecast, affine, link, softplus, revin_epsilon

struct Params {
    forecast: Forecast,
    kind: u32,         // 0 squared, 1 absolute, 2 Huber, 3 relative to both sizes
    delta: f32,        // of Huber
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
@group(0) @binding(5) var<storage, read> stats: array<f32>;          // [R, B, K, 2 or 4]
@group(0) @binding(6) var<storage, read> truth: array<f32>;          // [R, B, Z, K]
@group(0) @binding(7) var<storage, read> weight: array<f32>;         // [R, B, Z, K]
@group(0) @binding(8) var<storage, read_write> d_head: array<f32>;   // as head
@group(0) @binding(9) var<storage, read_write> losses: array<f32>;   // [R, S]

const MSE: u32 = 0u;
const HUBER: u32 = 2u;
const SMAPE: u32 = 3u;

fn loss_value(d: f32) -> f32 {
    if (p.kind == MSE) {
        return d * d;
    }
    let a = abs(d);
    if (p.kind != HUBER) {
        return a;
    }
    return select(p.delta * (a - 0.5 * p.delta), 0.5 * d * d, a <= p.delta);
}

// Comparisons, since clamp and sign may turn what is not a number into one.
fn loss_slope(d: f32) -> f32 {
    if (p.kind == MSE) {
        return 2.0 * d;
    }
    let edge = select(0.0, p.delta, p.kind == HUBER);
    let beyond = select(1.0, p.delta, p.kind == HUBER);
    if (d > edge) {
        return beyond;
    }
    if (d < -edge) {
        return -beyond;
    }
    return d;
}

// The error as a share of both sizes, in the data's units; and its derivative by the forecast.
fn relative(replica: u32, at: Place, forecast: f32, truth: f32) -> vec2<f32> {
    let deviation = of_window(replica, at, 2u);
    let zero = of_window(replica, at, 3u) / deviation;
    let f = forecast + zero;
    let size = abs(f) + abs(truth + zero);
    if (deviation == 0.0 || size == 0.0) {
        return vec2<f32>(0.0, 0.0);
    }
    let d = forecast - truth;
    let value = abs(d) / size;
    let signs = vec2<f32>(select(select(d, -1.0, d < 0.0), 1.0, d > 0.0), select(select(f, -1.0, f < 0.0), 1.0, f > 0.0));
    return vec2<f32>(value, (signs.x - value * signs.y) / size);
}

@compute @workgroup_size(256)
fn loss(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let scale = steps[replica * p.steps_row + slot.index].inv_target_count;
    var sum = 0.0;
    for (var i = lane; i < p.forecast.elements; i = i + REDUCE_LANES) {
        let at = place(i);
        let own = bounded(replica, at, location(replica, at));
        let y = truth[replica * p.target_row + i];
        let w = weight[replica * p.weight_row + i];
        var terms = vec2<f32>(loss_value(own.value - y), loss_slope(own.value - y));
        if (p.kind == SMAPE) {
            terms = relative(replica, at, own.value, y);
        }
        sum = sum + w * terms.x;
        d_head[replica * p.d_head_row + at.head] = head_slope(replica, at, scale * w * terms.y * own.slope);
    }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u) {
        losses[replica * p.losses_row + slot.index] = scale * total;
    }
}
