// A cell's step from the projections of its gates, their recurrent sums, and the state before.
struct Cell {
    gates: vec3<f32>,  // r, z, n
    h: f32,
}

fn gru_cell(x: vec3<f32>, s: vec3<f32>, before: f32) -> Cell {
    let gates = sigmoid4(vec4<f32>(x.x + s.x, x.y + s.y, 0.0, 0.0));
    let n = tanh4(vec4<f32>(x.z + gates.x * s.z)).x;
    return Cell(vec3<f32>(gates.xy, n), (1.0 - gates.y) * n + gates.y * before);
}
