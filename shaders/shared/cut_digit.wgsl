// Whether the cut has this digit, which `count` keys have; `upto` have it or a smaller one, and `remaining` of all are to fall:
// the first digit that suffices, the last where none does.
fn holds_cut(digit: u32, count: u32, upto: u32, remaining: u32) -> bool {
    let suffices = upto >= remaining || digit == 255u;
    return suffices && (upto - count < remaining || digit == 0u);
}
