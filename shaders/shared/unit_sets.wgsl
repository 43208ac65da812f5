// Sets of units, as the host's `units::table` has them.
struct UnitSet {
    first: u32,    // its first unit
    count: u32,    // its units
    worth: u32,    // of one of them, in halves of a weight
    spans: u32,    // where its first span lies
    end: u32,      // where its last span ends
    all: u32,      // where the last of those ends that fall with it
    stays: u32,    // how many of its units stay
}

// A matrix whose word i belongs to unit i / step mod count of its set.
struct UnitSpan {
    first: u32,
    words: u32,
    step: u32,
}

const SET_WORDS: u32 = 7u;
const SPAN_WORDS: u32 = 3u;

fn unit_set(s: u32) -> UnitSet {
    let at = s * SET_WORDS;
    let spans = table[at + 3u];
    let end = spans + table[at + 4u] * SPAN_WORDS;
    let all = end + table[at + 5u] * SPAN_WORDS;
    return UnitSet(table[at], table[at + 1u], table[at + 2u], spans, end, all, table[at + 6u]);
}

// The set that a unit belongs to.
fn set_of(unit: u32) -> UnitSet {
    var s = 0u;
    while (s + 1u < p.sets && unit >= table[(s + 1u) * SET_WORDS]) {
        s = s + 1u;
    }
    return unit_set(s);
}

fn unit_span(at: u32) -> UnitSpan {
    return UnitSpan(table[at], table[at + 1u], table[at + 2u]);
}
