//! decoder_forward — a decoder's units: what the network knows of the window and what is known of a step, added and rectified in
//! place.
//! Twin: src/reference/decoder.rs. One invocation per word.
//! R replicas, B batch, Z horizon, D units.
//! Uses: grid

struct Params {
    words: u32,         // B·Z·D
    horizon: u32,       // Z
    width: u32,         // D
    context_row: u32,   // words per replica row of each tensor
    hidden_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> context: array<f32>;       // [R, B, D]
@group(0) @binding(2) var<storage, read_write> hidden: array<f32>;  // [R, B, Z, D]

@compute @workgroup_size(64)
fn decoder_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    let at = replica * p.hidden_row + i;
    let window = i / (p.horizon * p.width);
    let sum = hidden[at] + context[replica * p.context_row + window * p.width + i % p.width];
    hidden[at] = select(sum, 0.0, sum < 0.0);
}
