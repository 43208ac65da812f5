// Whether a kernel ends a branch: left open, so that products that end none carry none of this code.
override RESIDUAL: u32 = 0u;

// What a block becomes at the end of a branch: the kernel's `skip` beside it, after dropout. By a loop, for its code is long.
fn add_residual(sum: Block, replica: u32, first: u32, columns: vec4<u32>) -> Block {
    if (RESIDUAL == 0u) {
        return sum;
    }
    let at = replica * p.steps_row + slot.index;
    var rows = array<vec4<f32>, 8>(sum.r0, sum.r1, sum.r2, sum.r3, sum.r4, sum.r5, sum.r6, sum.r7);
    for (var i = 0u; i < 8u; i = i + 1u) {
        let n = min(first + i, p.skip.count - 1u);
        let elements = (p.first + n) * p.skip.width + columns;
        let factors = vec4<f32>(
            drop_factor(steps[at].seed, p.site, steps[at].step, elements.x, steps[at].dropout_threshold),
            drop_factor(steps[at].seed, p.site, steps[at].step, elements.y, steps[at].dropout_threshold),
            drop_factor(steps[at].seed, p.site, steps[at].step, elements.z, steps[at].dropout_threshold),
            drop_factor(steps[at].seed, p.site, steps[at].step, elements.w, steps[at].dropout_threshold),
        );
        rows[i] = skipped(row_start(p.skip, replica, n) + columns) + rows[i] * factors;
    }
    return Block(rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]);
}
