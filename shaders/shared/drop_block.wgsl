// What dropout at the kernel's site multiplies four neighbouring columns of a row by; rows count from the kernel's `p.first`.
fn drop_factors(replica: u32, n: u32, width: u32, columns: vec4<u32>) -> vec4<f32> {
    let at = replica * p.steps_row + slot.index;
    let elements = (p.first + n) * width + columns;
    return vec4<f32>(
        drop_factor(steps[at].seed, p.site, steps[at].step, elements.x, steps[at].dropout_threshold),
        drop_factor(steps[at].seed, p.site, steps[at].step, elements.y, steps[at].dropout_threshold),
        drop_factor(steps[at].seed, p.site, steps[at].step, elements.z, steps[at].dropout_threshold),
        drop_factor(steps[at].seed, p.site, steps[at].step, elements.w, steps[at].dropout_threshold),
    );
}
