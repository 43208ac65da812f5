// Adds four steps of the sum, `right` a column of four per step, to every row of a block: left rows are read one by one,
// so that few registers hold them.
fn add_rows(sum: Block, left: RowStarts, right: mat4x4<f32>) -> Block {
    return Block(
        add_row(sum.r0, left.low.x, right),
        add_row(sum.r1, left.low.y, right),
        add_row(sum.r2, left.low.z, right),
        add_row(sum.r3, left.low.w, right),
        add_row(sum.r4, left.high.x, right),
        add_row(sum.r5, left.high.y, right),
        add_row(sum.r6, left.high.z, right),
        add_row(sum.r7, left.high.w, right),
    );
}

fn add_row(sum: vec4<f32>, word: u32, right: mat4x4<f32>) -> vec4<f32> {
    let left = fours_of(LEFT, word / 4u);
    return sum + left.x * right[0] + left.y * right[1] + left.z * right[2] + left.w * right[3];
}
