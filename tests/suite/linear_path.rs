//! A linear map beside the network: what the model is before its first step, and what is kept.

use microglia::data::{DataOptions, Dataset, Row, SplitName};
use microglia::models::{LinearPath, ModelKind, ModelOptions, Variant};
use microglia::program::op::InstanceNorm;
use microglia::program::tensor::{MASK, PARAMS};
use microglia::reference::CpuEngine;
use microglia::train::options::PruningOptions;
use microglia::train::scores::baselines::Ridge;
use microglia::train::scores::predict::predict;
use microglia::train::weights::checkpoint::save_model;
use microglia::train::weights::header::{DeviceHeader, Header};
use microglia::train::{Loaded, Plan, TrainOptions, run};

use crate::gpu_support::on_each_engine;

/// Two targets, some values missing.
fn dataset() -> Dataset {
    let wave = |row: u32, of: f64| (f64::from(row) * 0.37 + of).sin() + 0.1 * (f64::from(row) * 1.9 + of).cos();
    let missing = |row: u32, value: f64| if row % 17 == 5 { f64::NAN } else { value };
    let rows = (0..260).map(|row| Row::new(row, [wave(row, 0.0), missing(row, 3.0 * wave(row, 1.0))]));
    let options = DataOptions {
        targets: Some(vec!["a".into(), "b".into()]),
        lookback: Some(9),
        horizon: Some(3),
        impute: Some(microglia::data::Impute::Ffill),
        ..DataOptions::default()
    };
    options.load_rows("waves", &["a", "b"], rows).unwrap()
}

fn models() -> Vec<ModelOptions> {
    let mut models = Vec::new();
    for norm in [None, Some(InstanceNorm::Last), Some(InstanceNorm::MeanStd)] {
        for (kind, variant) in [
            (ModelKind::Rnn, Variant::Official),
            (ModelKind::Lstm, Variant::Official),
            (ModelKind::Patchtst, Variant::Official),
            (ModelKind::Patchtst, Variant::Authors),
        ] {
            let mut model = ModelOptions::of(kind, variant);
            (model.hidden, model.instance_norm, model.linear_path) = (5, norm, LinearPath::Ridge);
            let small = &mut model.patchtst;
            (small.patch, small.stride, small.d_model, small.heads, small.ff) = (Some(4), Some(2), 8, 2, 6);
            // A channel's own model must be told its scale.
            if norm.is_some() || kind != ModelKind::Patchtst || variant == Variant::Authors {
                models.push(model);
            }
        }
    }
    models
}

fn options(model: ModelOptions) -> TrainOptions {
    TrainOptions { model, epochs: Some(2), batch: 16, replicas: 2, ..TrainOptions::default() }
}

#[test]
fn before_its_first_step_the_model_is_the_ridge() {
    let dataset = dataset();
    for model in models() {
        on_each_engine(|open| {
            let ridge = Ridge::of_norm(&dataset, model.instance_norm);
            let expected = ridge.forecast(&dataset, SplitName::Test);
            // No step moves a weight by more than this.
            let plan = Plan::new(&dataset, &TrainOptions { lr: 1e-30, ..options(model.clone()) }).unwrap();
            let mut engine = open(plan.program.clone());
            let trained = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();
            assert_eq!(trained.replicas[1].kept, Some(0), "{model:?}");
            let (found, _) = predict(engine.as_mut(), &plan, &dataset.test, None, &|| false).unwrap();
            for found in &found {
                for (found, expected) in found.point().iter().zip(&expected) {
                    assert!((found - expected).abs() < 2e-5 * expected.abs().max(1.0), "{model:?}: {found} {expected}");
                }
            }
        });
    }
}

/// Of every kind that is one map: the ridge is not trained, whatever it is asked for.
#[test]
fn the_model_ridge_is_the_baseline() {
    let dataset = dataset();
    for norm in [None, Some(InstanceNorm::Last), Some(InstanceNorm::MeanStd)] {
        let mut model = ModelOptions::of(ModelKind::Ridge, Variant::Official);
        model.instance_norm = norm;
        on_each_engine(|open| {
            let plan = Plan::new(&dataset, &options(model.clone())).unwrap();
            let mut engine = open(plan.program.clone());
            let trained = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();
            assert_eq!((trained.replicas[0].kept, trained.history.len()), (Some(0), 0));
            let (found, _) = predict(engine.as_mut(), &plan, &dataset.test, None, &|| false).unwrap();
            let expected = Ridge::of_norm(&dataset, norm).forecast(&dataset, SplitName::Test);
            assert!(found[1].point().iter().zip(&expected).all(|(a, b)| (a - b).abs() < 2e-5 * b.abs().max(1.0)));
        });
    }
}

#[test]
fn a_linear_model_takes_no_path() {
    let mut model = ModelOptions::of(ModelKind::Nlinear, Variant::Official);
    model.linear_path = LinearPath::Train;
    let error = Plan::new(&dataset(), &options(model)).unwrap_err().to_string();
    assert!(error.contains("`linear-path`") && error.contains("nlinear"), "{error}");
}

/// Rates that spoil the network leave the ridge; the path itself is never trained.
#[test]
fn what_is_worse_than_the_ridge_is_not_kept() {
    let dataset = dataset();
    let mut model = ModelOptions::of(ModelKind::Lstm, Variant::Official);
    (model.hidden, model.linear_path) = (5, LinearPath::Ridge);
    let options = TrainOptions { lr: 3.0, epochs: Some(4), ..options(model) };
    let plan = Plan::new(&dataset, &options).unwrap();
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None).unwrap();
    let trained = run(&dataset, &plan, &mut engine, &mut ()).unwrap();
    assert_eq!((trained.replicas[0].kept, trained.history.len() > 1), (Some(0), true));
    let (found, _) = predict(&mut engine, &plan, &dataset.test, None, &|| false).unwrap();
    let expected = Ridge::fit(&dataset).forecast(&dataset, SplitName::Test);
    let apart = found[0].point().iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-4, "{apart}");
}

/// Steps that move no weight never beat it: then pruning is not carried through, and what is kept is whole.
#[test]
fn a_network_that_never_beats_the_ridge_stops_at_its_patience() {
    let dataset = dataset();
    let mut model = ModelOptions::of(ModelKind::Gru, Variant::Official);
    (model.hidden, model.linear_path) = (5, LinearPath::Ridge);
    let plain = TrainOptions { lr: 1e-30, epochs: Some(24), patience: Some(3), ..options(model) };
    let epochs = |options: &TrainOptions| {
        let plan = Plan::new(&dataset, options).unwrap();
        let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None).unwrap();
        let trained = run(&dataset, &plan, &mut engine, &mut ()).unwrap();
        let mask = microglia::engine::Engine::read_u32(&mut engine, MASK, 1).unwrap();
        assert_eq!((trained.replicas[1].kept, trained.replicas[1].pruned), (Some(0), 0));
        assert_eq!(mask, plan.program.params.full_mask());
        trained.history.len()
    };
    assert_eq!(epochs(&plain), 3);
    assert_eq!(epochs(&TrainOptions { patience: Some(0), ..plain.clone() }), 24);
    // Full sparsity comes before patience is spent.
    let soon = PruningOptions { until: Some(2), ..PruningOptions::default() };
    assert_eq!(epochs(&TrainOptions { pruning: soon, patience: Some(5), ..plain }), 6);
}

#[test]
fn a_network_learns_what_the_ridge_leaves_and_the_path_stays() {
    let dataset = dataset();
    let mut model = ModelOptions::of(ModelKind::Lstm, Variant::Official);
    (model.hidden, model.linear_path) = (16, LinearPath::Ridge);
    let options = TrainOptions {
        lr: 1e-2,
        epochs: Some(12),
        replicas: 1,
        regularizers: "none".parse().unwrap(),
        ..options(model.clone())
    };
    let plan = Plan::new(&dataset, &options).unwrap();
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None).unwrap();
    let trained = run(&dataset, &plan, &mut engine, &mut ()).unwrap();
    assert!(trained.replicas[0].kept > Some(0));
    let own = plan.program.params.get("linear_path.weight").unwrap().clone();
    let params = microglia::engine::Engine::read_f32(&mut engine, PARAMS, 0).unwrap();
    let (weight, _) = Ridge::of_norm(&dataset, model.instance_norm).layer(dataset.lookback);
    assert_eq!(params[own.range()], weight);
    assert!(!own.prunable);

    // What is saved forecasts the same.
    let place = tempfile::tempdir().unwrap();
    let (expected, _) = predict(&mut engine, &plan, &dataset.test, None, &|| false).unwrap();
    let state = Vec::new();
    let header = Header::new(&dataset, &plan, &trained.replicas[0], &DeviceHeader::of(&engine), "");
    let file = place.path().join("model.safetensors");
    save_model(&file, (&plan.program.params, &plan.program.state), &params, &state, &header).unwrap();
    let loaded = Loaded::open(&file).unwrap();
    assert_eq!(loaded.model.linear_path, LinearPath::Ridge);
    for sparse in [false, true] {
        let copy = place.path().join(format!("copy-{sparse}.safetensors"));
        loaded.save(&copy, sparse).unwrap();
        let small = microglia::train::weights::compact::compact(&loaded).unwrap().loaded;
        for one in [&Loaded::open(&copy).unwrap(), &small] {
            let plan = one.plan(&dataset, 16).unwrap();
            let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None).unwrap();
            one.fill(&dataset, &mut engine).unwrap();
            let (found, _) = predict(&mut engine, &plan, &dataset.test, None, &|| false).unwrap();
            let near = found[0].point().iter().zip(expected[0].point().iter()).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(near);
        }
    }
}
