//! Vectors as values: what a loop over arrays leaves to the compiler, where it must not fail.
//!
//! Each lane computes what [`Scalar`] computes, rounded alike, so that the width of a processor's vectors changes no bit.

use super::scalar::{EXP, Scalar};

/// The operations of one kind of vector of `T`.
pub trait Vectors: Copy {
    /// A lane.
    type T: Scalar;
    /// A vector.
    type V: Copy;
    /// Vectors half as wide, or the same if there are none.
    type Half: Vectors<T = Self::T>;
    /// Numbers of a vector.
    const LANES: usize;

    /// Vectors half as wide.
    fn half(self) -> Self::Half;

    /// The same number in each lane.
    fn splat(self, x: Self::T) -> Self::V;
    /// The first words, as many as there are lanes; panics if there are fewer.
    fn load(self, words: &[Self::T]) -> Self::V;
    /// The same, to write.
    fn store(self, x: Self::V, words: &mut [Self::T]);
    /// The words, at most as many as there are lanes, and zeros.
    fn load_some(self, words: &[Self::T]) -> Self::V;
    /// Writes as many lanes as there are words.
    fn store_some(self, x: Self::V, words: &mut [Self::T]);
    /// a + b
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a · b + c, as [`Scalar::mul_add`].
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger of both; of NaN, either.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// [`Scalar::exp`]
    fn exp(self, x: Self::V) -> Self::V;
}

/// Work over vectors of a kind that is chosen at run time. All it calls must be inlined, to be compiled for them.
pub trait Vectorized<T> {
    /// Does it.
    fn run<S: Vectors<T = T>>(self, simd: S);
}

/// Words of the widest vector there is.
pub(super) const PADDING: usize = 16;

/// Σ value(i) over `0..count`, for which `value` is asked for the words from i on, as many as it is told: as many sums side
/// by side as the widest vector has lanes, then those in order, so that its order is one.
#[inline(always)]
pub(super) fn sum<S: Vectors>(simd: S, count: usize, value: impl Fn(usize, usize) -> S::V) -> S::T {
    let mut lanes = [S::T::ZERO; PADDING];
    for (part, lanes) in lanes.chunks_mut(S::LANES).enumerate() {
        let mut total = simd.splat(S::T::ZERO);
        for first in (part * S::LANES..count).step_by(PADDING) {
            total = simd.add(total, value(first, S::LANES.min(count - first)));
        }
        simd.store(total, lanes);
    }
    lanes.into_iter().fold(S::T::ZERO, |sum, lane| sum + lane)
}

/// One number: on processors without wide vectors, and of the oracle.
#[derive(Clone, Copy)]
pub(super) struct One<T>(std::marker::PhantomData<T>);

impl<T> One<T> {
    pub(super) const NEW: Self = One(std::marker::PhantomData);
}

impl<T: Scalar> Vectors for One<T> {
    type T = T;
    type V = T;
    type Half = Self;
    const LANES: usize = 1;

    #[inline(always)]
    fn half(self) -> Self {
        self
    }

    #[inline(always)]
    fn splat(self, x: T) -> T {
        x
    }

    #[inline(always)]
    fn load(self, words: &[T]) -> T {
        words[0]
    }

    #[inline(always)]
    fn store(self, x: T, words: &mut [T]) {
        words[0] = x;
    }

    #[inline(always)]
    fn load_some(self, words: &[T]) -> T {
        words.first().copied().unwrap_or(T::ZERO)
    }

    #[inline(always)]
    fn store_some(self, x: T, words: &mut [T]) {
        if let Some(word) = words.first_mut() {
            *word = x;
        }
    }

    #[inline(always)]
    fn add(self, a: T, b: T) -> T {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: T, b: T) -> T {
        a - b
    }

    #[inline(always)]
    fn mul(self, a: T, b: T) -> T {
        a * b
    }

    #[inline(always)]
    fn mul_add(self, a: T, b: T, c: T) -> T {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn max(self, a: T, b: T) -> T {
        if a < b { b } else { a }
    }

    #[inline(always)]
    fn exp(self, x: T) -> T {
        x.exp()
    }
}

/// A processor's own vectors of f32, and those half as wide.
#[derive(Clone, Copy)]
struct Wide<S, H>(S, H);

impl<S: pulp::Simd, H: pulp::Simd> Wide<S, H> {
    /// The smaller of both; NaN stays NaN.
    #[inline(always)]
    fn at_most(self, x: S::f32s, limit: S::f32s) -> S::f32s {
        self.0.select_f32s(self.0.less_than_f32s(limit, x), limit, x)
    }
}

impl<S: pulp::Simd, H: pulp::Simd> Vectors for Wide<S, H> {
    type T = f32;
    type V = S::f32s;
    type Half = Wide<H, H>;
    const LANES: usize = S::F32_LANES;

    #[inline(always)]
    fn half(self) -> Wide<H, H> {
        Wide(self.1, self.1)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> S::f32s {
        self.0.splat_f32s(x)
    }

    #[inline(always)]
    fn load(self, words: &[f32]) -> S::f32s {
        S::as_simd_f32s(&words[..S::F32_LANES]).0[0]
    }

    #[inline(always)]
    fn store(self, x: S::f32s, words: &mut [f32]) {
        S::as_mut_simd_f32s(&mut words[..S::F32_LANES]).0[0] = x;
    }

    #[inline(always)]
    fn load_some(self, words: &[f32]) -> S::f32s {
        if words.len() == S::F32_LANES { self.load(words) } else { self.0.partial_load_f32s(words) }
    }

    #[inline(always)]
    fn store_some(self, x: S::f32s, words: &mut [f32]) {
        if words.len() == S::F32_LANES { self.store(x, words) } else { self.0.partial_store_f32s(words, x) }
    }

    #[inline(always)]
    fn add(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.add_f32s(a, b)
    }

    #[inline(always)]
    fn sub(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.sub_f32s(a, b)
    }

    #[inline(always)]
    fn mul(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.mul_f32s(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        self.0.mul_add_f32s(a, b, c)
    }

    #[inline(always)]
    fn max(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.max_f32s(a, b)
    }

    #[inline(always)]
    fn exp(self, x: S::f32s) -> S::f32s {
        let simd = self.0;
        let limit = self.splat(EXP.limit);
        let x = simd.neg_f32s(self.at_most(x, limit));
        let x = simd.neg_f32s(self.at_most(x, limit));
        let round = self.splat(EXP.round);
        let shifted = self.mul_add(x, self.splat(std::f32::consts::LOG2_E), round);
        let n = self.sub(shifted, round);
        let r = self.mul_add(n, self.splat(EXP.ln_2[1]), x);
        let r = self.mul_add(n, self.splat(EXP.ln_2[0]), r);
        let mut p = self.splat(EXP.terms[0]);
        for term in &EXP.terms[1..] {
            p = self.mul_add(p, r, self.splat(*term));
        }
        let y = self.add(self.mul_add(p, self.mul(r, r), r), self.splat(1.0));
        let power = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
        self.mul(y, simd.transmute_f32s_u32s(simd.add_u32s(power, simd.splat_u32s(127 << 23))))
    }
}

/// Runs work over the widest vectors of f32 that the processor has.
pub(super) fn widest<W: Vectorized<f32>>(work: W) {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Some(simd) = pulp::x86::V4::try_new() {
        struct Work<W>(W, pulp::x86::V4);
        impl<W: Vectorized<f32>> pulp::NullaryFnOnce for Work<W> {
            type Output = ();

            #[inline(always)]
            fn call(self) {
                self.0.run(Wide(self.1, *self.1));
            }
        }
        return simd.vectorize(Work(work, simd));
    }
    struct Work<W>(W);
    impl<W: Vectorized<f32>> pulp::WithSimd for Work<W> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, simd: S) {
            if S::IS_SCALAR { self.0.run(One::NEW) } else { self.0.run(Wide(simd, simd)) }
        }
    }
    // The first case of `Arch` is the one above.
    pulp::Arch::new().dispatch(Work(work));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exponentials<'a>(&'a [f32], &'a mut [f32]);

    impl Vectorized<f32> for Exponentials<'_> {
        #[inline(always)]
        fn run<S: Vectors<T = f32>>(self, simd: S) {
            for (x, y) in self.0.chunks(S::LANES).zip(self.1.chunks_mut(S::LANES)) {
                simd.store_some(simd.exp(simd.load_some(x)), y);
            }
        }
    }

    struct Sum<'a>(&'a [f32], &'a mut f32);

    impl Vectorized<f32> for Sum<'_> {
        #[inline(always)]
        fn run<S: Vectors<T = f32>>(self, simd: S) {
            *self.1 = sum(simd, self.0.len(), |i, lanes| simd.load_some(&self.0[i..][..lanes]));
        }
    }

    #[test]
    fn a_sum_holds_every_term_and_has_the_bits_of_scalars() {
        for count in [0, 1, 15, 16, 17, 42] {
            let terms: Vec<f32> = (0..count).map(|i| 1.0 + 0.1 * i as f32).collect();
            let (mut found, mut by_one) = (f32::NAN, f32::NAN);
            widest(Sum(&terms, &mut found));
            Sum(&terms, &mut by_one).run(One::NEW);
            assert_eq!(found.to_bits(), by_one.to_bits(), "{count} terms");
            let exact: f64 = terms.iter().map(|term| f64::from(*term)).sum();
            assert!((f64::from(found) - exact).abs() < 1e-4, "{count} terms: {found}, not {exact}");
        }
    }

    #[test]
    fn lanes_hold_the_bits_of_scalars() {
        let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 0.0, 87.0, 88.0, -87.0, -88.0, 1e-40];
        let numbers: Vec<f32> = (-9_000..9_001).map(|i| i as f32 * 1e-2).chain(special).collect();
        let mut found = vec![1.0; numbers.len()];
        widest(Exponentials(&numbers, &mut found));
        for (x, y) in numbers.iter().zip(found) {
            let expected = Scalar::exp(*x);
            assert!(
                y.to_bits() == expected.to_bits() || y.is_nan() && expected.is_nan(),
                "exp {x}: {y}, not {expected}"
            );
        }
    }
}
