//! Differences of ln Γ and of its derivative ψ, without the cancellation of two large values.
//!
//! Both places are raised by [`RAISE`] by Γ(x + 1) = x·Γ(x); there Stirling's series holds to float32's precision.

use super::scalar::Scalar;

/// Beyond, the series' next terms are below 1e-8.
const RAISE: usize = 6;

/// ln Γ(x + y) − ln Γ(x) for x > 0 and y ≥ 0.
pub(super) fn ln_gamma_rise<T: Scalar>(x: T, y: T) -> T {
    let (low, high) = raised(x, y);
    let half = T::from_f32(0.5);
    let mut rise = (low - half) * (y / low).ln_1p() + y * high.ln() - y + (correction(high) - correction(low));
    for step in 0..RAISE {
        rise += -(y / (x + T::from_f32(step as f32))).ln_1p();
    }
    rise
}

/// ψ(x + y) − ψ(x) for x > 0 and y ≥ 0.
pub(super) fn digamma_rise<T: Scalar>(x: T, y: T) -> T {
    let (low, high) = raised(x, y);
    let mut rise = (y / low).ln_1p() - (slope(high) - slope(low));
    for step in 0..RAISE {
        let at = x + T::from_f32(step as f32);
        rise += y / (at * (at + y));
    }
    rise
}

fn raised<T: Scalar>(x: T, y: T) -> (T, T) {
    let low = x + T::from_f32(RAISE as f32);
    (low, low + y)
}

/// ln Γ(x) − (x − ½)·ln x + x − ½·ln 2π
fn correction<T: Scalar>(x: T) -> T {
    let inverse = T::ONE / x;
    let square = inverse * inverse;
    let terms = T::from_f64(1.0 / 12.0) - square * (T::from_f64(1.0 / 360.0) - square * T::from_f64(1.0 / 1260.0));
    inverse * terms
}

/// ln x − ψ(x)
fn slope<T: Scalar>(x: T) -> T {
    let inverse = T::ONE / x;
    let square = inverse * inverse;
    let terms = T::from_f64(1.0 / 12.0) - square * (T::from_f64(1.0 / 120.0) - square * T::from_f64(1.0 / 252.0));
    inverse * (T::from_f64(0.5) + inverse * terms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::gamma::{digamma, ln_gamma};

    /// Against another implementation, from where one term rules to where the other does.
    #[test]
    fn rises_are_those_of_gamma() {
        for x in [1e-3, 0.3, 1.0, 2.5, 7.0, 40.0, 1e4] {
            for y in [0.0, 0.5, 1.0, 3.0, 90.0, 1e4] {
                let exact = ln_gamma(x + y) - ln_gamma(x);
                let slope = digamma(x + y) - digamma(x);
                let [rise, digamma] = [ln_gamma_rise(x, y), digamma_rise(x, y)];
                assert!((rise - exact).abs() <= 2e-8 * exact.abs().max(1.0), "{x} + {y}: {rise}, not {exact}");
                assert!((digamma - slope).abs() <= 1e-7 * slope.abs().max(1.0), "{x} + {y}: {digamma}, not {slope}");
                let single = ln_gamma_rise(x as f32, y as f32);
                assert!((f64::from(single) - exact).abs() <= 2e-6 * exact.abs().max(1.0), "f32 {x} + {y}: {single}");
            }
        }
    }
}
