//! topk_ties — ties[g] = living weights whose key equals the cut, in the g-th 8192 words.
//! Stage of: prune
//! One workgroup per block, an invocation per mask word of 32 weights.
//! R replicas, S slots, P words, G blocks. A replica that prunes nothing has no ties.
//! Uses: grid, slot, replica_step, rng, prune_key, by_cut, cut_ties

struct Params {
    prunable_words: u32,
    steps_row: u32,    // slots per replica row of the step table
    params_row: u32,   // words per replica row of each tensor
    mask_row: u32,
    state_row: u32,
    ties_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, S]
@group(0) @binding(3) var<storage, read> params: array<vec4<u32>>;   // [R, P], as bits
@group(0) @binding(4) var<storage, read> mask: array<u32>;           // [R, P/32]
@group(0) @binding(5) var<storage, read> state: array<u32>;          // [R, 2]  (cut, remaining)
@group(0) @binding(6) var<storage, read_write> ties: array<u32>;     // [R, G]

const MASK_WORDS: u32 = 256u;

var<workgroup> sh_count: atomic<u32>;

@compute @workgroup_size(256)
fn topk_ties(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let step = steps[replica * p.steps_row + slot.index];
    if (lane == 0u) {
        atomicStore(&sh_count, 0u);
    }
    workgroupBarrier();

    let m = block * MASK_WORDS + lane;
    if (m < p.prunable_words / 32u && step.prune_count != 0u) {
        let by = by_cut(replica, m, mask[replica * p.mask_row + m], step, state[replica * p.state_row]);
        if (by.tied != 0u) {
            atomicAdd(&sh_count, countOneBits(by.tied));
        }
    }
    workgroupBarrier();

    if (lane == 0u && block * MASK_WORDS < p.prunable_words / 32u) {
        ties[replica * p.ties_row + block] = atomicLoad(&sh_count);
    }
}
