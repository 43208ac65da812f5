//! unit_prune — which units fall: those first in order, as many as are together worth no more than the counts say.
//! Twin: src/reference/units.rs. One workgroup per replica, or per set: four radix passes over the keys, 8 bits each, that add up what units are
//! worth; then the ties, in order.
//! R replicas, S slots, U units.
//! Uses: grid, slot, replica_step, unit_sets

struct Params {
    units: u32,            // U
    sets: u32,
    by_set: u32,           // 1: each set is ranked on its own
    counts_replica: u32,   // words of the counts from one replica to the next
    counts_slot: u32,      // the same from slot to slot
    counts_first: u32,     // the place of the first count
    steps_row: u32,        // slots per replica row of the step table
    keys_row: u32,         // words per replica row of each tensor
    fallen_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;    // [R, S]
@group(0) @binding(3) var<storage, read> counts: array<u32>;           // [R, S, sets], or the step table
@group(0) @binding(4) var<storage, read> table: array<u32>;
@group(0) @binding(5) var<storage, read> keys: array<u32>;             // [R, U]
@group(0) @binding(6) var<storage, read_write> fallen: array<u32>;     // [R, U]: 1 of those that fall

// Values of a digit: one for each invocation.
const DIGITS: u32 = 256u;
// The key of units that stay.
const STAYS: u32 = 0xFFFFFFFFu;

var<workgroup> sh_worth: array<atomic<u32>, DIGITS>;
var<workgroup> sh_cut: vec2<u32>;   // prefix, what is left for keys that start with it

@compute @workgroup_size(256)
fn unit_prune(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let s = group_index(group, groups);
    let step = steps[replica * p.steps_row + slot.index];
    let prunes = step.active_flag != 0u && step.prune_count != 0u;
    // Its units; of a workgroup past the last, none.
    let own_set = unit_set(min(s, p.sets - 1u));
    let first = select(0u, own_set.first, p.by_set != 0u);
    let all = select(p.units, first + own_set.count, p.by_set != 0u);
    let end = select(first, all, s < select(1u, p.sets, p.by_set != 0u));
    let units = select(first, end, prunes);
    let count = replica * p.counts_replica + slot.index * p.counts_slot + p.counts_first;
    var prefix = 0u;
    var left = counts[count + select(0u, min(s, p.sets - 1u), p.by_set != 0u)];
    for (var pass_ = 0u; pass_ < 4u; pass_ = pass_ + 1u) {
        let shift = 24u - 8u * pass_;
        // No bits lie above the highest digit.
        let above = 0xFFFFFF00u << shift;
        atomicStore(&sh_worth[lane], 0u);
        workgroupBarrier();
        for (var unit = first + lane; unit < units; unit = unit + DIGITS) {
            let key = keys[replica * p.keys_row + unit];
            if (key != STAYS && (key & above) == (prefix & above)) {
                atomicAdd(&sh_worth[(key >> shift) & 255u], set_of(unit).worth);
            }
        }
        workgroupBarrier();
        if (lane == 0u) {
            // The first digit whose units are not all to fall; 255 where all fall, whose keys no unit has but those that stay.
            var digit = 0u;
            while (digit < 255u && atomicLoad(&sh_worth[digit]) <= left) {
                left = left - atomicLoad(&sh_worth[digit]);
                digit = digit + 1u;
            }
            sh_cut = vec2<u32>(prefix | (digit << shift), left);
        }
        workgroupBarrier();
        prefix = sh_cut.x;
        left = sh_cut.y;
        workgroupBarrier();
    }
    for (var unit = first + lane; unit < end; unit = unit + DIGITS) {
        let key = keys[replica * p.keys_row + unit];
        if (!prunes || key != prefix) {
            fallen[replica * p.fallen_row + unit] = select(0u, 1u, prunes && key < prefix);
        }
    }
    // Ties, in order: the first that is worth more than what is left stays, with all after it.
    if (lane == 0u) {
        var open = true;
        for (var unit = first; unit < units; unit = unit + 1u) {
            if (keys[replica * p.keys_row + unit] == prefix) {
                let worth = set_of(unit).worth;
                open = open && prefix != STAYS && worth <= left;
                left = left - select(0u, worth, open);
                fallen[replica * p.fallen_row + unit] = select(0u, 1u, open);
            }
        }
    }
}
