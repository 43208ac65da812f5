//! Rejected by: statistics, fxc.
//! A private array by dynamic index: it lies in scratch memory, and 256 invocations have more of it than Direct3D recommends.

@group(0) @binding(0) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn array_in_memory(@builtin(global_invocation_id) id: vec3<u32>) {
    var held: array<f32, 256>;
    for (var i = 0u; i < arrayLength(&out); i++) {
        held[u32(out[i]) % 256u] += out[i / 2u];
    }
    out[id.x] = held[u32(out[id.x]) % 256u];
}
