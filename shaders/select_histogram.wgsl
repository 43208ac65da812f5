//! select_histogram — counts, per group and digit of this pass, the open words whose higher key bits equal the prefix so far.
//! Stage of: prune_select
//! One workgroup per piece of a group, counting in its own memory first.
//! R replicas, S slots, P words, G groups. Integer atomics commute: the counts are the same in every order.
//! Uses: grid, slot, replica_step, rng, prune_key, score_key, select_key, digit_counts

struct Params {
    shift: u32,           // of this pass's digit; 24 on the first
    tiles: u32,
    key: u32,             // which order
    flipped: u32,         // all bits: words that do not live are picked
    steps_row: u32,       // slots per replica row of the step table
    scores_row: u32,      // words per replica row of each tensor
    mask_row: u32,
    within_row: u32,
    state_row: u32,
    histogram_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;             // [R, S]
@group(0) @binding(3) var<storage, read> scores: array<u32>;                    // [R, P], as bits
@group(0) @binding(4) var<storage, read> mask: array<u32>;                      // [R, P/32]
@group(0) @binding(5) var<storage, read> within: array<u32>;                    // [R, P/32]
@group(0) @binding(6) var<storage, read> table: array<u32>;                     // tiles
@group(0) @binding(7) var<storage, read> state: array<u32>;                     // [R, G, 2]  (prefix, remaining)
@group(0) @binding(8) var<storage, read_write> histogram: array<atomic<u32>>;   // [R, G, 256]

@compute @workgroup_size(256)
fn select_histogram(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let order = steps[replica * p.steps_row + slot.index];
    let tile = tile_of(group_index(group, groups));
    clear_counts(lane);
    // The first pass has no prefix: none of its bits counts.
    let prefix = state[replica * p.state_row + tile.group * 2u];
    let start = mask_start(tile) * 32u;
    for (var word = start + lane; word < tile.end; word = word + DIGITS) {
        let open = open_words(replica, tile, word / 32u) >> (word % 32u);
        if ((open & 1u) == 1u) {
            count_key(select_key(order, replica, word), open, lane, prefix, p.shift);
        }
    }
    workgroupBarrier();
    let count = counted(lane);
    if (count > 0u) {
        atomicAdd(&histogram[replica * p.histogram_row + tile.group * DIGITS + lane], count);
    }
}
