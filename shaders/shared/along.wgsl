// An operand in whose rows the steps of the sum lie side by side: a vec4 is a quarter, four steps of a row. Of DEPTH steps
// there are two quarters, which neighbouring invocations bring.

// The row of the tile that an invocation brings of the left operand, and where; the second is four rows on.
fn along_row(lane: u32) -> u32 {
    return lane / 2u % 8u * 8u + lane / 16u;
}

fn along_left(lane: u32) -> u32 {
    return lane % 2u * 8u * PLANE + lane / 16u * PLANE + lane / 2u % 8u;
}

// The row of the right operand, a column of the tile, and where.
fn along_column(lane: u32) -> u32 {
    return lane / 64u * 32u + lane / 2u % 8u * 4u + lane / 16u % 4u;
}

fn along_right(lane: u32) -> u32 {
    return lane / 64u * 64u + lane % 2u * 4u * PLANE + lane / 16u % 4u * PLANE + lane / 2u % 8u;
}

// A quarter of a row that starts at `row`, in units; past the last step any.
fn along(side: u32, row: u32, quarter: u32, steps: u32) -> vec4<f32> {
    if (in_fours(side)) {
        return fours_of(side, row + min(quarter, (steps - 1u) / 4u));
    }
    return words_of(side, row + min(4u * quarter + COUNT, vec4<u32>(steps - 1u)));
}

// Adds a quarter of the left operand to a block; `right` is a column of four a step.
fn add_quarter(sum: Block, at: u32, right: mat4x4<f32>) -> Block {
    return Block(
        add_row(sum.r0, sh_left[at], right),
        add_row(sum.r1, sh_left[at + PLANE], right),
        add_row(sum.r2, sh_left[at + 2u * PLANE], right),
        add_row(sum.r3, sh_left[at + 3u * PLANE], right),
        add_row(sum.r4, sh_left[at + 4u * PLANE], right),
        add_row(sum.r5, sh_left[at + 5u * PLANE], right),
        add_row(sum.r6, sh_left[at + 6u * PLANE], right),
        add_row(sum.r7, sh_left[at + 7u * PLANE], right),
    );
}
