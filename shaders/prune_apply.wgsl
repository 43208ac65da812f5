//! prune_apply — clears the mask bits of what falls, sets those of what grows again, and forgets what was picked.
//! Twin: src/reference/select.rs. One invocation per word of the mask.
//! R replicas, P words.
//! Uses: grid

struct Params {
    words: u32,        // of the mask, that of the prunable matrices
    mask_row: u32,     // words per replica row of each tensor
    fallen_row: u32,
    capped_row: u32,
    grown_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> mask: array<u32>;     // [R, P/32]
@group(0) @binding(2) var<storage, read_write> fallen: array<u32>;   // [R, P/32]
@group(0) @binding(3) var<storage, read_write> capped: array<u32>;   // [R, P/32]
@group(0) @binding(4) var<storage, read_write> grown: array<u32>;    // [R, P/32]

@compute @workgroup_size(64)
fn prune_apply(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let m = group_index(group, groups) * 64u + lane;
    if (m >= p.words) {
        return;
    }
    let word = replica * p.mask_row + m;
    mask[word] = (mask[word] & ~fallen[replica * p.fallen_row + m]) | grown[replica * p.grown_row + m];
    fallen[replica * p.fallen_row + m] = 0u;
    capped[replica * p.capped_row + m] = 0u;
    grown[replica * p.grown_row + m] = 0u;
}
