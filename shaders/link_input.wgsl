//! link_input — targets within bounds as a network reads them: g⁻¹ of the first K channels, the others copied.
//! Twin: src/reference/link.rs. One invocation per word.
//! R replicas, N rows of all windows, C channels.
//! Uses: grid, link, softplus

// program::constants.
const LINK_MARGIN: f32 = 0.01;

struct Params {
    words: u32,        // N·C
    channels: u32,     // C
    targets: u32,      // K
    input_row: u32,    // words per replica row of each tensor
    output_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;         // [R, N, C]
@group(0) @binding(2) var<storage, read_write> output: array<f32>;  // [R, N, C]

fn above_inverse(x: f32) -> f32 {
    let y = select(x, LINK_MARGIN, x < LINK_MARGIN);
    return y + log(1.0 - exp(-(LINK_SHARPNESS * y))) / LINK_SHARPNESS;
}

fn link_inverse(x: f32) -> f32 {
    if (LINK == ABOVE) {
        return above_inverse(x);
    }
    if (LINK == BELOW) {
        return -above_inverse(-x);
    }
    let low = select(x, LINK_MARGIN, x < LINK_MARGIN);
    let y = select(low, 1.0 - LINK_MARGIN, low > 1.0 - LINK_MARGIN);
    return 0.5 + log(y / (1.0 - y)) / LINK_SHARPNESS;
}

@compute @workgroup_size(64)
fn link_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let i = group_index(group, groups) * 64u + lane;
    if (i >= p.words) {
        return;
    }
    var value = input[replica * p.input_row + i];
    if (i % p.channels < p.targets) {
        value = link_inverse(value);
    }
    output[replica * p.output_row + i] = value;
}
