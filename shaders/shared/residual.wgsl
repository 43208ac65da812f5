// Whether a kernel ends a branch: 1 with dropout, 2 without; left open, so that products that end none carry none of this code.
override RESIDUAL: u32 = 0u;

// What a block becomes at the end of a branch: the kernel's `skip` beside it, after dropout. By a loop, for its code is long.
fn add_residual(sum: Block, replica: u32, first: u32, columns: vec4<u32>) -> Block {
    var block = sum;
    if (RESIDUAL == 1u) {
        for (var i = 0u; i < 8u; i = i + 1u) {
            let n = min(first + i, p.skip.count - 1u);
            let factors = drop_factors(replica, n, p.skip.width, columns);
            block = turned(block, skipped(row_start(p.skip, replica, n) + columns) + block.r0 * factors);
        }
    }
    if (RESIDUAL == 2u) {
        for (var i = 0u; i < 8u; i = i + 1u) {
            let n = min(first + i, p.skip.count - 1u);
            block = turned(block, skipped(row_start(p.skip, replica, n) + columns) + block.r0);
        }
    }
    return block;
}
