// The order of top-k: the bits of |w|. As integers they compare like the magnitudes, denormals included.
fn magnitude_key(bits: u32) -> u32 {
    return bits & 0x7FFFFFFFu;
}
