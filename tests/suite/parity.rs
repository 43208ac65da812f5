//! Every op on the GPU against its CPU twin, from the same inputs, over awkward shapes and with poisoned buffers.
//!
//! The tolerance of a tensor: 8 × the f32 twin's largest distance to the f64 twin, or a floor relative to the tensor's
//! largest magnitude. Integers must be equal.

use microglia::engine::Engine;
use microglia::gpu::AdapterClass;
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::models::ModelKind::{Dlinear, Gru, Lstm, Nlinear, Rnn};
use microglia::models::{LinearPath, NormKind, NormPosition, PatchtstOptions, Pool, Positions, Variant};
use microglia::program::op::FeedForward;
use microglia::program::op::{Activation, Distribution, InstanceNorm, Link, LossKind, Objective};
use microglia::program::tensor::*;
use microglia::program::{Element, List, Op, ReplicaStep, rng};
use microglia::reference::CpuEngine;

use crate::gpu_support::{classes, gpu, with};
use microglia::compare::{Case, tolerance};

/// Relative to the largest magnitude: a few roundings, and a division of WGSL's 2.5 units in the last place.
const FLOOR: f64 = 2e-6;

/// Runs four steps and an evaluation.
fn check(case: Case) {
    let steps = (0..case.sizes.slots).flat_map(|slot| List::STEP.map(|list| (list, slot)));
    let evaluations = (0..case.sizes.prediction_slots).map(|slot| (List::Evaluate, slot));
    check_passes(&case, steps.chain(evaluations), |_, _| {});
}

/// Runs lists op by op; after each op both engines' outputs are compared, and the oracle's and the GPU's tensors are set
/// to the f32 twin's, so that errors do not compound. `alter` changes the step table. Kernels that differ by class of adapter
/// are run as each would.
fn check_passes(
    case: &Case,
    passes: impl Iterator<Item = (List, usize)> + Clone,
    alter: impl Fn(usize, &mut ReplicaStep),
) {
    let Some(gpu) = gpu() else { return };
    for options in classes(&case.program().unwrap()) {
        check_engine(case, with(&gpu, case.program().unwrap(), options), passes.clone(), &alter);
    }
}

fn check_engine(
    case: &Case,
    mut device: GpuEngine,
    passes: impl Iterator<Item = (List, usize)>,
    alter: impl Fn(usize, &mut ReplicaStep),
) {
    let program = case.program().unwrap();
    let mut twin = CpuEngine::<f32>::new(program.clone(), Some(1)).unwrap();
    let mut oracle = CpuEngine::<f64>::new(program.clone(), Some(1)).unwrap();
    for engine in [&mut device as &mut dyn Engine, &mut twin, &mut oracle] {
        case.load(engine, 11).unwrap();
        for r in 0..program.replicas {
            let mut table = engine.read_u32(STEPS, r).unwrap();
            for step in bytemuck::cast_slice_mut::<u32, ReplicaStep>(&mut table) {
                alter(r, step);
            }
            engine.write_u32(STEPS, r, &table).unwrap();
        }
    }
    for (list, slot) in passes {
        for (index, op) in program.list(list).iter().enumerate() {
            for engine in [&mut device as &mut dyn Engine, &mut twin, &mut oracle] {
                engine.run_op(list, index, slot).unwrap();
            }
            for id in op.writes() {
                let rows = if program.tensor(id).shared { 1 } else { program.replicas };
                for r in 0..rows {
                    let place = format!("{case:?}: {} #{index} slot {slot} replica {r}", op.label());
                    compare(&place, floor(op), id, r, &mut device, &mut twin, &mut oracle);
                }
            }
        }
    }
}

/// Attention's outputs are means of values that cancel, and distributions take logarithms, which cards compute less exactly: measured
/// against the largest of them, `compare`'s floor.
fn floor(op: &Op) -> f64 {
    let by_logarithms = match op {
        Op::QuantileLoss(_) | Op::LikelihoodLoss(_) | Op::DistributionStore(_) | Op::LinkInput(_) => true,
        Op::Loss(op) => op.forecast.link.is_some(),
        Op::PredictionStore(op) => op.forecast.link.is_some(),
        _ => false,
    };
    let own = by_logarithms || op.label().starts_with("attention");
    if own { tolerance::rule(op).floor } else { FLOOR }
}

fn compare(
    place: &str,
    floor: f64,
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
    let tolerance = (8.0 * twin_error).max(floor * scale);
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
    for hidden in [1, 5, 33, 47, 64, 65] {
        check(Case::new(Lstm, 3, 5, 4, hidden).prune(3).clip(0.1));
    }
    check(Case::new(Lstm, 1, 1, 1, 5));
    check(Case::new(Lstm, 2, 1, 1, 64).norm(InstanceNorm::Last));
}

#[test]
fn lstm_stacked_with_dropout_and_norm() {
    check(Case::new(Lstm, 3, 6, 5, 9).layers(2).dropout(0.4).norm(InstanceNorm::MeanStd).clip(0.5).prune(11));
    check(Case::new(Lstm, 2, 3, 2, 130).layers(2).norm(InstanceNorm::Last).loss(LossKind::Huber { delta: 1.0 }));
}

#[test]
fn lstm_beyond_one_workgroup() {
    check(Case::new(Lstm, 2, 5, 3, 257).prune(100));
}

#[test]
fn rnn_of_sizes_that_fit_nothing() {
    for hidden in [1, 5, 33, 47, 64, 65] {
        check(Case::new(Rnn, 3, 5, 4, hidden).prune(3));
    }
    check(Case::new(Rnn, 1, 1, 1, 5).activation(Activation::Relu));
    check(Case::new(Rnn, 3, 7, 3, 33).activation(Activation::Relu).layers(2).dropout(0.3).loss(LossKind::Mae));
}

#[test]
fn rnn_beyond_one_workgroup() {
    check(Case::new(Rnn, 2, 5, 3, 300).activation(Activation::Relu).prune(100).clip(0.1));
}

#[test]
fn gru_of_sizes_that_fit_nothing() {
    for hidden in [1, 5, 33, 47, 64, 65] {
        check(Case::new(Gru, 3, 5, 4, hidden).prune(3).clip(0.1));
    }
    check(Case::new(Gru, 1, 1, 1, 5));
    check(Case::new(Gru, 2, 1, 1, 64).norm(InstanceNorm::Last));
}

#[test]
fn gru_stacked_with_dropout_and_norm() {
    check(Case::new(Gru, 3, 6, 5, 9).layers(2).dropout(0.4).norm(InstanceNorm::MeanStd).clip(0.5).prune(11));
    check(Case::new(Gru, 2, 3, 2, 130).layers(2).norm(InstanceNorm::Last).loss(LossKind::Huber { delta: 1.0 }));
}

#[test]
fn gru_beyond_one_workgroup() {
    check(Case::new(Gru, 2, 5, 3, 257).prune(100));
}

/// Look-backs shorter than the average, as long as it, and longer; more words than a row of workgroups.
#[test]
fn linear_models_of_sizes_that_fit_nothing() {
    for lookback in [1, 2, 12, 13, 24, 25, 26, 67] {
        check(Case::new(Dlinear, 3, 5, lookback, 0).prune(3).clip(0.1));
        check(Case::new(Nlinear, 2, 5, lookback, 0).prune(1).norm(InstanceNorm::Last));
    }
    for average in [1, 3, 99] {
        check(Case::new(Dlinear, 2, 7, 9, 0).average(average).norm(InstanceNorm::MeanStd).loss(LossKind::Mae));
    }
    let mut one = Case::new(Dlinear, 1, 1, 31, 0);
    (one.sizes.channels, one.sizes.targets, one.sizes.horizon) = (1, 1, 1);
    check(one);
    let mut many = Case::new(Dlinear, 1, 70, 101, 0).slots(2);
    (many.sizes.channels, many.sizes.targets, many.sizes.horizon) = (9, 7, 5);
    check(many);
}

/// Few and many future channels and units, one target and several, beside a path and without.
#[test]
fn decoders_of_sizes_that_fit_nothing() {
    for (future, units) in [(1, 1), (5, 7), (8, 64), (9, 65)] {
        let mut case = Case::new(Lstm, 3, 5, 4, 9).future(future, units).prune(3).clip(0.1);
        (case.sizes.channels, case.sizes.targets, case.sizes.horizon) = (10, 1, 5);
        check(case.clone().norm(InstanceNorm::MeanStd).path(LinearPath::Train));
        case.sizes.targets = 10 - future;
        check(case.clone());
        check(case.dropout(0.2).path(LinearPath::Train).norm(InstanceNorm::Last));
    }
    let mut authors = Case::patchtst(Variant::Authors, 2, 3, 9).future(2, 33);
    authors.sizes.targets = 1;
    check(authors);
    // More words than a row of workgroups.
    let mut many = Case::new(Rnn, 1, 70, 3, 4).future(3, 40).slots(2);
    (many.sizes.channels, many.sizes.targets, many.sizes.horizon, many.sizes.rows) = (7, 4, 99, 200);
    check(many);
}

/// Few and many levels, narrow and wide tables, codes before and after numbers.
#[test]
fn embeddings_of_sizes_that_fit_nothing() {
    for (levels, width) in [(&[1usize][..], Some(1)), (&[3, 70], None), (&[0, 2, 5], Some(33)), (&[200], Some(65))] {
        for kind in [Lstm, Rnn, Gru] {
            let mut case = Case::new(kind, 3, 5, 4, 9).categories(levels, width).prune(3).clip(0.1);
            check(case.clone().norm(InstanceNorm::MeanStd));
            case.sizes.channels += 3;
            case.model.prune_embeddings = true;
            check(case.clone().future(2, 7).path(LinearPath::Train));
            check(case.layers(2).dropout(0.2).norm(InstanceNorm::Last));
        }
    }
    for (levels, lookback, patch, stride) in [(&[3usize][..], 31, 7, 3), (&[0, 70], 32, 5, 5), (&[9, 1, 2], 33, 3, 4)] {
        let case = Case::patchtst(Variant::Authors, 3, 5, lookback).categories(levels, None).prune(3).clip(0.1);
        check(case.set(|p| (p.patch, p.stride) = (Some(patch), Some(stride))).norm(InstanceNorm::Last));
    }
    // More words than a row of workgroups.
    let mut many = Case::new(Rnn, 1, 70, 41, 4).categories(&[1_100], Some(60)).slots(2);
    many.sizes.rows = 200;
    check_passes(&many, [List::Forward, List::Backward].map(|list| (list, 0)).into_iter(), |_, _| {});
}

/// Quantiles and distributions in each order of a head's outputs, with bounds and without; one series and many, one level and many.
#[test]
fn outputs_of_every_kind() {
    let levels = |pairs: usize| {
        let count = 2 * pairs + 2;
        Objective::Quantiles((1..count).map(|i| i as f32 / count as f32).collect())
    };
    for (pairs, series) in [(0, 1), (1, 2), (4, 7), (20, 33)] {
        let mut case = Case::new(Lstm, 3, 5, 4, 9).objective(levels(pairs)).prune(3).clip(0.1);
        (case.sizes.horizon, case.sizes.series) = (5, series);
        check(case.clone());
        check(case.clone().norm(InstanceNorm::MeanStd).path(LinearPath::Train));
        check(case.clone().norm(InstanceNorm::Last).link(Link::Above));
        check(case.clone().link(Link::Below).future(1, 7).path(LinearPath::Train));
        check(case.link(Link::Between).norm(InstanceNorm::MeanStd));
        check(Case::patchtst(Variant::Official, 2, 3, 9).objective(levels(pairs)).link(Link::Above));
    }
    for distribution in Distribution::ALL.iter().copied() {
        let of = |case: Case| match distribution.is_of_counts() {
            true => case.objective(Objective::Distribution(distribution)).link(Link::Above),
            false => case.objective(Objective::Distribution(distribution)),
        };
        check(of(Case::new(Rnn, 3, 5, 4, 9).prune(3)));
        check(of(Case::new(Gru, 1, 70, 3, 4).norm(InstanceNorm::Last).path(LinearPath::Train)));
        check(of(Case::patchtst(Variant::Hf, 2, 3, 9)));
        check(of(Case::new(Dlinear, 2, 7, 9, 0).norm(InstanceNorm::MeanStd)));
    }
    check(Case::new(Lstm, 2, 5, 4, 9).loss(LossKind::Smape).norm(InstanceNorm::MeanStd));
    check(Case::new(Lstm, 2, 5, 4, 9).loss(LossKind::Huber { delta: 0.2 }).link(Link::Above));
}

/// Batches of which cards take wider tiles, and a row more than those hold.
#[test]
fn recurrent_tiles_of_every_width() {
    let Some(gpu) = gpu() else { return };
    for kind in [Lstm, Rnn, Gru] {
        for (batch, hidden) in [(129, 20), (129, 64), (1025, 66), (1025, 130), (33, 260), (257, 260)] {
            let case = Case::new(kind, 1, batch, 2, hidden);
            let card = GpuOptions { class: Some(AdapterClass::Discrete), ..GpuOptions::default() };
            let passes = [List::Forward, List::Backward].map(|list| (list, 1)).into_iter();
            check_engine(&case, with(&gpu, case.program().unwrap(), card), passes, |_, _| {});
        }
    }
}

/// One kernel launch of the largest size, and its dispatch per step.
#[test]
fn hidden_1024() {
    for kind in [Lstm, Rnn, Gru] {
        let case = Case::new(kind, 1, 2, 2, 1024);
        check_passes(&case, [List::Forward, List::Backward].map(|list| (list, 1)).into_iter(), |_, _| {});
    }
}

/// More rows than one split of a weight's gradient sums, and widths that are not whole fours.
#[test]
fn many_rows() {
    for (kind, hidden) in [(Lstm, 8), (Rnn, 10), (Gru, 9)] {
        let case = Case::new(kind, 2, 30, 21, hidden).layers(2);
        check_passes(&case, [List::Forward, List::Backward].map(|list| (list, 1)).into_iter(), |_, _| {});
    }
}

/// Replicas that differ in their regulariser: L2, weight decay, clipping far and near, random pruning; one has stopped. Of
/// models that one workgroup walks over, and of larger ones.
#[test]
fn updates_of_every_kind() {
    for case in [Case::new(Lstm, 5, 4, 3, 7), Case::new(Lstm, 5, 2, 1, 128)] {
        let case = case.clip(1e9).prune(6);
        let passes = (0..case.sizes.slots).flat_map(|slot| List::STEP.map(|list| (list, slot)));
        check_passes(&case, passes, |r, step| match r {
            0 => step.l2 = 0.1,
            1 => step.decay_factor = 1.0 - 1e-3,
            2 => (step.clip_norm, step.prune_random) = (1e-3, 1),
            3 => (step.active, step.prune_count) = (0, 0),
            _ => (step.clip_norm, step.l2, step.prune_count) = (0.0, 0.01, 0),
        });
    }
}

/// Whole units of each kind of model: the masked update after it, too.
#[test]
fn units_fall_as_on_the_other_engine() {
    for kind in [Lstm, Rnn, Gru] {
        let case = Case::new(kind, 3, 5, 4, 33).layers(2).future(2, 7).units().prune(900).clip(0.1);
        let passes = (0..case.sizes.slots).flat_map(|slot| List::STEP.map(|list| (list, slot)));
        check_passes(&case, passes, |r, step| step.prune_random = r as u32 % 2);
    }
    check(Case::patchtst(Variant::Authors, 2, 3, 9).units().prune(60));
    check(Case::patchtst(Variant::Hf, 2, 3, 9).units().prune(200));
}

/// A draw that equals the threshold is kept, one below it is dropped.
#[test]
fn dropout_at_the_threshold() {
    let case = Case::new(Lstm, 2, 4, 3, 7).dropout(0.5);
    let passes = [(List::Forward, 0), (List::Backward, 0)].into_iter();
    check_passes(&case, passes, |r, step| {
        step.dropout_threshold = rng::draw(step.seed, rng::site("dropout:lstm.0"), step.step, 5) + r as u32;
    });
}

#[test]
fn patchtst_official() {
    check(Case::patchtst(Variant::Official, 3, 3, 9).dropout(0.3).clip(0.5).prune(20).set(|p| {
        (p.attention_dropout, p.head_dropout, p.revin_affine) = (0.4, 0.2, true);
    }));
    check(Case::patchtst(Variant::Official, 2, 2, 8).layers(3).set(|p| p.norm_position = NormPosition::Pre));
    check(Case::patchtst(Variant::Official, 1, 1, 4).set(|p| (p.norm, p.stride) = (NormKind::Layer, Some(1))));
}

#[test]
fn patchtst_hf() {
    check(Case::patchtst(Variant::Hf, 3, 5, 9).dropout(0.3).set(|p| (p.attention_dropout, p.heads) = (0.4, 1)));
    check(Case::patchtst(Variant::Hf, 1, 3, 7).norm(InstanceNorm::Last).set(|p| {
        (p.norm, p.pool, p.positions) = (NormKind::Layer, Pool::Mean, Positions::Random);
        (p.d_model, p.heads, p.ff_activation) = (40, 2, FeedForward::Relu);
    }));
}

#[test]
fn patchtst_authors() {
    let case = |replicas, batch, lookback| {
        Case::patchtst(Variant::Authors, replicas, batch, lookback).set(|p| p.stride = None)
    };
    check(case(2, 3, 10).dropout(0.4));
    check(case(1, 2, 8).set(|p| (p.norm, p.pool) = (NormKind::Batch, Pool::Flatten)));
}

/// Heads of every number of vec4 that an invocation holds, one part and several, whole vec4 and not, with scores handed on.
#[test]
fn patchtst_heads_of_every_width() {
    for width in [1, 4, 7, 8, 11, 16, 17, 20, 32, 33, 64] {
        let case = Case::patchtst(Variant::Official, 1, 2, 12).slots(2).layers(3).dropout(0.2);
        check(case.set(|p| (p.d_model, p.heads, p.attention_dropout) = (2 * width, 2, 0.3)));
    }
}

/// Parts of a head of which a workgroup holds fewer tokens than there are.
#[test]
fn patchtst_wide_heads_of_many_patches() {
    let case = Case::patchtst(Variant::Official, 2, 1, 30).slots(2).dropout(0.2);
    check(case.set(|p| {
        (p.patch, p.stride, p.d_model, p.heads, p.ff, p.attention_dropout) = (Some(2), Some(1), 68, 1, 5, 0.3);
    }));
}

/// Workgroups of one pair and of several, tiles that the tokens fill and that they do not, wide heads.
#[test]
fn patchtst_of_many_patches() {
    let narrow = |p: &mut PatchtstOptions| (p.patch, p.stride, p.ff) = (Some(2), Some(1), 5);
    check(
        Case::patchtst(Variant::Official, 1, 1, 150)
            .slots(2)
            .set(narrow)
            .dropout(0.2)
            .set(|p| p.attention_dropout = 0.3),
    );
    check(Case::patchtst(Variant::Hf, 2, 1, 131).slots(2).set(narrow));
    let wide = |p: &mut PatchtstOptions| (p.d_model, p.heads, p.pool) = (128, 1, Pool::Mean);
    check(Case::patchtst(Variant::Hf, 1, 2, 40).slots(2).layers(1).set(narrow).set(wide));
    check(Case::patchtst(Variant::Hf, 1, 1, 1025).slots(2).layers(1).set(narrow).set(|p| p.pool = Pool::Mean));
    // Ranges of heads, rows and sequences.
    for max_words in [20, 100] {
        let case = Case::patchtst(Variant::Official, 2, 2, 9).slots(2).dropout(0.3);
        check(case.set(|p| (p.attention_dropout, p.max_words) = (0.3, max_words)));
    }
    // Enough rows that sums over them are split.
    check(Case::patchtst(Variant::Official, 2, 9, 40).slots(2).layers(1).set(narrow));
}

/// 1,024 tokens with residual scores.
#[test]
fn patchtst_official_of_the_most_patches() {
    let mut case = Case::patchtst(Variant::Official, 1, 1, 1024).slots(1).dropout(0.2).set(|p| {
        (p.patch, p.stride, p.d_model, p.heads, p.ff, p.attention_dropout) = (Some(2), Some(1), 4, 1, 5, 0.3);
    });
    (case.sizes.channels, case.sizes.targets) = (1, 1);
    check_passes(&case, [List::Forward, List::Backward].map(|list| (list, 0)).into_iter(), |_, _| {});
}
