// What an invocation's block starts from: 8 rows of 4 columns of the kernel's `skip`, or nothing.
fn skipped_block(replica: u32, first: u32, columns: vec4<u32>) -> Block {
    if (p.skip.count == 0u) {
        return block_of(vec4<f32>(0.0));
    }
    let rows = row_starts(p.skip, replica, first);
    return Block(
        skipped(rows.low.x + columns),
        skipped(rows.low.y + columns),
        skipped(rows.low.z + columns),
        skipped(rows.low.w + columns),
        skipped(rows.high.x + columns),
        skipped(rows.high.y + columns),
        skipped(rows.high.z + columns),
        skipped(rows.high.w + columns),
    );
}

fn skipped(words: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(skip[words.x], skip[words.y], skip[words.z], skip[words.w]);
}
