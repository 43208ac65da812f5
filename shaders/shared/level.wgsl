// The row of a table that a code names; the first of a code that the table does not have.
fn level_of(code: f32, levels: u32) -> u32 {
    let known = code >= 0.0 && code < f32(levels);
    return u32(select(0.0, code, known));
}
