//! instance_norm_forward — each window's target channels, less their last value or mean, over their deviation.
//! Twin: src/reference/instance_norm.rs. One invocation per (b, c) walks the T steps of its channel.
//! R replicas, S slots, B batch, T steps, C channels of which the first K are targets.
//! Uses: grid, slot, replica_step, norm_epsilon

struct Params {
    batch: u32,       // B
    steps: u32,       // T
    channels: u32,    // C
    targets: u32,     // K
    input_row: u32,   // words per replica row of each tensor
    output_row: u32,
    stats_row: u32,
    params_row: u32,
    steps_row: u32,   // slots per replica row of the step table
    affine: u32,      // 1 where a weight and a bias of each target follow
    weight: u32,      // their word offsets [K] in a replica's row
    bias: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>; // [R, S]
@group(0) @binding(3) var<storage, read> params: array<f32>;        // [R, P]
@group(0) @binding(4) var<storage, read> input: array<f32>;         // [R, B, T, C]
@group(0) @binding(5) var<storage, read_write> output: array<f32>;  // [R, B, T, C]
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;   // [R, B, K, 2]  (shift, scale)

const LAST: u32 = 1u;
const MEAN_STD: u32 = 2u;

@compute @workgroup_size(64)
fn instance_norm_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.batch * p.channels) {
        return;
    }
    let b = i / p.channels;
    let c = i % p.channels;
    let word = b * p.steps * p.channels + c;
    let from_word = replica * p.input_row + word;
    let to_word = replica * p.output_row + word;
    var shift = 0.0;
    var scale = 1.0;
    var weight = 1.0;
    var bias = 0.0;
    var normal = false;
    if (c < p.targets) {
        let norm = steps[replica * p.steps_row + slot.index].instance_norm;
        if (norm == LAST) {
            shift = input[from_word + (p.steps - 1u) * p.channels];
        } else if (norm == MEAN_STD) {
            var sum = 0.0;
            for (var t = 0u; t < p.steps; t = t + 1u) {
                sum = sum + input[from_word + t * p.channels];
            }
            shift = sum / f32(p.steps);
            var squares = 0.0;
            for (var t = 0u; t < p.steps; t = t + 1u) {
                let d = input[from_word + t * p.channels] - shift;
                squares = squares + d * d;
            }
            scale = sqrt(squares / f32(p.steps) + NORM_EPSILON);
        }
        let stat = replica * p.stats_row + (b * p.targets + c) * 2u;
        stats[stat] = shift;
        stats[stat + 1u] = scale;
        normal = norm == LAST || norm == MEAN_STD || p.affine == 1u;
        if (p.affine == 1u) {
            weight = params[replica * p.params_row + p.weight + c];
            bias = params[replica * p.params_row + p.bias + c];
        }
    }
    for (var t = 0u; t < p.steps; t = t + 1u) {
        let x = input[from_word + t * p.channels];
        // Division by 1 need not be exact.
        output[to_word + t * p.channels] = select(x, (x - shift) / scale * weight + bias, normal);
    }
}
