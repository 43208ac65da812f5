// Adds four steps of the sum, `right` a column of four per step, to every row of a block: left rows are read one by one,
// so that few registers hold them.
fn add_rows(sum: Block, left: RowStarts, right: mat4x4<f32>) -> Block {
    return Block(
        add_row(sum.r0, fours_of(LEFT, left.low.x / 4u), right),
        add_row(sum.r1, fours_of(LEFT, left.low.y / 4u), right),
        add_row(sum.r2, fours_of(LEFT, left.low.z / 4u), right),
        add_row(sum.r3, fours_of(LEFT, left.low.w / 4u), right),
        add_row(sum.r4, fours_of(LEFT, left.high.x / 4u), right),
        add_row(sum.r5, fours_of(LEFT, left.high.y / 4u), right),
        add_row(sum.r6, fours_of(LEFT, left.high.z / 4u), right),
        add_row(sum.r7, fours_of(LEFT, left.high.w / 4u), right),
    );
}
