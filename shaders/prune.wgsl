//! prune — clears the mask bits of the prune_count smallest living weights, of equal ones those of the lowest index.
//! Twin: src/reference/prune.rs. One workgroup per replica, for models whose prunable weights are few: four radix passes
//! over the keys, 8 bits each, then the mask, 8192 weights at a time.
//! R replicas, S slots, P words.
//! Uses: slot, replica_step, rng, prune_key, digit_counts, key_counts, scan, cut_digit, by_cut, cut_ties

struct Params {
    prunable_words: u32,
    steps_row: u32,    // slots per replica row of the step table
    params_row: u32,   // words per replica row of each tensor
    mask_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, S]
@group(0) @binding(3) var<storage, read> params: array<vec4<u32>>;   // [R, P], as bits
@group(0) @binding(4) var<storage, read_write> mask: array<u32>;     // [R, P/32]

var<workgroup> sh_cut: vec2<u32>;   // prefix, remaining

@compute @workgroup_size(256)
fn prune(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let step = steps[replica * p.steps_row + slot.index];
    // A replica that prunes nothing walks over no weights.
    let words = select(0u, p.prunable_words, step.active_flag != 0u && step.prune_count != 0u);
    var prefix = 0u;
    var remaining = step.prune_count;
    for (var pass_ = 0u; pass_ < 4u; pass_ = pass_ + 1u) {
        let shift = 24u - 8u * pass_;
        clear_counts(lane);
        count_keys(replica, 0u, 1u, lane, words, step, prefix, shift);
        workgroupBarrier();
        let count = counted(lane);
        let upto = scan(lane, count);
        if (holds_cut(lane, count, upto, remaining)) {
            sh_cut = vec2<u32>(prefix | (lane << shift), remaining - (upto - count));
        }
        workgroupBarrier();
        prefix = sh_cut.x;
        remaining = sh_cut.y;
    }

    // Ties in the blocks before.
    var earlier = 0u;
    for (var first = 0u; first < p.prunable_words / 32u; first = first + SCAN_LANES) {
        let m = first + lane;
        var living = 0u;
        var by = ByCut(0u, 0u);
        if (m < words / 32u) {
            living = mask[replica * p.mask_row + m];
            by = by_cut(replica, m, living, step, prefix);
        }
        let count = countOneBits(by.tied);
        let upto = scan(lane, count);
        if (m < words / 32u) {
            mask[replica * p.mask_row + m] = without(living, by, earlier + upto - count, remaining);
        }
        earlier = earlier + sh_scan[SCAN_LANES - 1u];
    }
}
