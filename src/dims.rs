//! Sizes. Offsets and strides are in words of 4 bytes; a size in bytes says so in its name.

/// Spans in an arena and rows of a tensor start at multiples of this: 256 bytes, the alignment of a GPU binding.
pub const ALIGN_WORDS: usize = 64;

/// `words`, rounded up to [`ALIGN_WORDS`].
pub fn padded(words: usize) -> usize {
    words.div_ceil(ALIGN_WORDS) * ALIGN_WORDS
}
