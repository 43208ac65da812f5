// The activation of a product's values, 0 for none, 1 GELU, 2 ReLU: left open, so that products without carry none of this.
// Stores a block's values after activation and dropout, by the kernel's `store_after`. By a loop, for its code is long.
fn store_activated(values: Block, replica: u32, first: u32, columns: vec4<u32>) {
    if (ACTIVATION == 0u) {
        return;
    }
    var block = values;
    for (var i = 0u; i < 8u; i = i + 1u) {
        let n = min(first + i, p.after.count - 1u);
        let x = block.r0;
        let y = vec4<f32>(activated(x.x), activated(x.y), activated(x.z), activated(x.w));
        let factors = drop_factors(replica, n, p.after.width, columns);
        store_after(row_start(p.after, replica, n) + columns, y * factors);
        block = turned(block, x);
    }
}

fn activated(x: f32) -> f32 {
    if (ACTIVATION == GELU) {
        return x * normal_cdf(x);
    }
    // By a comparison, which lets what is not a number through.
    return select(x, 0.0, x <= 0.0);
}
