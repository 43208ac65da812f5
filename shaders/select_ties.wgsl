//! select_ties — ties[t] = open words whose key equals their group's cut, in the t-th piece.
//! Stage of: prune_select
//! One workgroup per piece, an invocation per word of the mask.
//! R replicas, S slots, P words, G groups, T pieces.
//! Uses: grid, slot, replica_step, rng, prune_key, score_key, select_key

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
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, S]
@group(0) @binding(3) var<storage, read> scores: array<u32>;         // [R, P], as bits
@group(0) @binding(4) var<storage, read> mask: array<u32>;           // [R, P/32]
@group(0) @binding(5) var<storage, read> within: array<u32>;         // [R, P/32]
@group(0) @binding(6) var<storage, read> table: array<u32>;          // tiles
@group(0) @binding(7) var<storage, read> state: array<u32>;          // [R, G, 2]  (cut, remaining)
@group(0) @binding(8) var<storage, read_write> ties: array<u32>;     // [R, T]

var<workgroup> sh_count: atomic<u32>;

@compute @workgroup_size(256)
fn select_ties(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let t = group_index(group, groups);
    let order = steps[replica * p.steps_row + slot.index];
    let tile = tile_of(t);
    let cut = state[replica * p.state_row + tile.group * 2u];
    if (lane == 0u) {
        atomicStore(&sh_count, 0u);
    }
    workgroupBarrier();
    let m = mask_start(tile) + lane;
    var open = open_words(replica, tile, m);
    var count = 0u;
    while (open != 0u) {
        let bit = countTrailingZeros(open);
        open = open & (open - 1u);
        count = count + select(0u, 1u, select_key(order, replica, m * 32u + bit) == cut);
    }
    if (count > 0u) {
        atomicAdd(&sh_count, count);
    }
    workgroupBarrier();
    if (lane == 0u && t < p.tiles) {
        ties[replica * p.ties_row + t] = atomicLoad(&sh_count);
    }
}
