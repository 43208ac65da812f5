// Whether a kernel ends a branch: left open, so that products that end none carry none of this code.
override RESIDUAL: u32 = 0u;

// What a block becomes at the end of a branch: the kernel's `skip` beside it, after dropout. By a loop, for its code is long.
fn add_residual(sum: Block, replica: u32, first: u32, columns: vec4<u32>) -> Block {
    if (RESIDUAL == 0u) {
        return sum;
    }
    var rows = array<vec4<f32>, 8>(sum.r0, sum.r1, sum.r2, sum.r3, sum.r4, sum.r5, sum.r6, sum.r7);
    for (var i = 0u; i < 8u; i = i + 1u) {
        let n = min(first + i, p.skip.count - 1u);
        let factors = drop_factors(replica, n, p.skip.width, columns);
        rows[i] = skipped(row_start(p.skip, replica, n) + columns) + rows[i] * factors;
    }
    return Block(rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]);
}
