// The two operands of a product, read four words at a time: the kernel's `fours_of` says in which buffer each lies, and
// its `p.fours` is 1 where rows start at multiples of four words and are whole fours.
const LEFT: u32 = 0u;
const RIGHT: u32 = 1u;

fn word_of(side: u32, word: u32) -> f32 {
    return fours_of(side, word / 4u)[word % 4u];
}

fn words_of(side: u32, words: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(word_of(side, words.x), word_of(side, words.y), word_of(side, words.z), word_of(side, words.w));
}

// Four steps of four rows in which steps lie side by side, where `p.fours` holds: a column per step.
fn along_fours(side: u32, rows: vec4<u32>) -> mat4x4<f32> {
    return transpose(mat4x4<f32>(
        fours_of(side, rows.x / 4u),
        fours_of(side, rows.y / 4u),
        fours_of(side, rows.z / 4u),
        fours_of(side, rows.w / 4u),
    ));
}
