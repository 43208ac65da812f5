//! Rejected by: fxc.
//! A component of a vector that is stored by dynamic index, in a loop whose length is not known.

@group(0) @binding(0) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn stored_component(@builtin(global_invocation_id) id: vec3<u32>) {
    var sums: array<vec4<f32>, 4>;
    for (var i = 0u; i < arrayLength(&out); i++) {
        sums[i / 4u % 4u][i % 4u] = out[i].x;
    }
    out[id.x] = sums[0] + sums[1] + sums[2] + sums[3];
}
