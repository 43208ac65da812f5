//! Whole runs through `train::run`, on each engine: seeds, replicas, threads, pruning, interruption.

use microglia::data::{DataOptions, Dataset, SplitName};
use microglia::engine::Engine;
use microglia::models::{ModelKind, ModelOptions, Variant};
use microglia::program::Program;
use microglia::program::op::InstanceNorm;
use microglia::program::rng;
use microglia::program::tensor::*;
use microglia::reference::CpuEngine;
use microglia::train::options::{LrSchedule, PruningOptions, Schedule, Select};
use microglia::train::scores::Prediction;
use microglia::train::scores::metrics::score;
use microglia::train::scores::predict::predict;
use microglia::train::{Keep, Member, Observer, Plan, Status, TrainOptions, Trained, run, weights};

use crate::gpu_support::{self, on_each_engine};

/// A panel of two series of 90 rows with a few missing targets; 5-row look-back, 2-row horizon.
pub(crate) fn dataset() -> Dataset {
    let mut csv = String::from("id,t,y,x\n");
    for id in ["a", "b"] {
        for t in 0..90u32 {
            let noise = rng::unit(rng::draw(id.len() as u32, 5, 0, t + if id == "a" { 0 } else { 1000 }));
            let y = (t as f32 * 0.7).sin() * 3.0 + noise;
            let y = if t % 17 == 3 { "NA".into() } else { format!("{y}") };
            csv += &format!("{id},{t},{y},{noise}\n");
        }
    }
    let options = DataOptions {
        id_column: Some("id".into()),
        time_column: Some("t".into()),
        targets: Some(vec!["y".into()]),
        covariates: Some("x".parse().unwrap()),
        lookback: Some(5),
        horizon: Some(2),
        season: Some(9),
        impute: Some("ffill".parse().unwrap()),
        ..DataOptions::default()
    };
    options.load_bytes("waves", "waves.csv", csv.as_bytes()).unwrap()
}

pub(crate) fn options() -> TrainOptions {
    TrainOptions {
        model: ModelOptions {
            kind: ModelKind::Lstm,
            hidden: 6,
            layers: 2,
            instance_norm: Some(InstanceNorm::MeanStd),
            ..ModelOptions::default()
        },
        batch: 8,
        epochs: Some(4),
        lr: 1e-2,
        seed: 7,
        regularizers: "pruning,dropout".parse().unwrap(),
        pruning: PruningOptions { every: 3, ..PruningOptions::default() },
        ..TrainOptions::default()
    }
}

/// The run, and its engine with the kept weights.
pub(crate) fn train(
    dataset: &Dataset,
    options: &TrainOptions,
    open: &dyn Fn(Program) -> Box<dyn Engine>,
) -> (Plan, Trained, Box<dyn Engine>) {
    let plan = Plan::new(dataset, options).unwrap();
    let mut engine = open(plan.program.clone());
    let trained = run(dataset, &plan, engine.as_mut(), &mut ()).unwrap();
    (plan, trained, engine)
}

fn forecasts(engine: &mut dyn Engine, plan: &Plan, windows: &[u32]) -> Vec<Prediction> {
    predict(engine, plan, windows, None, &|| false).unwrap().0
}

/// The hash of each replica's kept weights.
pub(crate) fn hashes(plan: &Plan, engine: &mut dyn Engine) -> Vec<String> {
    let replicas = 0..plan.options.replicas;
    let hash = |r| {
        let (params, state) = (engine.read_f32(PARAMS, r).unwrap(), engine.read_f32(STATE, r).unwrap());
        weights::sha256(&plan.program.params, &params, &plan.program.state, &state)
    };
    replicas.map(hash).collect()
}

#[test]
fn a_replica_is_the_lone_run_of_its_seed() {
    let dataset = dataset();
    on_each_engine(|open| {
        let (plan, together, mut engine) = train(&dataset, &TrainOptions { replicas: 3, ..options() }, open);
        let all = hashes(&plan, engine.as_mut());
        for r in 0..3 {
            let (plan, alone, mut engine) = train(&dataset, &TrainOptions { seed: 7 + r, ..options() }, open);
            let r = r as usize;
            assert_eq!(hashes(&plan, engine.as_mut())[0], all[r], "replica {r} on {}", engine.device());
            for (alone, together) in alone.history.iter().zip(&together.history) {
                assert_eq!(alone.replicas[0], together.replicas[r], "epoch {} of replica {r}", alone.epoch);
            }
        }
        assert_ne!(all[0], all[1]);
    });
}

/// Replicas of six methods in one run, with and without waves of rest: each is the lone run of its method.
#[test]
fn a_replica_with_a_method_of_its_own_is_the_lone_run_of_it() {
    methods_are_lone_runs(options().model);
}

#[test]
fn a_gru_replica_with_a_method_of_its_own_is_the_lone_run_of_it() {
    methods_are_lone_runs(ModelOptions { kind: ModelKind::Gru, ..options().model });
}

#[test]
fn a_dlinear_replica_with_a_method_of_its_own_is_the_lone_run_of_it() {
    methods_are_lone_runs(ModelOptions::of(ModelKind::Dlinear, Variant::Official));
}

#[test]
fn a_patchtst_replica_with_a_method_of_its_own_is_the_lone_run_of_it() {
    let model = ModelOptions::of(ModelKind::Patchtst, Variant::Authors);
    methods_are_lone_runs(model.with_width(8).unwrap());
}

fn methods_are_lone_runs(model: ModelOptions) {
    let dataset = dataset();
    let method = |words: &str, seed: u32| {
        let regularizers = words.parse().unwrap();
        let mut one = TrainOptions { seed, regularizers, epochs: Some(5), model: model.clone(), ..options() };
        one.patience = Some(1);
        match words {
            "pruning" => one.pruning.schedule = Schedule::Constant,
            "l2" => (one.weight_decay, one.clip_grad_norm) = (0.03, Some(0.05)),
            "none" => one.lr = 3e-2,
            "weight-decay" => one.lr_schedule = LrSchedule::OneCycle,
            _ => one.dropout = 0.2,
        }
        one
    };
    let methods: Vec<TrainOptions> = ["none", "dropout", "l2", "weight-decay", "pruning", "random-pruning,dropout"]
        .into_iter()
        .zip([7, 8, 7, 9, 7, 8])
        .map(|(words, seed)| method(words, seed))
        .collect();
    let members: Vec<Member> = methods.iter().map(|one| one.member(one.seed)).collect();
    on_each_engine(|open| {
        let plan = Plan::of(&dataset, &methods[0], members.clone()).unwrap();
        let mut engine = open(plan.program.clone());
        let together = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();
        let all = hashes(&plan, engine.as_mut());
        assert!(together.replicas.iter().any(|replica| replica.epochs < 5), "none stopped early");
        for (r, one) in methods.iter().enumerate() {
            let (plan, alone, mut engine) = train(&dataset, one, open);
            assert_eq!(hashes(&plan, engine.as_mut())[0], all[r], "{} on {}", one.regularizers, engine.device());
            assert_eq!(alone.replicas[0].epochs, together.replicas[r].epochs);
            for (alone, together) in alone.history.iter().zip(&together.history) {
                assert_eq!(alone.replicas[0], together.replicas[r], "{}, epoch {}", one.regularizers, alone.epoch);
            }
        }
    });
}

/// Of one training: the best epoch by patience, the best from a common epoch on, and the last.
#[test]
fn three_selections_of_one_training_are_those_of_three_trainings() {
    let dataset = dataset();
    let options = TrainOptions {
        epochs: Some(6),
        patience: Some(1),
        regularizers: "none".parse().unwrap(),
        lr: 5e-2,
        ..options()
    };
    on_each_engine(|open| {
        let three = |options: &TrainOptions| {
            let plan = Plan { keep: Keep::Three { common_from: 4 }, ..Plan::new(&dataset, options).unwrap() };
            let mut engine = open(plan.program.clone());
            let trained = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();
            (plan, trained, engine)
        };
        let (plan, trained, mut engine) = three(&options);
        assert_eq!(trained.replicas[0].epochs, 6, "patience stops nothing");
        let (_, early, mut stopped) = train(&dataset, &options, open);
        assert_eq!(trained.replicas[0].kept, early.replicas[0].kept);
        assert_eq!(engine.read_f32(PARAMS, 0).unwrap(), stopped.read_f32(PARAMS, 0).unwrap());
        let (_, _, mut last) =
            train(&dataset, &TrainOptions { patience: Some(0), select: Select::Last, ..options.clone() }, open);
        trained.last[0].restore(engine.as_mut(), 0).unwrap();
        assert_eq!(engine.read_f32(PARAMS, 0).unwrap(), last.read_f32(PARAMS, 0).unwrap());
        let common = trained.common[0].clone().unwrap();
        let losses = trained.history.iter().skip(3).map(|row| row.replicas[0].validation_loss);
        assert_eq!(common.validation_loss, losses.fold(f64::INFINITY, f64::min));
        common.restore(engine.as_mut(), 0).unwrap();
        let forecasts = forecasts(engine.as_mut(), &plan, &dataset.validation);
        let mse = score(&dataset, SplitName::Validation, &forecasts[0].point()).scaled.mse;
        assert!((mse - common.validation_loss).abs() < 1e-6 * mse);
    });
}

#[test]
fn both_engines_prune_the_same_at_random() {
    let Some(gpu) = gpu_support::gpu() else { return };
    let dataset = dataset();
    let options = TrainOptions { regularizers: "random-pruning".parse().unwrap(), ..options() };
    let (_, _, mut cpu) = train(&dataset, &options, &|p| Box::new(CpuEngine::<f32>::new(p, None).unwrap()));
    let (plan, trained, mut gpu) = train(&dataset, &options, &|program| Box::new(gpu_support::engine(&gpu, program)));
    let mask = cpu.read_u32(MASK, 0).unwrap();
    assert_eq!(mask, gpu.read_u32(MASK, 0).unwrap());
    let living: usize = mask.iter().map(|word| word.count_ones() as usize).sum();
    assert_eq!(living, plan.program.params.total() - trained.replicas[0].pruned);
    assert!(trained.replicas[0].pruned > 0);
}

/// More epochs than a word has bits: what doubles while steps are fast must not run over.
#[test]
fn a_long_run_of_short_epochs_ends() {
    let dataset = dataset();
    let mut options = TrainOptions { epochs: Some(80), batch: 256, patience: Some(0), ..options() };
    options.model.layers = 1;
    let open = |program| -> Box<dyn Engine> { Box::new(CpuEngine::<f32>::new(program, Some(1)).unwrap()) };
    let (_, trained, _) = train(&dataset, &options, &open);
    assert_eq!(trained.history.len(), 80);
}

#[test]
fn the_same_seed_gives_the_same_bits_twice() {
    let dataset = dataset();
    on_each_engine(|open| {
        let (plan, _, mut first) = train(&dataset, &options(), open);
        let (_, _, mut second) = train(&dataset, &options(), open);
        assert_eq!(hashes(&plan, first.as_mut()), hashes(&plan, second.as_mut()));
    });
}

#[test]
fn threads_change_no_bit() {
    let dataset = dataset();
    for kind in [ModelKind::Lstm, ModelKind::Gru] {
        // A batch and hidden size of more than one tile.
        let model = ModelOptions { kind, hidden: 70, ..options().model };
        let options = TrainOptions { batch: 40, model, ..options() };
        let with = |threads| {
            let open =
                move |program| -> Box<dyn Engine> { Box::new(CpuEngine::<f32>::new(program, Some(threads)).unwrap()) };
            let (plan, _, mut engine) = train(&dataset, &options, &open);
            hashes(&plan, engine.as_mut())
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert_eq!(with(threads), one, "{kind}, {threads} threads");
        }
    }
}

#[test]
fn both_engines_reach_the_same_score_and_counts() {
    let Some(gpu) = gpu_support::gpu() else { return };
    let dataset = dataset();
    let options = TrainOptions { epochs: Some(6), ..options() };
    let judge = |open: &dyn Fn(Program) -> Box<dyn Engine>| {
        let (plan, trained, mut engine) = train(&dataset, &options, open);
        let test = forecasts(engine.as_mut(), &plan, &dataset.test);
        (score(&dataset, SplitName::Test, &test[0].point()).mae.unwrap(), trained.replicas[0].pruned)
    };
    let (cpu, cpu_pruned) = judge(&|program| Box::new(CpuEngine::<f32>::new(program, None).unwrap()));
    let (gpu, gpu_pruned) = judge(&|program| Box::new(gpu_support::engine(&gpu, program)));
    assert_eq!(cpu_pruned, gpu_pruned);
    assert!((cpu - gpu).abs() < 0.01 * cpu, "MAE {cpu} on the CPU engine, {gpu} on the GPU engine");
}

#[test]
fn counts_follow_the_schedule_and_pruned_weights_stay_zero() {
    let dataset = dataset();
    let plan = Plan::new(&dataset, &TrainOptions { epochs: Some(5), ..options() }).unwrap();
    let prune = plan.members[0].prune.clone().unwrap();
    on_each_engine(|open| {
        // Runs of every length, so that the state after each step is seen.
        let mut expected = 0;
        let mut earlier = vec![u32::MAX; plan.program.params.words / 32];
        for step in 1..=3 * plan.steps_per_epoch {
            let epoch = (step - 1) / plan.steps_per_epoch + 1;
            if prune.due(epoch, step) {
                expected = prune.pruned_after(epoch, step, expected);
            }
            if step % 2 == 1 {
                continue;
            }
            let options = TrainOptions { epochs: Some(5), max_steps: Some(step as u64), ..options() };
            let (_, trained, mut engine) = train(&dataset, &options, open);
            let mask = engine.read_u32(MASK, 0).unwrap();
            let layout = &plan.program.params;
            let living = |i: usize| mask[i / 32] >> (i % 32) & 1 == 1;
            let pruned: Vec<usize> =
                layout.params.iter().filter(|p| p.prunable).flat_map(|p| p.range()).filter(|&i| !living(i)).collect();
            assert_eq!(pruned.len(), expected, "step {step}");
            assert_eq!(trained.replicas[0].pruned, expected);
            assert!(
                mask.iter().zip(&earlier).all(|(now, before)| now & !before == 0),
                "a mask bit rose by step {step}"
            );
            earlier = mask;
            for id in [PARAMS, MOMENT1, MOMENT2] {
                let row = engine.read_f32(id, 0).unwrap();
                assert!(pruned.iter().all(|&i| row[i].to_bits() == 0), "step {step}: a pruned entry is not zero");
            }
        }
        assert!(expected > 0);
    });
}

#[test]
fn the_batch_of_evaluation_changes_no_forecast() {
    let dataset = dataset();
    let open = |program| -> Box<dyn Engine> { Box::new(CpuEngine::<f32>::new(program, None).unwrap()) };
    let (plan, _, mut engine) = train(&dataset, &options(), &open);
    let weights = engine.read_f32(PARAMS, 0).unwrap();
    let small = forecasts(engine.as_mut(), &plan, &dataset.test);
    let options = TrainOptions { batch: 13, ..options() };
    let plan = Plan::new(&dataset, &options).unwrap();
    let mut engine = open(plan.program.clone());
    engine.write_f32(PARAMS, 0, &weights).unwrap();
    engine.write_f32(SERIES, 0, &dataset.values).unwrap();
    engine.write_f32(OBSERVED, 0, &dataset.observed).unwrap();
    let large = forecasts(engine.as_mut(), &plan, &dataset.test);
    for (small, large) in small[0].values().iter().zip(large[0].values()) {
        assert!((small - large).abs() < 1e-5);
    }
}

#[test]
fn monte_carlo_passes_differ_and_their_mean_repeats() {
    let dataset = dataset();
    let options = TrainOptions { regularizers: "mc-dropout".parse().unwrap(), ..options() };
    on_each_engine(|open| {
        let (plan, _, mut engine) = train(&dataset, &options, open);
        let mut mean = |passes| predict(engine.as_mut(), &plan, &dataset.test, passes, &|| false).unwrap().0;
        assert_eq!(mean(Some(5)), mean(Some(5)));
        assert_ne!(mean(Some(1)), mean(Some(2)));
        assert_ne!(mean(Some(5)), mean(None));
        assert_eq!(mean(None), mean(None));
        let stopped = predict(engine.as_mut(), &plan, &dataset.test, Some(50), &|| true).unwrap();
        assert_eq!(stopped.1, 1);
    });
}

/// Asks to stop after a number of steps.
pub(crate) struct StopAfter(pub usize, pub usize);

impl Observer for StopAfter {
    fn progress(&mut self, progress: &microglia::train::Progress) {
        self.1 = progress.step;
    }

    fn interrupted(&self) -> bool {
        self.1 >= self.0
    }
}

#[test]
fn an_interrupted_run_keeps_its_last_weights() {
    let dataset = dataset();
    on_each_engine(|open| {
        let mut options = options();
        options.pruning.until = options.epochs;
        let plan = Plan::new(&dataset, &options).unwrap();
        let mut engine = open(plan.program.clone());
        let trained = run(&dataset, &plan, engine.as_mut(), &mut StopAfter(20, 0)).unwrap();
        assert_eq!(trained.status, Status::Interrupted);
        assert!(trained.replicas[0].steps >= 20 && trained.replicas[0].steps < 4 * plan.steps_per_epoch);
        assert_eq!(trained.end.rows[0].params, engine.read_f32(PARAMS, 0).unwrap());
        assert_eq!(trained.replicas[0].kept, None);
        assert!(trained.notices.iter().any(|line| line.to_string().contains("sparsity")), "{:?}", trained.notices);
    });
}

#[test]
fn an_interrupt_is_seen_between_epochs_and_leaves_no_partial_row() {
    let dataset = dataset();
    let plan = Plan::new(&dataset, &options()).unwrap();
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None).unwrap();
    // Asked for at once: nothing is trained.
    let trained = run(&dataset, &plan, &mut engine, &mut StopAfter(0, 0)).unwrap();
    assert_eq!((trained.status, trained.replicas[0].steps, trained.history.len()), (Status::Interrupted, 0, 0));
    let trained = run(&dataset, &plan, &mut engine, &mut StopAfter(plan.steps_per_epoch + 1, 0)).unwrap();
    assert_eq!((trained.status, trained.history.len()), (Status::Interrupted, 1));
}

#[test]
fn a_given_number_of_steps_is_taken_and_its_last_weights_kept() {
    let dataset = dataset();
    let plan = Plan::new(&dataset, &options()).unwrap();
    let wanted = 20 * plan.steps_per_epoch;
    // Patience 1 would end this run in its first epochs.
    let options = TrainOptions {
        lr: 0.5,
        epochs: Some(20),
        patience: Some(1),
        max_steps: Some(wanted as u64 - 1),
        regularizers: "none".parse().unwrap(),
        ..options()
    };
    let open = |program| -> Box<dyn Engine> { Box::new(CpuEngine::<f32>::new(program, None).unwrap()) };
    let (_, trained, mut engine) = train(&dataset, &options, &open);
    assert_eq!((trained.status, trained.replicas[0].steps), (Status::MaxSteps, wanted - 1));
    assert_eq!(engine.read_f32(PARAMS, 0).unwrap(), trained.end.rows[0].params);
    // Also where the epochs end before the steps do.
    let (_, trained, mut engine) = train(&dataset, &TrainOptions { max_steps: Some(100_000), ..options }, &open);
    assert_eq!((trained.status, trained.replicas[0].steps, trained.replicas[0].kept), (Status::Done, wanted, None));
    assert_eq!(engine.read_f32(PARAMS, 0).unwrap(), trained.end.rows[0].params);
}

#[test]
fn patience_stops_a_replica_and_best_weights_are_kept() {
    let dataset = dataset();
    // A rate at which the validation loss soon stops falling.
    let options = TrainOptions {
        lr: 0.5,
        epochs: Some(30),
        patience: Some(2),
        clip_grad_norm: Some(1.0),
        regularizers: "none".parse().unwrap(),
        replicas: 2,
        ..options()
    };
    on_each_engine(|open| {
        let (plan, trained, mut engine) = train(&dataset, &options, open);
        assert_eq!(trained.status, Status::Done);
        for (r, replica) in trained.replicas.iter().enumerate() {
            let kept = replica.kept.unwrap();
            assert_eq!(replica.epochs, kept + 2, "patience 2");
            let row = &trained.history[kept - 1].replicas[r];
            assert!(row.best);
            let forecasts = forecasts(engine.as_mut(), &plan, &dataset.validation);
            let metrics = score(&dataset, SplitName::Validation, &forecasts[r].point());
            assert!((metrics.scaled.mse - row.validation_loss).abs() < 1e-6 * row.validation_loss);
        }
        let last = TrainOptions { select: Select::Last, ..options.clone() };
        let (_, trained, mut engine) = train(&dataset, &last, open);
        assert_eq!(trained.replicas[0].kept, None);
        assert_eq!(engine.read_f32(PARAMS, 0).unwrap(), trained.end.rows[0].params);
    });
}
