//! decoder_backward — the gradient of what a decoder's units are computed from, in place, and its sum over the horizon.
//! Twin: src/reference/decoder.rs. One invocation per window and unit walks the horizon.
//! R replicas, B batch, Z horizon, D units.
//! Uses: grid

struct Params {
    words: u32,          // B·D
    horizon: u32,        // Z
    width: u32,          // D
    hidden_row: u32,     // words per replica row of each tensor
    d_hidden_row: u32,
    d_context_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> hidden: array<f32>;            // [R, B, Z, D]
@group(0) @binding(2) var<storage, read_write> d_hidden: array<f32>;    // [R, B, Z, D]
@group(0) @binding(3) var<storage, read_write> d_context: array<f32>;   // [R, B, D]

@compute @workgroup_size(64)
fn decoder_backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let first = i / p.width * p.horizon * p.width + i % p.width;
    var sum = 0.0;
    for (var z = 0u; z < p.horizon; z = z + 1u) {
        let word = first + z * p.width;
        let at = replica * p.d_hidden_row + word;
        let d = select(0.0, d_hidden[at], hidden[replica * p.hidden_row + word] > 0.0);
        d_hidden[at] = d;
        sum = sum + d;
    }
    d_context[replica * p.d_context_row + i] = sum;
}
