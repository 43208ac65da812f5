//! decompose: a window's targets as a moving average and what it leaves.

use crate::program::op::Decompose;

use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn decompose<T: Scalar>(storage: &mut Storage<T>, op: &Decompose) {
    let (half, last) = ((op.average - 1) / 2, op.steps - 1);
    let mut trend = storage.take_floats(op.trend);
    let mut remainder = storage.take_floats(op.remainder);
    let input = storage.floats(op.input);
    let rows = trend.chunks_mut(op.steps).zip(remainder.chunks_mut(op.steps));
    for (s, (trend, remainder)) in rows.enumerate() {
        let (b, k) = (s / op.targets, s % op.targets);
        let at = |t: usize| input[(b * op.steps + t) * op.channels + k];
        for t in 0..op.steps {
            let rows = (t..t + op.average).map(|row| at(row.saturating_sub(half).min(last)));
            trend[t] = rows.fold(T::ZERO, |sum, x| sum + x) / T::from_f32(op.average as f32);
            remainder[t] = at(t) - trend[t];
        }
    }
    storage.put_floats(op.trend, trend);
    storage.put_floats(op.remainder, remainder);
}
