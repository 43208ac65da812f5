// The gradient past an RNN's activation, 0 tanh, 1 relu, by its value.
fn activation_gradient(h: f32, d_h: f32) -> f32 {
    if (p.activation == TANH) {
        return (1.0 - h * h) * d_h;
    }
    return select(0.0, d_h, h > 0.0);
}
