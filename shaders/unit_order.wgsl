//! unit_order — the place of each unit in the order in which they fall; of the last of each set, which stay, one that never comes.
//! Stage of: unit_prune
//! One invocation per unit looks at all of its set.
//! R replicas, S slots, U units.
//! Uses: grid, slot, replica_step, rng, prune_key, score_key, unit_sets

struct Params {
    units: u32,           // U
    sets: u32,
    steps_row: u32,       // slots per replica row of the step table
    importance_row: u32,  // words per replica row of each tensor
    keys_row: u32,
    scored: u32,          // 1: importance comes from scores
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;   // [R, S]
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read> importance: array<u32>;      // [R, U], as bits
@group(0) @binding(5) var<storage, read_write> keys: array<u32>;      // [R, U]

// The bits of the importance by scores of a unit without a living weight.
const NO_UNIT_BITS: u32 = 0xFF7FFFFFu;

// 0 of a unit that has fallen.
fn unit_key(order: ReplicaStep, replica: u32, unit: u32) -> u32 {
    let bits = importance[replica * p.importance_row + unit];
    if (select(bits >> 31u == 1u, bits == NO_UNIT_BITS, p.scored != 0u)) {
        return 0u;
    }
    if (order.prune_random != 0u) {
        return 1u + (random_key(order.seed, unit) >> 1u);
    }
    return select(1u + bits, score_key(bits), p.scored != 0u);
}

@compute @workgroup_size(64)
fn unit_order(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let unit = group_index(group, groups) * 64u + lane;
    if (unit >= p.units) {
        return;
    }
    let step = steps[replica * p.steps_row + slot.index];
    let own_set = set_of(unit);
    let own = unit_key(step, replica, unit);
    var after = 0u;
    for (var other = own_set.first; other < own_set.first + own_set.count; other = other + 1u) {
        let key = unit_key(step, replica, other);
        after = after + select(0u, 1u, key > own || (key == own && other > unit));
    }
    keys[replica * p.keys_row + unit] = select(own, 0xFFFFFFFFu, after < own_set.stays);
}
