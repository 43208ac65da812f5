//! quantile_loss — losses[slot] = inv_target_count · Σ weight · 2/L · Σ_j pinball(target − quantile j), and the gradient of all
//! outputs.
//! Twin: src/reference/distribution.rs. One workgroup per replica: strided sums, then a tree.
//! R replicas, S slots, B batch, Z horizon, K targets, L levels, which are the outputs of a value.
//! Uses: slot, replica_step, reduce, forecast, others, link, softplus

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
@group(0) @binding(3) var<storage, read> head: array<f32>;           // [R, B·Z·K·L]
@group(0) @binding(4) var<storage, read> stats: array<f32>;          // [R, B, K, 2 or 4]
@group(0) @binding(5) var<storage, read> levels: array<f32>;         // [L]
@group(0) @binding(6) var<storage, read> truth: array<f32>;          // [R, B, Z, K]
@group(0) @binding(7) var<storage, read> weight: array<f32>;         // [R, B, Z, K]
@group(0) @binding(8) var<storage, read_write> d_head: array<f32>;   // as head
@group(0) @binding(9) var<storage, read_write> losses: array<f32>;   // [R, S]

// The pinball loss of a quantile, and its slope by the quantile's location.
fn pinball(replica: u32, at: Place, level: f32, location: f32, y: f32) -> vec2<f32> {
    let own = bounded(replica, at, location);
    let d = y - own.value;
    // Comparisons, since sign may turn what is not a number into one.
    let slope = select(select(d, 1.0 - level, d < 0.0), -level, d > 0.0);
    return vec2<f32>(select((level - 1.0) * d, level * d, d > 0.0), slope * own.slope);
}

@compute @workgroup_size(256)
fn quantile_loss(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let inv_count = steps[replica * p.steps_row + slot.index].inv_target_count;
    let share = 2.0 / f32(p.forecast.outputs);
    let middle = p.forecast.outputs / 2u;
    var sum = 0.0;
    for (var i = lane; i < p.forecast.elements; i = i + REDUCE_LANES) {
        let at = place(i);
        let row = replica * p.d_head_row;
        let y = truth[replica * p.target_row + i];
        let w = weight[replica * p.weight_row + i];
        let scale = share * inv_count * w;
        let width = unit(replica, at);
        let median = located(replica, at, first_output(replica, at));
        let of_median = pinball(replica, at, levels[middle], median, y);
        var loss = of_median.x;
        var slope = scale * of_median.y;
        // Away from the median, below it and then above: an output moves its quantile and all beyond it.
        for (var side = 0u; side < 2u; side = side + 1u) {
            let above = side == 1u;
            let direction = select(-width, width, above);
            var u = median;
            for (var step = 0u; step < middle; step = step + 1u) {
                let j = select(middle - 1u - step, middle + step, above);
                u = u + direction * softplus(other_output(replica, at, j));
                let term = pinball(replica, at, levels[select(j, j + 1u, above)], u, y);
                loss = loss + term.x;
                d_head[row + other_word(at, j)] = scale * term.y;
            }
            var beyond = 0.0;
            for (var back = middle; back > 0u; back = back - 1u) {
                let j = select(middle - back, middle + back - 1u, above);
                let own = row + other_word(at, j);
                beyond = beyond + d_head[own];
                d_head[own] = direction * logistic(other_output(replica, at, j)) * beyond;
            }
            slope = slope + beyond;
        }
        sum = sum + w * share * loss;
        d_head[row + at.head] = slope * width;
    }
    let total = workgroup_sum(lane, sum);
    if (lane == 0u) {
        losses[replica * p.losses_row + slot.index] = inv_count * total;
    }
}
