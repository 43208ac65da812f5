//! topk_pick — extends the prefix by the digit that holds the cut, and zeroes the histogram for the next pass.
//! Stage of: prune
//! One workgroup per replica, an invocation per digit: a scan, then the one digit whose keys take the running count to
//! `remaining`.
//! R replicas, S slots.
//! Uses: slot, replica_step, scan, cut_digit

struct Params {
    shift: u32,           // of this pass's digit; 24 on the first, which starts from prune_count
    steps_row: u32,       // slots per replica row of the step table
    histogram_row: u32,   // words per replica row of each tensor
    state_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;        // [R, S]
@group(0) @binding(3) var<storage, read_write> histogram: array<u32>;      // [R, 256]
@group(0) @binding(4) var<storage, read_write> state: array<u32>;          // [R, 2]  (prefix, remaining)

@compute @workgroup_size(256)
fn topk_pick(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) digit: u32) {
    let replica = group.z;
    let prefix_word = replica * p.state_row;
    var prefix = 0u;
    var remaining = steps[replica * p.steps_row + slot.index].prune_count;
    if (p.shift != 24u) {
        prefix = state[prefix_word];
        remaining = state[prefix_word + 1u];
    }
    let count = histogram[replica * p.histogram_row + digit];
    histogram[replica * p.histogram_row + digit] = 0u;
    // Every invocation has read the state before one of them writes it.
    storageBarrier();
    let upto = scan(digit, count);
    if (holds_cut(digit, count, upto, remaining)) {
        state[prefix_word] = prefix | (digit << p.shift);
        state[prefix_word + 1u] = remaining - (upto - count);
    }
}
