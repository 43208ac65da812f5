// A float's bits as an integer that is ordered as the floats are, with one zero.
fn score_key(bits: u32) -> u32 {
    let one = select(bits, 0u, bits == 0x80000000u);
    return select(one | 0x80000000u, ~one, (one >> 31u) == 1u);
}
