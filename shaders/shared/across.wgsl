// An operand whose rows are the steps of the sum: a vec4 is four columns of a row. Eight neighbouring invocations bring
// neighbouring columns, and of DEPTH rows each brings one.

// The row that an invocation brings, of DEPTH.
fn across_row(lane: u32) -> u32 {
    return lane / 8u % 8u;
}

// The first of its columns in the tile; a second four of the left operand is 32 further.
fn across_column(lane: u32) -> u32 {
    return lane / 64u * 32u + lane % 8u * 4u;
}

// Where those of the left operand go; those of the right one go to the invocation's own place.
fn across_left(lane: u32) -> u32 {
    return across_row(lane) * 2u * PLANE + lane / 64u * PLANE + lane % 8u;
}

// Where four columns of a row lie that starts at this word: with the columns in fours, else the row alone.
fn across_start(side: u32, row: u32, column: u32) -> u32 {
    return select(row, (row + column) / 4u, in_fours(side));
}

// Four columns of the row that starts there. Past the last column it is read again, or in fours what follows.
fn across(side: u32, start: u32, column: u32, width: u32) -> vec4<f32> {
    if (in_fours(side)) {
        return fours_of(side, start);
    }
    return words_of(side, start + four_columns(column, width));
}
