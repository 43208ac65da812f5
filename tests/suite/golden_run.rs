//! Whole runs on `tests/golden/tiny.csv`, from the file to the trained weights, as PyTorch does them.

use microglia::data::{Covariates, DataOptions, Source};
use microglia::engine::Engine;
use microglia::models::{ModelKind, ModelOptions};
use microglia::program::Program;
use microglia::program::tensor::*;
use microglia::reference::CpuEngine;
use microglia::train::options::{PruningOptions, Regularizer, Regularizers};
use microglia::train::{Plan, TrainOptions, run};

use crate::golden::{Golden, path};
use crate::gpu_support;

fn options(golden: &Golden, file: &str, pruned: bool) -> TrainOptions {
    let kind: ModelKind = golden.value::<String>("kind").parse().unwrap();
    let mut options = TrainOptions {
        model: ModelOptions {
            kind,
            hidden: golden.value("hidden"),
            layers: golden.value("layers"),
            instance_norm: None,
            ..ModelOptions::default()
        },
        batch: golden.value("batch"),
        epochs: golden.value("epochs"),
        lr: golden.value("lr"),
        regularizers: Regularizers(Vec::new()),
        init: Some(path(&format!("{file}.init.safetensors"))),
        shuffle: false,
        max_steps: Some(20),
        ..TrainOptions::default()
    };
    if pruned {
        options.regularizers = Regularizers(vec![Regularizer::Pruning]);
        options.pruning = PruningOptions {
            sparsity: golden.value::<String>("sparsity").parse().unwrap(),
            warmup: Some(golden.value("warmup")),
            every: golden.value("prune_every"),
            until: Some(golden.value("prune_until")),
            ..PruningOptions::default()
        };
    }
    options
}

fn check(open: &dyn Fn(Program) -> Box<dyn Engine>, file: &str, way: &str) {
    let golden = Golden::read(file);
    let data = DataOptions {
        source: Source::File(path("tiny.csv")),
        targets: Some(vec!["y".into()]),
        covariates: Some(Covariates::Names(vec!["x".into()])),
        lookback: Some(golden.value("lookback")),
        horizon: Some(golden.value("horizon")),
        calendar: Some(false),
        ..DataOptions::default()
    };
    let dataset = data.load().unwrap();
    let windows: usize = golden.value("windows");
    assert_eq!(dataset.train.len(), windows);
    let plan = Plan::new(&dataset, &options(&golden, file, way == "pruned")).unwrap();
    let mut engine = open(plan.program.clone());
    let trained = run(&dataset, &plan, engine.as_mut(), &mut ()).unwrap();

    // An epoch's loss is the mean over its windows; the last batch is smaller.
    let batch = plan.options.batch;
    let losses = golden.tensor(&format!("{way}.losses"));
    assert_eq!(trained.history.len() * plan.steps_per_epoch, losses.len());
    for (row, steps) in trained.history.iter().zip(losses.chunks(plan.steps_per_epoch)) {
        let sum: f64 = steps.iter().enumerate().map(|(i, loss)| loss * batch.min(windows - i * batch) as f64).sum();
        let (want, got) = (sum / windows as f64, row.replicas[0].train_loss);
        assert!((want - got).abs() <= 1e-5 * want, "{file} {way}: epoch {}: loss {got}, not {want}", row.epoch);
    }
    let weights = engine.read_f32(PARAMS, 0).unwrap();
    let mask = engine.read_u32(MASK, 0).unwrap();
    for param in &plan.program.params.params {
        golden.close(&format!("{way}.after.{}", param.name), &weights[param.range()], 1e-5, 0.0);
        if way == "pruned" && param.prunable {
            let bits: Vec<f32> = param.range().map(|word| (mask[word / 32] >> (word % 32) & 1) as f32).collect();
            golden.close(&format!("{way}.mask.{}", param.name), &bits, 0.0, 0.0);
        }
    }
}

fn check_all(open: &dyn Fn(Program) -> Box<dyn Engine>) {
    check(open, "run_lstm", "plain");
    check(open, "run_lstm", "pruned");
    check(open, "run_rnn", "plain");
}

#[test]
fn cpu() {
    check_all(&|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap()));
}

#[test]
fn gpu() {
    let Some(gpu) = gpu_support::gpu() else { return };
    check_all(&|program| Box::new(gpu_support::engine(&gpu, program)));
}
