//! unit_importance — of each unit the mean square of its living weights, or their mean score; −1, or the least number, where none lives.
//! Twin: src/reference/units.rs. One workgroup per unit: strided sums, then a tree.
//! R replicas, P words, U units.
//! Uses: grid, reduce, unit_sets

struct Params {
    units: u32,           // U
    sets: u32,
    params_row: u32,      // words per replica row of each tensor
    mask_row: u32,
    importance_row: u32,
    scored: u32,          // 1: scores in place of squares of weights
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;             // [R, P], or scores
@group(0) @binding(2) var<storage, read> mask: array<u32>;               // [R, P/32]
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read_write> importance: array<f32>;   // [R, U]

// Of a unit without a living weight, less than any score.
const NO_UNIT: f32 = -0x1.fffffep+127;

@compute @workgroup_size(256)
fn unit_importance(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let unit = group_index(group, groups);
    let there = unit < p.units;
    let own_set = set_of(unit);
    var sum = 0.0;
    var count = 0u;
    for (var at = own_set.spans; at < own_set.end; at = at + SPAN_WORDS) {
        let span = unit_span(at);
        let own = select(0u, span.words / own_set.count, there);
        let start = span.first + (unit - own_set.first) * span.step;
        for (var i = lane; i < own; i = i + REDUCE_LANES) {
            let word = start + i / span.step * (own_set.count * span.step) + i % span.step;
            let weight = params[replica * p.params_row + word];
            let lives = (mask[replica * p.mask_row + word / 32u] >> (word % 32u)) & 1u;
            sum = sum + select(0.0, select(weight * weight, weight, p.scored != 0u), lives == 1u);
            count = count + lives;
        }
    }
    let total = workgroup_sum(lane, sum);
    workgroupBarrier();
    // Exact up to 2²⁴.
    let living = workgroup_sum(lane, f32(count));
    let none = select(-1.0, NO_UNIT, p.scored != 0u);
    if (lane == 0u && there) {
        importance[replica * p.importance_row + unit] = select(none, total / living, living > 0.0);
    }
}
