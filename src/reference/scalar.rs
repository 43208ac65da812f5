//! The number types the CPU engine runs on: f32 to train, f64 as the oracle that both engines are measured against.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

/// A float with the few functions the twins need.
pub trait Scalar:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
{
    const ZERO: Self;
    const ONE: Self;

    fn from_f32(value: f32) -> Self;
    fn from_f64(value: f64) -> Self;
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    fn tanh(self) -> Self;
    /// 1 / (1 + e^−x)
    fn sigmoid(self) -> Self;

    /// Whether neither infinite nor NaN.
    fn is_finite(self) -> bool {
        self.to_f32().to_bits() & 0x7F80_0000 != 0x7F80_0000
    }
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self as f64
    }

    #[inline(always)]
    fn abs(self) -> Self {
        f32::abs(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }

    /// Branch-free, so that loops over it vectorise: an odd polynomial near 0, where 1 − 2/(e²ˣ + 1) would cancel.
    #[inline(always)]
    fn tanh(self) -> Self {
        let x = self.clamp(-9.1, 9.1);
        let square = x * x;
        // Minimax on |x| < 0.625 (Cephes `tanhf`, Moshier 1989).
        let mut p = -5.704_988_7e-3;
        p = p * square + 2.063_909e-2;
        p = p * square - 5.373_971e-2;
        p = p * square + 1.333_144_2e-1;
        p = p * square - 3.333_328e-1;
        let near = p * square * x + x;
        let far = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
        if x.abs() < 0.625 { near } else { far.copysign(x) }
    }

    #[inline(always)]
    fn sigmoid(self) -> Self {
        1.0 / (1.0 + exp(-self))
    }
}

/// e^x for x clamped to ±87, within 2 ulp; NaN stays NaN. Branch-free.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 87.0);
    // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first exact in few bits.
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    // Cephes `expf`.
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 5e-1;
    let y = p * (r * r) + r + 1.0;
    let power = (shifted.to_bits() << 23).wrapping_add(127 << 23);
    y * f32::from_bits(power)
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn from_f32(value: f32) -> Self {
        value as f64
    }

    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f32(self) -> f32 {
        self as f32
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn abs(self) -> Self {
        f64::abs(self)
    }

    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    fn tanh(self) -> Self {
        f64::tanh(self)
    }

    fn sigmoid(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }
}

/// Runs a loop compiled for the processor's widest vectors, chosen at run time.
#[inline(always)]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnOnce() -> R> pulp::NullaryFnOnce for Work<F> {
        type Output = R;

        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units in the last place of f32 between `value` and the exact `truth`.
    fn ulp(value: f32, truth: f64) -> f64 {
        let spacing = f32::from_bits((truth as f32).abs().to_bits() + 1) as f64 - (truth as f32).abs() as f64;
        ((value as f64 - truth) / spacing).abs()
    }

    #[test]
    fn activations_are_within_a_few_ulp_of_f64() {
        let (mut worst_exp, mut worst_tanh, mut worst_sigmoid) = (0f64, 0f64, 0f64);
        for i in -400_000..=400_000 {
            let x = i as f32 * 2e-4;
            worst_exp = worst_exp.max(ulp(exp(x), (x as f64).exp()));
            worst_tanh = worst_tanh.max(ulp(Scalar::tanh(x), (x as f64).tanh()));
            worst_sigmoid = worst_sigmoid.max(ulp(x.sigmoid(), 1.0 / (1.0 + (-x as f64).exp())));
        }
        assert!(worst_exp < 2.0, "exp {worst_exp} ulp");
        assert!(worst_tanh < 2.0, "tanh {worst_tanh} ulp");
        assert!(worst_sigmoid < 3.0, "sigmoid {worst_sigmoid} ulp");
    }

    #[test]
    fn activations_saturate_and_keep_nan() {
        assert_eq!(Scalar::tanh(1000f32), 1.0);
        assert_eq!(Scalar::tanh(-1000f32), -1.0);
        assert_eq!(1000f32.sigmoid(), 1.0);
        assert!((-1000f32).sigmoid() < 1e-37);
        assert!(Scalar::tanh(f32::NAN).is_nan());
        assert!(f32::NAN.sigmoid().is_nan());
        assert_eq!(Scalar::tanh(1e-20f32), 1e-20);
    }
}
