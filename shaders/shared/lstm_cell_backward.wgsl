// A cell's step back, h = o · tanh(c), c = f · c' + i · g: the gradients of its gates' sums and of the cell before.
struct CellGradient {
    gates: vec4<f32>,  // i, f, g, o
    c: f32,
}

fn lstm_cell_gradient(gates: vec4<f32>, before: f32, c: f32, d_h: f32, d_c_after: f32) -> CellGradient {
    let tanh_c = tanh4(vec4<f32>(c)).x;
    let d_c = d_c_after + d_h * gates.w * (1.0 - tanh_c * tanh_c);
    let d_i = d_c * gates.z * (gates.x * (1.0 - gates.x));
    let d_f = d_c * before * (gates.y * (1.0 - gates.y));
    let d_g = d_c * gates.x * (1.0 - gates.z * gates.z);
    let d_o = d_h * tanh_c * (gates.w * (1.0 - gates.w));
    return CellGradient(vec4<f32>(d_i, d_f, d_g, d_o), d_c * gates.y);
}
