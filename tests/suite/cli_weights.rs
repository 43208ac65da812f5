//! `microglia inspect` and `microglia export` as users meet them.

use std::path::Path;
use std::process::Output;

use microglia::train::Loaded;
use microglia::train::weights::checkpoints;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::cli::{TINY, code, microglia, rejected, stderr, stdout, summary};
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

/// Its three gates are told and drawn apart, and every form of its weights forecasts and starts a run.
#[test]
fn a_gru_is_inspected_exported_and_begun_from() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &["--model", "gru", "--schedule", "constant", "--sparsity", "0..0.97"]);
    let output = microglia(folder, &["inspect", "a", "--svg", "masks.svg"]);
    done(&output);
    let text = stdout(&output);
    for wanted in ["gru.weight_hh_l0  15 × 5", "gate r", "gate z", "gate n"] {
        assert!(text.contains(wanted), "no {wanted:?} in:\n{text}");
    }
    assert!(std::fs::read_to_string(folder.join("masks.svg")).unwrap().contains("gru.weight_ih_l0"));
    exported_and_begun_from(folder, &["--model", "gru"], true);
}

/// Its two maps are told and drawn apart, and no unit of it can be cut off.
#[test]
fn a_dlinear_is_inspected_exported_and_begun_from() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &["--model", "dlinear", "--moving-average", "3", "--instance-norm", "last"]);
    let output = microglia(folder, &["inspect", "a", "--svg", "masks.svg"]);
    done(&output);
    let text = stdout(&output);
    for wanted in ["dlinear without hidden units", "Linear_Seasonal.weight  2 × 7", "moving-average = 3"] {
        assert!(text.contains(wanted), "no {wanted:?} in:\n{text}");
    }
    assert!(std::fs::read_to_string(folder.join("masks.svg")).unwrap().contains("Linear_Trend.weight"));
    let before = Loaded::open(&folder.join("a")).unwrap();
    assert_eq!((before.model.moving_average, before.layout.prunable()), (3, 2 * 2 * 7));
    done(&microglia(folder, &["evaluate", "--checkpoint", "a", "--levels", "50"]));
    exported_and_begun_from(folder, &["--model", "dlinear", "--moving-average", "3", "--instance-norm", "last"], false);
}

/// Of the run `a` of `model`: whether `export` cuts units off is `cut`.
fn exported_and_begun_from(folder: &Path, model: &[&str], cut: bool) {
    let whole = Loaded::open(&folder.join("a")).unwrap();
    for form in ["dense", "sparse", "compact"] {
        done(&microglia(folder, &["export", "a", "--form", form, "--out", form]));
        done(&microglia(
            folder,
            &["forecast", "--levels", "50", "--checkpoint", form, "--out", &format!("{form}-forecast")],
        ));
        let loaded = Loaded::open(&folder.join(form)).unwrap();
        assert_eq!(loaded.params == whole.params, !cut || form != "compact", "{form}");
    }
    let begun = ["--init", "sparse", "--lr", "1e-30", "--max-steps", "1", "--regularizer", "none"];
    train(folder, "begun", &[model, &begun].concat());
    // A step moves a weight by its rate.
    let begun = Loaded::open(&folder.join("begun")).unwrap();
    assert!(begun.params.iter().zip(&whole.params).all(|(a, b)| (a - b).abs() < 1e-29));
}

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
    rejected(place.path(), &microglia(place.path(), &["inspect", "b"]), &["b: ", "help:"]);
    std::fs::write(place.path().join("text"), "text").unwrap();
    rejected(place.path(), &microglia(place.path(), &["inspect", "text"]), &["text: not a whole safetensors file"]);
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

    // What is sparse is read as any other: the same weights, by every verb.
    let weights = |name: &str| Loaded::open(&folder.join(name)).unwrap();
    assert_eq!((&weights("sparse").params, &weights("sparse").mask), (&before.params, &before.mask));
    let same = |verb: &[&str], cut: fn(&str) -> String| {
        let [dense, sparse] = ["dense", "sparse"].map(|name| microglia(folder, &[verb, &[name]].concat()));
        done(&dense);
        done(&sparse);
        assert_eq!(cut(&stdout(&dense)), cut(&stdout(&sparse)), "{verb:?}");
    };
    let whole = |text: &str| text.to_string();
    same(&["forecast", "--levels", "50", "--device=cpu", "--checkpoint"], whole);
    same(&["evaluate", "--levels", "50", "--device=cpu", "--checkpoint"], whole);
    // But for the file's name and size.
    same(&["inspect"], |text| {
        let lines = text.lines().filter(|line| !line.starts_with("the file: ")).skip(1);
        lines.collect::<Vec<_>>().join("\n")
    });
    done(&microglia(folder, &["export", "sparse", "--out", "dense-again"]));
    assert_eq!(weights("dense-again").weights_sha256(), before.weights_sha256());
    train(folder, "begun", &["--init", "sparse", "--lr", "1e-30", "--max-steps", "1", "--regularizer", "none"]);
    // A step moves a weight by its rate.
    let begun_there = |name: &str| {
        let found = weights(name).params;
        let apart = found.iter().zip(&before.params).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(found.len() == before.params.len() && apart <= 1.1e-30, "{name}: {apart}");
    };
    begun_there("begun");
    // A run's folder is its weights.
    train(folder, "of-a-run", &["--init", "a", "--lr", "1e-30", "--max-steps", "1", "--regularizer", "none"]);
    begun_there("of-a-run");

    let again = microglia(folder, &["export", "a", "--out", "dense"]);
    rejected(folder, &again, &["--out dense: is there already", "--overwrite"]);
    done(&microglia(folder, &["export", "a", "--out", "dense", "--overwrite"]));
}

#[test]
fn a_sparse_matrix_that_makes_no_sense_is_rejected_by_name() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &SPARSE);
    done(&microglia(folder, &["export", "a", "--form", "sparse", "--out", "sparse"]));
    let bytes = std::fs::read(folder.join("sparse")).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let name = "lstm.weight_hh_l0";
    // Each tensor as it is, but one, left out or with other first bytes.
    let rejection = |changed: &str, first: Option<[u8; 4]>, told: &[(&str, &str)]| {
        let kept = tensors.iter().filter(|(tensor, _)| first.is_some() || *tensor != changed);
        let owned: Vec<_> = kept
            .map(|(tensor, view)| {
                let mut data = view.data().to_vec();
                if let Some(bytes) = first.filter(|_| tensor == changed) {
                    data[..4].copy_from_slice(&bytes);
                }
                (tensor, view.dtype(), view.shape().to_vec(), data)
            })
            .collect();
        let views = owned.iter().map(|(tensor, dtype, shape, data)| {
            (*tensor, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        let mut entries = metadata.metadata().clone().unwrap();
        entries.extend(told.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        std::fs::write(folder.join("bad"), safetensors::serialize(views, Some(entries)).unwrap()).unwrap();
        Loaded::open(&folder.join("bad")).unwrap_err().to_string()
    };
    let part = |part: &str| format!("{name}.{part}");
    for (error, parts) in [
        (rejection(&part("col_indices"), Some(99i32.to_le_bytes()), &[]), [name, "column 99 of 5"]),
        (rejection(&part("crow_indices"), Some(1i32.to_le_bytes()), &[]), [name, "rows from Some(1)"]),
        (rejection(&part("values"), None, &[]), ["holds no tensor", name]),
        (rejection("", Some([0; 4]), &[("csr", r#"{"lstm.weight_hh_l0": [5, 20]}"#)]), ["[5, 20]", "[20, 5]"]),
    ] {
        assert!(error.starts_with(&folder.join("bad").display().to_string()) && error.contains("help:"), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    }
}

#[test]
fn a_sparse_file_is_a_fraction_of_its_model() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let tiny = path("tiny.csv");
    let wide = ["--target", "y", "--lookback", "7", "--horizon", "2", "--batch", "8", "--hidden", "64", "--device=cpu"];
    let cut = ["--schedule", "constant", "--sparsity", "0..0.97", "--warmup", "1", "--prune-every", "1"];
    let run = ["train", "--data", tiny.to_str().unwrap(), "--max-steps", "2", "--out", "a"];
    done(&microglia(folder, &[&run[..], &wide, &cut].concat()));
    done(&microglia(folder, &["export", "a", "--form", "sparse", "--out", "sparse"]));
    let [dense, sparse] = ["a/model.safetensors", "sparse"].map(|name| Loaded::open(&folder.join(name)).unwrap());
    assert!(3 * sparse.bytes() < 4 * sparse.layout.total(), "{} bytes of {}", sparse.bytes(), sparse.layout.total());
    assert_eq!(sparse.weights_sha256(), dense.weights_sha256());
}

#[test]
fn no_file_is_replaced_unasked() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &[]);
    let model = || std::fs::read(folder.join("a/model.safetensors")).unwrap();
    let before = model();
    let inspect = |more: &[&str]| microglia(folder, &[&["inspect", "a"], more].concat());
    rejected(folder, &inspect(&["--svg", "a/model.safetensors"]), &["--svg", "is there already", "--overwrite"]);
    let onto_itself = ["export", "a/model.safetensors", "--out", "a/../a/model.safetensors", "--overwrite"];
    rejected(folder, &microglia(folder, &onto_itself), &["--out", "is a file that is read"]);
    rejected(folder, &microglia(folder, &["export", "a", "--out", "a"]), &["--out a: is a folder"]);
    assert_eq!(model(), before);
    done(&inspect(&["--svg", "new/masks.svg"]));
    done(&inspect(&["--svg", "new/masks.svg", "--overwrite"]));
}

#[test]
fn a_compacted_model_tells_its_widths_and_starts_no_training() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    train(folder, "a", &[&SPARSE[..], &["--layers", "2"]].concat());
    done(&microglia(folder, &["export", "a", "--form", "compact", "--out", "small"]));
    let widths = Loaded::open(&folder.join("small")).unwrap().model.layer_widths;
    assert!(widths[0].hidden != widths[1].hidden, "{widths:?}");
    let told = format!("compacted, with {}, {} hidden units by layer", widths[0].hidden, widths[1].hidden);
    let text = stdout(&microglia(folder, &["inspect", "small"]));
    assert!(text.contains(&told), "{text}");
    let tiny = path("tiny.csv");
    let all = ["train", "--data", tiny.to_str().unwrap(), "--init", "small", "--layers", "2", "--out", "b"];
    rejected(folder, &microglia(folder, &[&all[..], &TINY].concat()), &["small: holds a compacted model", "dense"]);
}

#[test]
fn draws_by_place_are_not_compacted() {
    let place = tempfile::tempdir().unwrap();
    train(place.path(), "a", &["--regularizer", "mc-dropout,pruning", "--mc-passes", "2"]);
    let output = microglia(place.path(), &["export", "a", "--form", "compact", "--out", "b"]);
    let file = format!("{}: ", Path::new("a").join("checkpoint.safetensors").display());
    rejected(place.path(), &output, &[&file, "Monte Carlo dropout", "help:"]);
    done(&microglia(place.path(), &["export", "a", "--form", "sparse", "--out", "b"]));
    let inspected = microglia(place.path(), &["inspect", "a"]);
    done(&inspected);
    assert!(!stdout(&inspected).contains("\ncompact "));
}

/// Replicas that patience stops at different epochs stand in files of their own, which every verb reads.
#[test]
fn replicas_that_stop_apart_are_read_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let tiny = path("tiny.csv");
    let args = ["train", "--data", tiny.to_str().unwrap(), "--target", "y", "--lookback", "7", "--horizon", "2"];
    let more = ["--hidden", "4", "--batch", "4", "--device=cpu", "--regularizer", "none", "--patience", "2"];
    let rest = ["--replicas", "5", "--epochs", "30", "--lr", "0.02", "--out", "run"];
    let output = microglia(folder, &[&args[..], &more, &rest].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut epochs = std::collections::BTreeSet::new();
    for replica in 0..5 {
        let of = format!("run/replica-{replica}");
        let loaded = microglia::train::Loaded::open(&folder.join(&of).join("checkpoint.safetensors")).unwrap();
        let run = loaded.run().unwrap();
        assert_eq!(run.history.len(), run.replicas[0].epochs);
        epochs.insert(run.history.len());
        let output = microglia(folder, &["forecast", "--checkpoint", &of, "--levels", "none"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    assert!(epochs.len() > 2, "all stopped alike: {epochs:?}");
    for ensemble in ["best", "median"] {
        let output =
            microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "none", "--ensemble", ensemble]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    assert_eq!(code(&microglia(folder, &["inspect", "run"])), 0);
}

/// Losses of the run's validation rows: those that it had, of a share that is pruned already; and of a matrix that is pruned to a share,
/// those of the same weights in a file.
#[test]
fn inspect_tells_what_pruning_a_matrix_would_cost() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let tiny = std::fs::read(path("tiny.csv")).unwrap();
    std::fs::write(folder.join("tiny.csv"), &tiny).unwrap();
    let run = ["train", "--data", "tiny.csv", "--epochs", "3", "--out", "a", "--sparsity", "0.2..0.55"];
    done(&microglia(folder, &[&run[..], &TINY].concat()));
    let told = microglia(folder, &["inspect", "a", "--sensitivity", "--svg", "losses.svg"]);
    done(&told);
    assert!(stdout(&told).contains("all matrices together"), "{}", stdout(&told));
    assert!(std::fs::read_to_string(folder.join("losses.svg")).unwrap().contains("weight_hh_l0"));
    let found: Value =
        serde_json::from_str(&stdout(&microglia(folder, &["inspect", "a", "--sensitivity", "--json"]))).unwrap();
    let best = summary(&folder.join("a"))["validation"]["scaled"]["mse"].as_f64().unwrap();
    let whole = found["loss"].as_f64().unwrap();
    assert!((whole - best).abs() < 1e-6 * best, "{whole} {best}");
    // The smallest half is 0 already, and not that of 90 %.
    let together: Vec<f64> = found["together"].as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()).collect();
    assert!(together[0] == whole && together[2] != whole, "{together:?} {whole}");
    // One matrix pruned to 90 % by hand, in a file beside the run's data.
    let mut loaded = Loaded::open(&folder.join("a")).unwrap();
    let param = loaded.layout.params.iter().find(|param| param.prunable).unwrap().clone();
    let mut words: Vec<usize> = param.range().collect();
    words.sort_by(|a, b| loaded.params[*a].abs().total_cmp(&loaded.params[*b].abs()));
    words[..words.len() * 9 / 10].iter().for_each(|word| loaded.params[*word] = 0.0);
    loaded.save(&folder.join("hand.safetensors"), false).unwrap();
    let by_hand: Value =
        serde_json::from_str(&stdout(&microglia(folder, &["inspect", "hand.safetensors", "--sensitivity", "--json"])))
            .unwrap();
    assert_eq!(by_hand["loss"], found["matrices"][0]["losses"][2]);
    // Without data, or validation rows of it, there are no losses.
    let none = [&run[..], &TINY, &["--val-size", "0", "--overwrite"]].concat();
    done(&microglia(folder, &none));
    let told = microglia(folder, &["inspect", "a", "--sensitivity"]);
    rejected(folder, &told, &["no validation windows", "--val-size"]);
    let other = String::from_utf8(tiny).unwrap().replacen("2024-01-01,", "2024-01-01,1", 1);
    std::fs::write(folder.join("tiny.csv"), other).unwrap();
    rejected(folder, &microglia(folder, &["inspect", "hand.safetensors", "--sensitivity"]), &["tiny.csv", "changed"]);
    let moved = ["inspect", "hand.safetensors", "--sensitivity", "--train-data", "elsewhere.csv"];
    rejected(folder, &microglia(folder, &moved), &["--train-data", "elsewhere.csv"]);
}
