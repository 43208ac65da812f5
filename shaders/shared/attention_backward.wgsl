// What the two backward kernels of attention share.
const QKV: u32 = 0u;
const D_OUTPUT: u32 = 1u;

fn word_of(side: u32, at: u32) -> f32 {
    if (side == QKV) {
        return qkv[at];
    }
    return d_output[at];
}

fn store(at: u32, value: f32) {
    d_qkv[at] = value;
}

// The products of two parts with the tile's token j: of one with what sh_a has of it, of the other with what sh_b has.
fn products(a: Part, b: Part, here: Place, j: u32) -> vec2<f32> {
    return vec2<f32>(product(a, part_of_a(here, j)), product(b, part_of_b(here, j)));
}

fn scaled(x: Part, factor: f32) -> Part {
    return Part(x.f0 * factor, x.f1 * factor, x.f2 * factor, x.f3 * factor);
}
