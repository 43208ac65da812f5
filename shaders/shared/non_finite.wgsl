// Whether a number is infinite or not a number: told by its bits, since compilers fold `x != x` away.
fn non_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7F800000u) == 0x7F800000u;
}
