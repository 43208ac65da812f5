// The same four columns of four steps, each a row of its own: a column per step, 0 past the first `count` of them.
fn across_steps(side: u32, steps: vec4<u32>, columns: vec4<u32>, count: u32) -> mat4x4<f32> {
    var found = mat4x4<f32>();
    if (count > 0u) {
        found[0] = columns_of(side, steps.x, columns);
    }
    if (count > 1u) {
        found[1] = columns_of(side, steps.y, columns);
    }
    if (count > 2u) {
        found[2] = columns_of(side, steps.z, columns);
    }
    if (count > 3u) {
        found[3] = columns_of(side, steps.w, columns);
    }
    return found;
}

// Four columns of a row. The kernel's `in_fours` says whether rows start at multiples of four words and are whole fours.
fn columns_of(side: u32, row: u32, columns: vec4<u32>) -> vec4<f32> {
    if (in_fours(side)) {
        return fours_of(side, (row + columns.x) / 4u);
    }
    return words_of(side, row + columns);
}
