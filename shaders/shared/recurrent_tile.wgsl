// Products of a recurrent matrix and ROWS batch rows, by workgroups that own UNITS hidden units: an invocation sums its part's
// terms of four outputs for the eight rows of its band. More rows would not fit all registers.
override LANES: u32 = BAND_LANES * ROWS / 8u;
override PARTS: u32 = BAND_LANES / FOURS;
// vec4 in all of the workgroup memory, and in half.
override TILE: u32 = 4u * LANES;
override HALF: u32 = 2u * LANES;
// Fours of a row's terms that half holds.
override CHUNK: u32 = HALF / ROWS;

// x [ROWS, CHUNK] in halves, one in use while the other is filled; then the sums of four rows of each band
// [4, ROWS / 8, PARTS, FOURS].
var<workgroup> sh_tile: array<vec4<f32>, TILE>;

// Where a workgroup works.
struct Place {
    replica: u32,
    first: u32,       // its first batch row
    rows: u32,        // its batch rows
    first_unit: u32,
    lane: u32,
}

// x: the word of the first row's first term, and words from one row to the next.
struct Vectors {
    first: u32,
    stride: u32,
}

// The matrix: the vec4 of an invocation's outputs at the first term, and vec4 from one term to the next.
struct Weights {
    first: u32,
    stride: u32,
}

// Of a band's first four rows, and of its others; a column is a row's four outputs.
struct Sums {
    low: mat4x4<f32>,
    high: mat4x4<f32>,
}

fn place_of(group: vec3<u32>, first_tile: u32, lane: u32) -> Place {
    let first = (first_tile + group.x) * ROWS;
    return Place(group.z, first, min(ROWS, p.batch - first), group.y * UNITS, lane);
}

// Four terms of the chunk from term `begin` on; 0 past the end. Past the batch's end the last row is repeated.
fn four_terms(x: Vectors, rows: u32, at: u32, begin: u32, terms: u32) -> vec4<f32> {
    let term = vec4<u32>(0u, 1u, 2u, 3u) + (begin + 4u * (at % CHUNK));
    let word = min(term, vec4<u32>(terms - 1u)) + (x.first + min(at / CHUNK, rows - 1u) * x.stride);
    let value = vec4<f32>(vector_of(word.x), vector_of(word.y), vector_of(word.z), vector_of(word.w));
    return select(vec4<f32>(0.0), value, term < vec4<u32>(terms));
}

// Four terms of four outputs from a vec4 on.
fn weight_block(at: u32, stride: u32) -> mat4x4<f32> {
    return mat4x4<f32>(weights[at], weights[at + stride], weights[at + 2u * stride], weights[at + 3u * stride]);
}

// Four rows' sums, and four terms more.
fn add_four_rows(sum: mat4x4<f32>, w: mat4x4<f32>, at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        add_terms(sum[0], w, sh_tile[at]),
        add_terms(sum[1], w, sh_tile[at + CHUNK]),
        add_terms(sum[2], w, sh_tile[at + 2u * CHUNK]),
        add_terms(sum[3], w, sh_tile[at + 3u * CHUNK]),
    );
}

// Weights and the next chunk of x are on their way while the terms before them are summed.
fn tile_sums(x: Vectors, w: Weights, terms: u32, here: Place) -> Sums {
    var sum: Sums;
    let band = here.lane / BAND_LANES * 8u * CHUNK;
    let part = here.lane % BAND_LANES / FOURS;
    // Weights have whole fours of terms, 0 past the end.
    let last_four = (terms - 1u) / 4u * 4u;
    sh_tile[here.lane] = four_terms(x, here.rows, here.lane, 0u, terms);
    sh_tile[here.lane + LANES] = four_terms(x, here.rows, here.lane + LANES, 0u, terms);
    var half = 0u;
    for (var begin = 0u; begin < terms; begin = begin + 4u * CHUNK) {
        let fours = (min(4u * CHUNK, terms - begin) + 3u) / 4u;
        let each = (fours + PARTS - 1u) / PARTS;
        let from_four = min(part * each, fours);
        let to_four = min(from_four + each, fours);
        var next_weights = w.first + min(begin + 4u * from_four, last_four) * w.stride;
        var block = weight_block(next_weights, w.stride);
        let after = begin + 4u * CHUNK;
        var next_0 = vec4<f32>(0.0);
        var next_1 = vec4<f32>(0.0);
        if (after < terms) {
            next_0 = four_terms(x, here.rows, here.lane, after, terms);
            next_1 = four_terms(x, here.rows, here.lane + LANES, after, terms);
        }
        workgroupBarrier();
        for (var k = from_four; k < to_four; k = k + 1u) {
            let now = block;
            next_weights = min(next_weights + 4u * w.stride, w.first + last_four * w.stride);
            block = weight_block(next_weights, w.stride);
            let at = half + band + k;
            sum.low = add_four_rows(sum.low, now, at);
            sum.high = add_four_rows(sum.high, now, at + 4u * CHUNK);
        }
        half = HALF - half;
        sh_tile[half + here.lane] = next_0;
        sh_tile[half + here.lane + LANES] = next_1;
    }
    workgroupBarrier();
    return sum;
}

// Leaves an invocation's sums of four rows for the units' owners.
fn leave_rows(sum: mat4x4<f32>, lane: u32) {
    sh_tile[lane] = sum[0];
    sh_tile[lane + LANES] = sum[1];
    sh_tile[lane + 2u * LANES] = sum[2];
    sh_tile[lane + 3u * LANES] = sum[3];
    workgroupBarrier();
}

// Four outputs of a row of those that were left, all parts in order: row % 4 of the four of band row / 4.
fn four_sums(row: u32, four: u32) -> vec4<f32> {
    let at = row % 4u * LANES + row / 4u * BAND_LANES + four;
    var sum = sh_tile[at];
    for (var part = 1u; part < PARTS; part = part + 1u) {
        sum = sum + sh_tile[at + part * FOURS];
    }
    return sum;
}
