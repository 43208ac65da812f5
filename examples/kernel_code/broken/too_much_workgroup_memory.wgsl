//! Rejected by: dxc, fxc, tint.
//! More workgroup memory than any backend promises.

@group(0) @binding(0) var<storage, read_write> out: array<u32>;

var<workgroup> held: array<u32, 16384>;

@compute @workgroup_size(64)
fn too_much_workgroup_memory(@builtin(local_invocation_index) lane: u32) {
    for (var i = lane; i < 16384u; i += 64u) {
        held[i] = out[i];
    }
    workgroupBarrier();
    out[lane] = held[out[lane] % 16384u];
}
