//! What a linear layer's activation makes of a tile, and of its gradient; dropout included.

use crate::program::ReplicaStep;
use crate::program::op::{Activated, Chance, FeedForward};

use super::dropout::Drops;
use super::scalar::Scalar;

/// `after = dropout(activation(before))` of the layer's words from `first` on.
pub(super) fn activate<T: Scalar>(op: &Activated, step: &ReplicaStep, first: usize, before: &[T], after: &mut [T]) {
    let drops = Drops::new(step, Chance::Dropout, op.site);
    T::vectorized(
        #[inline(always)]
        || {
            match op.kind {
                FeedForward::Gelu => apply(after, before, gelu),
                FeedForward::Relu => apply(after, before, |x, _| relu(x, x)),
            }
            drops.apply(first, after);
        },
    );
}

/// The gradient of `after` becomes that of `before`.
pub(super) fn activate_backward<T: Scalar>(
    op: &Activated,
    step: &ReplicaStep,
    first: usize,
    before: &[T],
    d: &mut [T],
) {
    let drops = Drops::new(step, Chance::Dropout, op.site);
    T::vectorized(
        #[inline(always)]
        || {
            match op.kind {
                FeedForward::Gelu => apply(d, before, gelu_backward),
                FeedForward::Relu => apply(d, before, relu),
            }
            drops.apply(first, d);
        },
    );
}

/// `y = f(x, y)` of each element. A plain loop: an iterator's `for_each` is not inlined, and left without wide vectors.
#[inline(always)]
fn apply<T: Scalar>(y: &mut [T], x: &[T], f: impl Fn(T, T) -> T) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = f(*x, *y);
    }
}

/// `value` where x > 0; NaN passes through.
#[inline(always)]
fn relu<T: Scalar>(x: T, value: T) -> T {
    if x <= T::ZERO { T::ZERO } else { value }
}

/// x·Φ(x)
#[inline(always)]
fn gelu<T: Scalar>(x: T, _: T) -> T {
    x * x.normal().0
}

/// (Φ(x) + x·φ(x))·d
#[inline(always)]
fn gelu_backward<T: Scalar>(x: T, d: T) -> T {
    let (cdf, density) = x.normal();
    d * (cdf + x * density)
}
