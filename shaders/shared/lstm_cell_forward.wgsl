// A cell's step from the sums of its gates and the cell before.
struct Cell {
    gates: vec4<f32>,  // i, f, g, o
    c: f32,
    h: f32,
}

fn lstm_cell(a: vec4<f32>, before: f32) -> Cell {
    let s = sigmoid4(a);
    let g = tanh4(vec4<f32>(a.z)).x;
    let c = s.y * before + s.x * g;
    return Cell(vec4<f32>(s.x, s.y, g, s.w), c, s.w * tanh4(vec4<f32>(c)).x);
}
