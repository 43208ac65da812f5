//! instance_affine_backward — the gradients of RevIN's scale and shift, by what the patches and the forecast get.
//! Twin: src/reference/instance_norm.rs. One workgroup per target: strided sums, then a tree.
//! R replicas, B batch, T steps, C channels, K targets, Z horizon, N patches, J rows of a patch.
//! Uses: grid, reduce, revin_epsilon

struct Params {
    batch: u32,         // B
    steps: u32,         // T
    channels: u32,      // C
    targets: u32,       // K
    horizon: u32,       // Z
    first: u32,         // row of the window that the first patch starts at
    stride: u32,
    rows: u32,          // J
    count: u32,         // N
    weight: u32,        // word offsets [K] in a replica's row of params and grads
    bias: u32,
    params_row: u32,    // words per replica row of each tensor
    grads_row: u32,
    input_row: u32,
    stats_row: u32,
    d_patches_row: u32,
    forecast_row: u32,
    d_forecast_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(2) var<storage, read> input: array<f32>;         // [R, B, T, C]
@group(0) @binding(3) var<storage, read> stats: array<f32>;         // [R, B, K, 2]  (shift, scale)
@group(0) @binding(4) var<storage, read> d_patches: array<f32>;     // [R, B, K, N, J]
@group(0) @binding(5) var<storage, read> forecast: array<f32>;      // [R, B, K, Z]
@group(0) @binding(6) var<storage, read> d_forecast: array<f32>;    // [R, B, K, Z]
@group(0) @binding(7) var<storage, read_write> grads: array<f32>;   // [R, P]

@compute @workgroup_size(256)
fn instance_affine_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let target_index = group_index(group, groups);
    // Groups past the last target come to its numbers again, and do not store them.
    let k = min(target_index, p.targets - 1u);
    let bias = params[replica * p.params_row + p.bias + k];
    let weight = params[replica * p.params_row + p.weight + k] + REVIN_EPSILON;
    var weight_sum = 0.0;
    var bias_sum = 0.0;
    let words = p.count * p.rows;
    for (var i = lane; i < p.batch * words; i = i + REDUCE_LANES) {
        let sequence = (i / words) * p.targets + k;
        let word = i % words;
        let d = d_patches[replica * p.d_patches_row + sequence * words + word];
        let t = min(p.first + (word / p.rows) * p.stride + word % p.rows, p.steps - 1u);
        let x = input[replica * p.input_row + ((i / words) * p.steps + t) * p.channels + k];
        let stat = replica * p.stats_row + sequence * 2u;
        weight_sum = weight_sum + d * ((x - stats[stat]) / stats[stat + 1u]);
        bias_sum = bias_sum + d;
    }
    for (var i = lane; i < p.batch * p.horizon; i = i + REDUCE_LANES) {
        let word = ((i / p.horizon) * p.targets + k) * p.horizon + i % p.horizon;
        let d = d_forecast[replica * p.d_forecast_row + word];
        weight_sum = weight_sum - d * ((forecast[replica * p.forecast_row + word] - bias) / weight);
        bias_sum = bias_sum - d;
    }
    let d_weight = workgroup_sum(lane, weight_sum);
    workgroupBarrier();
    let d_bias = workgroup_sum(lane, bias_sum);
    if (lane == 0u && target_index < p.targets) {
        grads[replica * p.grads_row + p.weight + k] = d_weight;
        grads[replica * p.grads_row + p.bias + k] = d_bias;
    }
}
