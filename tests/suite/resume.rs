//! Runs through `train::run_from`, on each engine: stopped at any step, written, read, and gone on with.

use std::path::Path;

use microglia::data::{Column, Columns, Dataset};
use microglia::engine::Engine;
use microglia::models::{ModelKind, ModelOptions, NormKind, Variant};
use microglia::program::Program;
use microglia::program::tensor::{PARAMS, STATE};
use microglia::reference::CpuEngine;
use microglia::train::options::{LrSchedule, PruningOptions, Schedule};
use microglia::train::run::mc_passes;
use microglia::train::scores::predict::predict;
use microglia::train::weights::checkpoints::{self, Every};
use microglia::train::weights::header::DeviceHeader;
use microglia::train::{
    Checkpoints, EpochRow, Loaded, Observer, Plan, RunState, Status, TrainOptions, Trained, run, run_from,
};

use crate::gpu_support::on_each_engine;
use crate::training::{StopAfter, dataset, hashes, options};

type Open<'a> = &'a dyn Fn(Program) -> Box<dyn Engine>;

/// What of a run must not depend on whether it stopped.
#[derive(Debug, PartialEq)]
struct Outcome {
    hashes: Vec<String>,
    end: RunState,
    history: Vec<EpochRow>,
}

impl Outcome {
    fn of(plan: &Plan, engine: &mut dyn Engine, trained: Trained) -> Outcome {
        let untimed = |row: EpochRow| EpochRow { seconds: 0.0, ..row };
        let end = RunState { seconds: 0.0, step_seconds: 0.0, epoch_seconds: 0.0, history: Vec::new(), ..trained.end };
        let history = trained.history.into_iter().map(untimed).collect();
        Outcome { hashes: hashes(plan, engine), end, history }
    }

    /// As text, so that not-a-numbers are equal and their payloads differ.
    fn bits(&self) -> String {
        let rows =
            |row: &[f32]| row.iter().fold(String::new(), |text, value| text + &format!("{:x} ", value.to_bits()));
        let all: Vec<String> = self
            .end
            .rows
            .iter()
            .flat_map(|all| all.floats().map(|(name, _, row)| format!("{name} {}", rows(row))))
            .collect();
        let words: Vec<String> =
            self.end.rows.iter().map(|all| format!("{:?}", all.words().map(|w| w.2.clone()))).collect();
        format!("{:?}\n{:?}\n{:?}\n{all:?}\n{words:?}", self.hashes, self.end.clone_host(), self.history)
    }
}

/// A run that is stopped after each of `stops` steps, and each time gone on with by a new engine from what lies on disk.
fn stopped(
    folder: &Path,
    dataset: &Dataset,
    options: &TrainOptions,
    every: Every,
    stops: &[usize],
    open: Open,
) -> Outcome {
    let plan = Plan::new(dataset, options).unwrap();
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    observers.extend(stops.iter().map(|stop| Box::new(StopAfter(*stop, 0)) as Box<dyn Observer>));
    observers.push(Box::new(()));
    let mut last = None;
    for (i, mut observer) in observers.into_iter().enumerate() {
        let from = (i > 0).then(|| checkpoints::newest(folder).unwrap().0.run().unwrap());
        let mut all = Checkpoints::open(folder, every, 2, "", from.as_ref()).unwrap();
        let mut engine = open(plan.program.clone());
        let trained = run_from(dataset, &plan, engine.as_mut(), observer.as_mut(), from, Some(&mut all)).unwrap();
        last = Some((engine, trained));
    }
    let (mut engine, trained) = last.unwrap();
    Outcome::of(&plan, engine.as_mut(), trained)
}

fn whole(dataset: &Dataset, options: &TrainOptions, open: Open) -> (Plan, Outcome) {
    let plan = Plan::new(dataset, options).unwrap();
    let mut engine = open(plan.program.clone());
    let trained = run(dataset, &plan, engine.as_mut(), &mut ()).unwrap();
    let outcome = Outcome::of(&plan, engine.as_mut(), trained);
    (plan, outcome)
}

/// At the first step, inside an epoch, at its last step, between epochs, inside the last epoch; and many times in one run.
fn equal_wherever_it_stops(options: &TrainOptions, open: Open) {
    let dataset = dataset();
    let (plan, expected) = whole(&dataset, options, open);
    let epoch = plan.steps_per_epoch;
    let ends = expected.history.last().unwrap().step;
    let cases = [
        vec![1],
        vec![epoch - 1],
        vec![epoch],
        vec![epoch + 1, 2 * epoch + 3],
        vec![ends - 1],
        vec![3, 4, epoch + 5, ends],
    ];
    for (stops, every) in
        cases.iter().zip([Every::Stop, Every::Steps(1), Every::Steps(5), Every::Seconds(1e-3)].iter().cycle())
    {
        let place = tempfile::tempdir().unwrap();
        let found = stopped(place.path(), &dataset, options, *every, stops, open);
        assert_eq!(found.bits(), expected.bits(), "stopped after {stops:?}, checkpoints every {every}");
    }
}

#[test]
fn an_lstm_goes_on_as_if_it_had_not_stopped() {
    // Patience ends one replica before the other.
    let recurrent = TrainOptions { replicas: 2, epochs: Some(5), patience: Some(1), lr: 3e-2, ..options() };
    on_each_engine(|open| equal_wherever_it_stops(&recurrent, open));
}

#[test]
fn a_gru_goes_on_as_if_it_had_not_stopped() {
    let model = ModelOptions { kind: ModelKind::Gru, hidden: 7, layers: 2, ..options().model };
    let recurrent = TrainOptions { model, replicas: 2, epochs: Some(3), lr: 3e-2, ..options() };
    on_each_engine(|open| equal_wherever_it_stops(&recurrent, open));
}

#[test]
fn a_dlinear_goes_on_as_if_it_had_not_stopped() {
    let model = ModelOptions { moving_average: 3, ..ModelOptions::of(ModelKind::Dlinear, Variant::Official) };
    let linear = TrainOptions { model, replicas: 2, epochs: Some(3), lr: 3e-2, ..options() };
    on_each_engine(|open| equal_wherever_it_stops(&linear, open));
}

#[test]
fn schedules_decay_and_random_pruning_go_on() {
    let model = ModelOptions { kind: ModelKind::Rnn, hidden: 7, ..options().model };
    let pruning = PruningOptions { schedule: Schedule::CubicStep, every: 4, ..PruningOptions::default() };
    let one_cycle = TrainOptions {
        model,
        pruning,
        lr_schedule: LrSchedule::OneCycle,
        regularizers: "random-pruning,weight-decay,l2".parse().unwrap(),
        clip_grad_norm: Some(0.5),
        ..options()
    };
    let cpu: Open = &|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap());
    equal_wherever_it_stops(&one_cycle, cpu);
    equal_wherever_it_stops(&TrainOptions { lr_schedule: LrSchedule::Step, max_steps: Some(40), ..one_cycle }, cpu);
}

#[test]
fn a_patchtst_s_running_statistics_go_on() {
    let mut model = ModelOptions::of(ModelKind::Patchtst, Variant::Authors).with_width(8).unwrap();
    model.patchtst.norm = NormKind::Batch;
    let patchtst =
        TrainOptions { model, epochs: Some(3), regularizers: "mc-dropout,pruning".parse().unwrap(), ..options() };
    on_each_engine(|open| equal_wherever_it_stops(&patchtst, open));
}

/// A replica that diverges inside an epoch trains on until divergence is looked for, whether or not a checkpoint came
/// between.
#[test]
fn divergence_is_seen_at_the_same_step() {
    let diverging = TrainOptions { lr: 3e37, epochs: Some(3), regularizers: "none".parse().unwrap(), ..options() };
    let cpu: Open = &|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap());
    let dataset = dataset();
    let (_, expected) = whole(&dataset, &diverging, cpu);
    assert!(expected.end.replicas[0].diverged.is_some());
    for stops in [vec![1], vec![2, 3, 4], vec![9]] {
        let place = tempfile::tempdir().unwrap();
        let found = stopped(place.path(), &dataset, &diverging, Every::Steps(1), &stops, cpu);
        assert_eq!(found.bits(), expected.bits(), "stopped after {stops:?}");
    }
}

#[test]
fn more_epochs_are_the_run_that_was_asked_for_them() {
    let cpu: Open = &|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap());
    let (dataset, place) = (dataset(), tempfile::tempdir().unwrap());
    let until = PruningOptions { until: Some(2), warmup: Some(2), ..options().pruning };
    let long = TrainOptions { epochs: Some(6), patience: Some(0), pruning: until, ..options() };
    let (plan, expected) = whole(&dataset, &long, cpu);
    stopped(place.path(), &dataset, &TrainOptions { epochs: Some(3), ..long.clone() }, Every::Stop, &[], cpu);
    let from = checkpoints::newest(place.path()).unwrap().0.run().unwrap();
    assert_eq!((from.epoch, from.done, from.history.len()), (4, 0, 3));
    let mut engine = cpu(plan.program.clone());
    let trained = run_from(&dataset, &plan, engine.as_mut(), &mut (), Some(from), None).unwrap();
    assert_eq!(Outcome::of(&plan, engine.as_mut(), trained).bits(), expected.bits());
}

/// The weights and the history; not the best epoch's weights, which such a run does not keep.
#[test]
fn more_steps_are_the_run_that_was_asked_for_them() {
    let cpu: Open = &|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap());
    let dataset = dataset();
    let plan = Plan::new(&dataset, &options()).unwrap();
    let epoch = plan.steps_per_epoch;
    for (first, then) in [(2, 3), (epoch, epoch + 1), (epoch + 1, 3 * epoch), (2 * epoch - 1, 2 * epoch)] {
        let place = tempfile::tempdir().unwrap();
        let steps = |steps: usize| TrainOptions { max_steps: Some(steps as u64), ..options() };
        let (plan, expected) = whole(&dataset, &steps(then), cpu);
        stopped(place.path(), &dataset, &steps(first), Every::Stop, &[], cpu);
        let from = checkpoints::newest(place.path()).unwrap().0.run().unwrap();
        assert_eq!(from.ended, Some(Status::MaxSteps));
        let mut engine = cpu(plan.program.clone());
        let trained = run_from(&dataset, &plan, engine.as_mut(), &mut (), Some(from), None).unwrap();
        let found = Outcome::of(&plan, engine.as_mut(), trained);
        assert_eq!((&found.hashes, &found.history), (&expected.hashes, &expected.history), "{first} then {then} steps");
        assert_eq!(found.end.step(epoch), then);
    }
}

/// By PyTorch's names a checkpoint holds the best epoch's weights of the best replica, and only the newest files stay.
#[test]
fn a_checkpoint_holds_the_best_weights_and_few_files_stay() {
    let cpu: Open = &|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap());
    let (dataset, place) = (dataset(), tempfile::tempdir().unwrap());
    let options = TrainOptions { replicas: 3, epochs: Some(5), patience: Some(0), lr: 3e-2, ..options() };
    let plan = Plan::new(&dataset, &options).unwrap();
    let mut engine = cpu(plan.program.clone());
    let mut all = Checkpoints::open(place.path(), Every::Steps(7), 3, "seed = 7\n", None).unwrap();
    let trained = run_from(&dataset, &plan, engine.as_mut(), &mut (), None, Some(&mut all)).unwrap();
    let names = || {
        let list = std::fs::read_dir(place.path().join(checkpoints::FOLDER)).unwrap();
        let mut names: Vec<String> = list.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names().len(), 4, "the lock and three: {:?}", names());
    let (loaded, lines) = checkpoints::newest(place.path()).unwrap();
    let best = trained.end.best_replica();
    let kept = [PARAMS, STATE].map(|tensor| engine.read_f32(tensor, best).unwrap());
    assert_eq!(([loaded.params.clone(), loaded.running.clone()], lines.len()), (kept, 0));
    assert_eq!(loaded.mask, trained.end.rows[best].mask);
    assert_eq!((loaded.header.progress.seed, loaded.header.config.as_str()), (7 + best as u32, "seed = 7\n"));
    assert_eq!(
        microglia::models::ModelOptions { patchtst: plan.options.model.patchtst.clone(), ..loaded.model.clone() },
        plan.options.model
    );
    assert_eq!(loaded.header.device, DeviceHeader::of(engine.as_ref()));
    assert_eq!(loaded.history.len(), 5);
    let column = dataset.series[1].scalers[1];
    assert_eq!(loaded.scaler("b", 1), Some(column));
    assert_eq!(loaded.weights_sha256(), hashes(&plan, engine.as_mut())[best]);
    // A newest file that is torn is left aside; another run begins with none.
    let newest = place.path().join(checkpoints::FOLDER).join(names().last().unwrap());
    let bytes = std::fs::read(&newest).unwrap();
    for cut in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&newest, &bytes[..cut]).unwrap();
        let (before, lines) = checkpoints::newest(place.path()).unwrap();
        assert!(before.run().unwrap().position() < trained.end.position(), "cut at {cut}");
        assert!(lines[0].contains(newest.to_str().unwrap()), "{lines:?}");
    }
    assert!(
        Checkpoints::open(place.path(), Every::Stop, 3, "", Some(&trained.end))
            .unwrap_err()
            .to_string()
            .contains("`resume`: another process")
    );
    drop(all);
    Checkpoints::open(place.path(), Every::Stop, 3, "", None).unwrap();
    assert_eq!(names(), [".lock"]);
    assert!(checkpoints::newest(place.path()).unwrap_err().to_string().contains("holds no checkpoint"));
}

/// What lies on disk forecasts as the run did at its end, dropped elements included.
#[test]
fn a_file_forecasts_as_its_run_did() {
    let dataset = dataset();
    let mut patchtst = ModelOptions::of(ModelKind::Patchtst, Variant::Authors).with_width(8).unwrap();
    (patchtst.patchtst.norm, patchtst.patchtst.head_dropout) = (NormKind::Batch, 0.2);
    let cases =
        [(options().model, "pruning,dropout"), (options().model, "mc-dropout,pruning"), (patchtst, "mc-dropout")];
    for (model, regularizers) in cases {
        let asked = TrainOptions { model, regularizers: regularizers.parse().unwrap(), mc_passes: 3, ..options() };
        on_each_engine(|open| {
            let place = tempfile::tempdir().unwrap();
            let plan = Plan::new(&dataset, &asked).unwrap();
            let mut engine = open(plan.program.clone());
            let mut all = Checkpoints::open(place.path(), Every::Stop, 1, "", None).unwrap();
            run_from(&dataset, &plan, engine.as_mut(), &mut (), None, Some(&mut all)).unwrap();
            let expected = predict(engine.as_mut(), &plan, &dataset.test, mc_passes(&plan), &|| false).unwrap();

            let loaded = Loaded::open(place.path()).unwrap();
            let plan = loaded.plan(&dataset, asked.batch).unwrap();
            let mut engine = open(plan.program.clone());
            loaded.fill(&dataset, engine.as_mut()).unwrap();
            let found = predict(engine.as_mut(), &plan, &dataset.test, mc_passes(&plan), &|| false).unwrap();
            assert_eq!(found, expected, "{regularizers} on {}", engine.device());
        });
    }
}

#[test]
fn data_of_other_columns_is_rejected() {
    let (mut other, place) = (dataset(), tempfile::tempdir().unwrap());
    let plan = Plan::new(&other, &TrainOptions { epochs: Some(1), ..options() }).unwrap();
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), Some(2)).unwrap();
    let mut all = Checkpoints::open(place.path(), Every::Stop, 1, "", None).unwrap();
    run_from(&other, &plan, &mut engine, &mut (), None, Some(&mut all)).unwrap();
    let loaded = Loaded::open(place.path()).unwrap();
    loaded.plan(&other, 8).unwrap();
    other.columns = Columns::new([Column::target("y"), Column::past_covariate("z")]);
    let rejection = loaded.plan(&other, 8).unwrap_err().to_string();
    assert!(rejection.contains("columns y, z") && rejection.contains("5 rows of y, x"), "{rejection}");
}

#[test]
fn files_that_cannot_be_gone_on_with_are_rejected_by_name() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| place.path().join(name);
    let rejection = |name: &str| Loaded::open(&file(name)).unwrap_err().to_string();
    std::fs::write(file("text"), "text").unwrap();
    assert!(rejection("text").contains("text: not a whole safetensors file"), "{}", rejection("text"));
    assert!(rejection("absent").contains("absent: "));
    let metadata = |json: &str| Some(std::collections::HashMap::from([("microglia".to_string(), json.to_string())]));
    let none: Vec<(String, safetensors::tensor::TensorView)> = Vec::new();
    let write = |name: &str, metadata| {
        std::fs::write(file(name), safetensors::serialize(none.clone(), metadata).unwrap()).unwrap();
    };
    write("other", None);
    assert!(rejection("other").contains("other: says nothing of the model"), "{}", rejection("other"));
    write("old", metadata("{\"format_version\": 1, \"model\": {}}"));
    assert!(rejection("old").contains("format_version 1, and this microglia reads 2"), "{}", rejection("old"));
    write("new", metadata("{\"format_version\": 2}"));
    assert!(rejection("new").contains("metadata cannot be read"), "{}", rejection("new"));
}
