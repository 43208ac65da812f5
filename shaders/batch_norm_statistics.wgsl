//! batch_norm_statistics — each feature's mean and variance over the batch, and its running ones moved towards them.
//! Twin: src/reference/batch_norm.rs. One invocation per feature adds up the splits in order (Chan et al. 1979).
//! R replicas, D features. An inactive replica's running statistics are left as they are.
//! Uses: grid, slot, replica_step

struct Params {
    width: u32,        // D
    splits: u32,
    running: u32,      // word offset of mean [D], variance [D] and count [2] in a replica's row of state
    count_base: u32,   // a count's first word carries over here
    steps_row: u32,    // slots per replica row of the step table
    partial_row: u32,  // words per replica row of each tensor
    stats_row: u32,
    state_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, slots]
@group(0) @binding(3) var<storage, read> partial: array<f32>;        // [R, splits, 3, D]  (count, mean, squares)
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;    // [R, 2·D + 1]  (means, variances, count)
@group(0) @binding(5) var<storage, read_write> state: array<f32>;    // [R, S]

const MOMENTUM: f32 = 0.1;

@compute @workgroup_size(64)
fn batch_norm_statistics(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let d = group_index(group, groups) * 64u + lane;
    if (d >= p.width) {
        return;
    }
    var count = 0.0;
    var mean = 0.0;
    var squares = 0.0;
    for (var split = 0u; split < p.splits; split = split + 1u) {
        let word = replica * p.partial_row + split * 3u * p.width + d;
        let n = partial[word];
        if (n > 0.0) {
            let both = count + n;
            let gap = partial[word + p.width] - mean;
            mean = mean + gap * (n / both);
            squares = squares + partial[word + 2u * p.width] + gap * gap * (count * n / both);
            count = both;
        }
    }
    let to = replica * p.stats_row;
    stats[to + d] = mean;
    stats[to + p.width + d] = squares / max(count, 1.0);
    if (d == 0u) {
        stats[to + 2u * p.width] = count;
    }
    if (steps[replica * p.steps_row + slot.index].active_flag == 0u || count == 0.0) {
        return;
    }
    let running = replica * p.state_row + p.running;
    state[running + d] = state[running + d] + MOMENTUM * (mean - state[running + d]);
    let sample = squares / max(count - 1.0, 1.0);
    let variance = running + p.width + d;
    state[variance] = state[variance] + MOMENTUM * (sample - state[variance]);
    if (d == 0u) {
        // Two words count: the second those times that the first reached the base.
        let word = running + 2u * p.width;
        let counted = state[word] + 1.0;
        let carries = counted == f32(p.count_base);
        state[word] = select(counted, 0.0, carries);
        state[word + 1u] = state[word + 1u] + select(0.0, 1.0, carries);
    }
}
