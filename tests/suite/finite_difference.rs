//! Every backward op against central finite differences in f64, through whole small models: a gradient by each weight
//! passes through every backward op above it.
//!
//! ReLU and the absolute value have kinks; a step of 1e-6 straddles one too rarely to matter at these seeds.

use microglia::compare::Case;
use microglia::engine::{Engine, Pass};
use microglia::models::ModelKind::{Dlinear, Gru, Lstm, Nlinear, Rnn};
use microglia::models::{LinearPath, NormKind, NormPosition, Pool, Positions, Variant};
use microglia::program::op::FeedForward;
use microglia::program::op::{Activation, Distribution, InstanceNorm, Link, LossKind, Objective};
use microglia::program::tensor::*;
use microglia::program::{Initial, List};
use microglia::reference::CpuEngine;

/// Checks the gradient of every weight of every replica, with the loss of slot 1 (a short batch).
fn check(case: Case) {
    let mut engine = CpuEngine::<f64>::new(case.program().unwrap(), Some(1)).unwrap();
    case.load(&mut engine, 3).unwrap();
    let pass = |list| Pass { list, slot: 1 };
    engine.run(&[pass(List::Forward), pass(List::Backward)]).unwrap();
    for r in 0..case.sizes.replicas {
        let grads = engine.values(GRADS, r).to_vec();
        let scale = grads.iter().fold(0f64, |max, g| max.max(g.abs()));
        assert!(scale > 1e-3, "{case:?}: the gradient vanishes: {grads:?}, loss {:?}", engine.values(LOSSES, r));
        // Sines and cosines are fixed.
        let params = engine.program().params.params.clone();
        for param in params.into_iter().filter(|param| param.initial != Initial::SineCosine) {
            for word in param.range() {
                let mut loss_at = |step: f64| {
                    let weights = engine.values(PARAMS, r).to_vec();
                    let mut moved = weights.clone();
                    moved[word] += step;
                    engine.set_values(PARAMS, r, moved);
                    engine.run(&[pass(List::Forward)]).unwrap();
                    engine.set_values(PARAMS, r, weights);
                    engine.values(LOSSES, r)[1]
                };
                let slope = (loss_at(1e-6) - loss_at(-1e-6)) / 2e-6;
                let error = (grads[word] - slope).abs();
                assert!(
                    error < 1e-6 * scale.max(1.0),
                    "{case:?}: replica {r}, {} [{}]: gradient {} but slope {slope}",
                    param.name,
                    word - param.offset,
                    grads[word]
                );
            }
        }
    }
}

#[test]
fn a_linear_path_beside_a_network() {
    for norm in [InstanceNorm::Last, InstanceNorm::MeanStd] {
        check(Case::new(Lstm, 1, 3, 4, 5).path(LinearPath::Train).norm(norm));
        check(Case::new(Rnn, 2, 2, 3, 3).path(LinearPath::Train).norm(norm).loss(LossKind::Huber { delta: 1.0 }));
        check(Case::patchtst(Variant::Authors, 1, 3, 9).path(LinearPath::Train).norm(norm));
        check(Case::patchtst(Variant::Official, 1, 3, 9).path(LinearPath::Train).norm(norm));
    }
    check(Case::new(Lstm, 1, 3, 4, 5).path(LinearPath::Train));
}

#[test]
fn a_decoder_of_known_future_values() {
    // Of all channels but the targets, and of one alone.
    check(Case::new(Lstm, 2, 3, 4, 5).future(1, 6));
    check(Case::new(Rnn, 1, 3, 3, 4).future(1, 3).norm(InstanceNorm::MeanStd).loss(LossKind::Huber { delta: 1.0 }));
    check(Case::new(Gru, 1, 3, 4, 3).layers(2).future(1, 5).dropout(0.3).norm(InstanceNorm::Last));
    // Beside a path the forecasts are turned, if there is more than one target.
    check(Case::new(Lstm, 1, 3, 4, 5).future(1, 4).path(LinearPath::Train).norm(InstanceNorm::Last));
    let mut one = Case::new(Lstm, 1, 3, 4, 5).future(2, 4).path(LinearPath::Train);
    one.sizes.targets = 1;
    check(one);
    let mut authors = Case::patchtst(Variant::Authors, 1, 3, 9).future(2, 5);
    authors.sizes.targets = 1;
    check(authors.clone());
    check(authors.path(LinearPath::Train).norm(InstanceNorm::MeanStd));
}

#[test]
fn embeddings_of_codes() {
    check(Case::new(Lstm, 2, 3, 4, 5).categories(&[3], None));
    check(Case::new(Rnn, 1, 3, 3, 4).categories(&[0, 1, 9], Some(2)).norm(InstanceNorm::MeanStd));
    check(Case::new(Gru, 1, 3, 4, 3).layers(2).categories(&[5, 2], Some(1)).dropout(0.3).norm(InstanceNorm::Last));
    let mut beside = Case::new(Lstm, 1, 3, 4, 5).categories(&[4], Some(3)).path(LinearPath::Train);
    (beside.sizes.channels, beside.sizes.future) = (6, 2);
    check(beside);
    // Patches that overlap, patches with rows between them, and copies of the last row.
    let authors = |lookback: usize, patch: usize, stride: usize| {
        let case = Case::patchtst(Variant::Authors, 1, 3, lookback).categories(&[3, 5], Some(2));
        case.set(|p| (p.patch, p.stride) = (Some(patch), Some(stride)))
    };
    check(authors(9, 4, 2));
    check(authors(10, 2, 3));
    check(authors(11, 4, 3).norm(InstanceNorm::MeanStd).path(LinearPath::Train).dropout(0.2));
    check(authors(9, 3, 1).future(1, 6));
}

#[test]
fn a_linear_model() {
    check(Case::new(Nlinear, 2, 3, 4, 0).norm(InstanceNorm::Last));
    check(Case::new(Nlinear, 1, 3, 4, 0).loss(LossKind::Mae));
    check(Case::new(Dlinear, 2, 3, 30, 0));
    check(Case::new(Dlinear, 1, 3, 4, 0).loss(LossKind::Huber { delta: 1.0 }).norm(InstanceNorm::MeanStd));
    check(Case::new(Dlinear, 1, 4, 7, 0).average(3).norm(InstanceNorm::Last));
    check(Case::new(Dlinear, 1, 3, 5, 0).average(1));
    check(Case::new(Dlinear, 2, 3, 1, 0));
}

#[test]
fn lstm() {
    check(Case::new(Lstm, 1, 3, 4, 5));
    check(Case::new(Lstm, 2, 2, 1, 3));
    check(Case::new(Lstm, 1, 1, 3, 1));
}

#[test]
fn lstm_stacked_with_dropout_and_norm() {
    check(Case::new(Lstm, 2, 3, 4, 3).layers(2).dropout(0.4).norm(InstanceNorm::MeanStd));
    check(Case::new(Lstm, 1, 18, 3, 2).layers(3).norm(InstanceNorm::Last));
}

#[test]
fn rnn() {
    check(Case::new(Rnn, 1, 3, 4, 5));
    check(Case::new(Rnn, 2, 2, 1, 3).activation(Activation::Relu));
    check(Case::new(Rnn, 2, 3, 4, 3).layers(2).dropout(0.4).norm(InstanceNorm::MeanStd));
    check(Case::new(Rnn, 1, 18, 3, 4).layers(2).activation(Activation::Relu));
}

#[test]
fn gru() {
    check(Case::new(Gru, 1, 3, 4, 5));
    check(Case::new(Gru, 2, 2, 1, 3));
    check(Case::new(Gru, 1, 1, 3, 1));
    check(Case::new(Gru, 2, 3, 4, 3).layers(2).dropout(0.4).norm(InstanceNorm::MeanStd));
    check(Case::new(Gru, 1, 18, 3, 2).layers(3).norm(InstanceNorm::Last));
}

#[test]
fn losses() {
    check(Case::new(Rnn, 1, 4, 3, 3).loss(LossKind::Mae));
    check(Case::new(Lstm, 1, 4, 3, 3).loss(LossKind::Huber { delta: 1.0 }).norm(InstanceNorm::Last));
}

/// Errors as a share of values in the data's units, whose scalers the loss reads.
#[test]
fn a_loss_in_the_datas_units() {
    check(Case::new(Rnn, 2, 4, 3, 3).loss(LossKind::Smape));
    check(Case::new(Lstm, 1, 4, 3, 3).loss(LossKind::Smape).norm(InstanceNorm::MeanStd));
}

#[test]
fn forecasts_within_bounds() {
    for link in [Link::Above, Link::Below, Link::Between] {
        check(Case::new(Lstm, 2, 4, 3, 3).link(link));
        check(Case::new(Rnn, 1, 4, 3, 3).link(link).norm(InstanceNorm::Last).loss(LossKind::Huber { delta: 0.1 }));
        check(Case::patchtst(Variant::Official, 1, 3, 9).link(link).set(|p| p.revin_affine = true));
    }
}

/// In each order of a head's outputs: step by step, target by target beside a path, and by channel; and with a decoder.
#[test]
fn quantiles() {
    let levels = || Objective::Quantiles(vec![0.05, 0.25, 0.5, 0.75, 0.95]);
    let median = || Objective::Quantiles(vec![0.5]);
    check(Case::new(Rnn, 2, 4, 3, 3).objective(median()));
    for norm in [InstanceNorm::Last, InstanceNorm::MeanStd] {
        check(Case::new(Lstm, 2, 4, 3, 3).objective(levels()).norm(norm));
        check(Case::new(Gru, 1, 4, 3, 3).objective(levels()).norm(norm).link(Link::Above));
        check(Case::new(Lstm, 1, 4, 3, 3).objective(levels()).path(LinearPath::Train).norm(norm));
        check(Case::patchtst(Variant::Official, 1, 3, 9).objective(levels()).norm(norm));
    }
    check(Case::new(Nlinear, 1, 3, 4, 0).objective(levels()).norm(InstanceNorm::Last));
    check(Case::new(Dlinear, 1, 3, 5, 0).objective(levels()));
    check(Case::patchtst(Variant::Authors, 1, 3, 9).objective(levels()).path(LinearPath::Train));
    check(Case::new(Rnn, 1, 3, 3, 3).future(1, 4).objective(levels()).norm(InstanceNorm::MeanStd));
    check(Case::new(Rnn, 1, 3, 3, 3).future(1, 4).objective(levels()).path(LinearPath::Train));
    let mut one = Case::new(Lstm, 1, 3, 4, 5).future(2, 4).objective(levels()).path(LinearPath::Train);
    one.sizes.targets = 1;
    check(one);
}

#[test]
fn distributions() {
    for distribution in [Distribution::Poisson, Distribution::NegativeBinomial] {
        let of = |case: Case| case.objective(Objective::Distribution(distribution)).link(Link::Above);
        check(of(Case::new(Rnn, 2, 4, 3, 3)));
        check(of(Case::new(Lstm, 1, 4, 3, 3).norm(InstanceNorm::Last)));
        check(of(Case::new(Gru, 1, 4, 3, 3).norm(InstanceNorm::MeanStd).path(LinearPath::Train)));
        check(of(Case::patchtst(Variant::Hf, 1, 3, 9)));
        check(of(Case::new(Rnn, 1, 3, 3, 3).future(1, 4)));
    }
    let of = |case: Case| case.objective(Objective::Distribution(Distribution::StudentT));
    check(of(Case::new(Rnn, 2, 4, 3, 3)));
    check(of(Case::new(Lstm, 1, 4, 3, 3).norm(InstanceNorm::MeanStd).path(LinearPath::Train)));
    check(of(Case::patchtst(Variant::Official, 1, 3, 9)));
}

#[test]
fn patchtst_official() {
    check(Case::patchtst(Variant::Official, 1, 3, 9));
    check(Case::patchtst(Variant::Official, 2, 2, 8).layers(3).set(|p| p.norm = NormKind::Layer).dropout(0.3));
    check(Case::patchtst(Variant::Official, 1, 3, 7).dropout(0.3).set(|p| {
        p.norm_position = NormPosition::Pre;
        p.attention_dropout = 0.4;
        p.head_dropout = 0.2;
        p.revin_affine = true;
    }));
    let last = Case::patchtst(Variant::Official, 1, 2, 4).norm(InstanceNorm::Last);
    check(last.layers(1).set(|p| (p.revin_affine, p.pool) = (true, Pool::Mean)));
}

#[test]
fn patchtst_hf() {
    check(Case::patchtst(Variant::Hf, 1, 3, 9).set(|p| p.norm_position = NormPosition::Post));
    check(Case::patchtst(Variant::Hf, 2, 2, 7).dropout(0.3).set(|p| p.attention_dropout = 0.4));
    check(Case::patchtst(Variant::Hf, 1, 3, 7).set(|p| {
        (p.norm, p.pool, p.positions) = (NormKind::Layer, Pool::Mean, Positions::Random);
        p.ff_activation = FeedForward::Relu;
    }));
}

#[test]
fn patchtst_authors() {
    let case = |batch, lookback| Case::patchtst(Variant::Authors, 1, batch, lookback).set(|p| p.stride = None);
    check(case(3, 10));
    check(case(2, 8).dropout(0.3).set(|p| (p.norm, p.pool) = (NormKind::Batch, Pool::Flatten)));
    check(case(3, 7).set(|p| (p.patch, p.norm_position) = (None, NormPosition::Pre)));
}
