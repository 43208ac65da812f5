//! Kernels check no index, for none can lie outside: every op's extents are held against its tensors before anything runs, and
//! here every index of every kernel is watched, over sizes that fit workgroups and tiles and sizes that do not.

mod run;
mod watch;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use microglia::compare::{Case, standard_cases};
use microglia::gpu::AdapterClass;
use microglia::kernels::lower::{Dispatch, Operand, Shapes};
use microglia::kernels::tuning::{Tiling, Tuned, Tuning, products};
use microglia::kernels::{GpuEngine, GpuOptions, lower};
use microglia::models::ModelKind::{self, Gru, Lstm, Rnn};
use microglia::models::{LinearPath, NormKind, Variant as Patchtst};
use microglia::program::check::check;
use microglia::program::extents::extents;
use microglia::program::op::{Activation, Distribution, InstanceNorm, LinearForward, Link, MAX_HEAD_WIDTH, Objective};
use microglia::program::tensor::{GRADS, LOSSES, MOMENT1, MOMENT2, PARAMS, SERIES};
use microglia::program::{List, Op, Program, TensorId, rng};
use microglia::reference::CpuEngine;

use crate::gpu_support::{classes, gpu};
use run::Watch;

/// Each way in which a class of adapters, a bound on dispatches or a measurement cuts the case's kernels.
fn watch(cases: &[Case]) {
    let Some(gpu) = gpu() else { return };
    let mut watch = Watch::new(&gpu);
    for case in cases {
        let program = case.program().unwrap();
        for options in classes(&program) {
            let shapes = Shapes::of(&program, options.class.unwrap());
            watch.run(case, &shapes, None);
        }
        let shapes = Shapes { max_steps: Some(2), ..Shapes::of(&program, AdapterClass::Discrete) };
        watch.run(case, &shapes, Some(3));
    }
    println!("{} dispatches of {} models", watch.dispatches, cases.len());
}

fn recurrent(kind: ModelKind) -> Vec<Case> {
    let widths = [1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 100, 128, 129, 256, 257, 260];
    let batches = [1, 2, 7, 8, 17, 33];
    let cases =
        widths.iter().enumerate().map(|(i, &hidden)| Case::new(kind, 2, batches[i % 6], 1 + i % 5, hidden).prune(9));
    let adorned = [(5, 33), (16, 64), (33, 100), (9, 257)].map(|(batch, hidden)| {
        let case = Case::new(kind, 3, batch, 5, hidden).layers(2).dropout(0.3).clip(0.3).prune(9);
        case.norm(InstanceNorm::MeanStd).activation(Activation::Relu)
    });
    // Many windows, so that workgroups have whole tiles; and channels that fill a window's row, or not.
    let wide = [(300, 20), (130, 64), (70, 140)].map(|(batch, hidden)| Case::new(kind, 1, batch, 3, hidden));
    let channels = [1, 4, 5].map(|channels| {
        let mut case = Case::new(kind, 2, 3, 4, 12).norm(InstanceNorm::Last);
        (case.sizes.channels, case.sizes.targets) = (channels, 1);
        case
    });
    cases.chain(adorned).chain(wide).chain(channels).collect()
}

#[test]
fn no_index_of_an_lstm_lies_outside() {
    watch(&recurrent(Lstm));
}

#[test]
fn no_index_of_an_rnn_lies_outside() {
    watch(&recurrent(Rnn));
}

#[test]
fn no_index_of_a_gru_lies_outside() {
    watch(&recurrent(Gru));
}

#[test]
fn no_index_of_a_patchtst_lies_outside() {
    let heads = [(1, 1), (6, 2), (16, 1), (33, 1), (64, 1), (128, 1)];
    let heads = heads.into_iter().enumerate().map(|(i, (d_model, heads))| {
        let variant = [Patchtst::Official, Patchtst::Authors, Patchtst::Hf][i % 3];
        Case::patchtst(variant, 2, 3, 9 + 12 * i).prune(9).set(|p| (p.d_model, p.heads) = (d_model, heads))
    });
    let adorned = [Patchtst::Official, Patchtst::Authors, Patchtst::Hf].map(|variant| {
        Case::patchtst(variant, 2, 4, 9).dropout(0.3).clip(1.0).prune(9).set(|p| {
            (p.attention_dropout, p.head_dropout) = (0.2, 0.1);
            p.revin_affine = p.variant == Patchtst::Official;
        })
    });
    let layer = Case::patchtst(Patchtst::Hf, 2, 2, 9).set(|p| p.norm = NormKind::Layer);
    watch(&heads.chain(adorned).chain([layer]).collect::<Vec<_>>());
}

#[test]
fn no_index_of_the_standard_cases_lies_outside() {
    watch(&standard_cases());
}

/// Every cut of a product that a measurement may choose.
#[test]
fn no_index_of_a_tuned_product_lies_outside() {
    let Some(gpu) = gpu() else { return };
    let adapter = gpu.summary().name.clone();
    let mut watch = Watch::new(&gpu);
    let cases = [
        Case::new(Rnn, 2, 30, 5, 33).layers(2),
        Case::patchtst(Patchtst::Official, 1, 5, 40).set(|p| (p.d_model, p.heads, p.ff) = (36, 3, 70)),
    ];
    for case in &cases {
        let program = case.program().unwrap();
        for (i, tiling) in Tiling::ALL.into_iter().enumerate() {
            let choices = products(&program).into_iter().map(|one| Tuned::new(&one, tiling, Some(1 + 2 * i))).collect();
            let tuning = Tuning { adapter: adapter.clone(), products: choices };
            let shapes = Shapes { tuning: Some(&tuning), ..Shapes::of(&program, AdapterClass::Discrete) };
            watch.run(case, &shapes, None);
        }
    }
}

/// Whatever a weights file, a data file or a broken table of steps puts into tensors: no index follows from it.
#[test]
fn no_index_follows_from_what_tensors_hold() {
    let Some(gpu) = gpu() else { return };
    let mut watch = Watch::new(&gpu);
    for case in [
        Case::new(Lstm, 2, 5, 4, 33).layers(2).dropout(0.3).clip(1.0).norm(InstanceNorm::MeanStd),
        Case::new(Rnn, 1, 5, 3, 300).dropout(0.3),
        Case::new(Gru, 1, 5, 4, 33).layers(2).dropout(0.3),
        Case::new(ModelKind::Dlinear, 2, 5, 9, 0),
        Case::new(Lstm, 2, 5, 4, 5).future(1, 7).path(LinearPath::Train),
        Case::new(Lstm, 2, 5, 4, 5).objective(Objective::Quantiles(vec![0.1, 0.5, 0.9])).link(Link::Above),
        Case::new(Lstm, 1, 5, 4, 5).objective(Objective::Distribution(Distribution::StudentT)),
        Case::patchtst(Patchtst::Official, 1, 3, 9).dropout(0.3).set(|p| p.revin_affine = true),
        Case::patchtst(Patchtst::Hf, 1, 3, 9).set(|p| p.norm = NormKind::Layer),
    ] {
        let program = case.program().unwrap();
        let nan = f32::NAN.to_bits();
        let any = |i: u32| rng::draw(7, 1, 2, i);
        for word in [&any as &dyn Fn(u32) -> u32, &|_| 0, &|_| u32::MAX, &|_| nan, &|i| i] {
            let tensors: Vec<_> = watch.tensors(&case, &program).iter().map(|own| watch.filled(own, word)).collect();
            for class in AdapterClass::ALL {
                watch.run_on(&tensors, &case, &Shapes::of(&program, class), None);
            }
        }
    }
}

/// No kernel takes one tensor's row for another's: they all differ here, beyond what the ops need.
#[test]
fn every_tensor_has_a_row_of_its_own() {
    let Some(gpu) = gpu() else { return };
    let mut watch = Watch::new(&gpu);
    let cases = [
        Case::new(Lstm, 3, 5, 4, 33).layers(2).dropout(0.3).clip(1.0).norm(InstanceNorm::MeanStd),
        Case::new(Rnn, 3, 5, 3, 300).dropout(0.3),
        Case::new(Gru, 3, 5, 4, 33).layers(2).clip(1.0),
        Case::patchtst(Patchtst::Official, 3, 3, 9).dropout(0.3).set(|p| p.revin_affine = true),
        Case::patchtst(Patchtst::Authors, 3, 3, 9).clip(1.0),
    ];
    for case in cases {
        let mut program = case.program().unwrap();
        let arenas = [PARAMS, GRADS, MOMENT1, MOMENT2];
        for (i, tensor) in program.tensors.iter_mut().enumerate() {
            let more = if arenas.contains(&TensorId(i as u32)) { 1 } else { 1 + i % 7 };
            tensor.shape = vec![tensor.words() + 64 * more];
        }
        check(&program).unwrap();
        let tensors: Vec<_> = program.tensors.iter().map(|tensor| watch.zeros(tensor, program.replicas)).collect();
        for class in AdapterClass::ALL {
            watch.run_on(&tensors, &case, &Shapes::of(&program, class), None);
        }
    }
}

/// A watched shader tells of an index outside: a tensor is bound that is too short for its dispatch.
#[test]
fn an_index_outside_is_seen() {
    let Some(gpu) = gpu() else { return };
    let case = Case::new(Rnn, 1, 3, 4, 5);
    let program = case.program().unwrap();
    let mut watch = Watch::new(&gpu);
    let mut tensors = watch.tensors(&case, &program);
    tensors[SERIES.index()] = watch.buffer(&[0; 32]);
    let run = || watch.run_on(&tensors, &case, &Shapes::of(&program, AdapterClass::Software), None);
    let told = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("up to word") && told.contains("of series in window_gather"), "{told}");
}

fn ops(program: &Program) -> impl Iterator<Item = (List, &Op)> {
    List::ALL.into_iter().flat_map(|list| program.list(list).iter().map(move |op| (list, op)))
}

/// Whatever a dispatch binds has an extent that `check` held against it.
#[test]
fn extents_name_every_tensor_that_a_kernel_is_given() {
    let cases = [Lstm, Rnn, Gru].into_iter().flat_map(recurrent).chain(standard_cases());
    for case in cases {
        let program = case.program().unwrap();
        for (list, op) in ops(&program) {
            let known: Vec<_> = extents(op, &program, list).into_iter().map(|(id, _)| id).collect();
            for class in AdapterClass::ALL {
                for Dispatch { shader, bindings, .. } in lower(op, &Shapes::of(&program, class)).dispatches {
                    for (name, storage) in bindings {
                        let Operand::Tensor(id) = storage else { continue };
                        assert!(known.contains(&id), "{shader} is given `{name}`, and no extent of {} is", op.label());
                    }
                }
            }
        }
    }
}

/// Each tensor, one word shorter than the ops reach, is rejected by name, on both engines.
#[test]
fn a_tensor_that_is_a_word_short_is_rejected() {
    for case in standard_cases() {
        let whole = case.program().unwrap();
        let mut reach: BTreeMap<TensorId, usize> = BTreeMap::new();
        for (id, words) in ops(&whole).flat_map(|(list, op)| extents(op, &whole, list)) {
            reach.entry(id).and_modify(|most| *most = words.max(*most)).or_insert(words);
        }
        for (id, words) in reach.into_iter().filter(|&(_, words)| words > 0) {
            let mut short = whole.clone();
            short.tensors[id.index()].shape = vec![words - 1];
            let name = format!("`{}`", short.tensors[id.index()].name);
            let said = check(&short).unwrap_err().to_string();
            assert!(said.contains(&name), "{case}: {name} is short, and the error is: {said}");
        }
    }
    let mut short = Case::new(Lstm, 1, 3, 4, 5).program().unwrap();
    short.tensors[PARAMS.index()].shape[0] -= 64;
    assert!(CpuEngine::<f32>::new(short.clone(), None).is_err());
    if let Some(gpu) = gpu() {
        assert!(GpuEngine::new(gpu, short, GpuOptions::default()).is_err());
    }
}

/// A change of one op of a program.
type Change = fn(&mut Op) -> bool;

/// Operands that a kernel walks through side by side, and layouts that it divides by.
#[test]
fn operands_that_do_not_belong_together_are_rejected() {
    let official = Case::patchtst(Patchtst::Official, 1, 3, 9).dropout(0.2).program().unwrap();
    let lstm = Case::new(Lstm, 1, 3, 4, 5).layers(2).norm(InstanceNorm::Last).program().unwrap();
    let dropout = Case::new(Lstm, 1, 3, 4, 5).dropout(0.2).program().unwrap();
    let embeddings = Case::new(Lstm, 2, 2, 4, 5).categories(&[3, 4], None).program().unwrap();
    let decoder = Case::new(Lstm, 2, 2, 4, 5).future(1, 7).path(LinearPath::Train).program().unwrap();
    let linear_model = Case::new(ModelKind::Dlinear, 1, 3, 9, 0).program().unwrap();
    let [mut longer, mut shared, mut nobody, mut stored] = [&lstm; 4].map(Program::clone);
    longer.tensors[MOMENT2.index()].shape[0] += 64;
    shared.tensors[LOSSES.index()].shared = true;
    nobody.replicas = 0;
    let store = stored.evaluate.last().unwrap().clone();
    assert!(matches!(store, Op::PredictionStore(_)) && stored.prediction_slots < stored.slots);
    stored.forward.push(store);
    let counts = Case::new(Lstm, 2, 3, 4, 5).objective(Objective::Distribution(Distribution::NegativeBinomial));
    let counts = counts.link(Link::Above).program().unwrap();
    let quantiles = Case::new(Lstm, 2, 3, 4, 5).objective(Objective::Quantiles(vec![0.1, 0.5, 0.9])).program().unwrap();
    let changes: [(&str, &Program, Change); 37] = [
        ("an even number of quantiles", &quantiles, |op| match op {
            Op::QuantileLoss(op) => replace(&mut op.forecast.outputs, 2),
            _ => false,
        }),
        ("levels that replicas do not share", &quantiles, |op| match op {
            Op::QuantileLoss(op) => replace(&mut op.levels, op.target),
            _ => false,
        }),
        ("a head that is shorter than its strides", &quantiles, |op| match op {
            Op::QuantileLoss(op) => replace(&mut op.forecast.layout.other_output, 1_000),
            _ => false,
        }),
        ("parameters of another distribution", &counts, |op| match op {
            Op::LikelihoodLoss(op) => replace(&mut op.distribution, Distribution::StudentT),
            _ => false,
        }),
        ("counts without scalers", &counts, |op| match op {
            Op::LikelihoodLoss(op) => replace(&mut op.forecast.windows, None),
            _ => false,
        }),
        ("scalers of no series", &counts, |op| match op {
            Op::ScaleGather(op) => replace(&mut op.series, 0),
            _ => false,
        }),
        ("rows of input and output", &lstm, |op| linear(op, |op| op.input.count -= 1)),
        ("a weight's gradient of nothing", &lstm, |op| match op {
            Op::LinearBackwardWeight(op) => !std::mem::take(&mut op.parts).is_empty(),
            _ => false,
        }),
        ("heads wider than kernels hold", &official, |op| match op {
            Op::AttentionForward(op) => replace(&mut op.heads.width, MAX_HEAD_WIDTH + 1),
            _ => false,
        }),
        ("a dropout in place", &dropout, |op| match op {
            Op::Dropout(op) => replace(&mut op.output, op.input),
            _ => false,
        }),
        ("a tensor that all replicas share", &official, |op| match op {
            Op::PatchGather(op) => replace(&mut op.input, SERIES),
            _ => false,
        }),
        ("moments of another length", &longer, |_| true),
        ("a shared tensor of losses", &shared, |_| true),
        ("no replica", &nobody, |_| true),
        ("predictions of steps that have none", &stored, |_| true),
        ("rows of no width", &lstm, |op| linear(op, |op| op.input.width = 0)),
        ("rows of no sequence", &lstm, |op| linear(op, |op| op.input.inner = 0)),
        ("rows beyond u32", &lstm, |op| linear(op, |op| (op.input.outer_stride, op.input.inner) = (1 << 40, 99))),
        ("width of a skip", &official, |op| {
            linear(op, |op| {
                if let Some(residual) = &mut op.residual {
                    residual.skip.width -= 1
                }
            })
        }),
        ("gradients of more steps than there are", &lstm, |op| match op {
            Op::RecurrentBackward(op) => replace(&mut op.d_output_steps, op.steps + 1),
            _ => false,
        }),
        ("targets that are no channels", &lstm, |op| match op {
            Op::InstanceNormForward(op) => replace(&mut op.targets, op.channels + 1),
            _ => false,
        }),
        ("a window of no row", &official, |op| match op {
            Op::PatchGather(op) => replace(&mut op.steps, 0),
            _ => false,
        }),
        ("an average of an even number of rows", &linear_model, |op| match op {
            Op::Decompose(op) => replace(&mut op.average, 0),
            _ => false,
        }),
        ("parts of targets that are no channels", &linear_model, |op| match op {
            Op::Decompose(op) => replace(&mut op.targets, op.channels + 1),
            _ => false,
        }),
        ("future channels that are none", &decoder, |op| match op {
            Op::FutureGather(op) => replace(&mut op.future, op.channels + 1),
            _ => false,
        }),
        ("a row narrower than its future channels", &decoder, |op| match op {
            Op::FutureGather(op) => replace(&mut op.width, op.future - 1),
            _ => false,
        }),
        ("codes in channels that are none", &embeddings, |op| match op {
            Op::EmbeddingForward(op) => replace(&mut op.columns.codes, op.columns.channels),
            _ => false,
        }),
        ("numbers in channels that are none", &embeddings, |op| match op {
            Op::EmbeddingForward(op) => replace(&mut op.columns.numbers, op.columns.channels),
            _ => false,
        }),
        ("a row narrower than its numbers and tables", &embeddings, |op| match op {
            Op::EmbeddingBackward(op) => replace(&mut op.columns.width, 5),
            _ => false,
        }),
        ("a table without a row", &embeddings, |op| match op {
            Op::EmbeddingForward(op) => replace(&mut op.columns.tables[0].levels, 0),
            _ => false,
        }),
        ("a table beyond the weights", &embeddings, |op| match op {
            Op::EmbeddingForward(op) => replace(&mut op.columns.tables[0].levels, 99_999),
            _ => false,
        }),
        ("gradients of a table beyond all", &embeddings, |op| match op {
            Op::EmbeddingBackward(op) => replace(&mut op.columns.tables[1].first, usize::MAX),
            _ => false,
        }),
        ("units of more windows than there are", &decoder, |op| match op {
            Op::DecoderForward(op) => replace(&mut op.batch, 3),
            Op::DecoderBackward(op) => replace(&mut op.batch, 3),
            _ => false,
        }),
        ("matrices of more rows than there are", &decoder, |op| match op {
            Op::MatrixTranspose(op) => replace(&mut op.rows, 3),
            _ => false,
        }),
        ("heads of half a sequence", &official, |op| match op {
            Op::AttentionForward(op) => replace(&mut op.heads.pairs, op.heads.heads + 1),
            _ => false,
        }),
        ("sequences before the tensor's first", &official, |op| match op {
            Op::AttentionForward(op) => replace(&mut op.heads.qkv_first, 2),
            _ => false,
        }),
        ("a tensor that is not there", &official, |op| match op {
            Op::MeanPoolForward(op) => replace(&mut op.input, TensorId(9_999)),
            Op::PatchGather(op) => replace(&mut op.input, TensorId(9_999)),
            _ => false,
        }),
    ];
    for (what, program, change) in changes {
        let mut program = program.clone();
        let mut changed = false;
        for op in &mut program.forward {
            changed |= change(op);
        }
        for op in &mut program.backward {
            changed |= change(op);
        }
        assert!(changed, "{what}: no op was changed");
        assert!(check(&program).is_err(), "{what}: accepted");
    }
}

fn linear(op: &mut Op, change: impl FnOnce(&mut LinearForward)) -> bool {
    let Op::LinearForward(op) = op else { return false };
    let before = op.clone();
    change(op);
    *op != before
}

fn replace<T>(place: &mut T, value: T) -> bool {
    *place = value;
    true
}
