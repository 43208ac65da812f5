//! roofline_multiply_add — eight independent chains of multiply-adds on registers: what arithmetic can do.
//! Written as the kernels write them, a product and a sum: a compiler that makes one instruction of both does so here too.

struct Params {
    rounds: u32,   // of 16 multiply-adds in each chain
    factor: f32,
    addend: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;

fn four_more(start: vec4<f32>) -> vec4<f32> {
    let a = start * p.factor + p.addend;
    let b = a * p.factor + p.addend;
    let c = b * p.factor + p.addend;
    return c * p.factor + p.addend;
}

@compute @workgroup_size(256)
fn roofline_multiply_add(@builtin(global_invocation_id) id: vec3<u32>) {
    var x = vec4<f32>(f32(id.x % 4u));
    var y = vec4<f32>(f32(id.x % 8u));
    for (var n = 0u; n < p.rounds; n = n + 1u) {
        x = four_more(x);
        y = four_more(y);
        x = four_more(x);
        y = four_more(y);
        x = four_more(x);
        y = four_more(y);
        x = four_more(x);
        y = four_more(y);
    }
    let sum = x + y;
    output[id.x] = sum.x + sum.y + sum.z + sum.w;
}
