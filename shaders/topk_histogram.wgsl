//! topk_histogram — counts, per digit of this pass, the living weights whose higher key bits equal the prefix so far.
//! Stage of: prune
//! A bounded number of workgroups, each counting its share in its own memory first.
//! R replicas, S slots, P words. A replica that prunes nothing counts nothing. Integer atomics commute: the counts are the same in every order.
//! Uses: slot, replica_step, rng, prune_key, digit_counts, key_counts

struct Params {
    shift: u32,            // of this pass's digit; 24 on the first
    prunable_words: u32,
    steps_row: u32,        // slots per replica row of the step table
    params_row: u32,       // words per replica row of each tensor
    mask_row: u32,
    state_row: u32,
    histogram_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;             // [R, S]
@group(0) @binding(3) var<storage, read> params: array<vec4<u32>>;              // [R, P], as bits
@group(0) @binding(4) var<storage, read> mask: array<u32>;                      // [R, P/32]
@group(0) @binding(5) var<storage, read> state: array<u32>;                     // [R, 2]  (prefix, remaining)
@group(0) @binding(6) var<storage, read_write> histogram: array<atomic<u32>>;   // [R, 256]

@compute @workgroup_size(256)
fn topk_histogram(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let step = steps[replica * p.steps_row + slot.index];
    let words = select(p.prunable_words, 0u, step.prune_count == 0u);
    clear_counts(lane);
    // The first pass has no prefix: none of its bits counts.
    let prefix = state[replica * p.state_row];
    count_keys(replica, group.x, groups.x, lane, words, step, prefix, p.shift);
    workgroupBarrier();
    let count = counted(lane);
    if (count > 0u) {
        atomicAdd(&histogram[replica * p.histogram_row + lane], count);
    }
}
