//! lamp_score — of each weight its square over that of all weights of its tensor that are not smaller.
//! Twin: src/reference/scores.rs. One workgroup per tensor: the weights' places are sorted by |w|, by 11 stable passes of 3 bits, in which
//! an invocation has a run of neighbours; then sums from the largest down, in a fixed order.
//! R replicas, P words.
//! Uses: grid, scan

struct Params {
    tensors: u32,
    params_row: u32,   // words per replica row of each tensor
    mask_row: u32,
    score_row: u32,
    order_row: u32,
    half: u32,         // words of one of the two orders
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<u32>;            // [R, P], as bits
@group(0) @binding(2) var<storage, read> mask: array<u32>;              // [R, P/32]
@group(0) @binding(3) var<storage, read> table: array<u32>;             // [tensors, 2]  (first word, words)
@group(0) @binding(4) var<storage, read_write> order: array<u32>;       // [R, 2, half]: the words in order, before and after a pass
@group(0) @binding(5) var<storage, read_write> score: array<f32>;       // [R, prunable]

const RADIX: u32 = 8u;
const RADIX_BITS: u32 = 3u;

// By digit, then by invocation.
var<workgroup> sh_digits: array<u32, 2048>;
var<workgroup> sh_sums: array<f32, SCAN_LANES>;

// The bits of |w|; 0 of a weight that does not live.
fn size_of(replica: u32, word: u32) -> u32 {
    let lives = (mask[replica * p.mask_row + word / 32u] >> (word % 32u)) & 1u;
    return select(0u, params[replica * p.params_row + word] & 0x7FFFFFFFu, lives == 1u);
}

@compute @workgroup_size(256)
fn lamp_score(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let t = group_index(group, groups);
    let own = min(t, p.tensors - 1u);
    let first = table[own * 2u];
    // Past the last tensor, nothing.
    let words = select(0u, table[own * 2u + 1u], t < p.tensors);
    let each = (words + SCAN_LANES - 1u) / SCAN_LANES;
    let start = min(lane * each, words);
    let end = min(start + each, words);
    var source = replica * p.order_row + first;
    var sorted = source + p.half;
    for (var i = start; i < end; i = i + 1u) {
        order[source + i] = first + i;
    }
    for (var shift = 0u; shift < 31u; shift = shift + RADIX_BITS) {
        for (var digit = 0u; digit < RADIX; digit = digit + 1u) {
            sh_digits[digit * SCAN_LANES + lane] = 0u;
        }
        for (var i = start; i < end; i = i + 1u) {
            let digit = (size_of(replica, order[source + i]) >> shift) & (RADIX - 1u);
            sh_digits[digit * SCAN_LANES + lane] = sh_digits[digit * SCAN_LANES + lane] + 1u;
        }
        workgroupBarrier();
        // Counts become places: of neighbouring eight by one invocation.
        var count = 0u;
        for (var j = 0u; j < RADIX; j = j + 1u) {
            count = count + sh_digits[lane * RADIX + j];
        }
        var place = scan(lane, count) - count;
        for (var j = 0u; j < RADIX; j = j + 1u) {
            let here = sh_digits[lane * RADIX + j];
            sh_digits[lane * RADIX + j] = place;
            place = place + here;
        }
        workgroupBarrier();
        for (var i = start; i < end; i = i + 1u) {
            let word = order[source + i];
            let digit = (size_of(replica, word) >> shift) & (RADIX - 1u);
            let at = sh_digits[digit * SCAN_LANES + lane];
            sh_digits[digit * SCAN_LANES + lane] = at + 1u;
            order[sorted + at] = word;
        }
        storageBarrier();
        let swapped = source;
        source = sorted;
        sorted = swapped;
    }
    var sum = 0.0;
    for (var i = end; i > start; i = i - 1u) {
        let w = bitcast<f32>(size_of(replica, order[source + i - 1u]));
        sum = sum + w * w;
    }
    sh_sums[lane] = sum;
    workgroupBarrier();
    var larger = 0.0;
    for (var other = SCAN_LANES - 1u; other > lane; other = other - 1u) {
        larger = larger + sh_sums[other];
    }
    for (var i = end; i > start; i = i - 1u) {
        let word = order[source + i - 1u];
        let w = bitcast<f32>(size_of(replica, word));
        let square = w * w;
        larger = larger + square;
        score[replica * p.score_row + word] = select(0.0, square / larger, square > 0.0);
    }
}
