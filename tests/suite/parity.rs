//! Every op on the GPU against its CPU twin, from the same inputs, over awkward shapes and with poisoned buffers.
//!
//! The tolerance of a tensor: 8 × the f32 twin's largest distance to the f64 twin, or a floor relative to the tensor's
//! largest magnitude. Integers must be equal.

use microglia::engine::Engine;
use microglia::models::ModelKind::{Lstm, Rnn};
use microglia::program::op::{Activation, InstanceNorm, LossKind};
use microglia::program::tensor::*;
use microglia::program::{Element, List};
use microglia::reference::CpuEngine;

use crate::gpu_support::{engine, gpu};
use microglia::compare::Case;

/// Relative to the largest magnitude: a few roundings, and a division of WGSL's 2.5 units in the last place.
const FLOOR: f64 = 2e-6;

/// Runs four steps and an evaluation, op by op; after each op both engines' outputs are compared, and the oracle's and
/// the GPU's tensors are set to the f32 twin's, so that errors do not compound.
fn check(case: Case) {
    let Some(gpu) = gpu() else { return };
    let program = case.program().unwrap();
    let mut device = engine(&gpu, program.clone());
    let mut twin = CpuEngine::<f32>::new(program.clone(), Some(1)).unwrap();
    let mut oracle = CpuEngine::<f64>::new(program.clone(), Some(1)).unwrap();
    for engine in [&mut device as &mut dyn Engine, &mut twin, &mut oracle] {
        case.load(engine, 11).unwrap();
    }
    let lists = [List::Forward, List::Backward, List::Prune, List::Update];
    let steps = (0..program.slots).flat_map(|slot| lists.map(|list| (list, slot)));
    let evaluations = (0..program.prediction_slots).map(|slot| (List::Evaluate, slot));
    for (list, slot) in steps.chain(evaluations) {
        for (index, op) in program.list(list).iter().enumerate() {
            for engine in [&mut device as &mut dyn Engine, &mut twin, &mut oracle] {
                engine.run_op(list, index, slot).unwrap();
            }
            for id in op.writes() {
                let rows = if program.tensor(id).shared { 1 } else { program.replicas };
                for r in 0..rows {
                    let place = format!("{case:?}: {} #{index} slot {slot} replica {r}", op.label());
                    compare(&place, id, r, &mut device, &mut twin, &mut oracle);
                }
            }
        }
    }
}

fn compare(
    place: &str,
    id: TensorId,
    r: usize,
    device: &mut dyn Engine,
    twin: &mut CpuEngine<f32>,
    oracle: &mut CpuEngine<f64>,
) {
    let tensor = twin.program().tensor(id).clone();
    if tensor.element == Element::U32 {
        let expected = twin.read_u32(id, r).unwrap();
        assert_eq!(device.read_u32(id, r).unwrap(), expected, "{place}: `{}`", tensor.name);
        oracle.write_u32(id, r, &expected).unwrap();
        return;
    }
    let found = device.read_f32(id, r).unwrap();
    let expected = twin.read_f32(id, r).unwrap();
    let exact = oracle.values(id, r).to_vec();
    // Words that no engine has written yet are NaN in the oracle.
    let known = || (0..exact.len()).filter(|&i| !exact[i].is_nan());
    let scale = known().fold(0f64, |max, i| max.max(exact[i].abs()));
    let twin_error = known().fold(0f64, |max, i| max.max((expected[i] as f64 - exact[i]).abs()));
    let tolerance = (8.0 * twin_error).max(FLOOR * scale);
    for i in known() {
        let error = (found[i] as f64 - exact[i]).abs();
        assert!(
            error <= tolerance,
            "{place}: `{}` [{i}] is {} and should be {}: off by {error:e}, tolerance {tolerance:e}",
            tensor.name,
            found[i],
            exact[i]
        );
    }
    device.write_f32(id, r, &expected).unwrap();
    oracle.write_f32(id, r, &expected).unwrap();
}

#[test]
fn lstm_of_sizes_that_fit_nothing() {
    for hidden in [1, 5, 33, 65] {
        check(Case::new(Lstm, 3, 5, 4, hidden).prune(3).clip(0.1));
    }
    check(Case::new(Lstm, 1, 1, 1, 5));
    check(Case::new(Lstm, 2, 1, 1, 64).norm(InstanceNorm::Last));
}

#[test]
fn lstm_stacked_with_dropout_and_norm() {
    check(Case::new(Lstm, 3, 6, 5, 9).layers(2).dropout(0.4).norm(InstanceNorm::MeanStd).clip(0.5).prune(11));
    check(Case::new(Lstm, 2, 3, 2, 130).layers(2).norm(InstanceNorm::Last).loss(LossKind::Huber));
}

#[test]
fn lstm_beyond_one_workgroup() {
    check(Case::new(Lstm, 2, 5, 3, 257).prune(100));
}

#[test]
fn rnn_of_sizes_that_fit_nothing() {
    for hidden in [1, 5, 33, 65] {
        check(Case::new(Rnn, 3, 5, 4, hidden).prune(3));
    }
    check(Case::new(Rnn, 1, 1, 1, 5).activation(Activation::Relu));
    check(Case::new(Rnn, 3, 7, 3, 33).activation(Activation::Relu).layers(2).dropout(0.3).loss(LossKind::Mae));
}

#[test]
fn rnn_beyond_one_workgroup() {
    check(Case::new(Rnn, 2, 5, 3, 300).activation(Activation::Relu).prune(100));
}
