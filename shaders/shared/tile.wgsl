// A workgroup multiplies a tile of 64 rows by 32 columns, or by 64 where PANELS is 2, an invocation a block of it. Both
// operands come by in workgroup memory, DEPTH steps of the sum at a time, in one of two halves: while one is multiplied, the
// next steps are on their way to the other. So a tile costs one barrier, and nothing waits for what it has just asked for.
//
// A half is planes of a vec4 for each of 8 blocks side by side: invocations side by side read neighbours, and which plane
// is a constant. The left operand has 16 planes; the right one has 8 for each panel of 32 columns. A vec4 lies as it came,
// four steps of a row or column (along.wgsl) or four rows or columns of a step (across.wgsl): nothing is transposed.
override PANELS: u32 = 2u;
override LANES: u32 = 64u * PANELS;
override RIGHT_HALF: u32 = 64u * PANELS;
override RIGHT_PLACES: u32 = 2u * RIGHT_HALF;

// 1 where the rows of an operand start at multiples of four words: it is then read, and its words counted, in fours.
override LEFT_FOURS: u32 = 0u;
override RIGHT_FOURS: u32 = 0u;

const DEPTH: u32 = 8u;
const PLANE: u32 = 8u;
const LEFT_HALF: u32 = 128u;

var<workgroup> sh_left: array<vec4<f32>, 256>;
var<workgroup> sh_right: array<vec4<f32>, RIGHT_PLACES>;

const COUNT: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

// A vec4 of each operand. With one panel there are half as many invocations, and each brings a second of the left operand
// when the first is put and half the steps are multiplied: so few registers hold what is under way.
struct Brought {
    left: vec4<f32>,
    right: vec4<f32>,
}

// Where they go within a half.
struct Places {
    left: u32,
    second: u32,
    right: u32,
}

// Which row and column of blocks in a tile an invocation owns, and where those begin within a half.
struct Own {
    row: u32,
    column: u32,
    left: u32,
    right: u32,
}

fn own_block(lane: u32) -> Own {
    let row = lane / (8u * PANELS);
    let column = lane % (8u * PANELS);
    return Own(row, column, row, column / 8u * 64u + column % 8u);
}

fn in_fours(side: u32) -> bool {
    return select(RIGHT_FOURS, LEFT_FOURS, side == LEFT) == 1u;
}

// A count of words in the operand's units, words or fours.
fn units(side: u32, words: u32) -> u32 {
    return select(words, words / 4u, in_fours(side));
}

// Where the half begins in which the left operand lies at `half`.
fn right_half(half: u32) -> u32 {
    return half / (LEFT_HALF / RIGHT_HALF);
}

fn put_first(half: u32, places: Places, value: vec4<f32>) {
    sh_left[half + places.left] = value;
}

// What was asked for last is waited for first, and then all is there.
fn put(half: u32, places: Places, brought: Brought) {
    sh_right[right_half(half) + places.right] = brought.right;
    sh_left[half + select(places.left, places.second, PANELS == 1u)] = brought.left;
}

// Four planes of the right operand, one after another.
fn right_planes(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(sh_right[at], sh_right[at + PLANE], sh_right[at + 2u * PLANE], sh_right[at + 3u * PLANE]);
}
