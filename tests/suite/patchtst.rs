//! PatchTST through whole runs, on each engine, and its programs.

use microglia::data::{DataOptions, Dataset};
use microglia::engine::{Engine, EngineKind, Pass};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::models::{ModelKind, ModelOptions, PatchtstOptions, Variant};
use microglia::program::builder::MAX_WORDS;
use microglia::program::tensor::*;
use microglia::program::{List, Op, Program, rng};
use microglia::reference::CpuEngine;
use microglia::train::{Plan, TrainOptions, run, weights};

use crate::gpu_support;
use microglia::compare::Case;

/// Two channels of 120 rows; 10 rows in, 3 out.
fn dataset() -> Dataset {
    let mut csv = String::from("t,a,b\n");
    for t in 0..120u32 {
        let noise = |site| rng::unit(rng::draw(3, site, 0, t));
        csv += &format!("{t},{},{}\n", (t as f32 * 0.7).sin() * 3.0 + noise(1), (t as f32 * 0.3).cos() + noise(2));
    }
    let options = DataOptions {
        time_column: Some("t".into()),
        targets: Some(vec!["a".into(), "b".into()]),
        lookback: Some(10),
        horizon: Some(3),
        season: Some(9),
        calendar: Some(false),
        ..DataOptions::default()
    };
    options.load_bytes("waves", "waves.csv", csv.as_bytes()).unwrap()
}

fn options(variant: Variant) -> TrainOptions {
    let defaults = ModelOptions::of(ModelKind::Patchtst, variant);
    TrainOptions {
        model: ModelOptions {
            layers: 2,
            patchtst: PatchtstOptions {
                patch: Some(4),
                d_model: 6,
                heads: 2,
                ff: 9,
                attention_dropout: 0.1,
                head_dropout: 0.2,
                ..PatchtstOptions::of(variant)
            },
            ..defaults
        },
        batch: 16,
        epochs: Some(3),
        lr: 1e-2,
        seed: 7,
        regularizers: "pruning,dropout".parse().unwrap(),
        ..TrainOptions::default()
    }
}

/// The hash of each replica's kept weights and running statistics, and its last validation loss.
fn train(options: &TrainOptions, open: &dyn Fn(Program) -> Box<dyn Engine>) -> Vec<(String, f64)> {
    let dataset = dataset();
    let plan = Plan::new(&dataset, options).unwrap();
    let mut engine = open(plan.program.clone());
    let trained = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();
    let last = trained.history.last().unwrap();
    (0..options.replicas)
        .map(|r| {
            let (params, state) = (engine.read_f32(PARAMS, r).unwrap(), engine.read_f32(STATE, r).unwrap());
            let hash = weights::sha256(&plan.program.params, &params, &plan.program.state, &state);
            (hash, last.replicas[r].validation_loss)
        })
        .collect()
}

fn on_each_engine(check: impl Fn(&dyn Fn(Program) -> Box<dyn Engine>)) {
    check(&|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap()));
    if let Some(gpu) = gpu_support::gpu() {
        check(&|program| Box::new(gpu_support::engine(&gpu, program)));
    }
}

#[test]
fn a_replica_is_the_lone_run_of_its_seed_with_its_own_statistics() {
    on_each_engine(|open| {
        let together = train(&TrainOptions { replicas: 3, ..options(Variant::Official) }, open);
        for r in 0..3 {
            let alone = train(&TrainOptions { seed: 7 + r, ..options(Variant::Official) }, open);
            assert_eq!(alone[0], together[r as usize], "replica {r}");
        }
        assert_ne!(together[0], together[1]);
    });
}

#[test]
fn threads_change_no_bit() {
    for variant in [Variant::Official, Variant::Hf, Variant::Authors] {
        let with = |threads| {
            let open =
                move |program| -> Box<dyn Engine> { Box::new(CpuEngine::<f32>::new(program, Some(threads)).unwrap()) };
            train(&options(variant), &open)
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert_eq!(with(threads), one, "{variant}, {threads} threads");
        }
    }
}

#[test]
fn both_engines_reach_the_same_loss() {
    let Some(gpu) = gpu_support::gpu() else { return };
    for variant in [Variant::Official, Variant::Hf, Variant::Authors] {
        let cpu = train(&options(variant), &|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap()));
        let gpu = train(&options(variant), &|program| Box::new(gpu_support::engine(&gpu, program)));
        assert!((cpu[0].1 - gpu[0].1).abs() < 0.01 * cpu[0].1, "{variant}: {} and {}", cpu[0].1, gpu[0].1);
    }
}

/// Monte Carlo passes drop out, and still normalise by the running statistics: a window's forecast does not depend on
/// the others of its batch.
#[test]
fn evaluation_reads_running_statistics_and_never_moves_them() {
    let case = Case::patchtst(Variant::Official, 1, 4, 9).dropout(0.3);
    on_each_engine(|open| {
        let mut engine = open(case.program().unwrap());
        case.load(engine.as_mut(), 3).unwrap();
        engine.run(&List::STEP.map(|list| Pass { list, slot: 0 })).unwrap();
        let state = engine.read_f32(STATE, 0).unwrap();
        assert_ne!(state, engine.program().state.initial());
        engine.run(&[Pass { list: List::Evaluate, slot: 0 }]).unwrap();
        assert_eq!(engine.read_f32(STATE, 0).unwrap(), state);
        let outputs = engine.program().outputs;
        let first = engine.read_f32(PREDICTIONS, 0).unwrap()[..outputs].to_vec();
        let mut windows = engine.read_u32(WINDOWS, 0).unwrap();
        windows[1..4].fill(NO_WINDOW);
        engine.write_u32(WINDOWS, 0, &windows).unwrap();
        engine.run(&[Pass { list: List::Evaluate, slot: 0 }]).unwrap();
        assert_eq!(engine.read_f32(PREDICTIONS, 0).unwrap()[..outputs], first);
    });
}

/// A short batch's empty places change neither the statistics nor any gradient.
#[test]
fn empty_places_count_for_nothing() {
    on_each_engine(|open| {
        let left = [3, 5].map(|batch| {
            let mut case = Case::patchtst(Variant::Official, 1, 3, 9);
            let mut small = open(case.program().unwrap());
            case.load(small.as_mut(), 3).unwrap();
            let windows = small.read_u32(WINDOWS, 0).unwrap()[..3].to_vec();
            let steps = small.read_u32(STEPS, 0).unwrap();
            case.sizes.batch = batch;
            let mut engine = open(case.program().unwrap());
            case.load(engine.as_mut(), 3).unwrap();
            let mut places = vec![NO_WINDOW; case.sizes.slots * batch];
            places[..3].copy_from_slice(&windows);
            engine.write_u32(WINDOWS, 0, &places).unwrap();
            engine.write_u32(STEPS, 0, &steps).unwrap();
            engine.run(&[List::Forward, List::Backward].map(|list| Pass { list, slot: 0 })).unwrap();
            (engine.read_f32(STATE, 0).unwrap(), engine.read_f32(GRADS, 0).unwrap())
        });
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 + 1e-5 * a.abs());
        assert!(near(&left[0].0, &left[1].0) && near(&left[0].1, &left[1].1));
    });
}

/// PyTorch counts batches as a 64-bit integer: beyond what an f32 can count to.
#[test]
fn batches_are_counted_exactly() {
    let case = Case::patchtst(Variant::Official, 1, 2, 9).layers(1);
    on_each_engine(|open| {
        let mut engine = open(case.program().unwrap());
        case.load(engine.as_mut(), 3).unwrap();
        let entries = engine.program().state.entries.clone();
        let counts: Vec<_> = entries.iter().filter(|entry| entry.is_count()).collect();
        let mut state = engine.read_f32(STATE, 0).unwrap();
        let before = (1i64 << 30) - 2;
        counts.iter().for_each(|entry| entry.set_count(&mut state, before));
        engine.write_f32(STATE, 0, &state).unwrap();
        for slot in [0, 2, 3] {
            engine.run(&[Pass { list: List::Forward, slot }]).unwrap();
        }
        let state = engine.read_f32(STATE, 0).unwrap();
        assert!(counts.len() == 2 && counts.iter().all(|entry| entry.count(&state) == before + 3));
    });
}

/// Ranges of sequences, of rows and of heads give the GPU's bits of the whole, but for sums over the ranges: those agree as
/// sums in another order do. And what a device does not bind whole runs in ranges.
#[test]
fn ranges_change_no_bit_but_of_sums_over_them() {
    for (variant, attentions) in [(Variant::Official, [3, 9, 27]), (Variant::Hf, [2, 9, 9])] {
        let case = |max_words| {
            let case = Case::patchtst(variant, 2, 3, 9).layers(3).dropout(0.3);
            case.set(|p| (p.attention_dropout, p.heads, p.max_words) = (0.3, 3, max_words))
        };
        // Parts of a few sequences; of one; of two rows, and one head.
        for (max_words, attentions) in [300, 100, 20].into_iter().zip(attentions) {
            let programs = [MAX_WORDS, max_words].map(|words| case(words).program().unwrap());
            let count = programs[1].forward.iter().filter(|op| matches!(op, Op::AttentionForward(_))).count();
            assert_eq!(count, 3 * attentions);
            on_each_engine(|open| {
                let mut kind = None;
                let left = programs.each_ref().map(|program| {
                    let mut engine = open(program.clone());
                    kind = Some(engine.kind());
                    case(max_words).load(engine.as_mut(), 3).unwrap();
                    engine.run(&[List::Forward, List::Backward].map(|list| Pass { list, slot: 0 })).unwrap();
                    [0, 1].map(|r| engine.read_f32(GRADS, r).unwrap())
                });
                for (whole, grads) in left[0].iter().zip(&left[1]) {
                    let largest = whole.iter().fold(0f32, |most, d| most.max(d.abs()));
                    for param in &programs[0].params.params {
                        let summed =
                            ["q_proj", "k_proj", "v_proj", ".ff."].iter().any(|part| param.name.contains(part));
                        // The CPU's products of other heights may add up in another order.
                        let bound = if summed || kind == Some(EngineKind::Cpu) { 1e-6 * largest } else { 0.0 };
                        let near = param.range().all(|i| (whole[i] - grads[i]).abs() <= bound);
                        assert!(near, "{variant} {max_words} on {kind:?}: {}", param.name);
                    }
                }
            });
        }
    }
    let Some(gpu) = gpu_support::gpu() else { return };
    let case = |max_words| Case::patchtst(Variant::Official, 1, 40, 9).set(|p| p.max_words = max_words);
    let [whole, cut] = [MAX_WORDS, 1600].map(|words| case(words).program().unwrap());
    let largest = cut.tensors.iter().map(|tensor| tensor.row() as u64 * 4).max();
    let open =
        |program| GpuEngine::new(gpu.clone(), program, GpuOptions { max_binding_bytes: largest, ..Default::default() });
    assert!(open(whole).is_err() && open(cut).is_ok());
}

/// 21 channels at the published size, and 64 heads of 1,024 tokens, in tensors that every device binds.
#[test]
fn what_exceeds_a_binding_is_cut() {
    let mut case = Case::patchtst(Variant::Official, 1, 128, 336).layers(3).set(|p| {
        *p = PatchtstOptions { d_model: 128, heads: 16, ..PatchtstOptions::of(Variant::Official) };
    });
    (case.sizes.channels, case.sizes.targets, case.sizes.horizon) = (21, 21, 96);
    let long = Case::patchtst(Variant::Official, 1, 2, 1024).layers(3).set(|p| {
        *p = PatchtstOptions {
            patch: Some(2),
            stride: Some(1),
            d_model: 64,
            heads: 64,
            ..PatchtstOptions::of(Variant::Official)
        };
    });
    for (case, sequences, scores) in [(case, 128 * 21, 4), (long, 6, 12)] {
        let program = case.program().unwrap();
        assert!(program.tensors.iter().all(|tensor| tensor.row() * 4 <= 128 << 20));
        let (mut layers, mut next) = (0, 0);
        for op in &program.forward {
            let Op::AttentionForward(op) = op else { continue };
            assert_eq!(op.heads.first, next);
            next = (next + op.heads.pairs) % (sequences * op.heads.heads);
            layers += usize::from(next == 0);
        }
        assert_eq!((layers, next), (3, 0));
        let found = program.tensors.iter().filter(|tensor| tensor.name.contains("scores")).count();
        assert_eq!(found, 3 * scores);
    }
}

/// Nothing copies or transposes what a kernel could address: the list of a training step.
#[test]
fn the_ops_of_a_step() {
    let case = Case::patchtst(Variant::Official, 1, 3, 9).layers(1);
    let program = case.program().unwrap();
    let labels = |list| program.list(list).iter().map(Op::label).collect::<Vec<_>>();
    assert_eq!(
        labels(List::Forward),
        [
            "window_gather",
            "instance_norm_forward",
            "patch_gather",
            "linear_forward",
            "positions_forward",
            "linear_forward",
            "attention_forward",
            "linear_forward",
            "batch_norm_statistics",
            "batch_norm_forward",
            "linear_forward",
            "linear_forward",
            "batch_norm_statistics",
            "batch_norm_forward",
            "linear_forward",
            "loss",
        ]
    );
    assert_eq!(
        labels(List::Backward),
        [
            "linear_backward_weight",
            "linear_backward_input",
            "batch_norm_backward_weight",
            "batch_norm_backward_input",
            "linear_backward_weight",
            "linear_backward_input",
            "linear_backward_weight",
            "linear_backward_input",
            "batch_norm_backward_weight",
            "batch_norm_backward_input",
            "linear_backward_weight",
            "linear_backward_input",
            "attention_backward_query",
            "attention_backward_key_value",
            "linear_backward_weight",
            "linear_backward_input",
            "positions_backward",
            "linear_backward_weight",
        ]
    );
}

/// Everything that multiplies activations may be pruned, and nothing else.
#[test]
fn what_is_prunable() {
    for variant in [Variant::Official, Variant::Hf, Variant::Authors] {
        let program = Case::patchtst(variant, 1, 2, 9).program().unwrap();
        for param in &program.params.params {
            let matrix = param.name.ends_with(".weight") && !param.name.contains("norm");
            assert_eq!(param.prunable, matrix, "{}", param.name);
        }
        let place = |part: &str| {
            program.params.get(&format!("model.encoder.layers.1.self_attn.{part}_proj.weight")).unwrap().range()
        };
        assert_eq!((place("q").end, place("k").end), (place("k").start, place("v").start));
    }
}

#[test]
fn official_counts_42_patches_and_hf_41() {
    let tokens = |variant| {
        let program = Case::patchtst(variant, 1, 1, 336).set(|p| (p.patch, p.stride) = (None, None)).program().unwrap();
        program.params.get("model.encoder.positional_encoder.position_enc").unwrap().shape[0]
    };
    assert_eq!((tokens(Variant::Official), tokens(Variant::Hf)), (42, 41));
    for (lookback, patch) in [(7, 1), (8, 2), (14, 2), (15, 3), (30, 3), (31, 4)] {
        assert_eq!(PatchtstOptions::of(Variant::Authors).resolved(lookback).patch, Some(patch));
    }
}
