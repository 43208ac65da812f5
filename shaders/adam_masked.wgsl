//! adam_masked — the fused masked update of every weight: clip, L2, weight decay, Adam, and the mask.
//! Twin: src/reference/optimizer.rs. One invocation per word.
//! R replicas, S slots, P words of which the prunable come first.
//! Notes the first non-finite gradient and weight; an inactive replica is left as it is.
//! Uses: grid, slot, replica_step, non_finite

struct Params {
    prunable_words: u32,
    words: u32,           // P
    steps_row: u32,       // slots per replica row of the step table
    arena_row: u32,       // words per replica row of params, grads and moments
    mask_row: u32,
    grad_norm_row: u32,
    status_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;           // [R, S]
@group(0) @binding(3) var<storage, read> grads: array<f32>;                   // [R, P]
@group(0) @binding(4) var<storage, read> mask: array<u32>;                    // [R, P/32]
@group(0) @binding(5) var<storage, read> norm: array<f32>;                    // [R, 1]
@group(0) @binding(6) var<storage, read_write> params: array<f32>;            // [R, P]
@group(0) @binding(7) var<storage, read_write> moment1: array<f32>;           // [R, P]
@group(0) @binding(8) var<storage, read_write> moment2: array<f32>;           // [R, P]
@group(0) @binding(9) var<storage, read_write> notes: array<atomic<u32>>;     // [R, 4]  status

const CLIP_EPSILON: f32 = 1e-6;
const ADAM_EPSILON: f32 = 1e-8;
const ONE_MINUS_BETA2: f32 = 0.001;

// Keeps the first step, and of its words the lowest: steps only rise, so a later step never passes the test.
fn note(first: u32, step: u32, word: u32) {
    let old = atomicMin(&notes[first], step);
    if (step <= old) {
        atomicMin(&notes[first + 1u], word);
    }
}

@compute @workgroup_size(64)
fn adam_masked(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    let at = replica * p.steps_row + slot.index;
    if (i >= p.words || steps[at].active_flag == 0u) {
        return;
    }
    let word = replica * p.arena_row + i;
    if (((mask[replica * p.mask_row + i / 32u] >> (i % 32u)) & 1u) == 0u) {
        params[word] = 0.0;
        moment1[word] = 0.0;
        moment2[word] = 0.0;
        return;
    }
    var w = params[word];
    var g = grads[word];
    if (non_finite(g)) {
        note(replica * p.status_row, steps[at].step, i);
    }
    if (steps[at].clip_norm > 0.0) {
        // A norm that is not a number must reach the weights, where it is noticed.
        let scale = steps[at].clip_norm / (norm[replica * p.grad_norm_row] + CLIP_EPSILON);
        g = g * select(scale, 1.0, scale > 1.0);
    }
    if (i < p.prunable_words) {
        g = g + steps[at].l2 * w;
        w = w * steps[at].decay_factor;
    }
    let m0 = moment1[word];
    let m = m0 + steps[at].one_minus_beta1 * (g - m0);
    let v = (1.0 - ONE_MINUS_BETA2) * moment2[word] + ONE_MINUS_BETA2 * (g * g);
    w = w - steps[at].step_size * (m / (sqrt(v) * steps[at].inv_sqrt_bias2 + ADAM_EPSILON));
    if (non_finite(w)) {
        note(replica * p.status_row + 2u, steps[at].step, i);
    }
    params[word] = w;
    moment1[word] = m;
    moment2[word] = v;
}
