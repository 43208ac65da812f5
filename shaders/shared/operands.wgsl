// The two operands of a product. The kernel's `fours_of` and `word_of` say in which buffer each lies.
const LEFT: u32 = 0u;
const RIGHT: u32 = 1u;

fn words_of(side: u32, words: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(word_of(side, words.x), word_of(side, words.y), word_of(side, words.z), word_of(side, words.w));
}
