//! `--autotune`: every way to cut a product gives the same results, a choice is kept and repeated bit for bit, and one that
//! was made for something else is rejected.

use std::path::Path;

use microglia::compare::{Case, compare};
use microglia::engine::Engine;
use microglia::kernels::tuning::{Tiling, Tuned, Tuning, products};
use microglia::kernels::{GpuEngine, GpuOptions, autotune};
use microglia::models::ModelKind::Lstm;
use microglia::models::Variant as Patchtst;
use microglia::program::Program;

use crate::cli::{code, microglia, rejected, stderr, summary};
use crate::golden::path;
use crate::gpu_support::{gpu, with};

fn tuning(adapter: &str, program: &Program, tiling: Tiling, splits: usize) -> Tuning {
    let choice = |product: &_| Tuned::new(product, tiling, Some(splits));
    Tuning { adapter: adapter.into(), products: products(program).iter().map(choice).collect() }
}

#[test]
fn every_choice_gives_the_results_of_the_twin() {
    let Some(gpu) = gpu() else { return };
    let adapter = gpu.summary().name.clone();
    for case in [Case::new(Lstm, 2, 9, 5, 33).layers(2), Case::patchtst(Patchtst::Authors, 1, 5, 9).dropout(0.2)] {
        for (tiling, splits) in [(Tiling::Registers, 3), (Tiling::Square, 4), (Tiling::Tall, 1)] {
            let mut make = |program: Program| -> microglia::Result<Box<dyn Engine>> {
                let tuning = Some(tuning(&adapter, &program, tiling, splits));
                Ok(Box::new(with(&gpu, program, GpuOptions { tuning, ..GpuOptions::default() })))
            };
            let report = compare(&case, 2, &mut make).unwrap();
            assert!(report.passed(), "{tiling}: {report:#?}");
        }
    }
}

#[test]
fn a_measured_choice_is_of_the_program_and_the_adapter() {
    let Some(gpu) = gpu() else { return };
    let program = Case::new(Lstm, 1, 4, 3, 5).program().unwrap();
    let found = autotune(&gpu, &program).unwrap();
    found.check(&gpu.summary().name, &program).unwrap();
    assert_eq!(found.products.len(), products(&program).len());
    let weights = found.products.iter().filter(|tuned| tuned.splits.is_some());
    assert!(weights.clone().count() == 2 && weights.clone().all(|tuned| tuned.op == "linear_backward_weight"));
}

#[test]
fn a_choice_for_something_else_is_rejected_by_name() {
    let program = Case::new(Lstm, 1, 4, 3, 5).program().unwrap();
    let made = tuning("card", &program, Tiling::Tall, 2);
    let rejection = |tuning: &Tuning| tuning.check("card", &program).unwrap_err().to_string();
    made.check("card", &program).unwrap();
    let other = Tuning { adapter: "another card".into(), ..made.clone() };
    assert!(rejection(&other).contains("`another card`") && rejection(&other).contains("`autotune`"));
    let wider = tuning("card", &Case::new(Lstm, 1, 4, 3, 6).program().unwrap(), Tiling::Tall, 2);
    assert!(rejection(&wider).contains("linear_forward of 12 rows, 3 inputs, 20 outputs"), "{}", rejection(&wider));
    let mut more = made.clone();
    more.products.extend(wider.products);
    assert!(rejection(&more).contains("this run has no linear_forward of 12 rows, 3 inputs, 24 outputs"));
    assert!(rejection(&tuning("card", &program, Tiling::Tall, 0)).contains("splits = 0"));
    // And by the engine, before it makes anything.
    if let Some(gpu) = gpu() {
        let options = GpuOptions { tuning: Some(made), ..GpuOptions::default() };
        assert!(GpuEngine::new(gpu, program, options).err().unwrap().to_string().contains("`card`"));
    }
}

/// `train` on the tiny file.
fn train(folder: &Path, args: &[&str]) -> std::process::Output {
    let tiny = path("tiny.csv");
    let mut all = vec!["train", "--data", tiny.to_str().unwrap(), "--target", "y", "--lookback", "7", "--batch", "8"];
    all.extend(["--epochs", "2", "--hidden", "5"]);
    all.extend(args);
    microglia(folder, &all)
}

#[test]
fn a_run_from_the_written_configuration_repeats_the_bits_unmeasured() {
    let Some(gpu) = gpu() else { return };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let device = format!("--device={}", gpu.summary().name);
    let first = train(folder, &[&device, "--autotune", "--replicas", "2", "--out", "first"]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    assert!(stderr(&first).contains("autotune: linear_backward_weight of"), "{}", stderr(&first));
    let config = std::fs::read_to_string(folder.join("first/config.toml")).unwrap();
    assert!(config.contains("[tuning]\n") && config.contains(&gpu.summary().name), "{config}");
    let again = microglia(folder, &["train", "--config", "first/config.toml", "--out", "again"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert!(!stderr(&again).contains("autotune"), "{}", stderr(&again));
    let lone = microglia(folder, &["train", "--config", "first/replica-1/config.toml", "--out", "lone"]);
    assert_eq!(code(&lone), 0, "{}", stderr(&lone));
    assert_eq!(config, std::fs::read_to_string(folder.join("again/config.toml")).unwrap());
    let hash = |place: &str, r: usize| summary(&folder.join(place))["replicas"][r]["weights_sha256"].clone();
    assert!(hash("first", 0).is_string());
    assert_eq!([hash("first", 0), hash("first", 1)], [hash("again", 0), hash("again", 1)]);
    assert_eq!(hash("first", 1), hash("lone", 0));
    let checkpoint = std::fs::read(folder.join("first/checkpoint.safetensors")).unwrap();
    assert!(checkpoint.windows(8).any(|word| word == b"[tuning]"));

    let other = |args: &[&str]| {
        let mut all = vec!["train", "--config", "first/config.toml"];
        all.extend(args);
        microglia(folder, &all)
    };
    rejected(folder, &other(&["--hidden", "6"]), &["--tuning", "linear_forward of", "--autotune"]);
    rejected(folder, &other(&["--device", "cpu"]), &["--tuning", &gpu.summary().name, "CPU engine"]);
    std::fs::write(folder.join("moved.toml"), config.replace("adapter = \"", "adapter = \"old ")).unwrap();
    rejected(folder, &microglia(folder, &["train", "--config", "moved.toml"]), &["`old ", &gpu.summary().name]);

    // A run goes on with its choice, and on another engine without it.
    for (epochs, device, kept) in [("3", None, true), ("4", Some("--device=cpu"), false)] {
        let mut all = vec!["train", "--resume", "lone", "--epochs", epochs];
        all.extend(device);
        let output = microglia(folder, &all);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let config = std::fs::read_to_string(folder.join("lone/config.toml")).unwrap();
        assert_eq!(config.contains("[tuning]\n"), kept, "{config}");
    }
}

#[test]
fn the_cpu_engine_has_nothing_to_tune() {
    let place = tempfile::tempdir().unwrap();
    for verb in ["train", "profile"] {
        let output = microglia(place.path(), &[verb, "--device", "cpu", "--autotune"]);
        rejected(place.path(), &output, &["--autotune", "CPU engine", "--device gpu"]);
    }
}
