//! likelihood_loss — losses[slot] = inv_target_count · Σ weight · −ln p(target), and the gradient of all outputs.
//! Twin: src/reference/distribution.rs. One workgroup per replica: strided sums, then a tree.
//! R replicas, S slots, B batch, Z horizon, K targets, D parameters, which are the outputs of a value.
//! Uses: slot, replica_step, reduce, forecast, others, distribution, gamma, link, softplus

override DISTRIBUTION: u32 = 0u;

struct Params {
    forecast: Forecast,
    steps_row: u32,    // slots per replica row of the step table
    target_row: u32,   // words per replica row of each tensor
    weight_row: u32,
    d_head_row: u32,
    losses_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, S]
@group(0) @binding(3) var<storage, read> head: array<f32>;           // [R, B·Z·K·D]
@group(0) @binding(4) var<storage, read> stats: array<f32>;          // [R, B, K, 2 or 4]
@group(0) @binding(5) var<storage, read> truth: array<f32>;          // [R, B, Z, K]
@group(0) @binding(6) var<storage, read> weight: array<f32>;         // [R, B, Z, K]
@group(0) @binding(7) var<storage, read_write> d_head: array<f32>;   // as head
@group(0) @binding(8) var<storage, read_write> losses: array<f32>;   // [R, S]

// -ln p, and its derivatives by the location and by up to two raw outputs.
fn poisson(y: f32, mu: f32, d_mu: f32) -> vec4<f32> {
    return vec4<f32>(mu - y * log(mu) + ln_gamma_rise(1.0, y), (1.0 - y / mu) * d_mu, 0.0, 0.0);
}

// By r = 1/α, the number of failures.
fn negative_binomial(y: f32, mu: f32, d_mu: f32, own: f32) -> vec4<f32> {
    let alpha = dispersion(own);
    let r = 1.0 / alpha;
    let growth = ln_1p(mu / r);
    let loss = ln_gamma_rise(1.0, y) - ln_gamma_rise(r, y) + r * growth + y * (log(r + mu) - log(mu));
    let by_mu = (mu - y) / (mu * (1.0 + alpha * mu));
    let by_r = growth - digamma_rise(r, y) + (y - mu) / (r + mu);
    return vec4<f32>(loss, by_mu * d_mu, -(by_r * r * r * logistic(own)), 0.0);
}

fn student_t(error: f32, unit: f32, own_scale: f32, own_freedom: f32) -> vec4<f32> {
    let scale = scale_of(unit, own_scale);
    let freedom = degrees_of_freedom(own_freedom);
    let z = error / scale;
    let square = z * z;
    let more = freedom + 1.0;
    let tail = ln_1p(square / freedom);
    let loss = 0.5 * log(freedom * 3.14159265) + log(scale) + 0.5 * more * tail - ln_gamma_rise(0.5 * freedom, 0.5);
    let weight = more / (freedom + square);
    let by_freedom = 0.5 * (1.0 / freedom - digamma_rise(0.5 * freedom, 0.5) + tail - weight * square / freedom);
    let by_scale = (1.0 - weight * square) / scale * unit * logistic(own_scale);
    return vec4<f32>(loss, weight * z / scale, by_scale, by_freedom * logistic(own_freedom));
}

fn term(replica: u32, at: Place, y: f32) -> vec4<f32> {
    if (DISTRIBUTION == STUDENT_T) {
        let error = located(replica, at, first_output(replica, at)) - y;
        let scale = other_output(replica, at, 0u);
        return student_t(error, unit(replica, at), scale, other_output(replica, at, 1u));
    }
    let size = of_window(replica, at, 2u);
    if (size == 0.0) {
        return vec4<f32>(0.0, 0.0, 0.0, 0.0);
    }
    let own = mean(replica, at);
    if (DISTRIBUTION == NEGATIVE_BINOMIAL) {
        return negative_binomial(size * y, size * own.value, size * own.slope, other_output(replica, at, 0u));
    }
    return poisson(size * y, size * own.value, size * own.slope);
}

@compute @workgroup_size(256)
fn likelihood_loss(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let inv_count = steps[replica * p.steps_row + slot.index].inv_target_count;
    var sum = 0.0;
    for (var i = lane; i < p.forecast.elements; i = i + REDUCE_LANES) {
        let at = place(i);
        let w = weight[replica * p.weight_row + i];
        let own = term(replica, at, truth[replica * p.target_row + i]);
        sum = sum + w * own.x;
        let row = replica * p.d_head_row;
        d_head[row + at.head] = inv_count * w * own.y * unit(replica, at);
        if (DISTRIBUTION != POISSON) {
            d_head[row + other_word(at, 0u)] = inv_count * w * own.z;
        }
        if (DISTRIBUTION == STUDENT_T) {
            d_head[row + other_word(at, 1u)] = inv_count * w * own.w;
        }
    }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u) {
        losses[replica * p.losses_row + slot.index] = inv_count * total;
    }
}
