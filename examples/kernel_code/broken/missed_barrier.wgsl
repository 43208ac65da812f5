//! Rejected by: fxc, tint.
//! A barrier that some invocations of a workgroup never reach.

@group(0) @binding(0) var<storage, read_write> out: array<u32>;

var<workgroup> held: array<u32, 64>;

@compute @workgroup_size(64)
fn missed_barrier(@builtin(local_invocation_index) lane: u32) {
    held[lane] = out[lane];
    if held[lane] < 3u {
        workgroupBarrier();
    }
    out[lane] = held[63u - lane];
}
