//! select_pick — extends each group's prefix by the digit that holds the cut, and zeroes the histogram for the next pass.
//! Stage of: prune_select
//! One workgroup per group, an invocation per digit: a scan, then the one digit whose keys take the running count to
//! `remaining`.
//! R replicas, S slots, G groups.
//! Uses: grid, slot, replica_step, scan, cut_digit

struct Params {
    shift: u32,           // of this pass's digit; 24 on the first, which starts from the counts
    prune_groups: u32,    // G
    all_but: u32,         // 1: the counts say how many are not picked
    steps_row: u32,       // slots per replica row of the step table
    counts_replica: u32,  // words of the counts from one replica to the next; 0 if all share them
    counts_slot: u32,     // the same from slot to slot
    counts_first: u32,    // the place of the first group's
    histogram_row: u32,   // words per replica row of each tensor
    state_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;        // [R, S]
@group(0) @binding(3) var<storage, read> counts: array<u32>;               // [R, S, G], [G], or the step table
@group(0) @binding(4) var<storage, read_write> histogram: array<u32>;      // [R, G, 256]
@group(0) @binding(5) var<storage, read_write> state: array<u32>;          // [R, G, 2]  (prefix, remaining)

const DIGITS: u32 = 256u;

@compute @workgroup_size(256)
fn select_pick(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) digit: u32,
) {
    let replica = group.z;
    let own = group_index(group, groups);
    let there = own < p.prune_groups;
    let g = min(own, p.prune_groups - 1u);
    let prefix_word = replica * p.state_row + g * 2u;
    let step = steps[replica * p.steps_row + slot.index];
    let prunes = step.active_flag != 0u && step.prune_count != 0u;
    let bin = replica * p.histogram_row + g * DIGITS + digit;
    let count = select(0u, histogram[bin], there);
    var prefix = state[prefix_word];
    var remaining = state[prefix_word + 1u];
    // Every invocation has read the state before one of them writes it.
    storageBarrier();
    let upto = scan(digit, count);
    if (p.shift == 24u) {
        let asked = counts[replica * p.counts_replica + slot.index * p.counts_slot + p.counts_first + g];
        let all = sh_scan[SCAN_LANES - 1u];
        prefix = 0u;
        remaining = select(0u, select(asked, all - min(all, asked), p.all_but != 0u), prunes);
    }
    if (there) {
        histogram[bin] = 0u;
        if (holds_cut(digit, count, upto, remaining)) {
            state[prefix_word] = prefix | (digit << p.shift);
            state[prefix_word + 1u] = remaining - (upto - count);
        }
    }
}
