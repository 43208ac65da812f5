//! Every backward op against central finite differences in f64, through whole small models: a gradient by each weight
//! passes through every backward op above it.
//!
//! ReLU and the absolute value have kinks; a step of 1e-6 straddles one too rarely to matter at these seeds.

use microglia::compare::Case;
use microglia::engine::{Engine, Pass};
use microglia::models::ModelKind::{Lstm, Rnn};
use microglia::program::List;
use microglia::program::op::{Activation, InstanceNorm, LossKind};
use microglia::program::tensor::*;
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
        assert!(scale > 1e-3, "{case:?}: the gradient vanishes");
        for param in engine.program().params.params.clone() {
            for word in param.range() {
                let mut loss_at = |step: f64| {
                    let before = engine.values(PARAMS, r)[word];
                    engine.values_mut(PARAMS, r)[word] = before + step;
                    engine.run(&[pass(List::Forward)]).unwrap();
                    engine.values_mut(PARAMS, r)[word] = before;
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
fn losses() {
    check(Case::new(Rnn, 1, 4, 3, 3).loss(LossKind::Mae));
    check(Case::new(Lstm, 1, 4, 3, 3).loss(LossKind::Huber).norm(InstanceNorm::Last));
}
