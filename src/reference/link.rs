//! link_input; what keeps forecasts within bounds, and the functions that it and the distributions share.

use crate::program::constants::{LINK_MARGIN, LINK_SHARPNESS};
use crate::program::op::{Link, LinkInput};

use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn link_input<T: Scalar>(storage: &mut Storage<T>, op: &LinkInput) {
    let mut output = storage.take_floats(op.output);
    let words = op.rows * op.channels;
    let input = &storage.floats(op.input)[..words];
    for (own, values) in output.chunks_exact_mut(op.channels).zip(input.chunks_exact(op.channels)) {
        own.copy_from_slice(values);
        own[..op.targets].iter_mut().for_each(|value| *value = inverse(op.link, *value));
    }
    storage.put_floats(op.output, output);
}

/// A value within bounds, and its derivative by the location.
#[derive(Clone, Copy)]
pub(super) struct Bounded<T> {
    pub value: T,
    pub slope: T,
}

/// g(u)
pub(super) fn bounded<T: Scalar>(link: Link, location: T) -> Bounded<T> {
    let sharpness = T::from_f32(LINK_SHARPNESS);
    match link {
        Link::Above => {
            let x = sharpness * location;
            Bounded { value: softplus(x) / sharpness, slope: x.sigmoid() }
        }
        Link::Below => {
            let mirrored = bounded(Link::Above, -location);
            Bounded { value: -mirrored.value, ..mirrored }
        }
        Link::Between => {
            let share = (sharpness * (location - T::from_f32(0.5))).sigmoid();
            Bounded { value: share, slope: sharpness * share * (T::ONE - share) }
        }
    }
}

/// g⁻¹(x)
pub(crate) fn inverse<T: Scalar>(link: Link, x: T) -> T {
    let (sharpness, margin) = (T::from_f32(LINK_SHARPNESS), T::from_f32(LINK_MARGIN));
    match link {
        Link::Above => {
            let x = at_least(x, margin);
            x + (T::ONE - (-(sharpness * x)).exp()).ln() / sharpness
        }
        Link::Below => -inverse(Link::Above, -x),
        Link::Between => {
            let x = -at_least(-at_least(x, margin), margin - T::ONE);
            T::from_f32(0.5) + (x / (T::ONE - x)).ln() / sharpness
        }
    }
}

/// The larger of both; NaN stays NaN.
pub(super) fn at_least<T: Scalar>(x: T, least: T) -> T {
    if x < least { least } else { x }
}

/// ln(1 + eˣ)
pub(super) fn softplus<T: Scalar>(x: T) -> T {
    let tail = (-x.abs()).exp().ln_1p();
    if x > T::ZERO { x + tail } else { tail }
}
