// Living keys that start with a prefix, counted by one of their digits of 8 bits; by a workgroup of 256. A digit has eight
// counters, side by side: most weights share their highest bits, and invocations that add to one word wait for one another.
const DIGITS: u32 = 256u;
const COUNTERS: u32 = 8u;

var<workgroup> sh_counts: array<atomic<u32>, 2048>;

// To be called by all invocations, before any of them counts.
fn clear_counts(lane: u32) {
    for (var i = lane; i < DIGITS * COUNTERS; i = i + DIGITS) {
        atomicStore(&sh_counts[i], 0u);
    }
    workgroupBarrier();
}

fn count_key(key: u32, living: u32, lane: u32, prefix: u32, shift: u32) {
    // No bits lie above the highest digit.
    let above = 0xFFFFFF00u << shift;
    if ((living & 1u) == 1u && (key & above) == (prefix & above)) {
        atomicAdd(&sh_counts[((key >> shift) & 255u) * COUNTERS + lane % COUNTERS], 1u);
    }
}

// How many keys have a digit, once all invocations have counted theirs.
fn counted(digit: u32) -> u32 {
    var sum = 0u;
    for (var i = 0u; i < COUNTERS; i = i + 1u) {
        sum = sum + atomicLoad(&sh_counts[digit * COUNTERS + i]);
    }
    return sum;
}
