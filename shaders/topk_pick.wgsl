//! topk_pick — extends the prefix by the digit that holds the cut, and zeroes the histogram for the next pass.
//! Twin: src/reference/topk.rs. One workgroup per replica, an invocation per digit: a scan, then the one digit whose
//! keys take the running count to `remaining`.
//! R replicas, S slots.
//! Uses: slot, replica_step

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
@group(0) @binding(4) var<storage, read_write> state: array<u32>;          // [R, 4]  (prefix, remaining)

const DIGITS: u32 = 256u;

var<workgroup> sh_scan: array<u32, DIGITS>;

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
    sh_scan[digit] = count;
    // Every invocation has read the state before one of them writes it.
    storageBarrier();
    workgroupBarrier();
    for (var distance = 1u; distance < DIGITS; distance = distance * 2u) {
        var below = 0u;
        if (digit >= distance) {
            below = sh_scan[digit - distance];
        }
        workgroupBarrier();
        sh_scan[digit] = sh_scan[digit] + below;
        workgroupBarrier();
    }
    let upto = sh_scan[digit];
    let before = upto - count;
    // The first digit that suffices; the last where none does.
    let suffices = upto >= remaining || digit == DIGITS - 1u;
    if (suffices && (before < remaining || digit == 0u)) {
        state[prefix_word] = prefix | (digit << p.shift);
        state[prefix_word + 1u] = remaining - before;
    }
}
