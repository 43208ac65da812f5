// An RNN's activation: 0 tanh, 1 relu.
fn activated(a: f32) -> f32 {
    if (p.activation == TANH) {
        return tanh4(vec4<f32>(a)).x;
    }
    return relu4(vec4<f32>(a)).x;
}
