// The living weights of a mask word, a bit each: those below the cut, and those at it.
struct ByCut {
    below: u32,
    tied: u32,
}

// The word without the weights below the cut, and without its lowest ties while their rank, the first of which is `rank`, is
// below `remaining`.
fn without(living: u32, by: ByCut, rank: u32, remaining: u32) -> u32 {
    var kept = by.tied;
    for (var taken = rank; taken < remaining && kept != 0u; taken = taken + 1u) {
        kept = kept & (kept - 1u);
    }
    return living & ~by.below & ~(by.tied & ~kept);
}
