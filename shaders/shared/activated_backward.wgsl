// The activation whose value the layer read, 0 for none, 1 GELU, 2 ReLU: left open, so that products without carry none of
// this code.
const INV_SQRT_TAU: f32 = 0.39894228;

// What a block starts from: `skip` is added only where there is no activation.
fn started_block(replica: u32, first: u32, columns: vec4<u32>) -> Block {
    if (ACTIVATION == 0u) {
        return skipped_block(replica, first, columns);
    }
    return block_of(vec4<f32>(0.0));
}

// A block's gradient through dropout and the activation; the kernel's `skip` holds what came before it. By a loop, for its
// code is long.
fn through_activation(sum: Block, replica: u32, first: u32, columns: vec4<u32>) -> Block {
    var block = sum;
    if (ACTIVATION != 0u) {
        for (var i = 0u; i < 8u; i = i + 1u) {
            let n = min(first + i, p.skip.count - 1u);
            let x = skipped(row_start(p.skip, replica, n) + columns);
            let d = block.r0;
            let d_x = vec4<f32>(sloped(x.x, d.x), sloped(x.y, d.y), sloped(x.z, d.z), sloped(x.w, d.w));
            block = turned(block, d_x * drop_factors(replica, n, p.skip.width, columns));
        }
    }
    return block;
}

fn sloped(x: f32, d: f32) -> f32 {
    if (ACTIVATION == GELU) {
        return d * (normal_cdf(x) + x * (INV_SQRT_TAU * exp(-0.5 * x * x)));
    }
    return select(d, 0.0, x <= 0.0);
}
