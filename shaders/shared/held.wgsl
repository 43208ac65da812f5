// A recurrent matrix held in registers for the whole sequence: of every batch row's product, an invocation sums BLOCKS · 4
// terms of four outputs. Columns of a block are terms. The invocations of one part have the same terms and side by side all
// outputs; PARTS of them make a sum.
struct Held {
    a: mat4x4<f32>,
    b: mat4x4<f32>,
    c: mat4x4<f32>,
    d: mat4x4<f32>,
}

var<workgroup> sh_vector: array<f32, VECTOR>;  // [ROWS, TERMS]
var<workgroup> sh_sums: array<f32, SUMS>;      // [ROWS, PARTS, OUTPUTS]

fn held_block(term: u32, four: u32, replica: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        weights_of(term, four, replica),
        weights_of(term + 1u, four, replica),
        weights_of(term + 2u, four, replica),
        weights_of(term + 3u, four, replica),
    );
}

// Reads an invocation's weights, once.
fn hold(lane: u32, replica: u32) -> Held {
    let four = lane % FOURS;
    let first = lane / FOURS * BLOCKS * 4u;
    var w: Held;
    w.a = held_block(first, four, replica);
    if (BLOCKS > 1u) {
        w.b = held_block(first + 4u, four, replica);
    }
    if (BLOCKS > 2u) {
        w.c = held_block(first + 8u, four, replica);
        w.d = held_block(first + 12u, four, replica);
    }
    return w;
}

fn vector_four(at: u32) -> vec4<f32> {
    return vec4<f32>(sh_vector[at], sh_vector[at + 1u], sh_vector[at + 2u], sh_vector[at + 3u]);
}

// Leaves an invocation's sums of every row. `lane · 4` is the place of part and outputs in a row.
fn leave_sums(w: Held, lane: u32) {
    for (var row = 0u; row < ROWS; row = row + 1u) {
        let at = row * TERMS + lane / FOURS * BLOCKS * 4u;
        var sum = add_terms(vec4<f32>(0.0), w.a, vector_four(at));
        if (BLOCKS > 1u) {
            sum = add_terms(sum, w.b, vector_four(at + 4u));
        }
        if (BLOCKS > 2u) {
            sum = add_terms(sum, w.c, vector_four(at + 8u));
            sum = add_terms(sum, w.d, vector_four(at + 12u));
        }
        let place = (row * LANES + lane) * 4u;
        sh_sums[place] = sum.x;
        sh_sums[place + 1u] = sum.y;
        sh_sums[place + 2u] = sum.z;
        sh_sums[place + 3u] = sum.w;
    }
}

// The sum of all parts, in an order that depends on neither row nor output.
fn sum_of(row: u32, output: u32) -> f32 {
    var sum = vec4<f32>(0.0);
    for (var part = 0u; part < PARTS; part = part + 4u) {
        let at = (row * PARTS + part) * OUTPUTS + output;
        sum = sum + vec4<f32>(
            sh_sums[at], sh_sums[at + OUTPUTS], sh_sums[at + 2u * OUTPUTS], sh_sums[at + 3u * OUTPUTS]);
    }
    return (sum.x + sum.y) + (sum.z + sum.w);
}
