//! The same bits, whatever the grouping: of runs, of replicas, of waves, of time ranges.

use microglia::engine::{Engine, Pass};
use microglia::gpu::AdapterClass::{Discrete, Integrated, Software};
use microglia::gpu::{Gpu, wgpu};
use microglia::kernels::GpuOptions;
use microglia::models::ModelKind::{Dlinear, Gru, Lstm, Rnn};
use microglia::models::{NormKind, Variant};
use microglia::program::List;
use microglia::program::op::{Activation, InstanceNorm};
use microglia::program::tensor::*;
use std::sync::Arc;

use crate::gpu_support::{classes, gpu, open, train, with};
use microglia::compare::Case;

/// Everything that training leaves behind in a replica, as bits.
#[derive(PartialEq)]
struct Left(Vec<(TensorId, Vec<u32>)>);

const LEFT: [TensorId; 10] = [STATE, PARAMS, GRADS, MOMENT1, MOMENT2, MASK, LOSSES, STATUS, PREDICTIONS, GRAD_NORM];

fn left(engine: &mut dyn Engine, replica: usize) -> Left {
    Left(LEFT.map(|id| (id, engine.read_u32(id, replica).unwrap())).into())
}

/// Trains the case from `first_seed` and returns what each replica is left with, and the number of waves.
fn run(gpu: &Arc<Gpu>, case: &Case, first_seed: u32, options: GpuOptions) -> (Vec<Left>, usize) {
    let mut engine = with(gpu, case.program().unwrap(), options);
    case.load(&mut engine, first_seed).unwrap();
    train(&mut engine, case.prune_count > 0);
    ((0..case.sizes.replicas).map(|r| left(&mut engine, r)).collect(), engine.waves())
}

/// assert_eq would print every word.
fn assert_same(what: &str, a: &Left, b: &Left) {
    for ((id, a), (_, b)) in a.0.iter().zip(&b.0) {
        let differing = (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i));
        assert_eq!(differing, None, "{what}: first differing word of tensor {}", id.0);
    }
}

/// Dropout, clipping and pruning on.
fn cases() -> Vec<Case> {
    vec![
        Case::new(Lstm, 3, 5, 7, 33).layers(2).dropout(0.4).clip(0.3).prune(9).norm(InstanceNorm::MeanStd),
        Case::new(Rnn, 3, 6, 5, 12).layers(2).dropout(0.2).prune(5).activation(Activation::Relu),
        Case::new(Lstm, 3, 2, 3, 260).prune(50),
        Case::new(Gru, 3, 5, 7, 33).layers(2).dropout(0.4).clip(0.3).prune(9).norm(InstanceNorm::MeanStd),
        // Of two layers, so that the weights are more than their copy in the forward kernel's order.
        Case::new(Gru, 3, 2, 3, 260).layers(2).prune(50),
        Case::new(Dlinear, 3, 5, 30, 0).clip(0.3).prune(9).norm(InstanceNorm::Last),
        Case::patchtst(Variant::Official, 3, 4, 9).dropout(0.3).prune(9),
        Case::patchtst(Variant::Hf, 3, 2, 9).dropout(0.2).set(|p| p.norm = NormKind::Layer),
    ]
}

/// Each case, cut in each way.
fn each_way() -> Vec<(Case, GpuOptions)> {
    let ways = |case: Case| classes(&case.program().unwrap()).into_iter().map(move |options| (case.clone(), options));
    cases().into_iter().flat_map(ways).collect()
}

#[test]
fn a_run_repeats_its_bits() {
    let Some(gpu) = gpu() else { return };
    for (case, options) in &each_way() {
        let (first, _) = run(&gpu, case, 5, options.clone());
        let (again, _) = run(&gpu, case, 5, options.clone());
        for (r, (a, b)) in first.iter().zip(&again).enumerate() {
            assert_same(&format!("{case:?} replica {r}"), a, b);
        }
        assert!(first[0] != first[1], "seeds make no difference");
    }
}

#[test]
fn a_replica_is_the_lone_run_of_its_seed() {
    let Some(gpu) = gpu() else { return };
    for (case, options) in &each_way() {
        let (together, _) = run(&gpu, case, 5, options.clone());
        for (r, found) in together.iter().enumerate() {
            let mut lone = case.clone();
            lone.sizes.replicas = 1;
            let (alone, _) = run(&gpu, &lone, 5 + r as u32, options.clone());
            assert_same(&format!("{case:?} replica {r}"), found, &alone[0]);
        }
    }
}

#[test]
fn waves_change_no_bit() {
    let Some(gpu) = gpu() else { return };
    for case in cases() {
        let (whole, waves) = run(&gpu, &case, 5, GpuOptions::default());
        assert_eq!(waves, 1);
        // Room for one replica, then for two, of the largest tensor.
        let largest = case.program().unwrap().tensors.iter().map(|tensor| tensor.row() as u64 * 4).max().unwrap();
        for (room, expected) in [(largest, 3), (2 * largest, 2)] {
            let options = GpuOptions { max_binding_bytes: Some(room), ..Default::default() };
            let (parts, waves) = run(&gpu, &case, 5, options);
            assert_eq!(waves, expected, "{case:?} in {room} bytes");
            for (r, (a, b)) in whole.iter().zip(&parts).enumerate() {
                assert_same(&format!("{case:?} in {waves} waves, replica {r}"), a, b);
            }
        }
    }
}

#[test]
fn cutting_time_changes_no_bit() {
    let Some(gpu) = gpu() else { return };
    for (case, own) in &each_way() {
        let (whole, _) = run(&gpu, case, 5, own.clone());
        for steps in [1, 3] {
            let options = GpuOptions { max_steps_per_dispatch: Some(steps), ..own.clone() };
            let (cut, _) = run(&gpu, case, 5, options);
            for (r, (a, b)) in whole.iter().zip(&cut).enumerate() {
                assert_same(&format!("{case:?} cut into {steps} steps, replica {r}"), a, b);
            }
        }
    }
}

/// A window's forecast is the same bits wherever it lies in a batch, however many rows a tile has.
#[test]
fn a_place_in_the_batch_changes_no_bit() {
    let Some(gpu) = gpu() else { return };
    for (hidden, class) in [(64, Software), (33, Integrated), (64, Discrete), (100, Integrated), (258, Discrete)] {
        let options = GpuOptions { class: Some(class), ..GpuOptions::default() };
        for kind in [Lstm, Rnn, Gru] {
            let forecasts: Vec<Vec<u32>> = [7, 1030]
                .into_iter()
                .flat_map(|batch| {
                    let case = Case::new(kind, 1, batch, 4, hidden);
                    let mut engine = with(&gpu, case.program().unwrap(), options.clone());
                    case.load(&mut engine, 5).unwrap();
                    engine.write_u32(WINDOWS, 0, &vec![3; case.sizes.slots * batch]).unwrap();
                    engine.run(&[Pass { list: List::Evaluate, slot: 0 }]).unwrap();
                    let found = engine.read_u32(PREDICTIONS, 0).unwrap();
                    let words = case.sizes.horizon * case.sizes.targets;
                    found.chunks(words).take(batch).map(<[u32]>::to_vec).collect::<Vec<_>>()
                })
                .collect();
            assert!(forecasts[0].iter().any(|&word| word != 0), "{kind} of {hidden} forecasts nothing");
            assert!(forecasts.iter().all(|row| *row == forecasts[0]), "{kind} of {hidden}, {:?}", options.class);
        }
    }
}

/// Kernels that check their indices and kernels that do not, as engines have them.
#[test]
fn bounds_checks_change_no_bit() {
    let Some(gpu) = gpu() else { return };
    let (device, queue) = open(&gpu, wgpu::Limits::default());
    let checked = Gpu::with_bounds_checks(device, queue).unwrap();
    for (case, options) in &each_way() {
        let (unchecked, _) = run(&gpu, case, 5, options.clone());
        let (checked, _) = run(&checked, case, 5, options.clone());
        for (r, (a, b)) in unchecked.iter().zip(&checked).enumerate() {
            assert_same(&format!("{case:?} with bounds checks, replica {r}"), a, b);
        }
    }
}

/// Dispatches cut as finely as kernels can be, to the last workgroup; and cut anew while they run, where the device turns out
/// slower than its class.
#[test]
fn cutting_dispatches_changes_no_bit() {
    let Some(gpu) = gpu() else { return };
    for (case, options) in &each_way() {
        let (whole, _) = run(&gpu, case, 5, options.clone());
        for seconds in [1e-9, 1e-4] {
            let options = GpuOptions { max_submission_seconds: Some(seconds), ..options.clone() };
            let (cut, _) = run(&gpu, case, 5, options);
            for (r, (a, b)) in whole.iter().zip(&cut).enumerate() {
                assert_same(&format!("{case:?} in submissions of {seconds} s, replica {r}"), a, b);
            }
        }
    }
}
