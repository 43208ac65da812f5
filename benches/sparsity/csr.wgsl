// csr — y[o, n] = Σ value · x[column, n] over the living weights of row o: an invocation owns eight rows n of one output.
// Input and output lie transposed, so that neighbours read side by side.

struct Params {
    fours: u32,    // rows in fours
    outputs: u32,
    inputs: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> starts: array<u32>;          // [O + 1]
@group(0) @binding(2) var<storage, read> columns: array<u32>;         // [living]
@group(0) @binding(3) var<storage, read> values: array<f32>;          // [living]
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;         // [I, N]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;   // [O, N]

@compute @workgroup_size(64)
fn csr(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = min(group.x * 128u + lane, p.fours - 1u);
    let second = min(first + 64u, p.fours - 1u);
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    for (var i = starts[group.y]; i < starts[group.y + 1u]; i = i + 1u) {
        let at = columns[i] * p.fours;
        a = a + values[i] * x[at + first];
        b = b + values[i] * x[at + second];
    }
    y[group.y * p.fours + first] = a;
    y[group.y * p.fours + second] = b;
}
