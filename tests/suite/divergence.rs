//! Divergence, caused on purpose: after each op of a step, all that it wrote becomes NaN in one replica of three.

use microglia::compare::Case;
use microglia::engine::{Engine, Pass};
use microglia::models::ModelKind::{Dlinear, Gru, Lstm, Nlinear, Rnn};
use microglia::models::{ModelOptions, NormKind, Variant};
use microglia::program::op::{Activation, InstanceNorm, LossKind};
use microglia::program::tensor::*;
use microglia::program::{Element, List, Op, Program, TensorId};
use microglia::train::options::PruningOptions;
use microglia::train::run::step_table;
use microglia::train::{Plan, RunState, Status, TrainOptions, run};

use crate::gpu_support::on_each_engine;
use crate::training::{dataset, options, train};

/// What an optimizer step runs when nothing is pruned.
const STEP: [List; 3] = [List::Forward, List::Backward, List::Update];

/// Which op of a step writes NaN, and nothing else.
type Fault = Option<(List, usize)>;

/// Two steps, of which the first is faulty in replica 1.
fn two_steps(engine: &mut dyn Engine, program: &Program, fault: Fault) {
    for slot in 0..2 {
        for list in STEP {
            for index in 0..program.list(list).len() {
                engine.run_op(list, index, slot).unwrap();
                if slot == 0 && fault == Some((list, index)) {
                    for id in written(program, &program.list(list)[index]) {
                        engine.write_f32(id, 1, &vec![f32::NAN; program.tensor(id).words()]).unwrap();
                    }
                }
            }
        }
    }
}

/// Whether the device noted the fault in this step, or left a loss that is not finite.
fn seen_at(engine: &mut dyn Engine, step: u32) -> bool {
    let status = engine.read_u32(STATUS, 1).unwrap();
    let loss = engine.read_f32(LOSSES, 1).unwrap()[step as usize - 1];
    status[status::GRAD_STEP] == step || status[status::WEIGHT_STEP] == step || !loss.is_finite()
}

fn weights(engine: &mut dyn Engine) -> [Vec<u32>; 2] {
    [0, 2].map(|r| engine.read_f32(PARAMS, r).unwrap().into_iter().map(f32::to_bits).collect())
}

/// Floats that an op writes for each replica. Running statistics are left out: no step reads them, and what would spoil
/// them spoils the batch's own beside them.
fn written<'a>(program: &'a Program, op: &Op) -> impl Iterator<Item = TensorId> + use<'a> {
    let float = |id: &TensorId| program.tensor(*id).element == Element::F32 && *id != STATE;
    op.writes().into_iter().filter(float)
}

/// Every fault of a case, on each engine.
fn check(case: Case) {
    let program = case.program().unwrap();
    let faults = STEP.into_iter().flat_map(|list| (0..program.list(list).len()).map(move |index| (list, index)));
    let faults: Vec<_> = faults.collect();
    on_each_engine(|open| {
        let mut engine = open(program.clone());
        let engine = engine.as_mut();
        let start = |engine: &mut dyn Engine| {
            for r in 0..program.replicas {
                for moment in [MOMENT1, MOMENT2] {
                    engine.write_f32(moment, r, &vec![0.0; program.params.words]).unwrap();
                }
                engine.write_u32(STATUS, r, &[u32::MAX; status::WORDS]).unwrap();
            }
            case.load(engine, 11).unwrap();
        };
        start(engine);
        two_steps(engine, &program, None);
        assert!(!seen_at(engine, 1) && !seen_at(engine, 2), "{case}: without a fault");
        let sound = weights(engine);
        for &fault in &faults {
            start(engine);
            two_steps(engine, &program, Some(fault));
            let name = format!("{case}: {} #{}", program.list(fault.0)[fault.1].label(), fault.1);
            assert!(seen_at(engine, 1) || seen_at(engine, 2), "{name}: not seen");
            assert_eq!(weights(engine), sound, "{name}: other replicas");
        }
    });
}

#[test]
fn after_every_op_of_an_lstm() {
    let case = Case::new(Lstm, 3, 3, 4, 5).layers(2).dropout(0.3).clip(0.5).norm(InstanceNorm::MeanStd);
    check(case);
}

#[test]
fn after_every_op_of_an_rnn() {
    check(Case::new(Rnn, 3, 3, 4, 5).activation(Activation::Relu).loss(LossKind::Mae));
    check(Case::new(Rnn, 3, 3, 4, 5).loss(LossKind::Huber { delta: 1.0 }));
}

#[test]
fn after_every_op_of_a_gru() {
    check(Case::new(Gru, 3, 3, 4, 5).layers(2).dropout(0.3).clip(0.5).norm(InstanceNorm::MeanStd));
}

#[test]
fn after_every_op_of_a_linear_model() {
    check(Case::new(Nlinear, 3, 3, 4, 0).norm(InstanceNorm::Last).clip(0.5));
    check(Case::new(Dlinear, 3, 3, 4, 0).clip(0.5));
}

#[test]
fn after_every_op_of_a_patchtst() {
    let official = Case::patchtst(Variant::Official, 3, 3, 9).dropout(0.3).clip(0.5).set(|p| {
        (p.attention_dropout, p.head_dropout, p.revin_affine) = (0.2, 0.1, true);
    });
    check(official);
    check(Case::patchtst(Variant::Hf, 3, 2, 12).set(|p| p.norm = NormKind::Layer));
    check(Case::patchtst(Variant::Authors, 3, 3, 12).set(|p| p.stride = None));
}

/// Whose gradient is whose: every weight's, by the op that forms it.
#[test]
fn the_op_that_wrote_a_gradient_is_named() {
    for case in
        [Case::new(Lstm, 1, 3, 4, 5).layers(2), Case::new(Gru, 1, 3, 4, 5), Case::patchtst(Variant::Official, 1, 3, 9)]
    {
        let program = case.program().unwrap();
        for param in &program.params.params {
            let label = program.gradient_op(param.offset).unwrap().label();
            let expected = match param.name.as_str() {
                name if name.contains("norm") => "batch_norm_backward_weight",
                name if name.contains("position") => "positions_backward",
                _ => "linear_backward_weight",
            };
            assert_eq!(label, expected, "{}", param.name);
            assert_eq!(
                program.gradient_op(param.offset + param.shape.iter().product::<usize>() - 1).unwrap().label(),
                expected
            );
        }
        assert!(program.gradient_op(program.params.words).is_none());
    }
}

#[test]
fn a_diverged_run_names_step_op_and_tensor() {
    let dataset = dataset();
    let mut options = TrainOptions { lr: 1e30, regularizers: "none".parse().unwrap(), ..options() };
    options.model.instance_norm = None;
    on_each_engine(|open| {
        let (_, trained, _) = train(&dataset, &options, open);
        assert_eq!(trained.status, Status::Diverged);
        let what = trained.replicas[0].diverged.clone().unwrap();
        assert!(what.contains("at step 2 (op "), "{what}");
        assert!(
            trained
                .notices
                .iter()
                .any(|line| line.to_string().contains("replica 0") && line.to_string().contains(&what))
        );
    });
}

#[test]
fn one_replica_s_nan_leaves_the_others_alone() {
    let dataset = dataset();
    let options = TrainOptions { replicas: 3, ..options() };
    on_each_engine(|open| {
        let plan = Plan::new(&dataset, &options).unwrap();
        let steps = |poison: bool| {
            let mut engine = open(plan.program.clone());
            // One step through the loop fills the engine; a second one by hand.
            let one = Plan::new(&dataset, &TrainOptions { max_steps: Some(1), ..options.clone() }).unwrap();
            run(&dataset, &one, engine.as_mut(), &mut ()).unwrap();
            let head = plan.program.params.get("head.weight").unwrap().offset;
            if poison {
                let mut row = engine.read_f32(PARAMS, 1).unwrap();
                row[head + 3] = f32::NAN;
                engine.write_f32(PARAMS, 1, &row).unwrap();
            }
            let windows = &dataset.train[..8];
            for r in 0..3 {
                let row = step_table::training_step(&plan, &dataset, r, true, 2, 0, windows);
                step_table::write(engine.as_mut(), r, windows, &[row]).unwrap();
            }
            let step = [List::Forward, List::Backward, List::Update].map(|list| Pass { list, slot: 0 });
            engine.run(&step).unwrap();
            let rows: Vec<Vec<u32>> =
                (0..3).map(|r| engine.read_f32(PARAMS, r).unwrap().iter().map(|w| w.to_bits()).collect()).collect();
            (rows, engine.read_u32(STATUS, 1).unwrap(), engine.read_u32(STATUS, 0).unwrap())
        };
        let (clean, sound, _) = steps(false);
        let (poisoned, noted, other) = steps(true);
        assert_eq!(sound, [u32::MAX; status::WORDS]);
        assert_eq!(other, [u32::MAX; status::WORDS]);
        assert_eq!(clean[0], poisoned[0]);
        assert_eq!(clean[2], poisoned[2]);
        assert_ne!(noted[status::GRAD_STEP], u32::MAX);
        assert!(plan.program.params.owner(noted[status::GRAD_WORD] as usize).is_some());
    });
}

#[test]
fn a_run_that_diverges_keeps_its_best_epoch() {
    let dataset = dataset();
    let model = ModelOptions { instance_norm: None, ..options().model };
    // One step of one batch: forecasts as large as the rate, whose squares are beyond f32 in the next.
    let none = "none".parse().unwrap();
    let options = TrainOptions { model, lr: 3e19, batch: 200, regularizers: none, ..options() };
    let kept = |mut engine: Box<dyn Engine>| engine.read_f32(PARAMS, 0).unwrap();
    on_each_engine(|open| {
        let (_, one, of_one) = train(&dataset, &TrainOptions { epochs: Some(1), ..options.clone() }, open);
        let (_, all, of_all) = train(&dataset, &options, open);
        assert_eq!((one.status, all.status), (Status::Done, Status::Diverged));
        assert_eq!(all.replicas[0].kept, Some(1));
        assert_eq!(kept(of_all), kept(of_one));
    });
}

/// No epoch counts before full sparsity; the last finite one is kept all the same, with the mask that is its own.
#[test]
fn a_run_that_diverges_before_full_sparsity_keeps_its_last_finite_epoch() {
    let dataset = dataset();
    let model = ModelOptions { instance_norm: None, ..options().model };
    let pruning = PruningOptions { every: 1, until: Some(4), warmup: Some(1), ..PruningOptions::default() };
    let regularizers = "pruning".parse().unwrap();
    let options = TrainOptions { model, lr: 3e19, batch: 200, regularizers, pruning, epochs: Some(8), ..options() };
    on_each_engine(|open| {
        let (_, one, mut of_one) = train(&dataset, &TrainOptions { max_steps: Some(1), ..options.clone() }, open);
        let (_, all, mut of_all) = train(&dataset, &options, open);
        assert_eq!((one.status, all.status), (Status::MaxSteps, Status::Diverged));
        assert_eq!(all.replicas[0].kept, Some(1));
        assert_eq!(all.replicas[0].pruned, one.replicas[0].pruned);
        assert!(
            all.notices.iter().any(|line| line.to_string().contains("keeps those of epoch 1")),
            "{:?}",
            all.notices
        );
        for id in [PARAMS, MASK] {
            let row = |engine: &mut dyn Engine| match id {
                MASK => engine.read_u32(MASK, 0).unwrap(),
                _ => engine.read_f32(id, 0).unwrap().into_iter().map(f32::to_bits).collect(),
            };
            assert_eq!(row(of_all.as_mut()), row(of_one.as_mut()), "{id:?}");
        }
    });
}

/// One that diverged is the best of a run only where all did, however well its kept epoch scored.
#[test]
fn a_replica_that_diverged_is_not_the_best() {
    let mut state = RunState::new([7, 8].into_iter());
    (state.replicas[0].best, state.replicas[1].best) = (Some((0.1, 1)), Some((0.2, 4)));
    assert_eq!(state.best_replica(), 0);
    state.replicas[0].diverged = Some("the loss is NaN at step 9 (op loss)".into());
    assert_eq!(state.best_replica(), 1);
    state.replicas[1].diverged = state.replicas[0].diverged.clone();
    assert_eq!(state.best_replica(), 0);
}
