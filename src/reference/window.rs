//! window_gather: windows out of the series.

use crate::program::op::WindowGather;
use crate::program::tensor::{NO_WINDOW, OBSERVED, SERIES, WINDOWS};

use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn window_gather<T: Scalar>(storage: &mut Storage<T>, op: &WindowGather, slot: usize) {
    let mut input = storage.take_floats(op.input);
    let mut target = storage.take_floats(op.target);
    let mut weight = storage.take_floats(op.weight);
    let (series, observed) = (storage.floats(SERIES), storage.floats(OBSERVED));
    let outputs = op.horizon * op.targets;
    let starts = &storage.integers(WINDOWS)[slot * op.batch..][..op.batch];
    for (b, &start) in starts.iter().enumerate() {
        for t in 0..op.steps {
            let row = start as usize + t;
            let real = start != NO_WINDOW && row < op.rows;
            for c in 0..op.width {
                let there = real && c < op.channels;
                input[(b * op.steps + t) * op.width + c] = if there { series[row * op.channels + c] } else { T::ZERO };
            }
        }
        for z in 0..op.horizon {
            for k in 0..op.targets {
                let row = start as usize + op.steps + z;
                let real = start != NO_WINDOW && row < op.rows;
                let at = b * outputs + z * op.targets + k;
                target[at] = if real { series[row * op.channels + k] } else { T::ZERO };
                weight[at] = if real { observed[row * op.targets + k] } else { T::ZERO };
            }
        }
    }
    storage.put_floats(op.input, input);
    storage.put_floats(op.target, target);
    storage.put_floats(op.weight, weight);
}
