//! `microglia inspect` and `microglia export` as users meet them.

use std::path::Path;
use std::process::Output;

use microglia::train::{Loaded, checkpoints};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::cli::{TINY, code, microglia, refused, stderr, stdout, summary};
use crate::golden::path;

/// A short run in `folder/name`, of a model so sparse that pruning cuts units off.
fn train(folder: &Path, name: &str, more: &[&str]) {
    let tiny = path("tiny.csv");
    let mut all = vec!["train", "--data", tiny.to_str().unwrap()];
    all.extend(TINY);
    all.extend(["--epochs", "3", "--out", name]);
    all.extend(more);
    done(&microglia(folder, &all));
}

fn done(output: &Output) {
    assert_eq!(code(output), 0, "{}", stderr(output));
}

const SPARSE: [&str; 4] = ["--schedule", "constant", "--sparsity", "0..0.97"];

#[test]
fn inspect_tells_what_a_file_holds() {
    let place = tempfile::tempdir().unwrap();
    train(place.path(), "a", &SPARSE);
    let output = microglia(place.path(), &["inspect", "a", "--svg", "masks.svg"]);
    done(&output);
    let (text, run) = (stdout(&output), summary(&place.path().join("a")));
    let hash = run["weights_sha256"].as_str().unwrap();
    for wanted in [
        hash,
        "lstm.weight_hh_l0  20 × 5",
        "gate f",
        "dead columns",
        "validation loss",
        "hidden = 5",
        "dense",
        "sparse",
        "compact",
    ] {
        assert!(text.contains(wanted), "no {wanted:?} in:\n{text}");
    }
    assert!(text.contains(&format!("seed 42, cpu on {}", run["device"].as_str().unwrap())), "{text}");
    let json = |file: &str| -> Value {
        serde_json::from_str(&stdout(&microglia(place.path(), &["inspect", file, "--json"]))).unwrap()
    };
    let whole = json("a");
    assert_eq!(whole["sparsity"]["overall"], run["sparsity"]["overall"]);
    assert_eq!(whole["sparsity"]["tensors"], run["sparsity"]["tensors"]);
    assert_eq!(whole["history"].as_array().unwrap().len(), 3);
    // The bare model says the same of its weights, and knows no history.
    let bare = json("a/model.safetensors");
    for key in ["weights_sha256", "sparsity", "dead", "compacted", "tensors"] {
        assert_eq!(bare[key], whole[key], "{key}");
    }
    assert_eq!(bare["history"].as_array().unwrap().len(), 0);
    let svg = std::fs::read_to_string(place.path().join("masks.svg")).unwrap();
    for wanted in ["<svg", "lstm.weight_ih_l0", "head.weight", "5 × 5"] {
        assert_eq!(svg.contains(wanted), wanted != "5 × 5", "{wanted}");
    }
    // A run that was killed before it wrote its results has its checkpoints.
    std::fs::remove_file(place.path().join("a/checkpoint.safetensors")).unwrap();
    let newest = checkpoints::newest(&place.path().join("a")).unwrap().0;
    assert_eq!(json("a")["weights_sha256"].as_str().unwrap(), newest.weights_sha256());
    refused(place.path(), &microglia(place.path(), &["inspect", "b"]), &["b: ", "help:"]);
    std::fs::write(place.path().join("text"), "text").unwrap();
    refused(place.path(), &microglia(place.path(), &["inspect", "text"]), &["text: not a whole safetensors file"]);
}

/// Values of a tensor as numbers.
fn values<T, const N: usize>(tensors: &SafeTensors, name: &str, read: fn([u8; N]) -> T) -> Vec<T> {
    tensors.tensor(name).unwrap().data().chunks_exact(N).map(|word| read(word.try_into().unwrap())).collect()
}

#[test]
fn export_writes_each_form_and_says_what_it_saves() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &[&SPARSE[..], &["--replicas", "2"]].concat());
    for form in ["dense", "sparse", "compact"] {
        let output = microglia(folder, &["export", "a", "--form", form, "--out", form]);
        done(&output);
        assert!(stdout(&output).contains("of dense") && stdout(&output).ends_with(&format!("\n{form}\n")));
        assert_eq!(stdout(&output).contains("hidden units"), form == "compact");
    }
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (model, dense, sparse) = (read("a/model.safetensors"), read("dense"), read("sparse"));
    let tensors = |bytes: &'static [u8]| SafeTensors::deserialize(bytes).unwrap();
    let [model, dense, sparse] = [model, dense, sparse].map(|bytes| tensors(bytes.leak()));
    let names = |tensors: &SafeTensors| {
        let mut names: Vec<String> = tensors.names().into_iter().map(String::from).collect();
        names.sort();
        names
    };
    assert_eq!(names(&model), names(&dense));
    let mut in_rows = 0;
    for name in names(&dense) {
        let wanted = values(&dense, &name, f32::from_le_bytes);
        assert_eq!(values(&model, &name, f32::from_le_bytes), wanted, "{name}");
        if sparse.tensor(&name).is_ok() {
            assert_eq!(values(&sparse, &name, f32::from_le_bytes), wanted, "{name}");
            continue;
        }
        in_rows += 1;
        let starts = values(&sparse, &format!("{name}.crow_indices"), i32::from_le_bytes);
        let columns = values(&sparse, &format!("{name}.col_indices"), i32::from_le_bytes);
        let living = values(&sparse, &format!("{name}.values"), f32::from_le_bytes);
        let shape = dense.tensor(&name).unwrap().shape().to_vec();
        let mut found = vec![0.0; wanted.len()];
        for row in 0..shape[0] {
            for i in starts[row] as usize..starts[row + 1] as usize {
                found[row * shape[1] + columns[i] as usize] = living[i];
            }
        }
        assert_eq!((found, starts.len()), (wanted, shape[0] + 1), "{name}");
    }
    assert!(in_rows >= 2, "{:?}", names(&sparse));

    // What is compact is read as any other, and has nothing left to cut.
    let (before, after) =
        (Loaded::open(&folder.join("dense")).unwrap(), Loaded::open(&folder.join("compact")).unwrap());
    assert!(after.model.hidden < before.model.hidden, "nothing was cut off");
    done(&microglia(folder, &["inspect", "compact"]));
    done(&microglia(folder, &["export", "compact", "--form", "compact", "--out", "again"]));
    assert_eq!(Loaded::open(&folder.join("again")).unwrap().weights_sha256(), after.weights_sha256());

    let again = microglia(folder, &["export", "a", "--out", "dense"]);
    refused(folder, &again, &["--out dense: is there already", "--overwrite"]);
    done(&microglia(folder, &["export", "a", "--out", "dense", "--overwrite"]));
}

#[test]
fn draws_by_place_are_not_compacted() {
    let place = tempfile::tempdir().unwrap();
    train(place.path(), "a", &["--regularizer", "mc-dropout,pruning", "--mc-passes", "2"]);
    let output = microglia(place.path(), &["export", "a", "--form", "compact", "--out", "b"]);
    refused(place.path(), &output, &["a/checkpoint.safetensors: ", "Monte Carlo dropout", "help:"]);
    done(&microglia(place.path(), &["export", "a", "--form", "sparse", "--out", "b"]));
    let inspected = microglia(place.path(), &["inspect", "a"]);
    done(&inspected);
    assert!(!stdout(&inspected).contains("\ncompact"));
}
