//! What lies at the edges: activations far out and near 0, values that are not finite, replicas that have stopped,
//! programs that do not fit, and calls that make no sense.

use microglia::engine::{Engine, Pass};
use microglia::gpu::{AdapterSummary, list_adapters};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::models::ModelKind::{Gru, Lstm, Rnn};
use microglia::program::op::{Activation, Op};
use microglia::program::tensor::*;
use microglia::program::{List, ReplicaStep};

use crate::gpu_support::{engine, gpu, on_each_engine, train};
use microglia::compare::Case;

/// Position of the recurrent op in the forward list, its gates' tensor and its states'.
fn recurrent(engine: &dyn Engine) -> (usize, TensorId, TensorId) {
    let find = |(i, op): (usize, &Op)| match op {
        Op::RecurrentForward(op) => Some((i, op.gates, op.states)),
        _ => None,
    };
    engine.program().forward.iter().enumerate().find_map(find).unwrap()
}

/// Numbers of every size, both signs.
fn arguments(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| {
            let x = match i % 4 {
                0 => i as f32 / count as f32 * 2.0,
                1 => i as f32 / count as f32 * 20.0,
                2 => 10f32.powf(i as f32 / count as f32 * 30.0 - 30.0),
                _ => [0.0, 0.625, 0.624_999_94, 9.0, 88.0, 89.0, 1000.0, 1e30, f32::MAX, f32::INFINITY][i / 4 % 10],
            };
            if i % 8 < 4 { x } else { -x }
        })
        .collect()
}

fn assert_close(name: &str, x: f32, found: f32, exact: f64) {
    let error = (found as f64 - exact).abs();
    // Some drivers flush denormals.
    let floor = f32::MIN_POSITIVE as f64;
    assert!(error <= 5e-7 * exact.abs() + floor, "{name}({x}) is {found}, should be {exact}");
}

/// With no recurrent weights, h_t = tanh(projected_t).
#[test]
fn tanh_keeps_its_relative_error() {
    let Some(gpu) = gpu() else { return };
    let mut engine = engine(&gpu, Case::new(Rnn, 1, 1, 1, 1000).program().unwrap());
    let (index, projected, states) = recurrent(&engine);
    let xs = arguments(1000);
    engine.write_f32(projected, 0, &xs).unwrap();
    engine.run_op(List::Forward, index, 0).unwrap();
    for (x, h) in xs.iter().zip(&engine.read_f32(states, 0).unwrap()[1000..]) {
        assert_close("tanh", *x, *h, (*x as f64).tanh());
    }
}

/// With no recurrent weights, the gates are activated projections.
#[test]
fn sigmoid_keeps_its_relative_error() {
    let Some(gpu) = gpu() else { return };
    let mut engine = engine(&gpu, Case::new(Lstm, 1, 1, 1, 1000).program().unwrap());
    let (index, gates, _) = recurrent(&engine);
    let xs: Vec<f32> = arguments(4000);
    engine.write_f32(gates, 0, &xs).unwrap();
    engine.run_op(List::Forward, index, 0).unwrap();
    let found = engine.read_f32(gates, 0).unwrap();
    for (i, (x, y)) in xs.iter().zip(&found).enumerate() {
        if i / 1000 == 2 {
            assert_close("tanh", *x, *y, (*x as f64).tanh());
        } else {
            // Clamped at ±60, where f32 is 0 or 1 to anyone who adds 1 to it.
            assert_close("sigmoid", *x, *y, 1.0 / (1.0 + (-(*x as f64).clamp(-60.0, 60.0)).exp()));
        }
    }
}

/// NaN goes through every activation and loss, and is noted where it reaches a gradient; its neighbours go on.
#[test]
fn what_is_not_finite_is_noted_and_stays_in_its_replica() {
    let Some(gpu) = gpu() else { return };
    for kind in [
        Case::new(Lstm, 3, 3, 4, 5),
        Case::new(Gru, 3, 3, 4, 5),
        Case::new(Rnn, 3, 3, 4, 5).activation(Activation::Relu),
    ] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut engine = engine(&gpu, kind.program().unwrap());
            kind.load(&mut engine, 1).unwrap();
            let mut params = engine.read_f32(PARAMS, 1).unwrap();
            let word = engine.program().params.get("head.weight").unwrap().offset + 2;
            params[word] = bad;
            engine.write_f32(PARAMS, 1, &params).unwrap();
            train(&mut engine, false);
            for r in [0, 2] {
                assert_eq!(engine.read_u32(STATUS, r).unwrap(), [u32::MAX; 4], "replica {r}");
                assert!(engine.read_f32(PARAMS, r).unwrap().iter().all(|w| w.is_finite()));
            }
            let status = engine.read_u32(STATUS, 1).unwrap();
            assert_eq!(status[status::GRAD_STEP], 1, "{bad}");
            let owner = engine.program().params.owner(status[status::GRAD_WORD] as usize);
            assert!(owner.is_some(), "{bad}: word {}", status[status::GRAD_WORD]);
            assert_eq!(status[status::WEIGHT_STEP], 1);
            assert!(!engine.read_f32(LOSSES, 1).unwrap()[0].is_finite());
        }
    }
}

/// The lowest word of the first step, whatever comes later.
#[test]
fn the_first_non_finite_step_is_kept() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new(Lstm, 1, 3, 4, 5);
    let mut engine = engine(&gpu, case.program().unwrap());
    case.load(&mut engine, 1).unwrap();
    let update = |slot| Pass { list: List::Update, slot };
    let mut grads = vec![0.5; engine.program().params.words];
    engine.write_f32(GRADS, 0, &grads).unwrap();
    engine.run(&[update(0)]).unwrap();
    assert_eq!(engine.read_u32(STATUS, 0).unwrap(), [u32::MAX; 4]);
    (grads[37], grads[55]) = (f32::NAN, f32::INFINITY);
    engine.write_f32(GRADS, 0, &grads).unwrap();
    engine.run(&[update(1)]).unwrap();
    grads[3] = f32::NAN;
    engine.write_f32(GRADS, 0, &grads).unwrap();
    engine.run(&[update(2), update(3)]).unwrap();
    assert_eq!(engine.read_u32(STATUS, 0).unwrap(), [2, 37, 2, 37]);
    // A masked word is not looked at.
    let mut mask = engine.program().params.full_mask();
    mask[0] &= !(1 << 3);
    mask[1] &= !(1 << 5 | 1 << 23);
    engine.write_u32(MASK, 0, &mask).unwrap();
    engine.write_u32(STATUS, 0, &[u32::MAX; 4]).unwrap();
    engine.run(&[update(3)]).unwrap();
    assert_eq!(engine.read_u32(STATUS, 0).unwrap(), [u32::MAX; 4]);
    let params = engine.read_f32(PARAMS, 0).unwrap();
    assert_eq!([params[3], params[37], params[55]].map(f32::to_bits), [0; 3]);
}

#[test]
fn a_stopped_replica_changes_no_more() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new(Lstm, 2, 3, 4, 9).prune(20).clip(0.1);
    let mut engine = engine(&gpu, case.program().unwrap());
    case.load(&mut engine, 1).unwrap();
    train(&mut engine, true);
    let kept = [PARAMS, MOMENT1, MOMENT2, MASK, STATUS];
    let state = |engine: &mut GpuEngine, r| kept.map(|id| engine.read_u32(id, r).unwrap());
    let before = [state(&mut engine, 0), state(&mut engine, 1)];
    let mut table = engine.read_u32(STEPS, 1).unwrap();
    for step in table.chunks_mut(ReplicaStep::WORDS) {
        bytemuck::from_bytes_mut::<ReplicaStep>(bytemuck::cast_slice_mut(step)).active = 0;
    }
    engine.write_u32(STEPS, 1, &table).unwrap();
    train(&mut engine, true);
    assert!(state(&mut engine, 0) != before[0]);
    assert!(state(&mut engine, 1) == before[1]);
}

#[test]
fn a_model_that_does_not_fit_is_rejected_with_the_numbers() {
    let Some(gpu) = gpu() else { return };
    let program = Case::new(Lstm, 2, 5, 7, 64).program().unwrap();
    let options = GpuOptions { max_binding_bytes: Some(4096), ..Default::default() };
    let error = GpuEngine::new(gpu, program.clone(), options).err().unwrap().to_string();
    let words = program.params.words;
    assert!(error.contains(&format!("tensor `params` [{words}] needs {} bytes", words * 4)), "{error}");
    assert!(error.contains("4096") && error.contains("`hidden`"), "{error}");
}

#[test]
fn copies_stay_in_their_replica() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new(Rnn, 3, 3, 4, 5);
    let mut engine = engine(&gpu, case.program().unwrap());
    case.load(&mut engine, 1).unwrap();
    engine.copy(PARAMS, BEST_PARAMS, 1).unwrap();
    assert_eq!(engine.read_u32(BEST_PARAMS, 1).unwrap(), engine.read_u32(PARAMS, 1).unwrap());
    for r in [0, 2] {
        assert!(engine.read_u32(BEST_PARAMS, r).unwrap().iter().all(|&word| word == 0));
    }
}

#[test]
fn the_devices_listed_hold_the_one_in_use() {
    let Some(gpu) = gpu() else { return };
    let listed = list_adapters();
    let all = listed.iter().map(|adapter| &adapter.summary);
    let found: Vec<&AdapterSummary> = all.filter(|adapter| adapter.name == gpu.summary().name).collect();
    assert!(!found.is_empty());
    assert!(found[0].max_storage_buffers >= 8 && found[0].max_storage_buffer_binding_bytes >= 1 << 27);
}

/// Words are words on both engines, whatever they stand for, and a copy is one of each kind of tensor.
#[test]
fn words_are_read_written_and_copied_alike() {
    let program = Case::new(Rnn, 2, 3, 5, 4).program().unwrap();
    let words = program.params.words;
    on_each_engine(|open| {
        let mut engine = open(program.clone());
        let bits: Vec<u32> = (0..words as u32).map(|i| (0.5 + i as f32).to_bits()).collect();
        engine.write_u32(PARAMS, 1, &bits).unwrap();
        assert_eq!(engine.read_f32(PARAMS, 1).unwrap()[3], 3.5);
        assert_eq!(engine.read_u32(PARAMS, 1).unwrap(), bits);
        engine.copy(PARAMS, BEST_PARAMS, 1).unwrap();
        assert_eq!(engine.read_u32(BEST_PARAMS, 1).unwrap(), bits);
        assert_eq!(engine.read_f32(PARAMS, 0).unwrap(), vec![0.0; words], "the other replica's");
        let mask: Vec<u32> = (0..words as u32 / 32).map(|i| i + 1).collect();
        engine.write_u32(MASK, 1, &mask).unwrap();
        engine.copy(MASK, MASK, 1).unwrap();
        assert_eq!(engine.read_u32(MASK, 1).unwrap(), mask);
        let series = engine.program().tensor(SERIES).words();
        engine.write_f32(SERIES, 0, &vec![1.5; series]).unwrap();
        engine.copy(SERIES, SERIES, 0).unwrap();
        assert_eq!(engine.read_f32(SERIES, 0).unwrap(), vec![1.5; series]);
        engine.rest(&[true, false]).unwrap();
    });
}

/// Both engines reject rows, replicas, ops and slots that are not there: with the tensor or list, and both numbers.
#[test]
fn calls_that_make_no_sense_are_errors() {
    let program = Case::new(Rnn, 2, 3, 5, 4).program().unwrap();
    let (words, rows) = (program.params.words, program.tensor(SERIES).words());
    on_each_engine(|open| {
        let mut engine = open(program.clone());
        let rejected = |result: microglia::Result<()>, parts: &[&str]| {
            let error = result.unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        let expected = format!("[{words}]");
        rejected(engine.write_f32(PARAMS, 0, &[1.0]), &["write: tensor `params` has shape [1]", &expected]);
        rejected(engine.write_f32(PARAMS, 2, &vec![0.0; words]), &["replica: tensor `params`", "[2]"]);
        rejected(engine.write_f32(SERIES, 1, &vec![0.0; rows]), &["replica: tensor `series`", "[1]"]);
        rejected(engine.write_u32(MASK, 0, &[1]), &["tensor `mask`"]);
        rejected(engine.read_f32(PARAMS, 2).map(drop), &["replica: tensor `params`"]);
        rejected(engine.read_u32(MASK, 7).map(drop), &["replica: tensor `mask` has shape [7], expected [2]"]);
        rejected(engine.copy(PARAMS, GRADS, 2), &["replica: tensor `params`"]);
        rejected(engine.copy(PARAMS, LOSSES, 0), &["copy: tensor `losses`"]);
        rejected(engine.copy(MASK, MASK, 2), &["replica: tensor `mask`"]);
        rejected(engine.copy(PARAMS, TensorId(999), 0), &["program: tensor `tensors` has shape [999]"]);
        rejected(engine.copy(MASK, MOMENT1, 0), &["copy: tensor `moment1`"]);
        rejected(engine.write_f32(MASK, 0, &vec![0.0; words / 32]), &["write: tensor `mask` holds u32, expected f32"]);
        rejected(engine.read_f32(STEPS, 0).map(drop), &["read: tensor `steps` holds u32, expected f32"]);
        rejected(engine.write_u32(PARAMS, 1, &[7]), &["write: tensor `params` has shape [1]", &expected]);
        rejected(engine.rest(&[true]), &["rest: tensor `replicas` has shape [1], expected [2]"]);
        rejected(engine.rest(&[false; 3]), &["rest: tensor `replicas` has shape [3], expected [2]"]);
        rejected(engine.run_op(List::Forward, 99, 0), &["Forward: tensor `ops` has shape [99]"]);
        rejected(engine.run_op(List::Forward, 0, 9), &["Forward: tensor `steps` has shape [9]"]);
        rejected(engine.run(&[Pass { list: List::Evaluate, slot: 9 }]), &["Evaluate: tensor `steps`"]);
        rejected(engine.run_timed(&[Pass { list: List::Update, slot: 9 }]).map(drop), &["Update: tensor `steps`"]);
        engine.write_f32(SERIES, 0, &vec![0.0; rows]).unwrap();
    });
}
