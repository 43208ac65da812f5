// An invocation's 8 rows of 4 columns of a matrix. Past an edge they repeat the last row or column: they come to the same
// numbers again, and store them in the same place.
struct RowStarts {
    low: vec4<u32>,
    high: vec4<u32>,
}

fn row_starts(rows: Rows, replica: u32, first: u32) -> RowStarts {
    let count = vec4<u32>(0u, 1u, 2u, 3u);
    let last = vec4<u32>(rows.count - 1u);
    return RowStarts(
        four_rows(rows, replica, min(first + count, last)),
        four_rows(rows, replica, min(first + 4u + count, last)),
    );
}

fn four_columns(first: u32, width: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(width - 1u));
}

// By the kernel's `store`.
fn store_block(rows: RowStarts, columns: vec4<u32>, block: Block) {
    store(rows.low.x + columns, block.r0);
    store(rows.low.y + columns, block.r1);
    store(rows.low.z + columns, block.r2);
    store(rows.low.w + columns, block.r3);
    store(rows.high.x + columns, block.r4);
    store(rows.high.y + columns, block.r5);
    store(rows.high.z + columns, block.r6);
    store(rows.high.w + columns, block.r7);
}
