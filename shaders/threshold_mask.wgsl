//! threshold_mask — the schedule's threshold pass: clears the mask bit of every living weight below the cut, and of the
//! first `remaining` ties in index order, so that exactly prune_count bits fall.
//! Stage of: prune
//! One workgroup per block, an invocation per mask word of 32 weights. A block knows its first tie's rank by summing the
//! counts of the blocks before it: no scan between dispatches.
//! R replicas, S slots, P words, G blocks.
//! Uses: grid, slot, replica_step, rng, prune_key, scan, by_cut, cut_ties

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
@group(0) @binding(4) var<storage, read> state: array<u32>;          // [R, 2]  (cut, remaining)
@group(0) @binding(5) var<storage, read> ties: array<u32>;           // [R, G]
@group(0) @binding(6) var<storage, read_write> mask: array<u32>;     // [R, P/32]

var<workgroup> sh_before: atomic<u32>;

@compute @workgroup_size(256)
fn threshold_mask(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let m = block * SCAN_LANES + lane;
    let step = steps[replica * p.steps_row + slot.index];
    let prunes = step.active_flag != 0u && step.prune_count != 0u;
    let mask_word = replica * p.mask_row + m;
    if (lane == 0u) {
        atomicStore(&sh_before, 0u);
    }
    workgroupBarrier();

    // Ties in the blocks before this one.
    let blocks = (p.prunable_words / 32u + SCAN_LANES - 1u) / SCAN_LANES;
    var earlier = 0u;
    for (var g = lane; g < min(block, blocks); g = g + SCAN_LANES) {
        earlier = earlier + ties[replica * p.ties_row + g];
    }
    atomicAdd(&sh_before, earlier);

    var living = 0u;
    var by = ByCut(0u, 0u);
    if (m < p.prunable_words / 32u && prunes) {
        living = mask[mask_word];
        by = by_cut(replica, m, living, step, state[replica * p.state_row]);
    }
    let count = countOneBits(by.tied);
    let upto = scan(lane, count);
    if (m < p.prunable_words / 32u && prunes) {
        let rank = atomicLoad(&sh_before) + upto - count;
        mask[mask_word] = without(living, by, rank, state[replica * p.state_row + 1u]);
    }
}
