//! Weights files that are torn, forged or another model's: rejected by name, whatever they say of themselves, and nothing on the
//! disk is touched.

use std::path::{Path, PathBuf};

use microglia::models::Variant;
use microglia::train::{Loaded, weights};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::cli::{microglia, rejected};
use crate::fuzz_targets::{opened, with_header};
use crate::golden::path;

/// A run of two replicas with its whole state; and what it says of itself.
fn run_file() -> (Vec<u8>, Value) {
    let bytes =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/checkpoint/run")).unwrap()[1..].to_vec();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let header = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["microglia"]).unwrap();
    (bytes, header)
}

fn open(bytes: &[u8]) -> Result<Loaded, String> {
    Loaded::from_bytes(Path::new("w.safetensors"), bytes.to_vec()).map_err(|error| error.to_string())
}

#[test]
fn a_file_torn_at_any_byte_is_rejected() {
    let (run, _) = run_file();
    open(&run).unwrap();
    let model = std::fs::read(path("trained_lstm.model.safetensors")).unwrap();
    open(&model).unwrap();
    for file in [&run, &model] {
        for end in 0..file.len() {
            let said = open(&file[..end]).unwrap_err();
            assert!(
                said.contains("w.safetensors: not a whole safetensors file") && said.contains("help: "),
                "{end}: {said}"
            );
        }
        let longer = [&file[..], b"more"].concat();
        assert!(open(&longer).is_err());
    }
    println!("{} cuts rejected", run.len() + model.len());
}

#[test]
fn no_byte_that_is_changed_makes_a_panic() {
    let (run, _) = run_file();
    let mut changed = 0;
    for at in (0..run.len()).step_by(3) {
        for mask in [0x01, 0x80, 0x1f] {
            let mut bytes = run.clone();
            bytes[at] ^= mask;
            opened(bytes);
            changed += 1;
        }
    }
    println!("{changed} changed bytes");
}

/// Every place in a JSON value.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    all.push(at.clone());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, format!("{at}/{key}"), all)),
        // The first of a list speaks for the others.
        Value::Array(list) => list.iter().take(1).for_each(|value| places(value, format!("{at}/0"), all)),
        _ => {}
    }
}

#[test]
fn no_lie_of_a_header_makes_a_panic() {
    let (run, header) = run_file();
    let lstm = std::fs::read(path("trained_lstm.model.safetensors")).unwrap();
    let patchtst = std::fs::read(path("trained_patchtst.model.safetensors")).unwrap();
    let dlinear = std::fs::read(path("trained_dlinear.model.safetensors")).unwrap();
    let says = |bytes: &[u8]| -> Value {
        let (_, metadata) = SafeTensors::read_metadata(bytes).unwrap();
        serde_json::from_str(&metadata.metadata().as_ref().unwrap()["microglia"]).unwrap()
    };
    let lies = [
        json!(null),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(1025),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(1e308),
        json!(-0.5),
        json!(5e-324),
        json!(""),
        json!("none"),
        json!("\u{0}<script>"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!(true),
    ];
    let mut told = 0;
    let others = [&lstm, &patchtst, &dlinear].map(|file| (file, says(file)));
    for (file, header) in [(&run, header)].into_iter().chain(others) {
        let mut all = Vec::new();
        places(&header, String::new(), &mut all);
        for place in all {
            for lie in &lies {
                let mut forged = header.clone();
                *forged.pointer_mut(&place).unwrap() = lie.clone();
                opened(with_header(file, &forged.to_string()));
                told += 1;
            }
            // Left out, and twice as many.
            if let Some((parent, key)) = place.rsplit_once('/') {
                let mut forged = header.clone();
                match forged.pointer_mut(parent).unwrap() {
                    Value::Object(map) => drop(map.remove(key)),
                    Value::Array(list) => list.push(list[0].clone()),
                    _ => unreachable!("a place in no container"),
                }
                opened(with_header(file, &forged.to_string()));
                told += 1;
            }
        }
    }
    println!("{told} lies");
}

/// The file with its JSON header changed as text.
fn forged(bytes: &[u8], change: impl Fn(&mut Value)) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut header);
    let text = header.to_string();
    [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &bytes[8 + length..]].concat()
}

/// Name, bytes, and what is said of them.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let (run, said) = run_file();
    let weight = "lstm.weight_hh_l0";
    let patchtst = std::fs::read(path("trained_patchtst.model.safetensors")).unwrap();
    let set = |key: &'static str, value: Value| forged(&run, move |header| header[weight][key] = value.clone());
    let says = |place: &str, value: Value| {
        let mut said = said.clone();
        *said.pointer_mut(place).unwrap() = value;
        with_header(&run, &said.to_string())
    };
    vec![
        ("overlap", set("data_offsets", json!([0, 16])), "not a whole safetensors file"),
        ("beyond", set("data_offsets", json!([0, 1u64 << 62])), "not a whole safetensors file"),
        ("shape", set("shape", json!([1, 4])), "tensor `lstm.weight_hh_l0` has shape [1, 4], the model's has [4, 1]"),
        ("giant", set("shape", json!([1u64 << 40, 1u64 << 40])), "not a whole safetensors file"),
        ("type", set("dtype", json!("I32")), "tensor `lstm.weight_hh_l0` is I32"),
        ("header", [&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "not a whole safetensors file: header too large"),
        ("other", with_header(&patchtst, &said.to_string()), "holds no tensor `lstm.weight_ih_l0`"),
        ("hidden", says("/model/hidden", json!(1024)), "a model of 4"),
        (
            "layers",
            says("/model/layers", json!(u32::MAX)),
            "its metadata makes no sense: layers: 4294967295, not from 1 to",
        ),
        ("lookback", says("/model/lookback", json!(u64::MAX)), "its metadata makes no sense: look-back"),
        ("horizon", says("/model/horizon", json!(1_000_000_000)), "a model of 2"),
        ("targets", says("/model/targets", json!(0)), "its metadata makes no sense: targets: 0, not 1"),
        ("scaler", says("/data/series/0/scalers/0/std", json!(0.0)), "deviation 0"),
        (
            "scalers",
            says("/data/series/0/scalers", json!([])),
            "its metadata makes no sense: the first series' scalers: 0",
        ),
        ("replicas", says("/run/replicas", json!([])), "its metadata makes no sense: replicas: 0"),
        ("epoch", says("/run/epoch", json!(0)), "its metadata makes no sense: epoch: 0"),
        ("version", says("/format_version", json!(99)), "is of format_version 99"),
        (
            "no metadata",
            forged(&run, |header| header["__metadata__"] = json!({})),
            "says nothing of the model and data",
        ),
        ("deep", with_header(&run, &"[".repeat(100_000)), "its metadata cannot be read"),
    ]
}

#[test]
fn forged_files_are_rejected_by_every_verb_and_nothing_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let files = |root: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let mut all: Vec<_> =
            std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
        all.sort();
        all.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    };
    std::fs::create_dir_all(folder.join("run/checkpoints")).unwrap();
    std::fs::write(folder.join("run/notes.txt"), "mine").unwrap();
    std::fs::write(folder.join("out.safetensors"), "mine").unwrap();
    for (name, bytes, text) in hostile() {
        let said = open(&bytes).expect_err(name);
        assert!(said.contains(text) && said.contains("w.safetensors: "), "{name}: {said}");
        assert!(said.lines().count() == 2 && said.contains("\n  help: "), "{name}: {said}");
        // Through the program, some of them.
        if !["overlap", "other", "layers"].contains(&name) {
            continue;
        }
        std::fs::write(folder.join("run/checkpoint.safetensors"), &bytes).unwrap();
        std::fs::write(folder.join("run/checkpoints/step-0000000002.safetensors"), &bytes).unwrap();
        let before = (files(folder), files(&folder.join("run")), files(&folder.join("run/checkpoints")));
        for args in [
            &["inspect", "run"][..],
            &["export", "run", "--out", "out.safetensors", "--overwrite"],
            &["forecast", "--checkpoint", "run", "--out", "out"],
            &["evaluate", "--checkpoint", "run"],
            &["train", "--resume", "run"],
        ] {
            rejected(folder, &microglia(folder, args), &[text, "help: "]);
            let after = (files(folder), files(&folder.join("run")), files(&folder.join("run/checkpoints")));
            assert!(before == after, "{name}: {args:?} changed a file");
        }
    }
}

/// As weights to start from, a file is read by its shapes alone.
#[test]
fn forged_files_are_no_weights_to_start_from() {
    let place = tempfile::tempdir().unwrap();
    let (run, _) = run_file();
    let known = open(&run).unwrap();
    let file = place.path().join("w.safetensors");
    let empty = |name: &str, shape: Value| {
        forged(&std::fs::read(path("trained_patchtst.model.safetensors")).unwrap(), |header| {
            let end = header[name]["data_offsets"][1].clone();
            // Of no bytes at all, so that any other size fits.
            header[name] = json!({ "dtype": "F32", "shape": shape, "data_offsets": [end, end] });
        })
    };
    let embedding = "model.encoder.embedder.input_embedding.weight";
    let shapes = [json!([0, 0]), json!([1u64 << 60, 0]), json!([0, u64::MAX]), json!([4]), json!([])];
    let shapes: Vec<_> = shapes.into_iter().map(|shape| ("shape", empty(embedding, shape), "")).collect();
    for (name, bytes, _) in hostile().into_iter().chain(shapes) {
        std::fs::write(&file, &bytes).unwrap();
        // What the header says is not asked here, so some of them are what they should be.
        let loaded = weights::load(&file, &known.model, &known.layout, &known.state);
        let inferred = weights::infer_patchtst(&file, Some(Variant::Hf));
        for error in [loaded.err(), inferred.err()].into_iter().flatten() {
            let said = error.to_string();
            assert!(said.contains("w.safetensors: ") && said.contains("\n  help: "), "{name}: {said}");
        }
        let output =
            microglia(place.path(), &["train", "--model", "patchtst", "--init", "w.safetensors", "--target", "temp"]);
        rejected(place.path(), &output, &["help: "]);
    }
}

#[test]
fn a_run_that_stands_where_none_can_is_not_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let tiny = path("tiny.csv");
    let data = ["train", "--data", tiny.to_str().unwrap(), "--epochs", "2", "--threads", "1", "--out", "run"];
    let output = microglia(place.path(), &[&data[..], &crate::cli::TINY].concat());
    assert_eq!(crate::cli::code(&output), 0, "{}", crate::cli::stderr(&output));
    std::fs::remove_dir_all(place.path().join("run/checkpoints")).unwrap();
    let file = place.path().join("run/checkpoint.safetensors");
    let whole = std::fs::read(&file).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&whole).unwrap();
    let said: Value = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["microglia"]).unwrap();
    for (at, value, text) in [
        ("/run/done", json!(1_000_000), "steps of the epoch that are done: 1000000"),
        ("/run/replicas/0/pruned", json!(1_000_000), "pruned weights: 1000000"),
    ] {
        let mut forged = said.clone();
        *forged.pointer_mut(at).unwrap() = value;
        std::fs::write(&file, with_header(&whole, &forged.to_string())).unwrap();
        let output = microglia(place.path(), &["train", "--resume", "run"]);
        rejected(place.path(), &output, &["the checkpoint stands where this run cannot", text, "help: "]);
    }
}
