//! What `auto` leaves to the validation rows.

use std::cell::Cell;

use microglia::config::{Config, Settings};
use microglia::data::{DataOptions, Dataset, Row};
use microglia::engine::Engine;
use microglia::models::{LinearPath, ModelKind, ModelOptions, Variant};
use microglia::program::Program;
use microglia::program::op::InstanceNorm;
use microglia::reference::CpuEngine;
use microglia::runs::{Run, silent};
use microglia::train::auto::{Auto, Chosen, choose};
use microglia::train::{EpochRow, Observer, Plan, Status, TrainOptions, Trained, run, run_from};

use crate::cli::{code, microglia, stderr, stdout, summary};
use crate::golden::path;
use crate::gpu_support::on_each_engine;

/// Two targets whose level wanders; `after` says what the rows are from a row on.
fn dataset(after: usize, value: f64) -> Dataset {
    let wave = |row: usize, of: f64| (row as f64 * 0.37 + of).sin() + (row as f64 * 0.011 + of).cos() * 2.0;
    let at = |row: usize, of: f64| if row < after { wave(row, of) } else { value };
    let rows = (0..260).map(|row| Row::new(row as i64, [at(row, 0.0), 3.0 * at(row, 1.0)]));
    let options = DataOptions {
        targets: Some(vec!["a".into(), "b".into()]),
        lookback: Some(9),
        horizon: Some(3),
        ..DataOptions::default()
    };
    options.load_rows("waves", &["a", "b"], rows).unwrap()
}

/// Long enough for a trial of two epochs.
fn options(kind: ModelKind, auto: Auto) -> TrainOptions {
    let mut model = ModelOptions::of(kind, Variant::Official);
    model.hidden = 5;
    TrainOptions { model, auto, epochs: Some(24), batch: 16, replicas: 2, ..TrainOptions::default() }
}

type Open<'a> = &'a dyn Fn(Program) -> Box<dyn Engine>;

fn cpu(program: Program) -> Box<dyn Engine> {
    Box::new(CpuEngine::<f32>::new(program, Some(1)).unwrap())
}

const NORM: Auto = Auto { instance_norm: true, linear_path: false };
const BOTH: Auto = Auto { instance_norm: true, linear_path: true };

fn chosen(dataset: &Dataset, options: &TrainOptions, open: Open, observer: &mut dyn Observer) -> Option<Chosen> {
    choose(dataset, options, &mut |program| Ok(open(program.clone())), observer).unwrap()
}

/// Bits of what a run leaves.
fn bits(trained: &Trained) -> Vec<Vec<u32>> {
    let rows = trained.end.rows.iter();
    rows.map(|row| row.params.iter().chain(&row.best_params).map(|word| word.to_bits()).collect()).collect()
}

#[test]
fn the_choice_goes_on_as_if_it_had_been_trained_alone() {
    let dataset = dataset(260, 0.0);
    // A sixth of the shortest run: of 14 epochs of 11 steps, and of two of 171.
    let midst = |kind| TrainOptions { batch: 1, epochs: Some(2), ..options(kind, BOTH) };
    let dense = TrainOptions { regularizers: "none".parse().unwrap(), ..midst(ModelKind::Rnn) };
    for (options, stands) in [
        (options(ModelKind::Lstm, BOTH), (3, 3, 2)),
        (options(ModelKind::Gru, NORM), (3, 3, 2)),
        (options(ModelKind::Nlinear, NORM), (3, 3, 2)),
        // The first epoch ends between the two comparisons.
        (TrainOptions { patience: Some(8), ..options(ModelKind::Gru, BOTH) }, (2, 3, 1)),
        (TrainOptions { patience: Some(8), ..options(ModelKind::Nlinear, NORM) }, (2, 3, 1)),
        (midst(ModelKind::Lstm), (1, 57, 0)),
        (dense, (1, 57, 0)),
    ] {
        let kind = options.model.kind;
        on_each_engine(|open| {
            let chosen = chosen(&dataset, &options, open, &mut ()).unwrap();
            assert_eq!(chosen.options.auto, Auto::default());
            assert_eq!(chosen.state.position(), stands, "{kind}");
            let plan = Plan::new(&dataset, &chosen.options).unwrap();
            let mut engine = open(plan.program.clone());
            let continued = run_from(&dataset, &plan, engine.as_mut(), &mut (), Some(chosen.state), None).unwrap();
            let mut engine = open(plan.program.clone());
            let alone = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();
            assert_eq!(bits(&continued), bits(&alone), "{kind} {:?}", plan.options.model.instance_norm);
            let losses = |trained: &Trained| {
                let rows = trained.history.iter().flat_map(|row| row.replicas.clone());
                rows.map(|one| (one.train_loss, one.validation_loss, one.sparsity)).collect::<Vec<_>>()
            };
            assert_eq!(losses(&continued), losses(&alone), "{kind}");
        });
    }
}

/// The candidates that lost are worse by what validation says after as many steps.
#[test]
fn the_lowest_validation_loss_is_chosen() {
    let dataset = dataset(260, 0.0);
    let options = options(ModelKind::Lstm, BOTH);
    let winner = chosen(&dataset, &options, &cpu, &mut ()).unwrap();
    let best = |candidate| {
        let options = options.with(candidate);
        let heats = options.heats(&dataset);
        assert_eq!(heats, [12, 25]);
        let losses = heats.map(|steps| {
            let options = TrainOptions { max_steps: Some(steps as u64), ..options.clone() };
            let plan = Plan::new(&dataset, &options).unwrap();
            let trained = run(&dataset, &plan, cpu(plan.program.clone()).as_mut(), &mut ()).unwrap();
            let row = trained.history.last().unwrap().replicas.clone();
            [0, 1].map(|r: usize| {
                let start = trained.replicas[r].best.filter(|best| best.1 == 0).map_or(f64::MAX, |best| best.0);
                row[r].validation_loss.min(start)
            })
        });
        let least = |r: usize| losses[0][r].min(losses[1][r]);
        (least(0) + least(1)) / 2.0
    };
    let candidates = options.candidates();
    assert_eq!(candidates.len(), 6);
    let of_winner = candidates
        .iter()
        .find(|one| options.with(**one) == winner.options)
        .map(|one| best(*one))
        .expect("one of the candidates");
    for candidate in candidates {
        assert!(of_winner <= best(candidate), "{candidate:?}");
    }
    let said = winner.state.notices[0].to_string();
    assert!(said.contains("linear path") && said.contains("validation mse"), "{said}");
}

#[test]
fn test_rows_choose_nothing() {
    let options = options(ModelKind::Lstm, BOTH);
    let of = |dataset: &Dataset| {
        let chosen = chosen(dataset, &options, &cpu, &mut ()).unwrap();
        (chosen.options, chosen.state.rows, chosen.state.notices)
    };
    let plain = dataset(260, 0.0);
    // No validation window reads a row of the test part.
    let first = plain.test[0] as usize + plain.lookback;
    assert_eq!(of(&plain), of(&dataset(first, 1e6)));
}

/// Interrupts once as many looks were taken.
struct Stop(Cell<usize>, usize);

impl Observer for Stop {
    fn epoch(&mut self, _row: &EpochRow) {}

    fn interrupted(&self) -> bool {
        self.0.set(self.0.get() + 1);
        self.0.get() > self.1
    }
}

#[test]
fn a_run_that_is_stopped_before_the_choice_chooses_alike_when_it_is_resumed() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("waves.csv");
    let rows: String =
        (0..200).map(|row| format!("{row},{}\n", (row as f64 * 0.37).sin() + row as f64 * 0.01)).collect();
    std::fs::write(&file, format!("ds,y\n{rows}")).unwrap();
    let config = |name: &str| {
        let settings = format!(
            "data = '{}'\nout = '{}'\nlookback = 9\nhorizon = 3\nhidden = 5\ninstance-norm = 'auto'\nlinear-path = 'auto'\n\
             device = 'cpu'\nreplicas = 2\nbatch = 16\nepochs = 24\n",
            file.display(),
            place.path().join(name).display()
        );
        Config::new(&Settings::from_table(&settings.parse().unwrap()).unwrap()).unwrap()
    };
    let whole = Run::new(&config("whole"), &silent()).unwrap().train(&mut ()).unwrap();
    let written = |name: &str| std::fs::read_to_string(place.path().join(name).join("config.toml")).unwrap();
    for key in ["instance-norm", "linear-path"] {
        assert!(!written("whole").contains(&format!("{key} = \"auto\"")), "{}", written("whole"));
    }
    for looks in [0, 1, 5, 20] {
        let name = format!("stopped-{looks}");
        let config = config(&name);
        let run = Run::new(&config, &silent()).unwrap();
        let folder = run.folder().to_path_buf();
        let stopped = run.train(&mut Stop(Cell::new(0), looks)).unwrap();
        assert_eq!(stopped.outcome.summary.status, Status::Interrupted, "{looks}");
        let resumed = Run::resume(&folder, &Settings::default(), &silent()).unwrap().unwrap().train(&mut ()).unwrap();
        let hashes = |done: &microglia::runs::Done| {
            done.outcome.summary.replicas.iter().map(|one| one.weights_sha256.clone()).collect::<Vec<_>>()
        };
        assert_eq!(hashes(&resumed), hashes(&whole), "{looks}");
        let without_place = |text: String| text.lines().filter(|line| !line.starts_with("out")).collect::<String>();
        assert_eq!(without_place(written(&name)), without_place(written("whole")), "{looks}");
    }
}

#[test]
fn what_is_not_settled_makes_no_plan() {
    let dataset = dataset(260, 0.0);
    let error = Plan::new(&dataset, &options(ModelKind::Lstm, NORM)).unwrap_err().to_string();
    assert!(error.contains("instance-norm") && error.contains("auto"), "{error}");
}

/// A model that its run's first step ends, a ridge that is not trained, and a patience that ends a candidate in the trial.
#[test]
fn short_runs_choose_too() {
    let dataset = dataset(260, 0.0);
    let short = TrainOptions { max_steps: Some(3), ..options(ModelKind::Lstm, BOTH) };
    let impatient = TrainOptions { patience: Some(1), epochs: Some(40), lr: 0.5, ..options(ModelKind::Rnn, NORM) };
    let ridge = options(ModelKind::Ridge, NORM);
    for (options, path) in [(short, true), (impatient, false), (ridge, false)] {
        let chosen = chosen(&dataset, &options, &cpu, &mut ()).unwrap();
        assert!(path || chosen.options.model.linear_path == LinearPath::None);
        let plan = Plan::new(&dataset, &chosen.options).unwrap();
        let mut engine = cpu(plan.program.clone());
        let continued = run_from(&dataset, &plan, engine.as_mut(), &mut (), Some(chosen.state), None).unwrap();
        let alone = run(&dataset, &plan, cpu(plan.program.clone()).as_mut(), &mut ()).unwrap();
        assert_eq!((continued.status, bits(&continued)), (alone.status, bits(&alone)), "{}", plan.options.model.kind);
    }
}

/// By-channel models must be told the scale of their windows.
#[test]
fn every_candidate_fits_its_model() {
    let auto = options(ModelKind::Lstm, NORM).candidates();
    assert_eq!(
        auto.iter().map(|one| one.instance_norm).collect::<Vec<_>>(),
        [Some(InstanceNorm::Last), Some(InstanceNorm::MeanStd), None]
    );
    let patchtst = options(ModelKind::Patchtst, NORM).candidates();
    assert!(patchtst.iter().all(|one| one.instance_norm.is_some()) && patchtst.len() == 2);
}

/// The defaults of a recurrent model, through every verb; and weights to start from decide about the path themselves.
#[test]
fn what_was_chosen_is_read_by_every_verb() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let tiny = path("tiny.csv");
    let data = ["--data", tiny.to_str().unwrap()];
    let sizes = ["--target", "y", "--lookback", "7", "--horizon", "2", "--batch", "8", "--hidden", "5", "--device=cpu"];
    let ok = |args: &[&[&str]]| {
        let output = microglia(folder, &args.concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    let (_, told) = ok(&[&["train", "--instance-norm", "auto", "--epochs", "4", "--out", "a"], &data, &sizes]);
    assert!(told.contains("--instance-norm and --linear-path auto: trying last with linear path ridge, "), "{told}");
    assert!(told.contains(" chosen on validation mse after "), "{told}");
    assert!(told.matches("epoch 1/4").count() == 1, "{told}");
    let config = std::fs::read_to_string(folder.join("a/config.toml")).unwrap();
    let (_, again) = ok(&[&["train", "--config", "a/config.toml", "--out", "b"]]);
    assert!(!again.contains("trying"), "{again}");
    assert_eq!(summary(&folder.join("a"))["weights_sha256"], summary(&folder.join("b"))["weights_sha256"]);
    ok(&[&["forecast", "--checkpoint", "a", "--device", "cpu", "--levels", "none"]]);
    ok(&[&["evaluate", "--checkpoint", "a", "--device", "cpu", "--levels", "none"]]);
    ok(&[&["inspect", "a"]]);
    ok(&[&["export", "a", "--form", "sparse", "--out", "sparse.safetensors"]]);
    // What was asked for may be asked for again.
    let (_, resumed) = ok(&[&["train", "--resume", "a", "--instance-norm", "auto", "--linear-path", "auto"]]);
    assert!(resumed.contains("the run is finished"), "{resumed}");
    // A run's own weights bring their path; a network of PyTorch's has none.
    ok(&[&["train", "--init", "a", "--epochs", "1", "--out", "c"], &data, &sizes]);
    let line = |text: &str| text.lines().find(|line| line.starts_with("linear-path")).unwrap().to_string();
    assert_eq!(line(&std::fs::read_to_string(folder.join("c/config.toml")).unwrap()), line(&config));
    ok(&[&["train", "--init", "a", "--linear-path", "auto", "--epochs", "1", "--out", "c2"], &data, &sizes]);
    ok(&[&["train", "--linear-path", "none", "--epochs", "1", "--out", "d"], &data, &sizes]);
    ok(&[&["train", "--init", "d/model.safetensors", "--epochs", "1", "--out", "e"], &data, &sizes]);
    assert_eq!(line(&std::fs::read_to_string(folder.join("e/config.toml")).unwrap()), "linear-path = \"none\"");
}

/// A constant is forecast without an error: none is far behind.
#[test]
fn a_loss_of_zero_puts_no_candidate_to_rest() {
    let rows = (0..200).map(|row| Row::new(row, [3.0]));
    let data = DataOptions { lookback: Some(9), horizon: Some(3), ..DataOptions::default() };
    let dataset = data.load_rows("constant", &["y"], rows).unwrap();
    let options = TrainOptions { max_steps: Some(30), ..options(ModelKind::Lstm, BOTH) };
    let chosen = chosen(&dataset, &options, &cpu, &mut ()).unwrap();
    assert!(chosen.state.replicas.iter().all(|replica| replica.active));
    let plan = Plan::new(&dataset, &chosen.options).unwrap();
    let mut engine = cpu(plan.program.clone());
    let trained = run_from(&dataset, &plan, engine.as_mut(), &mut (), Some(chosen.state), None).unwrap();
    assert_eq!(trained.replicas[0].steps, 30);
}

/// What a candidate lost its numbers by is said of the run that it becomes.
#[test]
fn a_candidate_that_diverges_says_where() {
    let dataset = dataset(260, 0.0);
    let options = TrainOptions { lr: 1e30, ..options(ModelKind::Lstm, NORM) };
    let chosen = chosen(&dataset, &options, &cpu, &mut ()).unwrap();
    let told: Vec<String> = chosen.state.notices.iter().map(ToString::to_string).collect();
    assert!(told.len() == 3 && told[2].starts_with("replica 1 (seed 43) stopped: "), "{told:?}");
}

/// A model that kept its linear map alone is told alike by every verb: nothing of it is pruned.
#[test]
fn what_is_kept_from_before_the_first_step_is_whole() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let rows: String = (0..400).map(|row| format!("{row},{}\n", (row as f64 * 0.37).sin())).collect();
    std::fs::write(folder.join("data.csv"), format!("ds,y\n{rows}")).unwrap();
    let ok = |args: &[&str]| {
        let output = microglia(folder, args);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let train =
        ["train", "--data", "data.csv", "--lookback", "12", "--horizon", "3", "--hidden", "4", "--device", "cpu"];
    let told = ok(&[&train[..], &["--linear-path", "ridge", "--epochs", "4", "--out", "run"]].concat());
    assert_eq!(summary(&folder.join("run"))["best_epoch"], 0, "{told}");
    for file in ["run", "run/model.safetensors", "run/checkpoint.safetensors"] {
        let told = ok(&["inspect", file]);
        assert!(told.contains("sparsity 0.00 %: 80 of 80 weights"), "{file}: {told}");
    }
}
