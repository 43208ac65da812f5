//! threshold_mask — the schedule's threshold pass: clears the mask bit of every living weight below the cut, and of the
//! first `remaining` ties in index order, so that exactly prune_count bits fall.
//! Twin: src/reference/topk.rs. One workgroup per block, an invocation per mask word of 32 weights. A block knows its
//! first tie's rank by summing the counts of the blocks before it: no scan between dispatches.
//! R replicas, S slots, P words, G blocks.
//! Uses: grid, slot, replica_step, rng, prune_key

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
@group(0) @binding(3) var<storage, read> params: array<u32>;         // [R, P], as bits
@group(0) @binding(4) var<storage, read> state: array<u32>;          // [R, 4]  (cut, remaining)
@group(0) @binding(5) var<storage, read> ties: array<u32>;           // [R, G]
@group(0) @binding(6) var<storage, read_write> mask: array<u32>;     // [R, P/32]

const MASK_WORDS: u32 = 256u;

var<workgroup> sh_before: atomic<u32>;
var<workgroup> sh_scan: array<u32, MASK_WORDS>;

@compute @workgroup_size(256)
fn threshold_mask(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let m = block * MASK_WORDS + lane;
    let at = replica * p.steps_row + slot.index;
    let prunes = steps[at].active_flag != 0u && steps[at].prune_count != 0u;
    let mask_word = replica * p.mask_row + m;
    let cut = state[replica * p.state_row];
    let remaining = state[replica * p.state_row + 1u];
    if (lane == 0u) {
        atomicStore(&sh_before, 0u);
    }
    workgroupBarrier();

    // Ties in the blocks before this one.
    let blocks = (p.prunable_words / 32u + MASK_WORDS - 1u) / MASK_WORDS;
    var earlier = 0u;
    for (var g = lane; g < min(block, blocks); g = g + MASK_WORDS) {
        earlier = earlier + ties[replica * p.ties_row + g];
    }
    atomicAdd(&sh_before, earlier);

    // This word's weights below the cut, and its ties.
    var below = 0u;
    var tied = 0u;
    var living = 0u;
    if (m < p.prunable_words / 32u && prunes) {
        living = mask[mask_word];
        for (var bit = 0u; bit < 32u; bit = bit + 1u) {
            let i = m * 32u + bit;
            let key = prune_key(params[replica * p.params_row + i], steps[at].seed, steps[at].prune_random, i);
            below = below | (select(0u, 1u, key < cut) << bit);
            tied = tied | (select(0u, 1u, key == cut) << bit);
        }
        tied = tied & living;
    }
    let count = countOneBits(tied);
    sh_scan[lane] = count;
    workgroupBarrier();
    for (var distance = 1u; distance < MASK_WORDS; distance = distance * 2u) {
        var left = 0u;
        if (lane >= distance) {
            left = sh_scan[lane - distance];
        }
        workgroupBarrier();
        sh_scan[lane] = sh_scan[lane] + left;
        workgroupBarrier();
    }

    if (m < p.prunable_words / 32u && prunes) {
        let rank = atomicLoad(&sh_before) + sh_scan[lane] - count;
        // Drop the lowest ties of this word while their rank is below `remaining`.
        var kept = tied;
        for (var taken = rank; taken < remaining && kept != 0u; taken = taken + 1u) {
            kept = kept & (kept - 1u);
        }
        mask[mask_word] = living & ~below & ~(tied & ~kept);
    }
}
