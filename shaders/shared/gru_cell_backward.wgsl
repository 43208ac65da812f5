// A cell's step back, h = (1 − z) · n + z · h', n = tanh(x + r · s): the gradients of its gates' sums, of n's recurrent part,
// and z's part of the gradient of h'.
struct CellGradient {
    gates: vec3<f32>,  // r, z, n
    s: f32,
    h: f32,
}

fn gru_cell_gradient(gates: vec3<f32>, s: f32, before: f32, d_h: f32) -> CellGradient {
    let d_n = d_h * (1.0 - gates.y) * (1.0 - gates.z * gates.z);
    let d_r = d_n * s * (gates.x * (1.0 - gates.x));
    let d_z = d_h * (before - gates.z) * (gates.y * (1.0 - gates.y));
    return CellGradient(vec3<f32>(d_r, d_z, d_n), d_n * gates.x, d_h * gates.y);
}
