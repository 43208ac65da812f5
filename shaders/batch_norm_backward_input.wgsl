//! batch_norm_backward_input — the gradient through a batch's statistics, more by what comes past the norm.
//! Twin: src/reference/batch_norm.rs. One invocation per word. Empty windows get what comes past the norm alone.
//! R replicas, B batch, D features.
//! Uses: grid, slot, norm_epsilon, no_window

struct Params {
    batch: u32,         // B
    tokens: u32,        // rows of a window
    width: u32,         // D
    weight: u32,        // word offsets [D] in a replica's row of params and grads
    bias: u32,
    has_skip: u32,      // 1 where something comes past the norm
    windows_row: u32,   // words per replica row of each tensor
    params_row: u32,
    grads_row: u32,
    stats_row: u32,
    input_row: u32,
    d_output_row: u32,
    skip_row: u32,
    d_input_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> windows: array<u32>;         // [R, slots, B]
@group(0) @binding(3) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(4) var<storage, read> grads: array<f32>;           // [R, P]
@group(0) @binding(5) var<storage, read> stats: array<f32>;           // [R, 2·D + 1]  (means, variances, count)
@group(0) @binding(6) var<storage, read> input: array<f32>;           // [R, B·tokens, D]
@group(0) @binding(7) var<storage, read> d_output: array<f32>;        // [R, B·tokens, D]
@group(0) @binding(8) var<storage, read> skip: array<f32>;            // [R, B·tokens, D]
@group(0) @binding(9) var<storage, read_write> d_input: array<f32>;   // [R, B·tokens, D]

@compute @workgroup_size(64)
fn batch_norm_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.batch * p.tokens * p.width) {
        return;
    }
    let d = i % p.width;
    var sum = 0.0;
    if (p.has_skip == 1u) {
        sum = skip[replica * p.skip_row + i];
    }
    let b = i / (p.tokens * p.width);
    if (windows[replica * p.windows_row + slot.index * p.batch + b] != NO_WINDOW) {
        let stat = replica * p.stats_row;
        let inverse = 1.0 / sqrt(stats[stat + p.width + d] + NORM_EPSILON);
        let normal = (input[replica * p.input_row + i] - stats[stat + d]) * inverse;
        let grad = replica * p.grads_row + d;
        let pulled = (grads[grad + p.bias] + normal * grads[grad + p.weight]) / stats[stat + 2u * p.width];
        let centred = d_output[replica * p.d_output_row + i] - pulled;
        sum = sum + params[replica * p.params_row + p.weight + d] * inverse * centred;
    }
    d_input[replica * p.d_input_row + i] = sum;
}
