//! Runs that go on without the units that fell, on each engine: as those that do not, but for rounding.

use microglia::data::{DataOptions, Dataset};
use microglia::engine::Engine;
use microglia::models::{LinearPath, ModelKind, ModelOptions, PruneAmong, PruneRule, PruneScore, Variant};
use microglia::program::Program;
use microglia::program::tensor::MASK;
use microglia::program::units::living_units;
use microglia::train::options::{CompactEvery, PruneUnit, PruningOptions, Sparsity};
use microglia::train::scores::predict::predict;
use microglia::train::weights::checkpoints::{self, Every};
use microglia::train::{Checkpoints, Member, Observer, Plan, RunState, TrainOptions, Trained, run_compacting};

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};
use crate::gpu_support::on_each_engine;
use crate::training::{StopAfter, dataset, options};

type Open<'a> = &'a dyn Fn(Program) -> Box<dyn Engine>;

/// A run, its plan and engine at the widths that are left.
struct Run {
    plan: Plan,
    engine: Box<dyn Engine>,
    trained: Trained,
}

impl Run {
    fn of(
        dataset: &Dataset,
        mut plan: Plan,
        observer: &mut dyn Observer,
        kept: Option<&mut Checkpoints>,
        from: Option<RunState>,
        open: Open,
    ) -> Run {
        let mut engine = open(plan.program.clone());
        let mut make = |program: &Program| Ok(open(program.clone()));
        let trained = run_compacting(dataset, &mut plan, &mut engine, &mut make, observer, from, kept).unwrap();
        Run { plan, engine, trained }
    }

    fn whole(dataset: &Dataset, options: &TrainOptions, open: Open) -> Run {
        Run::of(dataset, Plan::new(dataset, options).unwrap(), &mut (), None, None, open)
    }

    /// By replica, of each set of units how many live.
    fn living(&mut self) -> Vec<Vec<usize>> {
        let sets = &self.plan.program.params.units;
        let of = |mask: Vec<u32>| sets.iter().map(|set| living_units(set, &mask)).collect();
        (0..self.plan.members.len()).map(|r| of(self.engine.read_u32(MASK, r).unwrap())).collect()
    }

    fn forecasts(&mut self, dataset: &Dataset) -> Vec<Vec<f32>> {
        let all = predict(self.engine.as_mut(), &self.plan, &dataset.test, None, &|| false).unwrap().0;
        all.into_iter().map(|one| one.point().to_vec()).collect()
    }

    fn losses(&self) -> Vec<[f64; 2]> {
        let rows = self.trained.history.iter().flat_map(|row| &row.replicas);
        rows.map(|one| [one.train_loss, one.validation_loss]).collect()
    }

    fn words(&self) -> usize {
        self.plan.program.params.total()
    }
}

/// 70 % of the units, half of them before the last epochs.
fn pruning(model: ModelOptions) -> TrainOptions {
    let pruning = PruningOptions { until: Some(4), every: 3, ..PruningOptions::default() };
    let regularizers = "pruning".parse().unwrap();
    let (epochs, patience) = (Some(6), Some(0));
    let compact_every = CompactEvery::Epochs(1);
    let prune_unit = PruneUnit::Unit;
    TrainOptions { model, pruning, regularizers, epochs, patience, prune_unit, compact_every, ..options() }
}

fn models() -> Vec<ModelOptions> {
    let recurrent = |kind, hidden, layers| ModelOptions { kind, hidden, layers, ..options().model };
    let patchtst = |variant| {
        let mut model = ModelOptions::of(ModelKind::Patchtst, variant).with_width(16).unwrap();
        let patchtst = &mut model.patchtst;
        (patchtst.ff, patchtst.heads, patchtst.patch, patchtst.stride) = (40, 4, Some(2), Some(1));
        model.layers = 2;
        model
    };
    vec![
        recurrent(ModelKind::Lstm, 32, 1),
        recurrent(ModelKind::Lstm, 24, 2),
        recurrent(ModelKind::Gru, 24, 2),
        recurrent(ModelKind::Rnn, 40, 3),
        ModelOptions { linear_path: LinearPath::Ridge, ..recurrent(ModelKind::Lstm, 32, 2) },
        patchtst(Variant::Authors),
        patchtst(Variant::Official),
        patchtst(Variant::Hf),
    ]
}

/// A series without covariates, for models that read each channel alone.
fn univariate() -> Dataset {
    let csv: String =
        (0..180).map(|t| format!("{t},{}\n", (f64::from(t) * 0.7).sin() * 3.0 + f64::from(t % 5))).collect();
    let options = DataOptions {
        lookback: Some(5),
        horizon: Some(2),
        season: Some(9),
        time_column: Some("t".into()),
        ..DataOptions::default()
    };
    options.load_bytes("one", "one.csv", format!("t,y\n{csv}").as_bytes()).unwrap()
}

fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(0.01), "{what}: {found}, not {expected}");
}

/// The same losses, units, and forecasts. Rounding grows by a factor at each step of training: here to less than 1e-4.
fn assert_same(small: &mut Run, large: &mut Run, dataset: &Dataset, what: &str) {
    assert!(small.words() < large.words(), "{what}: {} words of {}", small.words(), large.words());
    for (small, large) in small.losses().iter().zip(large.losses()) {
        (0..2).for_each(|i| assert_close(small[i], large[i], 1e-4, what));
    }
    let counts = |run: &Run| -> Vec<_> { run.trained.replicas.iter().map(|one| (one.pruned, one.kept)).collect() };
    assert_eq!(counts(small), counts(large), "{what}");
    assert_eq!(small.living(), large.living(), "{what}");
    for (small, large) in small.forecasts(dataset).iter().zip(large.forecasts(dataset)) {
        small.iter().zip(large).for_each(|(s, l)| assert_close(f64::from(*s), f64::from(l), 1e-3, what));
    }
}

fn dense(options: &TrainOptions) -> TrainOptions {
    TrainOptions { compact_every: CompactEvery::Never, ..options.clone() }
}

#[test]
fn a_smaller_network_trains_as_the_larger_one() {
    for model in models() {
        let dataset = match model.kind == ModelKind::Patchtst && model.patchtst.variant != Variant::Authors {
            true => univariate(),
            false => dataset(),
        };
        let options = pruning(model);
        on_each_engine(|open| {
            let mut large = Run::whole(&dataset, &dense(&options), open);
            let mut small = Run::whole(&dataset, &options, open);
            let what = format!("{} of {} layers", options.model.kind, options.model.layers);
            assert_same(&mut small, &mut large, &dataset, &what);
        });
    }
}

/// Replicas of other schedules and rates go on side by side, as wide as the widest of them; weights that fall one by one free units too.
#[test]
fn replicas_and_single_weights_shrink_alike() {
    let dataset = dataset();
    let base = pruning(ModelOptions { hidden: 32, layers: 1, ..options().model });
    let sparsities = [Sparsity { min: 0.2, max: 0.5 }, Sparsity { min: 0.3, max: 0.8 }];
    let members: Vec<Member> = sparsities
        .into_iter()
        .map(|sparsity| Member { pruning: PruningOptions { sparsity, ..base.pruning.clone() }, ..base.member(3) })
        .collect();
    let weights = TrainOptions {
        prune_unit: PruneUnit::Weight,
        pruning: PruningOptions { sparsity: Sparsity { min: 0.9, max: 0.995 }, ..base.pruning.clone() },
        ..base.clone()
    };
    on_each_engine(|open| {
        let run = |options: &TrainOptions| {
            let plan = Plan::of(&dataset, options, members.clone()).unwrap();
            Run::of(&dataset, plan, &mut (), None, None, open)
        };
        let (mut small, mut large) = (run(&base), run(&dense(&base)));
        assert_same(&mut small, &mut large, &dataset, "two schedules");
        // Half of the units of the one are more than a fifth of the other's.
        assert_eq!(small.plan.options.model.layer(0).hidden, 16);
        let by_layer = PruneRule { among: PruneAmong::Layer, cap: Some(0.8), ..PruneRule::default() };
        let by_tensor = PruneRule { among: PruneAmong::Tensor, cap: Some(0.999), ..PruneRule::default() };
        let layers = ModelOptions { layers: 2, ..base.model.clone() };
        let ridge = ModelOptions { linear_path: LinearPath::Ridge, ..base.model.clone() };
        let scored = |score| PruneRule { score, ..PruneRule::default() };
        let cases = [
            ("single weights", weights.clone()),
            ("single weights by tensor", TrainOptions { prune_rule: by_tensor, ..weights.clone() }),
            ("units by layer", TrainOptions { prune_rule: by_layer, model: layers, ..base.clone() }),
            ("units by lamp", TrainOptions { prune_rule: scored(PruneScore::Lamp), ..base.clone() }),
            ("units by movement", TrainOptions { prune_rule: scored(PruneScore::Movement), ..base.clone() }),
            ("units by gradients", TrainOptions { prune_rule: scored(PruneScore::Gradient), ..base.clone() }),
            (
                "the same beside a ridge",
                TrainOptions { prune_rule: scored(PruneScore::Gradient), model: ridge, ..base.clone() },
            ),
            ("four seeds", TrainOptions { replicas: 4, ..base.clone() }),
        ];
        for (what, options) in cases {
            let mut large = Run::whole(&dataset, &dense(&options), open);
            let mut small = Run::whole(&dataset, &options, open);
            assert_same(&mut small, &mut large, &dataset, what);
            // 10 of 32 units live, others in each replica.
            assert!(options.replicas == 1 || small.plan.options.model.layer(0).hidden == 16, "{what}");
        }
    });
}

/// Stopped anywhere, before and after it shrank, and gone on with from what lies on disk.
#[test]
fn a_run_that_shrinks_goes_on_as_if_it_had_not_stopped() {
    let dataset = dataset();
    let options = TrainOptions { replicas: 2, ..pruning(ModelOptions { hidden: 24, ..options().model }) };
    on_each_engine(|open| {
        let untimed = |run: &Run| {
            let end = RunState {
                seconds: 0.0,
                step_seconds: 0.0,
                epoch_seconds: 0.0,
                history: Vec::new(),
                ..run.trained.end.clone()
            };
            format!("{end:?} {:?}", run.losses())
        };
        let whole = Run::whole(&dataset, &options, open);
        let epoch = whole.plan.steps_per_epoch;
        for stops in [vec![1], vec![3 * epoch], vec![2 * epoch + 1, 4 * epoch, 4 * epoch + 2, 5 * epoch - 1]] {
            let place = tempfile::tempdir().unwrap();
            let mut last = None;
            for stop in stops.iter().copied().chain([usize::MAX]) {
                let from =
                    checkpoints::any(place.path()).then(|| checkpoints::newest(place.path()).unwrap().0.run().unwrap());
                let mut all = Checkpoints::open(place.path(), Every::Steps(7), 2, "", from.as_ref()).unwrap();
                let plan = Plan::new(&dataset, &options).unwrap();
                last = Some(Run::of(&dataset, plan, &mut StopAfter(stop, 0), Some(&mut all), from, open));
            }
            assert_eq!(untimed(&last.unwrap()), untimed(&whole), "stopped after {stops:?}");
        }
    });
}

/// Through the program: the folder of a run that shrank is one of the smaller network, of which PyTorch's modules hold the weights.
#[test]
fn a_run_folder_is_of_the_network_that_is_left() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::copy(crate::golden::path("tiny.csv"), folder.join("tiny.csv")).unwrap();
    let options = [
        &["train", "--data", "tiny.csv", "--target", "y", "--device", "cpu", "--lookback", "7", "--horizon", "2"][..],
        &[
            "--hidden",
            "40",
            "--linear-path=none",
            "--prune-unit",
            "unit",
            "--epochs",
            "6",
            "--patience",
            "0",
            "--batch",
            "8",
        ],
        &["--prune-until", "4"],
    ]
    .concat();
    let ok = |words: &[&str]| {
        let output = microglia(folder, words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        stderr(&output) + &stdout(&output)
    };
    let train = |more: &[&str]| ok(&[&options[..], more].concat());
    train(&["--out", "large"]);
    let told = train(&["--out", "small", "--compact-every", "1"]);
    assert!(told.contains("goes on without the units that fell, hidden ") && told.contains("of their bytes"), "{told}");
    let (large, small) = (summary(&folder.join("large")), summary(&folder.join("small")));
    assert_eq!((&large["model"]["hidden"], &small["model"]["hidden"]), (&40.into(), &16.into()));
    assert_eq!(large["best"]["test"]["mae"], small["best"]["test"]["mae"]);
    for part in ["overall", "living_weights", "prunable_weights", "units"] {
        assert_eq!(large["best"]["sparsity"][part], small["best"]["sparsity"][part], "{part}");
    }
    let shapes = ok(&["inspect", "small"]);
    assert!(shapes.contains("lstm with 16 hidden units"), "{shapes}");
    // Of 12 units that live, 4 that fell fill up the multiple: export leaves them out.
    let told = ok(&["export", "small", "--form", "compact", "--out", "least.safetensors"]);
    let cut: Vec<&str> = told.lines().find(|line| line.starts_with("layer 0")).unwrap().split_whitespace().collect();
    assert_eq!(cut[4..6], ["4", "16"], "{told}");
    let forecast = |run: &str| ok(&["forecast", "--checkpoint", run, "--data", "tiny.csv", "--device", "cpu"]);
    assert_eq!(forecast("small"), forecast("large"));
    let half = train(&["--out", "half", "--compact-every", "1", "--max-steps", "22"]);
    assert!(half.contains("goes on without"), "{half}");
    ok(&["train", "--resume", "half", "--max-steps", "28"]);
    let all = train(&["--out", "all", "--compact-every", "1", "--max-steps", "28"]);
    assert!(!all.is_empty());
    let [half, all] = ["half", "all"].map(|run| summary(&folder.join(run))["weights_sha256"].clone());
    assert_eq!(half, all);
    // Where no sum changes its order, no bit does.
    let train = |out: &str, every: &str| {
        let embedded =
            ["train", "--device", "cpu", "--lookback", "24", "--linear-path", "none", "--instance-norm", "last"];
        let units = ["--prune-unit", "unit", "--prune-until", "3", "--epochs", "4", "--patience", "0"];
        ok(&[&embedded[..], &units, &["--out", out, "--compact-every", every]].concat());
        summary(&folder.join(out))
    };
    let (large, small) = (train("whole", "none"), train("part", "auto"));
    assert_eq!((&large["model"]["hidden"], &small["model"]["hidden"]), (&64.into(), &24.into()));
    let scores = |summary: &serde_json::Value| ["validation", "test"].map(|split| summary["best"][split].clone());
    assert_eq!(scores(&large), scores(&small));
    // What cannot be had.
    rejected(
        folder,
        &microglia(folder, &[&options[..], &["--compact-every", "0"]].concat()),
        &["--compact-every", "from 1, auto or none"],
    );
    let linear = ["train", "--data", "tiny.csv", "--target", "y", "--model", "nlinear", "--compact-every", "auto"];
    rejected(folder, &microglia(folder, &linear), &["--compact-every", "nlinear has no units"]);
    let regrow = ["--prune-unit", "weight", "--regrow", "gradient", "--compact-every", "auto"];
    let base: Vec<&str> = options.iter().copied().filter(|one| !["--prune-unit", "unit"].contains(one)).collect();
    rejected(folder, &microglia(folder, &[&base[..], &regrow].concat()), &["--compact-every", "--regrow none"]);
    let tune = ["tune", "--data", "tiny.csv", "--target", "y", "--compact-every", "auto"];
    rejected(folder, &microglia(folder, &tune), &["--compact-every", "best.toml"]);
}
