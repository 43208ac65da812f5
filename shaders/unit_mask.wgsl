//! unit_mask — clears the mask bits of all weights of units that fall.
//! Stage of: unit_prune
//! One invocation per word of the mask.
//! R replicas, S slots, P words, U units.
//! Uses: grid, slot, replica_step, unit_sets

struct Params {
    words: u32,       // of the mask, up to the last that falls with a unit
    sets: u32,
    steps_row: u32,   // slots per replica row of the step table
    mask_row: u32,    // words per replica row of each tensor
    fallen_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;   // [R, S]
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read> fallen: array<u32>;          // [R, U]
@group(0) @binding(5) var<storage, read_write> mask: array<u32>;      // [R, P/32]

// Whether a weight belongs to a unit that falls.
fn falls(replica: u32, word: u32) -> bool {
    var any_ = false;
    for (var s = 0u; s < p.sets; s = s + 1u) {
        let own_set = unit_set(s);
        for (var at = own_set.spans; at < own_set.all; at = at + SPAN_WORDS) {
            let span = unit_span(at);
            // Wraps before the first.
            let i = word - span.first;
            if (i < span.words) {
                let unit = own_set.first + i / span.step % own_set.count;
                any_ = any_ || fallen[replica * p.fallen_row + unit] == 1u;
            }
        }
    }
    return any_;
}

@compute @workgroup_size(64)
fn unit_mask(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let m = group_index(group, groups) * 64u + lane;
    let step = steps[replica * p.steps_row + slot.index];
    if (m >= p.words || step.active_flag == 0u || step.prune_count == 0u) {
        return;
    }
    var living = mask[replica * p.mask_row + m];
    var left = living;
    while (left != 0u) {
        let bit = countTrailingZeros(left);
        left = left & (left - 1u);
        if (falls(replica, m * 32u + bit)) {
            living = living & ~(1u << bit);
        }
    }
    mask[replica * p.mask_row + m] = living;
}
