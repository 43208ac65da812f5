// tiles — y[n, o] = Σ weight[o, i] · x[n, i] over the tiles of four outputs by four inputs that hold a living weight: an
// invocation owns eight rows n of four outputs.

struct Params {
    fours: u32,    // rows in fours
    outputs: u32,
    inputs: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> starts: array<u32>;          // [O / 4 + 1]
@group(0) @binding(2) var<storage, read> columns: array<u32>;         // [tiles], in fours
@group(0) @binding(3) var<storage, read> values: array<vec4<f32>>;    // [tiles, 4], four outputs per input
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;         // [N, I]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;   // [N, O]

@compute @workgroup_size(64)
fn tiles(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.x * 64u + lane) * 8u;
    if (first >= p.fours * 4u) {
        return;
    }
    let row = p.inputs / 4u;
    var sums = array<vec4<f32>, 8>();
    for (var i = starts[group.y]; i < starts[group.y + 1u]; i = i + 1u) {
        let at = first * row + columns[i];
        let w0 = values[4u * i];
        let w1 = values[4u * i + 1u];
        let w2 = values[4u * i + 2u];
        let w3 = values[4u * i + 3u];
        for (var n = 0u; n < 8u; n = n + 1u) {
            let left = x[at + n * row];
            sums[n] = sums[n] + left.x * w0 + left.y * w1 + left.z * w2 + left.w * w3;
        }
    }
    for (var n = 0u; n < 8u; n = n + 1u) {
        y[(first + n) * (p.outputs / 4u) + group.y] = sums[n];
    }
}
