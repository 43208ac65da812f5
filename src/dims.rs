//! Sizes. Offsets and strides are in words of 4 bytes; a size in bytes says so in its name.
//!
//! Of the engine tier: it may change in any version.

/// Spans in an arena and rows of a tensor start at multiples of this: 256 bytes, the alignment of a GPU binding.
pub const ALIGN_WORDS: usize = 64;

/// `words`, rounded up to [`ALIGN_WORDS`]; a size beyond all memory stays one.
#[must_use]
pub fn padded(words: usize) -> usize {
    words.div_ceil(ALIGN_WORDS).saturating_mul(ALIGN_WORDS)
}

/// Words of a tensor of this shape; `usize::MAX` where they are more, so that a size check rejects it.
#[must_use]
pub fn product(shape: &[usize]) -> usize {
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |words, size| words.saturating_mul(*size)) }
}
