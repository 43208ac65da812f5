//! PatchTST as users meet it: presets, files of weights, rejections.

use std::path::Path;
use std::process::Output;

use safetensors::{Dtype, SafeTensors};

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};
use crate::golden::path;

/// `train` of a tiny PatchTST on the tiny file.
fn train(folder: &Path, args: &[&str]) -> Output {
    let tiny = path("tiny.csv");
    let mut all = vec!["train", "--model", "patchtst", "--data", tiny.to_str().unwrap(), "--device=cpu"];
    all.extend(["--target", "y,x", "--lookback", "9", "--batch", "8", "--epochs", "2", "--regularizer", "none"]);
    all.extend(args);
    microglia(folder, &all)
}

const SIZES: [&str; 10] = ["--horizon", "2", "--patch", "4", "--stride", "2", "--d-model", "8", "--heads", "2"];

#[test]
fn presets_are_listed_and_others_rejected() {
    let place = tempfile::tempdir().unwrap();
    let list = microglia(place.path(), &["train", "--preset", "list"]);
    assert_eq!(code(&list), 0);
    assert!(stdout(&list).contains("patchtst-etth1 ") && stdout(&list).contains("authors-lstm "), "{}", stdout(&list));
    rejected(place.path(), &microglia(place.path(), &["train", "--preset", "etth1"]), &["etth1", "patchtst-etth1"]);
}

#[test]
fn a_run_writes_pytorch_s_statistics_and_starts_from_its_own_file() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let run = train(folder, &[&SIZES[..], &["--out", "first"]].concat());
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    assert!(stdout(&run).contains("patchtst (official, patches of 4 every 2 rows) of width 8"), "{}", stdout(&run));
    let found = summary(&folder.join("first"));
    assert_eq!(found["model"]["patchtst"]["head_order"], "feature-major");
    let bytes = std::fs::read(folder.join("first/model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let count = tensors.tensor("model.encoder.layers.2.norm_sublayer3.batchnorm.num_batches_tracked").unwrap();
    assert_eq!((count.dtype(), count.shape()), (Dtype::I64, &[][..]));
    let steps = found["best_epoch"].as_u64().unwrap() * found["steps"].as_u64().unwrap() / 2;
    assert_eq!(i64::from_le_bytes(count.data().try_into().unwrap()), steps as i64);

    // The sizes come from the file, and nothing is trained that would change its weights.
    let again = ["--init", "first/model.safetensors", "--max-steps", "1", "--lr", "1e-30", "--out", "second"];
    let run = train(folder, &again);
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    let weights = |run: &str| {
        let bytes = std::fs::read(folder.join(run).join("model.safetensors")).unwrap();
        SafeTensors::deserialize(&bytes).unwrap().tensor("head.projection.weight").unwrap().data().to_vec()
    };
    assert_eq!(weights("second"), weights("first"));
}

#[test]
fn a_model_of_another_variant_is_rejected_with_the_settings_that_differ() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let official = train(folder, &[&SIZES[..], &["--norm-position", "pre", "--out", "official"]].concat());
    assert_eq!(code(&official), 0, "{}", stderr(&official));
    let hf = ["--patchtst-variant", "hf", "--init", "official/model.safetensors"];
    let differ =
        ["variant: official, here hf", "padding: end, here cut", "head order: feature-major, here patch-major"];
    rejected(folder, &train(folder, &hf), &differ);
    let sizes = ["--init", "official/model.safetensors", "--norm-position", "pre", "--ff", "12"];
    rejected(folder, &train(folder, &sizes), &["ff.0.weight"]);
}

#[test]
fn what_cannot_be_is_rejected_before_anything_is_done() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    rejected(folder, &train(folder, &["--heads", "5"]), &["5 heads", "128"]);
    rejected(folder, &train(folder, &["--patch", "20"]), &["patch of 20", "look-back of 9"]);
    rejected(folder, &train(folder, &["--patch", "4", "--calendar", "on"]), &["--calendar off", "no targets"]);
    rejected(folder, &train(folder, &["--patch", "4", "--instance-norm", "none"]), &["mean-std"]);
    let authors = train(folder, &["--patchtst-variant", "authors", "--out", "authors"]);
    assert_eq!(code(&authors), 0, "{}", stderr(&authors));
}

/// Eight matrices share three living weights.
#[test]
fn a_matrix_without_a_living_weight_is_told() {
    let (place, tiny) = (tempfile::tempdir().unwrap(), path("tiny.csv"));
    let mut all =
        vec!["train", "--model", "patchtst", "--data", tiny.to_str().unwrap(), "--device=cpu", "--target", "y,x"];
    all.extend(["--lookback", "9", "--epochs", "2", "--ff", "8", "--layers", "1"]);
    all.extend(["--schedule", "constant", "--sparsity", "0.0..0.995"]);
    let run = microglia(place.path(), &[&all[..], &SIZES].concat());
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    assert!(stdout(&run).contains(" has no living weight left, and passes nothing on"), "{}", stdout(&run));
}
