//! Weights of the program in PyTorch and transformers, and theirs here: what `examples/interop` shows with the real packages,
//! against golden files.

use std::path::Path;

use microglia::config::Config;
use microglia::data::{Dataset, Source};
use microglia::train::scores::predict::predict;
use microglia::train::{Loaded, weights};
use safetensors::SafeTensors;

use crate::golden::{Golden, path};
use crate::gpu_support::on_each_engine;

const NAMES: [&str; 8] = ["lstm", "gru", "rnn", "lstm_path", "lstm_ridge", "nlinear", "dlinear", "patchtst"];

/// The file of a kind: `model`, by the program, or `saved`, by PyTorch with the program's metadata.
fn file(name: &str, kind: &str) -> std::path::PathBuf {
    path(&format!("trained_{name}.{kind}.safetensors"))
}

/// The data as the model's own run read it.
fn dataset(loaded: &Loaded) -> Dataset {
    let mut options = Config::of_run(loaded).unwrap().data;
    assert_eq!(options.source, Source::File("tiny.csv".into()));
    options.source = Source::File(path("tiny.csv"));
    options.load().unwrap()
}

#[test]
fn forecasts_are_those_of_pytorch() {
    for name in NAMES {
        let golden = Golden::read(&format!("trained_{name}"));
        for (kind, forecasts) in [("model", "forecasts"), ("saved", "saved_forecasts")] {
            let loaded = Loaded::open(&file(name, kind)).unwrap();
            let dataset = dataset(&loaded);
            let words = dataset.lookback * dataset.channels();
            let window = |first: &u32| &dataset.values[*first as usize * dataset.channels()..][..words];
            let inputs: Vec<f32> = dataset.test.iter().flat_map(window).copied().collect();
            golden.close("inputs", &inputs, 0.0, 0.0);
            on_each_engine(|open| {
                let plan = loaded.plan(&dataset, 5).unwrap();
                let mut engine = open(plan.program.clone());
                loaded.fill(&dataset, engine.as_mut()).unwrap();
                let (found, _) = predict(engine.as_mut(), &plan, &dataset.test, None, &|| false).unwrap();
                golden.close(forecasts, &found[0].point(), 1e-5, 0.0);
            });
        }
    }
}

/// The same tensors, as another program saves them: without our metadata, and without those that `keep` rejects.
fn plain(folder: &Path, name: &str, keep: impl Fn(&str) -> bool) -> std::path::PathBuf {
    let bytes = std::fs::read(file(name, "saved")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let kept: Vec<_> = tensors.iter().filter(|(name, _)| keep(name)).collect();
    let out = folder.join("plain.safetensors");
    std::fs::write(&out, safetensors::serialize(kept, None).unwrap()).unwrap();
    out
}

/// The same file as a program of another format's number describes it.
fn of_another_format(folder: &Path, name: &str) -> std::path::PathBuf {
    let bytes = std::fs::read(file(name, "model")).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut entries = metadata.metadata().clone().unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&entries["microglia"]).unwrap();
    json["format_version"] = 1.into();
    entries.insert("microglia".into(), json.to_string());
    let out = folder.join(format!("{name}.safetensors"));
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    std::fs::write(&out, safetensors::serialize(tensors.iter(), Some(entries)).unwrap()).unwrap();
    out
}

#[test]
fn a_file_of_another_format_is_rejected_by_name_and_starts_a_run() {
    let place = tempfile::tempdir().unwrap();
    for name in NAMES {
        let file = of_another_format(place.path(), name);
        let error = Loaded::open(&file).unwrap_err().to_string();
        for part in [name, "is of format_version 1, and this microglia reads 2", "help: ", "`init`"] {
            assert!(error.contains(part), "no {part:?} in {error}");
        }
        let loaded = Loaded::open(&self::file(name, "model")).unwrap();
        let (params, running) = weights::load(&file, &loaded.model, &loaded.layout, &loaded.state).unwrap();
        assert_eq!((params, running), (loaded.params, loaded.running), "{name}");
    }
}

#[test]
fn sparse_weights_of_a_patchtst_tell_its_sizes() {
    let place = tempfile::tempdir().unwrap();
    let mut loaded = Loaded::open(&file("patchtst", "model")).unwrap();
    // All but each eighth weight of the matrices.
    for param in loaded.layout.params.iter().filter(|param| param.prunable) {
        param.range().filter(|i| i % 8 != 0).for_each(|i| loaded.params[i] = 0.0);
    }
    let [dense, sparse] = ["dense", "sparse"].map(|name| place.path().join(name));
    loaded.save(&dense, false).unwrap();
    loaded.save(&sparse, true).unwrap();
    let names = |file: &Path| SafeTensors::deserialize(&std::fs::read(file).unwrap()).unwrap().len();
    assert!(names(&sparse) > names(&dense), "nothing is sparse");
    let sizes = |file: &Path| weights::infer_patchtst(file, None).unwrap();
    assert_eq!(sizes(&sparse), sizes(&dense));
    let weights = |file: &Path| weights::load(file, &loaded.model, &loaded.layout, &loaded.state).unwrap();
    assert_eq!(weights(&sparse), weights(&dense));
}

#[test]
fn a_file_without_our_metadata_starts_a_run_and_is_no_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    for name in NAMES {
        let file = plain(place.path(), name, |_| true);
        let error = Loaded::open(&file).unwrap_err().to_string();
        for part in ["plain.safetensors: ", "no entry `microglia`", "scalers", "help: ", "`init`"] {
            assert!(error.contains(part), "no {part:?} in {error}");
        }
        let loaded = Loaded::open(&self::file(name, "saved")).unwrap();
        let (params, running) = weights::load(&file, &loaded.model, &loaded.layout, &loaded.state).unwrap();
        assert_eq!((params, running), (loaded.params, loaded.running), "{name}");
    }
    let file = plain(place.path(), "lstm", |tensor| tensor != "head.bias");
    let loaded = Loaded::open(&self::file("lstm", "model")).unwrap();
    let error = weights::load(&file, &loaded.model, &loaded.layout, &loaded.state).unwrap_err().to_string();
    assert!(error.contains("holds no tensor `head.bias`"), "{error}");
}
