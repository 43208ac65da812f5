//! The same bits, run after run: replicas, dropout, pruning, a run that stopped, and a machine under load.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use microglia::models::{ModelKind, ModelOptions, Variant};
use microglia::program::Program;
use microglia::train::weights::checkpoints::{self, Every};
use microglia::train::{Checkpoints, Plan, TrainOptions, run_from};

use crate::gpu_support::on_each_engine;
use crate::training::{StopAfter, dataset, hashes, options};

/// Models, each with replicas, dropout and pruning.
fn trainings() -> Vec<TrainOptions> {
    let base = TrainOptions { replicas: 3, epochs: Some(3), ..options() };
    let [rnn, gru] =
        [ModelKind::Rnn, ModelKind::Gru].map(|kind| ModelOptions { kind, hidden: 7, ..base.model.clone() });
    let linear = ModelOptions::of(ModelKind::Dlinear, Variant::Official);
    let patchtst = ModelOptions::of(ModelKind::Patchtst, Variant::Authors).with_width(8).unwrap();
    [base.model.clone(), rnn, gru, linear, patchtst].map(|model| TrainOptions { model, ..base.clone() }).into()
}

/// The hashes of a whole training's weights, or of one that is stopped after so many steps and gone on with.
fn trained(
    options: &TrainOptions,
    stop: Option<usize>,
    open: &dyn Fn(Program) -> Box<dyn microglia::engine::Engine>,
) -> Vec<String> {
    let (dataset, place) = (dataset(), tempfile::tempdir().unwrap());
    let plan = Plan::new(&dataset, options).unwrap();
    let mut from = None;
    if let Some(stop) = stop {
        let mut kept = Checkpoints::open(place.path(), Every::Steps(5), 2, "", None).unwrap();
        let mut engine = open(plan.program.clone());
        run_from(&dataset, &plan, engine.as_mut(), &mut StopAfter(stop, 0), None, Some(&mut kept)).unwrap();
        from = Some(checkpoints::newest(place.path()).unwrap().0.run().unwrap());
    }
    let mut engine = open(plan.program.clone());
    run_from(&dataset, &plan, engine.as_mut(), &mut (), from, None).unwrap();
    hashes(&plan, engine.as_mut())
}

/// Runs `check` while as many threads as the machine has, and two more, keep it busy.
fn under_load(check: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let busy = || {
            let mut words = vec![1u64; 1 << 16];
            while !done.load(Relaxed) {
                words.iter_mut().for_each(|word| *word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
            std::hint::black_box(words);
        };
        let threads = std::thread::available_parallelism().map_or(2, usize::from) + 2;
        (0..threads).for_each(|_| drop(scope.spawn(busy)));
        // The threads end however the check ends.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Relaxed);
            }
        }
        let _end = End(&done);
        check();
    });
}

/// Each engine, `times` runs of each model; every other one stops on the way, and half of them run on a busy machine.
fn repeats(times: usize) {
    let mut runs = 0;
    for options in trainings() {
        on_each_engine(|open| {
            let expected = trained(&options, None, open);
            assert!(expected[0] != expected[1] && expected[0].len() == 64);
            let again = |i: usize| {
                let stop = (i % 2 == 1).then_some(3 + 5 * i);
                assert_eq!(trained(&options, stop, open), expected, "run {i}, stopped after {stop:?}");
            };
            (0..times / 2).for_each(again);
            under_load(|| (times / 2..times).for_each(again));
        });
        runs += times;
    }
    println!("{runs} runs on each engine gave the hashes of the first");
}

#[test]
fn a_run_repeats_its_hashes() {
    repeats(2);
}

#[test]
#[ignore = "minutes: cargo test --test suite -- --ignored --nocapture twenty_runs"]
fn twenty_runs_give_the_same_hashes() {
    repeats(20);
}
