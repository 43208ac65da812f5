//! instance_norm_forward, instance_affine_backward: each window on its own scale.

use crate::program::constants::NORM_EPSILON;
use crate::program::op::{InstanceAffineBackward, InstanceNorm, InstanceNormForward};
use crate::program::tensor::{GRADS, PARAMS};

use super::forecast::{divisor, scale_and_shift};
use super::scalar::Scalar;
use super::storage::Storage;

pub(super) fn instance_norm_forward<T: Scalar>(storage: &mut Storage<T>, op: &InstanceNormForward, slot: usize) {
    let norm = InstanceNorm::of_code(storage.step(slot).instance_norm);
    let mut output = storage.take_floats(op.output);
    let mut stats = storage.take_floats(op.stats);
    let window = op.steps * op.channels;
    let input = storage.floats(op.input);
    let params = storage.floats(PARAMS);
    for b in 0..op.batch {
        for c in 0..op.channels {
            let at = |t: usize| b * window + t * op.channels + c;
            let (shift, scale) = if c < op.targets {
                let found = match norm {
                    None => (T::ZERO, T::ONE),
                    Some(InstanceNorm::Last) => (input[at(op.steps - 1)], T::ONE),
                    Some(InstanceNorm::MeanStd) => mean_std((0..op.steps).map(|t| input[at(t)])),
                };
                stats[(b * op.targets + c) * 2] = found.0;
                stats[(b * op.targets + c) * 2 + 1] = found.1;
                found
            } else {
                (T::ZERO, T::ONE)
            };
            let (weight, bias) = match op.affine {
                Some(affine) if c < op.targets => scale_and_shift(params, affine, c),
                _ => (T::ONE, T::ZERO),
            };
            for t in 0..op.steps {
                output[at(t)] = (input[at(t)] - shift) / scale * weight + bias;
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
    (mean, (variance + T::from_f32(NORM_EPSILON as f32)).sqrt())
}

pub(super) fn instance_affine_backward<T: Scalar>(storage: &mut Storage<T>, op: &InstanceAffineBackward) {
    let patches = op.patches;
    let mut grads = storage.take_floats(GRADS);
    let (input, stats) = (storage.floats(op.input), storage.floats(op.stats));
    let d_patches = storage.floats(op.d_patches);
    let (forecast, d_forecast) = (storage.floats(op.forecast), storage.floats(op.d_forecast));
    let params = storage.floats(PARAMS);
    for k in 0..op.targets {
        let (weight, bias) = scale_and_shift(params, op.affine, k);
        let (mut d_weight, mut d_bias) = (T::ZERO, T::ZERO);
        for b in 0..op.batch {
            let sequence = b * op.targets + k;
            let (shift, scale) = (stats[2 * sequence], stats[2 * sequence + 1]);
            let (mut weight_sum, mut bias_sum) = (T::ZERO, T::ZERO);
            let words = patches.count * patches.rows;
            for (i, d) in d_patches[sequence * words..][..words].iter().enumerate() {
                let t = patches.step(i / patches.rows, i % patches.rows, op.steps);
                weight_sum += *d * ((input[(b * op.steps + t) * op.channels + k] - shift) / scale);
                bias_sum += *d;
            }
            for i in sequence * op.horizon..(sequence + 1) * op.horizon {
                weight_sum += -d_forecast[i] * ((forecast[i] - bias) / divisor(weight));
                bias_sum += -d_forecast[i];
            }
            d_weight += weight_sum;
            d_bias += bias_sum;
        }
        grads[op.affine.weight + k] = d_weight;
        grads[op.affine.bias + k] = d_bias;
    }
    storage.put_floats(GRADS, grads);
}
