//! score_update — adds a step to what weights are ranked by: gradient's mean of |w·g|, or movement's sum of −w·g.
//! Twin: src/reference/scores.rs. One invocation per word.
//! R replicas, S slots, P words.
//! Uses: grid, slot, replica_step

struct Params {
    words: u32,        // of the prunable matrices
    movement: u32,     // 1: the sum
    steps_row: u32,    // slots per replica row of the step table
    params_row: u32,   // words per replica row of each tensor
    grads_row: u32,
    mask_row: u32,
    score_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;     // [R, S]
@group(0) @binding(3) var<storage, read> params: array<f32>;            // [R, P]
@group(0) @binding(4) var<storage, read> grads: array<f32>;             // [R, P]
@group(0) @binding(5) var<storage, read> mask: array<u32>;              // [R, P/32]
@group(0) @binding(6) var<storage, read_write> score: array<f32>;       // [R, prunable]

const SCORE_DECAY: f32 = 0.99;

@compute @workgroup_size(64)
fn score_update(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words || steps[replica * p.steps_row + slot.index].active_flag == 0u) {
        return;
    }
    let word = replica * p.score_row + i;
    if (((mask[replica * p.mask_row + i / 32u] >> (i % 32u)) & 1u) == 0u) {
        score[word] = 0.0;
        return;
    }
    let change = params[replica * p.params_row + i] * grads[replica * p.grads_row + i];
    let mean = SCORE_DECAY * score[word] + (1.0 - SCORE_DECAY) * abs(change);
    score[word] = select(mean, score[word] - change, p.movement != 0u);
}
