//! roofline_empty — a dispatch that does nothing, after the one before it: what a launch costs.

@group(0) @binding(0) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn roofline_empty(@builtin(num_workgroups) groups: vec3<u32>) {
    // Never: so that the buffer is bound, and one dispatch waits for the other.
    if (groups.x > 1u) {
        output[0] = 0.0;
    }
}
