//! prune_select — the bits of the words that are picked: of each group those below its cut, and of the ties the first in order.
//! Twin: src/reference/select.rs. One workgroup per piece of a group, an invocation per word of the mask. A piece knows its first tie's
//! rank by the counts of its group's pieces before it.
//! R replicas, S slots, P words, G groups, T pieces. Groups may share a word of the mask: its bits are added one group after another, in
//! any order.
//! Uses: grid, slot, replica_step, rng, prune_key, score_key, select_key, scan, cut_ties

struct Params {
    tiles: u32,
    key: u32,             // which order
    flipped: u32,         // all bits: words that do not live are picked
    steps_row: u32,    // slots per replica row of the step table
    scores_row: u32,   // words per replica row of each tensor
    mask_row: u32,
    within_row: u32,
    state_row: u32,
    ties_row: u32,
    picked_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;           // [R, S]
@group(0) @binding(3) var<storage, read> scores: array<u32>;                  // [R, P], as bits
@group(0) @binding(4) var<storage, read> mask: array<u32>;                    // [R, P/32]
@group(0) @binding(5) var<storage, read> within: array<u32>;                  // [R, P/32]
@group(0) @binding(6) var<storage, read> table: array<u32>;                   // tiles
@group(0) @binding(7) var<storage, read> state: array<u32>;                   // [R, G, 2]  (cut, remaining)
@group(0) @binding(8) var<storage, read> ties: array<u32>;                    // [R, T]
@group(0) @binding(9) var<storage, read_write> picked: array<atomic<u32>>;    // [R, P/32]

var<workgroup> sh_before: atomic<u32>;

@compute @workgroup_size(256)
fn prune_select(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let t = group_index(group, groups);
    let order = steps[replica * p.steps_row + slot.index];
    let tile = tile_of(t);
    let cut = state[replica * p.state_row + tile.group * 2u];
    let remaining = state[replica * p.state_row + tile.group * 2u + 1u];
    if (lane == 0u) {
        atomicStore(&sh_before, 0u);
    }
    workgroupBarrier();
    // Ties in the group's pieces before this one.
    var earlier = 0u;
    for (var i = tile.first + lane; i < min(t, p.tiles); i = i + SCAN_LANES) {
        earlier = earlier + ties[replica * p.ties_row + i];
    }
    atomicAdd(&sh_before, earlier);

    let m = mask_start(tile) + lane;
    let open = open_words(replica, tile, m);
    var by = ByCut(0u, 0u);
    var left = open;
    while (left != 0u) {
        let bit = countTrailingZeros(left);
        left = left & (left - 1u);
        let key = select_key(order, replica, m * 32u + bit);
        by.below = by.below | (select(0u, 1u, key < cut) << bit);
        by.tied = by.tied | (select(0u, 1u, key == cut) << bit);
    }
    let count = countOneBits(by.tied);
    let upto = scan(lane, count);
    let bits = open & ~without(open, by, atomicLoad(&sh_before) + upto - count, remaining);
    if (bits != 0u) {
        atomicOr(&picked[replica * p.picked_row + m], bits);
    }
}
