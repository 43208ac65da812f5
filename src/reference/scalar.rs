//! The number types the CPU engine runs on: f32 to train, f64 as the oracle that both engines are measured against.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use super::matrix::Gemm;
use super::storage::Storage;
use super::vector::{One, Vectorized, widest};
use crate::program::Op;

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
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// Whether loops are compiled for several items at once too; the oracle races nobody.
    #[doc(hidden)]
    const UNROLLED: bool;

    /// Exact.
    fn from_f32(value: f32) -> Self;
    /// Rounded to the nearest.
    fn from_f64(value: f64) -> Self;
    /// Rounded to the nearest.
    fn to_f32(self) -> f32;
    /// Exact.
    fn to_f64(self) -> f64;
    /// |x|
    fn abs(self) -> Self;
    /// √x
    fn sqrt(self) -> Self;
    /// self · factor + term; in f32 rounded once.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// 1 / (1 + e^−x)
    fn sigmoid(self) -> Self;
    /// eˣ
    fn exp(self) -> Self;
    /// ln x
    fn ln(self) -> Self;
    /// ln(1 + x) of x ≥ 0, of a small x without cancellation.
    fn ln_1p(self) -> Self;
    /// Φ(x), the share of a standard normal distribution below x, and φ(x), its density there.
    fn normal(self) -> (Self, Self);

    /// Itself where true, else 0. Branch-free.
    fn where_true(self, condition: bool) -> Self;

    /// The matrix product for this processor's widest vectors.
    #[doc(hidden)]
    fn gemm() -> Gemm<Self>;

    /// Runs the twin of the first op, or of all that one pass does, on one replica; says of how many. Not generic, so that no program
    /// that uses the engine compiles the twins again.
    #[doc(hidden)]
    fn run(storage: &mut Storage<Self>, ops: &[Op], slot: usize) -> usize;

    /// Runs a loop, in f32 compiled for the processor's widest vectors, chosen at run time.
    fn vectorized<R>(work: impl FnOnce() -> R) -> R;

    /// Runs work over this processor's widest vectors; of the oracle, one number at a time.
    #[doc(hidden)]
    fn over_vectors(work: impl Vectorized<Self>);

    /// Whether neither infinite nor NaN.
    fn is_finite(self) -> bool {
        self.to_f32().to_bits() & 0x7F80_0000 != 0x7F80_0000
    }
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const UNROLLED: bool = true;

    fn gemm() -> Gemm<Self> {
        gemm_f32::gemm::f32::get_gemm_fn()
    }

    fn run(storage: &mut Storage<Self>, ops: &[Op], slot: usize) -> usize {
        super::twin(storage, ops, slot)
    }

    #[inline(always)]
    fn vectorized<R>(work: impl FnOnce() -> R) -> R {
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

    fn over_vectors(work: impl Vectorized<Self>) {
        widest(work);
    }

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

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        fused(self, factor, term)
    }

    #[inline(always)]
    fn where_true(self, condition: bool) -> Self {
        f32::from_bits(self.to_bits() & 0u32.wrapping_sub(condition as u32))
    }

    /// Branch-free, so that loops over it vectorise: an odd polynomial near 0, where 1 − 2/(e²ˣ + 1) would cancel.
    #[inline(always)]
    fn tanh(self) -> Self {
        let x = at_most(self.abs(), 9.1);
        let square = x * x;
        // Minimax on |x| < 0.625 (Cephes `tanhf`, Moshier 1989).
        let mut p: f32 = -5.704_988_7e-3;
        p = fused(p, square, 2.063_909e-2);
        p = fused(p, square, -5.373_971e-2);
        p = fused(p, square, 1.333_144_2e-1);
        p = fused(p, square, -3.333_328e-1);
        let near = fused(p * square, x, x);
        let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
        (if x < 0.625 { near } else { far }).copysign(self)
    }

    #[inline(always)]
    fn sigmoid(self) -> Self {
        1.0 / (1.0 + exp(-self))
    }

    #[inline(always)]
    fn exp(self) -> Self {
        exp(self)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        f32::ln(self)
    }

    /// Up to 1 by ln(1 + x) = 2·artanh(x / (2 + x)), as the shaders compute it.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        if self > 1.0 {
            return f32::ln(1.0 + self);
        }
        let s = self / (2.0 + self);
        let square = s * s;
        let mut p: f32 = 1.0 / 13.0;
        for term in [1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
            p = fused(p, square, term);
        }
        2.0 * s * p
    }

    /// Φ from half the complementary error function of a = |x|/√2, which keeps the tail's relative error small:
    /// erfc(a) = e^(−a²)·t·Q(t) with t = 1/(1 + a/2) (the form of Numerical Recipes, 6.2.2), Q fitted for the smallest
    /// largest relative error, 1.6e-8. Branch-free; e^(−a²) serves φ too.
    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        // Beyond 13 what is left is below the smallest normal number.
        let a = at_most(self.abs() * std::f32::consts::FRAC_1_SQRT_2, 9.2);
        let power = exp(-(a * a));
        let t = 1.0 / fused(0.5, a, 1.0);
        let u = t - 0.6;
        let mut q: f32 = 1.484_216e-2;
        q = fused(q, u, -5.677_424_7e-2);
        q = fused(q, u, -4.417_602_4e-3);
        q = fused(q, u, 1.119_051_9e-1);
        q = fused(q, u, -3.829_585_4e-2);
        q = fused(q, u, -2.077_255_7e-1);
        q = fused(q, u, 6.870_612_5e-2);
        q = fused(q, u, 5.914_69e-1);
        q = fused(q, u, 8.025_884_6e-1);
        q = fused(q, u, 5.852_245e-1);
        let tail = 0.5 * power * t * q;
        let cdf = if self < 0.0 { tail } else { 1.0 - tail };
        // 1 / √(2π)
        let density = power * 0.398_942_3;
        if self.is_nan() { (self, self) } else { (cdf, density) }
    }
}

/// The smaller of both; NaN stays NaN. One instruction a vector, where `clamp` takes two.
#[inline(always)]
fn at_most(x: f32, limit: f32) -> f32 {
    if limit < x { limit } else { x }
}

/// a · b + c, rounded once: the same bits on every processor and system. Those without the instruction are slow at it.
#[cfg(not(all(windows, target_env = "gnu")))]
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

/// Where the compiler takes no instruction, `f32::mul_add` calls the system's C library, and MinGW's rounds twice. This one is
/// exact and slow: it never becomes an instruction on vectors.
#[cfg(all(windows, target_env = "gnu"))]
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    libm::fmaf(a, b, c)
}

/// What e^x is computed by: see [`exp`].
pub(super) struct Exp {
    /// Exponents beyond it are taken for it.
    pub limit: f32,
    /// Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low mantissa bits.
    pub round: f32,
    /// −ln 2 in two parts, small and large, the large one exact in few bits.
    pub ln_2: [f32; 2],
    /// Cephes `expf`, from the highest power down.
    pub terms: [f32; 6],
}

pub(super) const EXP: Exp = Exp {
    limit: 87.0,
    round: 12_582_912.0,
    ln_2: [2.121_944_4e-4, -0.693_359_4],
    terms: [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1],
};

/// e^x for x clamped to ±87, within 1 ulp; NaN stays NaN. Branch-free.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = -at_most(-at_most(x, EXP.limit), EXP.limit);
    let shifted = fused(x, std::f32::consts::LOG2_E, EXP.round);
    let n = shifted - EXP.round;
    let [low, high] = EXP.ln_2;
    let r = fused(n, low, fused(n, high, x));
    let mut p = EXP.terms[0];
    for term in &EXP.terms[1..] {
        p = fused(p, r, *term);
    }
    let y = fused(p, r * r, r) + 1.0;
    let power = (shifted.to_bits() << 23).wrapping_add(127 << 23);
    y * f32::from_bits(power)
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const UNROLLED: bool = false;

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

    fn gemm() -> Gemm<Self> {
        gemm_f64::gemm::f64::get_gemm_fn()
    }

    fn run(storage: &mut Storage<Self>, ops: &[Op], slot: usize) -> usize {
        super::twin(storage, ops, slot)
    }

    /// One variant of each loop is a third of the code.
    #[inline(always)]
    fn vectorized<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    fn over_vectors(work: impl Vectorized<Self>) {
        work.run(One::NEW);
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self * factor + term
    }

    fn tanh(self) -> Self {
        f64::tanh(self)
    }

    fn sigmoid(self) -> Self {
        1.0 / (1.0 + (-self).exp())
    }

    fn exp(self) -> Self {
        f64::exp(self)
    }

    fn ln(self) -> Self {
        f64::ln(self)
    }

    fn ln_1p(self) -> Self {
        f64::ln_1p(self)
    }

    fn where_true(self, condition: bool) -> Self {
        if condition { self } else { 0.0 }
    }

    fn normal(self) -> (Self, Self) {
        let density = (-0.5 * self * self).exp() * 0.398_942_280_401_432_7;
        (0.5 * libm::erfc(-self * std::f64::consts::FRAC_1_SQRT_2), density)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::rng;

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
        assert!(worst_exp < 1.0, "exp {worst_exp} ulp");
        assert!(worst_tanh < 2.0, "tanh {worst_tanh} ulp");
        assert!(worst_sigmoid < 3.0, "sigmoid {worst_sigmoid} ulp");
    }

    /// The exact GELU is x·Φ(x): within 5 ulp of f64 down to where Φ is 1e-30.
    #[test]
    fn the_normal_distribution_is_within_a_few_ulp_of_f64() {
        let mut worst = 0f64;
        for i in -1_150_000..=1_150_000 {
            let x = i as f32 * 1e-5;
            let off = ulp(x.normal().0, 0.5 * libm::erfc(-x as f64 * std::f64::consts::FRAC_1_SQRT_2));
            // e^(−x²/2) is as far off as its argument: half an ulp of it, times it.
            worst = worst.max(off / (1.0 + (x as f64).powi(2) / 2.0));
        }
        assert!(worst < 5.0, "{worst} ulp");
        assert_eq!((f32::INFINITY.normal().0, 100f32.normal().0), (1.0, 1.0));
        assert!((-100f32).normal().0 < 1e-35 && f32::NAN.normal().0.is_nan());
    }

    /// Against integers: with the terms scaled to whole multiples of one power of two, the sum is exact in 128 bits.
    #[test]
    fn a_multiply_add_of_f32_rounds_once() {
        let parts = |x: f32| {
            let (sign, exponent, fraction) = (x.to_bits() >> 31, x.to_bits() >> 23 & 0xFF, x.to_bits() & 0x7F_FFFF);
            let whole = i128::from(fraction | 1 << 23) * if sign == 1 { -1 } else { 1 };
            (whole, exponent as i32 - 150)
        };
        // To nearest, ties to even.
        let rounded = |sum: i128, exponent: i32| {
            let bits = 128 - sum.unsigned_abs().leading_zeros() as i32;
            let cut = (bits - 24).max(0);
            let (kept, rest) = (sum.unsigned_abs() >> cut, sum.unsigned_abs() & ((1 << cut) - 1));
            let half = if cut == 0 { 1 } else { 1u128 << (cut - 1) };
            let up = rest > half || cut > 0 && rest == half && kept & 1 == 1;
            let value = (kept + u128::from(up)) as f64 * f64::from(exponent + cut).exp2();
            (if sum < 0 { -value } else { value }) as f32
        };
        let mut twice = 0;
        for i in 0..200_000 {
            let [a, b, c] = [0, 1, 2].map(|j| {
                let word = rng::draw(1, rng::site("fused"), j, i);
                // Of 2^-12 to 2^12, so that neither the product nor the sum is too large or too small for f32.
                f32::from_bits(word & 0x807F_FFFF | (115 + (word >> 23 & 0xFF) % 24) << 23)
            });
            let ((ma, ea), (mb, eb), (mc, ec)) = (parts(a), parts(b), parts(c));
            let least = (ea + eb).min(ec);
            let exact = rounded(((ma * mb) << (ea + eb - least)) + (mc << (ec - least)), least);
            let [found, by_libm] = [Scalar::mul_add(a, b, c), libm::fmaf(a, b, c)];
            assert_eq!(found.to_bits(), exact.to_bits(), "{a:e} * {b:e} + {c:e}: {found:e}, not {exact:e}");
            assert_eq!(by_libm.to_bits(), exact.to_bits(), "libm's {a:e} * {b:e} + {c:e}");
            twice += usize::from((a * b + c).to_bits() != exact.to_bits());
        }
        assert!(twice > 20_000, "only {twice} cases tell one rounding from two");
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
