//! The program as users meet it: what it prints where, what it rejects and how, what it leaves behind.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::golden::{Golden, path};
use crate::gpu_support;

/// Without a linear path, as PyTorch's networks are.
#[rustfmt::skip]
pub(crate) const TINY: [&str; 13] = [
    "--target", "y", "--lookback", "7", "--horizon", "2", "--batch", "8", "--hidden", "5", "--linear-path", "none",
    "--device=cpu",
];

pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_microglia"));
    command.current_dir(folder).args(args);
    command
}

pub(crate) fn microglia(folder: &Path, args: &[&str]) -> Output {
    let output = command(folder, args).output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    output
}

/// `train` on the tiny file.
fn train(folder: &Path, args: &[&str]) -> Output {
    let tiny = path("tiny.csv");
    let mut all = vec!["train", "--data", tiny.to_str().unwrap()];
    all.extend(TINY);
    all.extend(args);
    microglia(folder, &all)
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// Exit 2, nothing on stdout, no run folder, and every text on stderr.
pub(crate) fn rejected(folder: &Path, output: &Output, texts: &[&str]) {
    let stderr = stderr(output);
    assert_eq!(code(output), 2, "{stderr}");
    assert_eq!(stdout(output), "");
    assert!(stderr.contains("error: "), "{stderr}");
    assert!(stderr.matches("(os error").count() < 2, "{stderr}");
    for text in texts {
        assert!(stderr.contains(text), "no {text:?} in:\n{stderr}");
    }
    assert!(!folder.join("runs").exists() || std::fs::read_dir(folder.join("runs")).unwrap().count() == 0);
}

pub(crate) fn summary(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap()
}

#[test]
fn help_goes_to_stdout_and_groups_the_options() {
    let place = tempfile::tempdir().unwrap();
    let help = microglia(place.path(), &["train", "--help"]);
    assert_eq!(code(&help), 0);
    for text in ["\nData:", "\nModel:", "\nTraining:", "\nPruning:", "\nDevice:", "\nOutput:", "leaves one dense"] {
        assert!(stdout(&help).contains(text), "no {text:?}");
    }
    assert!(!stdout(&help).contains("--input-size"), "aliases are hidden");
    let bare = microglia(place.path(), &[]);
    assert_eq!((code(&bare), stdout(&bare).as_str()), (2, ""));
    assert_eq!(code(&microglia(place.path(), &["--version"])), 0);
}

#[test]
fn wrong_flags_are_rejected_with_the_nearest() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let cases: [(&[&str], &[&str]); 17] = [
        (&["--hiden", "3"], &["--hidden"]),
        (&["--batch_size", "3"], &["--batch-size"]),
        (&["--hidden", "0"], &["--hidden", "1 to 1024"]),
        (&["--hidden", "many"], &["--hidden", "1 to 1024"]),
        (&["--threads", "0"], &["--threads", "1 to 1024"]),
        (&["--threads", "99999999999999999999"], &["--threads", "1 to 1024"]),
        (&["--seed", "4294967296"], &["--seed", "0 to 4294967295"]),
        (&["--model", "mamba"], &["rnn, lstm, gru"]),
        (&["--model", "dlinear", "--moving-average", "24"], &["--moving-average", "24 rows", "odd"]),
        (&["--lookback", "0"], &["--lookback", "1 to 1000000000"]),
        (&["--sparsity", "0.9..0.3"], &["error: --sparsity: ", "MIN..MAX", "help:"]),
        (&["--dropout", "1"], &["--dropout"]),
        (&["--lr", "nan"], &["--lr", "above 0"]),
        (&["--regularizer", "pruned"], &["--regularizer", "pruning", "or none"]),
        (&["--epochs", "4", "--prune-until", "9"], &["error: --prune-until: 9", "4 epochs"]),
        (&["--device", "no such card"], &["no such card", "help:"]),
        (&["--split", "0.5,0.5"], &["--split", "help:"]),
    ];
    for (args, texts) in cases {
        let mut all = vec!["train"];
        all.extend(args);
        rejected(folder, &microglia(folder, &all), texts);
    }
}

#[test]
fn wrong_files_are_rejected_by_name() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("text"), "text").unwrap();
    // One line and a help; the device and the weights are looked at before the data.
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--data", "absent.csv"], &["error: absent.csv: ", "\n  help: --data"]),
        (&["--data", "absent.csv", "--init", "absent.safetensors"], &["absent.safetensors: ", "\n  help: --init"]),
        (&["--data", "absent.csv", "--init", "text"], &["text: not a safetensors file", "\n  help: --init"]),
        (&["--data", "absent.csv", "--device", "no such card"], &["no such card"]),
    ];
    for (args, texts) in cases {
        rejected(folder, &microglia(folder, &[&["train"], args].concat()), texts);
    }
    rejected(folder, &microglia(folder, &["train", "--config", "absent.toml"]), &["absent.toml"]);
    let cases = [
        ("hiden = 3", "did you mean `hidden`?"),
        ("hidden = = 3", "not TOML"),
        ("hidden = \"many\"", "`hidden`: \"many\" is rejected\n  help: give a whole number from 1 to 1024"),
        ("sparsity = '1..2'", "`sparsity`: \"1..2\""),
        ("[model]\nhidden = 3", "top level"),
        ("config = 'other.toml'", "one file"),
        ("preset = 'patchtst-etth1'", "--preset"),
    ];
    for (text, wanted) in cases {
        std::fs::write(folder.join("run.toml"), text).unwrap();
        rejected(folder, &microglia(folder, &["train", "--config", "run.toml"]), &["run.toml", wanted]);
    }
    std::fs::write(folder.join("many.csv"), "date,a,b\n2024-01-01,1,2\n2024-01-02,2,3\n").unwrap();
    rejected(folder, &microglia(folder, &["train", "--data", "many.csv"]), &["many.csv", "a", "b", "--target"]);
}

#[test]
fn paths_in_double_quotes_are_rejected_with_what_was_meant() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let rejected = |verb: &str, text: &str, wanted: &[&str]| {
        std::fs::write(folder.join("run.toml"), text).unwrap();
        rejected(folder, &microglia(folder, &[verb, "--config", "run.toml"]), &[&["run.toml: "], wanted].concat());
    };
    let single = r"in single quotes: data = 'C:\new\temp.csv'";
    let escapes = r"in double quotes `\n` is a line break, `\t` is a tab";
    rejected("train", r#"data = "C:\new\temp.csv""#, &[r#"`data`: "C:\new\temp.csv""#, escapes, single]);
    rejected("experiment", "[data.a]\ndata = \"C:\\new\\temp.csv\"", &[escapes, single]);
    rejected("train", r#"init = "C:\new.safetensors""#, &[r"`\n` is a line break", r"init = 'C:\new.safetensors'"]);
    for path in [r"C:\Users\me\a.csv", r"C:\data\a.csv", r"C:\folder\"] {
        let text = format!("lookback = 3\ndata = \"{path}\"\nhorizon = 2\n");
        rejected("train", &text, &["not TOML", "write a path in single quotes"]);
        let text = format!("[data.a]\ndata = \"{path}\"\n");
        rejected("experiment", &text, &["not TOML", "write a path in single quotes"]);
    }
    // As it should be written: the file is looked for.
    std::fs::write(folder.join("run.toml"), r"data = 'C:\new\temp.csv'").unwrap();
    let told = microglia(folder, &["train", "--config", "run.toml"]);
    assert!(stderr(&told).contains("--data takes a data file"), "{}", stderr(&told));
}

#[test]
fn a_run_prints_tables_writes_its_folder_and_repeats_from_its_config() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let output = train(folder, &["--covariates", "x", "--epochs", "3", "--out", "first"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for text in [
        "MASE",
        "scaled MSE",
        "repeat last",
        "seasonal naive",
        "ridge",
        "sparsity",
        "gate f",
        "windows/s",
        "cpu engine",
    ] {
        assert!(stdout(&output).contains(text), "no {text:?} in {}", stdout(&output));
    }
    assert!(stdout(&output).ends_with("run folder: first\n"));
    assert!(stderr(&output).contains("epoch 3/3"));

    let first = summary(&folder.join("first"));
    for path in [
        "/test/mae",
        "/test/mse",
        "/test/rmse",
        "/test/mase",
        "/test/scaled/mse",
        "/baselines/repeat_last/mae",
        "/baselines/seasonal_naive/scaled/mse",
        "/baselines/ridge/mae",
        "/sparsity/overall",
        "/replicas/0/test/mae",
    ] {
        assert!(first.pointer(path).is_some_and(Value::is_number), "no number at {path}");
    }
    assert_eq!(first["engine"], "cpu");
    for file in
        ["config.toml", "metrics.csv", "model.safetensors", "checkpoint.safetensors", "forecast.svg", "training.svg"]
    {
        assert!(folder.join("first").join(file).metadata().unwrap().len() > 0, "{file}");
    }
    assert_eq!(std::fs::read_to_string(folder.join("first/metrics.csv")).unwrap().lines().count(), 4);

    // A linear map forecasts these rows better, and the command that the last lines give makes it.
    let told = stdout(&output);
    let (_, command) = told.lines().find_map(|line| line.split_once("in a moment: microglia ")).unwrap();
    let linear = microglia(folder, &command.split(' ').collect::<Vec<_>>());
    assert_eq!(code(&linear), 0, "{}", stderr(&linear));
    assert!(!stdout(&linear).contains("does worse than the ridge"), "{}", stdout(&linear));
    let ridge = summary(&folder.join("first-ridge"));
    let validation = |summary: &Value| summary.pointer("/validation/scaled/mse").unwrap().as_f64().unwrap();
    assert_eq!(ridge["model"]["kind"], "ridge");
    assert!(validation(&ridge) <= validation(&first) + 1e-9, "{} {}", validation(&ridge), validation(&first));

    // The same run again: rejected in its folder, equal elsewhere.
    let again = ["train", "--config", "first/config.toml", "--out", "first"];
    let rejection = microglia(folder, &again);
    assert_eq!(code(&rejection), 2);
    assert!(stderr(&rejection).contains("--overwrite"));
    let mut overwrite = again.to_vec();
    overwrite.extend(["--overwrite", "--json"]);
    let second = microglia(folder, &overwrite);
    let printed: Value = serde_json::from_str(&stdout(&second)).unwrap();
    assert_eq!(printed["weights_sha256"], first["weights_sha256"]);
    assert_eq!(summary(&folder.join("first"))["weights_sha256"], first["weights_sha256"]);
}

#[test]
fn results_that_cannot_be_written_are_printed_all_the_same() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    // A folder in the way of a file, which no trial of writing finds.
    std::fs::create_dir_all(folder.join("o/training.svg/full")).unwrap();
    let output = train(folder, &["--epochs", "1", "--out", "o"]);
    assert_eq!(code(&output), 2);
    assert!(stdout(&output).contains("scaled MSE") && !stdout(&output).contains("run folder"), "{}", stdout(&output));
    assert!(stderr(&output).contains("training.svg: ") && stderr(&output).contains("--out"), "{}", stderr(&output));
    let left = std::fs::read_dir(folder.join("o")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().ends_with("partial")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_nobody_can_write_to_is_rejected_before_training() {
    let place = tempfile::tempdir().unwrap();
    rejected(place.path(), &train(place.path(), &["--out", "/proc"]), &["--out: /proc: ", "help: name a folder"]);
}

#[test]
fn a_rejected_run_leaves_the_user_s_own_folder() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("own")).unwrap();
    for out in ["own", "own/a/b"] {
        let output = microglia(place.path(), &["train", "--data", "absent.csv", "--out", out]);
        rejected(place.path(), &output, &["absent.csv"]);
        assert_eq!(std::fs::read_dir(place.path().join("own")).unwrap().count(), 0);
    }
}

#[test]
fn fewer_replicas_leave_nothing_of_more() {
    let place = tempfile::tempdir().unwrap();
    for replicas in ["2", "1"] {
        let output = train(place.path(), &["--epochs", "1", "--replicas", replicas, "--out", "o", "--overwrite"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let folders = ["replica-0", "replica-1"].map(|name| place.path().join("o").join(name).exists());
        assert_eq!(folders, [replicas == "2"; 2]);
    }
}

#[test]
fn without_a_name_runs_get_folders_of_their_own() {
    let place = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        assert_eq!(code(&train(place.path(), &["--epochs", "1", "--model", "rnn"])), 0);
    }
    let names: Vec<String> = std::fs::read_dir(place.path().join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name.contains("-rnn")), "{names:?}");
}

#[test]
fn flags_go_over_the_file_and_aliases_work() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("run.toml"), "max-epochs = 9\nlr = 0.5\nbatch-size = 4\n").unwrap();
    let output = train(place.path(), &["--config", "run.toml", "--max-epochs", "2", "--out", "o"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let config: toml::Table = std::fs::read_to_string(place.path().join("o/config.toml")).unwrap().parse().unwrap();
    let number = |key: &str| config[key].as_integer();
    assert_eq!((number("epochs"), number("batch"), config["lr"].as_float()), (Some(2), Some(8), Some(0.5)));
}

#[test]
fn replicas_lie_in_their_own_folders_and_equal_lone_runs() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let all = train(folder, &["--epochs", "3", "--replicas", "3", "--seed", "7", "--out", "all"]);
    assert_eq!(code(&all), 0, "{}", stderr(&all));
    assert!(stdout(&all).contains(" ± ") && stdout(&all).contains("best on validation"));
    assert_eq!(code(&train(folder, &["--epochs", "3", "--seed", "8", "--out", "lone"])), 0);
    let (all, lone) = (summary(&folder.join("all")), summary(&folder.join("lone")));
    assert_eq!(all["replicas"][1]["weights_sha256"], lone["weights_sha256"]);
    let weights = |place: &str| std::fs::read(folder.join(place).join("model.safetensors")).unwrap();
    assert_eq!(weights(&format!("all/replica-{}", all["replica"])), weights_of(&folder.join("all"), &all));
    // A replica's folder holds what a lone run's does.
    let names = |place: &str| {
        let entries = std::fs::read_dir(folder.join(place)).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.path().is_file());
        files.map(|entry| entry.file_name().into_string().unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((names("all"), names("all/replica-1")), (names("lone"), names("lone")));
    let mut own = summary(&folder.join("all/replica-1"));
    let mut lone = lone;
    assert!(lone["threads"].as_u64().is_some_and(|threads| threads > 0));
    for differs in ["seconds", "windows_per_second"] {
        assert!(own[differs].take().is_number() && lone[differs].take().is_number());
    }
    assert_eq!(own, lone);
    let picture = |place: &str| std::fs::read(folder.join(place).join("forecast.svg")).unwrap();
    assert_eq!(picture("all/replica-1"), picture("lone"));
    // The replica's own configuration is the lone run's.
    let again = microglia(folder, &["train", "--config", "all/replica-1/config.toml", "--out", "again"]);
    assert_eq!(code(&again), 0);
    assert_eq!(summary(&folder.join("again"))["weights_sha256"], lone["weights_sha256"]);
}

/// The top folder's model file, whose header differs from the replica's in the configuration alone.
fn weights_of(folder: &Path, summary: &Value) -> Vec<u8> {
    let top = std::fs::read(folder.join("model.safetensors")).unwrap();
    let own = std::fs::read(folder.join(format!("replica-{}/model.safetensors", summary["replica"]))).unwrap();
    let data = |bytes: &[u8]| bytes[8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize..].to_vec();
    assert_eq!(data(&top), data(&own));
    own
}

#[test]
fn twenty_steps_are_pytorch_s() {
    let place = tempfile::tempdir().unwrap();
    let init = path("run_lstm.init.safetensors");
    let common = [
        "--covariates",
        "x",
        "--calendar",
        "off",
        "--instance-norm",
        "none",
        "--epochs",
        "4",
        "--lr",
        "0.01",
        "--no-shuffle",
        "--max-steps",
        "20",
        "--init",
        init.to_str().unwrap(),
        "--overwrite",
        "--out",
        "o",
    ];
    let pruned = ["--sparsity", "0.2..0.6", "--warmup", "2", "--prune-every", "7", "--prune-until", "4"];
    let golden = Golden::read("run_lstm");
    for (way, more) in [("plain", &["--regularizer", "none"][..]), ("pruned", &pruned[..])] {
        let output = train(place.path(), &[&common[..], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).contains("\nstopped by --max-steps after 20 steps, in epoch "), "{}", stdout(&output));
        let bytes = std::fs::read(place.path().join("o/model.safetensors")).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(tensors.len(), 6);
        for (name, view) in tensors.iter() {
            let values: Vec<f32> =
                view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            golden.close(&format!("{way}.after.{name}"), &values, 1e-5, 0.0);
        }
    }
}

#[test]
fn divergence_is_named_and_exits_1() {
    let place = tempfile::tempdir().unwrap();
    let output = train(place.path(), &["--lr", "1e38", "--epochs", "2", "--out", "o"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("step"), "{}", stderr(&output));
    assert!(stdout(&output).contains("\ndiverged after "), "{}", stdout(&output));
    assert_eq!(summary(&place.path().join("o"))["status"], "diverged");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    let mut child =
        command(place.path(), &["train", "--help"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!((child.wait().unwrap().code(), text.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_writes_what_there_is_and_exits_130() {
    use std::io::{BufRead, BufReader};
    let place = tempfile::tempdir().unwrap();
    let tiny = path("tiny.csv");
    let mut args =
        vec!["train", "--data", tiny.to_str().unwrap(), "--epochs", "1000000", "--patience", "0", "--out", "o"];
    args.extend(TINY);
    let mut child = command(place.path(), &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("epoch")));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = lines.map(|line| line.unwrap()).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{rest:?}");
    assert!(stdout(&output).contains("\ninterrupted after "), "{}", stdout(&output));
    assert_eq!(summary(&place.path().join("o"))["status"], "interrupted");
    assert!(place.path().join("o/checkpoint.safetensors").exists());
}

#[test]
fn devices_lists_adapters_and_what_auto_takes() {
    let place = tempfile::tempdir().unwrap();
    let text = microglia(place.path(), &["devices"]);
    assert_eq!(code(&text), 0);
    assert!(stdout(&text).contains("--device auto takes"));
    let json: Value = serde_json::from_str(&stdout(&microglia(place.path(), &["devices", "--json"]))).unwrap();
    assert!(json["adapters"].is_array() && json["auto"]["engine"].is_string());
}

#[test]
fn compare_needs_another_engine_than_the_cpu_s() {
    let place = tempfile::tempdir().unwrap();
    rejected(place.path(), &microglia(place.path(), &["compare", "--device", "cpu"]), &["CPU engine", "--device"]);
}

#[test]
fn compare_names_the_device_and_every_op() {
    let Some(gpu) = gpu_support::gpu() else { return };
    let place = tempfile::tempdir().unwrap();
    let name = gpu.summary().name.clone();
    let output = microglia(place.path(), &["compare", "--steps", "2", "--device", &name]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    for text in ["lstm_backward", "prune", "tolerance", "2 steps on their own", "cases agree on", &name] {
        assert!(stdout(&output).contains(text), "no {text:?}");
    }
}
