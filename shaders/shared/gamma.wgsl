// Differences of ln Γ and of its derivative ψ, without the cancellation of two large values. Twin: src/reference/gamma.rs.
// Both places are raised by six by Γ(x + 1) = x·Γ(x); there Stirling's series holds to float32's precision.
const RAISE: u32 = 6u;

// ln Γ(x + y) - ln Γ(x) for x > 0 and y >= 0.
fn ln_gamma_rise(x: f32, y: f32) -> f32 {
    let low = x + f32(RAISE);
    let high = low + y;
    var rise = (low - 0.5) * ln_1p(y / low) + y * log(high) - y + (gamma_correction(high) - gamma_correction(low));
    for (var step = 0u; step < RAISE; step = step + 1u) {
        rise = rise - ln_1p(y / (x + f32(step)));
    }
    return rise;
}

// ψ(x + y) - ψ(x) for x > 0 and y >= 0.
fn digamma_rise(x: f32, y: f32) -> f32 {
    let low = x + f32(RAISE);
    let high = low + y;
    var rise = ln_1p(y / low) - (gamma_slope(high) - gamma_slope(low));
    for (var step = 0u; step < RAISE; step = step + 1u) {
        let at = x + f32(step);
        rise = rise + y / (at * (at + y));
    }
    return rise;
}

// ln Γ(x) - (x - 1/2)·ln x + x - ln(2π)/2
fn gamma_correction(x: f32) -> f32 {
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    return inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0)));
}

// ln x - ψ(x)
fn gamma_slope(x: f32) -> f32 {
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    return inverse * (0.5 + inverse * (1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0))));
}
