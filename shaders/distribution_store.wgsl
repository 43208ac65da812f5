//! distribution_store — the batch's quantiles, or the parameters of its distributions, kept at the slot's place.
//! Twin: src/reference/distribution.rs. One invocation per value.
//! R replicas, B batch, Z horizon, K targets, Q prediction slots, D outputs of a value.
//! Uses: grid, slot, forecast, others, distribution, link, softplus

override DISTRIBUTION: u32 = 3u;

const QUANTILES: u32 = 3u;

struct Params {
    forecast: Forecast,
    predictions_row: u32,   // words per replica row
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> head: array<f32>;               // [R, B·Z·K·D]
@group(0) @binding(3) var<storage, read> stats: array<f32>;              // [R, B, K, 2 or 4]
@group(0) @binding(4) var<storage, read_write> predictions: array<f32>;  // [R, Q, B, Z, K, D]

@compute @workgroup_size(64)
fn distribution_store(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.forecast.elements) {
        return;
    }
    let at = place(i);
    let outputs = p.forecast.outputs;
    let word = replica * p.predictions_row + (slot.index * p.forecast.elements + i) * outputs;
    let median = located(replica, at, first_output(replica, at));
    let width = unit(replica, at);
    if (DISTRIBUTION == QUANTILES) {
        let middle = outputs / 2u;
        predictions[word + middle] = bounded(replica, at, median).value;
        var above = median;
        var below = median;
        for (var step = 0u; step < middle; step = step + 1u) {
            above = above + width * softplus(other_output(replica, at, middle + step));
            predictions[word + middle + step + 1u] = bounded(replica, at, above).value;
            below = below - width * softplus(other_output(replica, at, middle - 1u - step));
            predictions[word + middle - 1u - step] = bounded(replica, at, below).value;
        }
        return;
    }
    if (DISTRIBUTION == STUDENT_T) {
        predictions[word] = median;
        predictions[word + 1u] = scale_of(width, other_output(replica, at, 0u));
        predictions[word + 2u] = degrees_of_freedom(other_output(replica, at, 1u));
        return;
    }
    predictions[word] = mean(replica, at).value;
    if (DISTRIBUTION == NEGATIVE_BINOMIAL) {
        predictions[word + 1u] = dispersion(other_output(replica, at, 0u));
    }
}
