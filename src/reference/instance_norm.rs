//! instance_norm_forward, instance_denorm_forward, instance_denorm_backward: each window on its own scale.

use crate::program::op::{InstanceDenorm, InstanceNorm, InstanceNormForward};

use super::scalar::Scalar;
use super::storage::Storage;

pub fn instance_norm_forward<T: Scalar>(storage: &mut Storage<T>, op: &InstanceNormForward) {
    let mut output = storage.take_floats(op.output);
    let mut stats = storage.take_floats(op.stats);
    let window = op.steps * op.channels;
    for r in 0..storage.replicas {
        let input = storage.float_row(op.input, r);
        let output = &mut output[r * storage.row(op.output)..][..op.batch * window];
        let stats = &mut stats[r * storage.row(op.stats)..][..op.batch * op.targets * 2];
        for b in 0..op.batch {
            for c in 0..op.channels {
                let at = |t: usize| b * window + t * op.channels + c;
                let (shift, scale) = if c < op.targets {
                    let found = match op.mode {
                        InstanceNorm::Last => (input[at(op.steps - 1)], T::ONE),
                        InstanceNorm::MeanStd => mean_std((0..op.steps).map(|t| input[at(t)])),
                    };
                    stats[(b * op.targets + c) * 2] = found.0;
                    stats[(b * op.targets + c) * 2 + 1] = found.1;
                    found
                } else {
                    (T::ZERO, T::ONE)
                };
                for t in 0..op.steps {
                    output[at(t)] = (input[at(t)] - shift) / scale;
                }
            }
        }
    }
    storage.put_floats(op.output, output);
    storage.put_floats(op.stats, stats);
}

/// Mean and √(population variance + 1e-5), in two passes.
fn mean_std<T: Scalar>(values: impl ExactSizeIterator<Item = T> + Clone) -> (T, T) {
    let count = T::from_f32(values.len() as f32);
    let mean = values.clone().fold(T::ZERO, |sum, x| sum + x) / count;
    let variance = values.fold(T::ZERO, |sum, x| sum + (x - mean) * (x - mean)) / count;
    (mean, (variance + T::from_f32(1e-5)).sqrt())
}

pub fn instance_denorm_forward<T: Scalar>(storage: &mut Storage<T>, op: &InstanceDenorm) {
    denorm(storage, op, |value, shift, scale| value * scale + shift);
}

pub fn instance_denorm_backward<T: Scalar>(storage: &mut Storage<T>, op: &InstanceDenorm) {
    denorm(storage, op, |d_output, _, scale| d_output * scale);
}

fn denorm<T: Scalar>(storage: &mut Storage<T>, op: &InstanceDenorm, apply: impl Fn(T, T, T) -> T) {
    let mut output = storage.take_floats(op.output);
    let outputs = op.horizon * op.targets;
    for r in 0..storage.replicas {
        let input = storage.float_row(op.input, r);
        let stats = storage.float_row(op.stats, r);
        let output = &mut output[r * storage.row(op.output)..][..op.batch * outputs];
        for (i, word) in output.iter_mut().enumerate() {
            let (b, k) = (i / outputs, i % op.targets);
            let at = (b * op.targets + k) * 2;
            *word = apply(input[i], stats[at], stats[at + 1]);
        }
    }
    storage.put_floats(op.output, output);
}
