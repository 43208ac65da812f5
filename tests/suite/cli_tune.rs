//! `microglia tune` as users meet it: files, tables, a search that is killed, and what it rejects.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;

use microglia::program::rng;

use crate::cli::{TINY, code, command, microglia, rejected, stderr, stdout, summary};
use crate::golden::path;

fn args(more: &[&str]) -> Vec<String> {
    let tiny = path("tiny.csv");
    let own = ["tune", "--data", tiny.to_str().unwrap(), "--threads", "1"];
    own.iter().chain(&TINY).chain(more).map(|word| word.to_string()).collect()
}

fn tune(folder: &Path, more: &[&str]) -> Output {
    let all = args(more);
    microglia(folder, &all.iter().map(String::as_str).collect::<Vec<_>>())
}

const SMALL: [&str; 6] = ["--configurations", "24", "--epochs", "18", "--seeds", "2"];

#[test]
fn a_search_ends_with_tables_a_picture_and_a_configuration_that_repeats_it() {
    let place = tempfile::tempdir().unwrap();
    let done = tune(place.path(), &[&SMALL[..], &["--out", "search"]].concat());
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let text = stdout(&done);
    for words in [
        "tried 24 configurations in 1 shape, 2 seeds each: 48 models",
        "search: lr=0.0001..0.01,clip-grad-norm=none|0.5|2,sparsity=",
        "0 (without the search)",
        ", then dropped",
        "the mean over 2 seeds",
        "… and 14 more in tuning.csv",
        "importance: ",
        "share of the variance of the ranks",
        "chosen: configuration ",
        "repeat last",
        "the test rows were scored once, after the choice",
        "microglia train --config search/best.toml",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    let folder = place.path().join("search");
    let csv = std::fs::read_to_string(folder.join("tuning.csv")).unwrap();
    assert_eq!(csv.lines().count(), 25);
    let head = "rank,configuration,lr,clip-grad-norm,sparsity,schedule,trained,steps,validation_loss,validation_loss_1";
    assert!(csv.starts_with(head), "{csv}");
    let svg = std::fs::read_to_string(folder.join("tuning.svg")).unwrap();
    for words in ["lr: explains ", "clip-grad-norm: explains ", "sparsity", "schedule", "chosen", "0.3..0.7"] {
        assert!(svg.contains(words), "no {words:?} in the picture");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    // The weights that were scored, again.
    let again = microglia(place.path(), &["train", "--config", "search/best.toml", "--out", "again"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    let summary = summary(&place.path().join("again"));
    assert_eq!(summary["replicas"].as_array().unwrap().len(), 2);
    let hash = summary["weights_sha256"].as_str().unwrap();
    let chosen = text.lines().find(|line| line.starts_with("weights of chosen")).unwrap();
    assert!(chosen.ends_with(hash), "{chosen}, not {hash}");
    // As JSON, the same.
    let json = tune(place.path(), &[&SMALL[..], &["--out", "json", "--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(value["tried"].as_array().unwrap().len(), 24);
    assert!(value["scored"].as_array().unwrap().iter().any(|one| one["summary"]["weights_sha256"] == hash));
    // A search that is there stays.
    let whole = microglia(place.path(), &["tune", "--resume", "search"]);
    assert!(code(&whole) == 0 && stderr(&whole).contains("the search is finished"), "{}", stderr(&whole));
    rejected(place.path(), &tune(place.path(), &["--out", "search"]), &["holds a run already", "--overwrite"]);
    let other = tune(place.path(), &["--out", "search", "--overwrite", "--configurations", "3", "--epochs", "9"]);
    assert_eq!(code(&other), 0, "{}", stderr(&other));
    assert_eq!(std::fs::read_to_string(folder.join("tuning.csv")).unwrap().lines().count(), 4);
}

#[test]
fn a_killed_search_goes_on_to_the_same_files() {
    let place = tempfile::tempdir().unwrap();
    let more = [
        "--search",
        "lr=1e-4..1e-2,lookback=5|7,batch=4|8",
        "--epochs",
        "90",
        "--checkpoint-every",
        "7",
        "--configurations",
        "12",
    ];
    let started = Instant::now();
    let done = tune(place.path(), &[&more[..], &["--out", "whole"]].concat());
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let whole = started.elapsed();
    let files = |folder: &str| {
        let read = |name: &str| std::fs::read_to_string(place.path().join(folder).join(name)).unwrap();
        ["search.json", "scores.json", "tuning.csv", "best.toml"].map(read)
    };
    let mut resumed = 0;
    for kill in 0..6 {
        let name = format!("killed-{kill}");
        let all = args(&[&more[..], &["--out", &name]].concat());
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let moment = |i| whole.mul_f32(rng::unit(rng::draw(5, rng::site("kill"), kill, i)));
        let mut child = command(place.path(), &all).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(moment(0));
        child.kill().unwrap();
        child.wait().unwrap();
        let begun = place.path().join(&name).join("search.json").exists();
        let go_on = ["tune", "--resume", &name];
        if begun {
            let mut child = command(place.path(), &go_on).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moment(1));
            child.kill().unwrap();
            child.wait().unwrap();
            resumed += 1;
        }
        let done = if begun { microglia(place.path(), &go_on) } else { microglia(place.path(), &all) };
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        assert_eq!(files(&name), files("whole"), "kill {kill}");
        assert!(!place.path().join(&name).join("runs").exists());
    }
    assert!(resumed > 0);
    // A search that was killed while it removed its runs' states removes the rest.
    let halted = ["tune", "--resume", "whole"];
    for left in ["runs/1", "runs/2/checkpoints"] {
        std::fs::create_dir_all(place.path().join("whole").join(left)).unwrap();
    }
    assert_eq!(code(&microglia(place.path(), &halted)), 0);
    assert!(!place.path().join("whole/runs").exists());
    // What differs is named; what changes no bit may differ.
    let with = |more: &[&str]| microglia(place.path(), &[&halted[..], more].concat());
    rejected(place.path(), &with(&["--lr", "0.1"]), &["--lr was unset, here 0.1", "begin a new search"]);
    rejected(place.path(), &with(&["--seeds", "3"]), &["--seeds was 1, here 3"]);
    assert_eq!(code(&with(&["--threads", "2"])), 0);
    rejected(
        place.path(),
        &microglia(place.path(), &["tune", "--resume", "no"]),
        &["no does not exist", "that was begun"],
    );
}

#[test]
fn what_diverges_ranks_last_and_is_counted() {
    let place = tempfile::tempdir().unwrap();
    let more = ["--regularizer", "none", "--epochs", "18", "--out", "search"];
    let done = tune(place.path(), &[&more[..], &["--search", "lr=0.001|0.01|1e30"]].concat());
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let text = stdout(&done);
    assert!(text.contains("1 configuration diverged, and rank last"), "{text}");
    let csv = std::fs::read_to_string(place.path().join("search/tuning.csv")).unwrap();
    let last = csv.lines().last().unwrap();
    assert!(last.starts_with("3,") && last.contains("diverged") && last.ends_with(','), "{csv}");
    // Nothing is left to choose.
    let all = ["--lr", "1e30", "--search", "lr=1e29|1e28", "--regularizer", "none", "--epochs", "9", "--out", "all"];
    let lost = tune(place.path(), &all);
    assert_eq!(code(&lost), 1, "{}", stderr(&lost));
    assert!(stderr(&lost).contains("all 3 configurations diverged"), "{}", stderr(&lost));
}

#[test]
fn a_dry_run_trains_nothing() {
    let place = tempfile::tempdir().unwrap();
    let plan = tune(place.path(), &["--search", "lr=1e-4..1e-2,hidden=4|8", "--epochs", "18", "--dry-run"]);
    assert_eq!(code(&plan), 0, "{}", stderr(&plan));
    let text = stdout(&plan);
    for words in [
        "40 configurations in 3 shapes",
        "hidden 4",
        "hidden 5",
        "10, 30, 90",
        "memory of the largest run",
        "whole trainings",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_searched_is_rejected_before_anything_is_trained() {
    let place = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &[&str]); 22] = [
        (&["--search", "loss=mse|mae"], &["--search", "`loss` cannot be searched", "lookback"]),
        (&["--search", "lr"], &["--search", "NAME=FROM..TO"]),
        (&["--search", "hidden=4|x"], &["--search", "\"x\"", "1 to 1024"]),
        (&["--search", "lr=1..0.1"], &["FROM below TO"]),
        (
            &["--regularizer", "none", "--search", "lr=1e-3..1e-2,sparsity=0.1..0.2|0.3..0.4"],
            &["--sparsity changes nothing", "--regularizer"],
        ),
        (&["--search", "hidden=5"], &["nothing but what is the default"]),
        (&["--configurations", "1"], &["--configurations", "2 to 10000"]),
        (&["--budget", "20"], &["--budget", "fewer than two configurations"]),
        (&["--budget", "5h"], &["--budget", "30min"]),
        (&["--replicas", "3"], &["--replicas", "--seeds"]),
        (&["--model", "ridge"], &["--model", "nothing to tune"]),
        (&["--search", "prune-until=2|99", "--epochs", "9"], &["with prune-until = 99", "9 epochs"]),
        (&["--search", "lookback=7|45"], &["with lookback = 45"]),
        // Whose ends, or values between, the run itself forbids.
        (&["--search", "prune-until=1..100", "--epochs", "9"], &["--search", "holds 100", "9 epochs", "from 1 to 9"]),
        (&["--search", "warmup=1..30", "--epochs", "9"], &["--search", "`warmup=1..30` holds 30"]),
        (&["--search", "lookback=4..400"], &["--search", "holds 400", "no training window"]),
        (
            &["--model", "patchtst", "--patch", "2", "--stride", "1", "--search", "heads=2..8"],
            &["--search", "`heads=2..8` holds", "--d-model"],
        ),
        (
            &["--model", "patchtst", "--patch", "2", "--stride", "1", "--search", "patch=2..50"],
            &["--search", "holds 50", "look-back"],
        ),
        (
            &["--model", "patchtst", "--patch", "2", "--stride", "1", "--search", "d-model=16..40"],
            &["--search", "`d-model=16..40` holds", "--heads"],
        ),
        // What an option needs that changes nothing, and how a text is written.
        (&["--search", "activation=relu|tanh"], &["--activation changes nothing", "or choose --model rnn"]),
        (&["--search", "sparsity=0..2"], &["--search", "\"0..2\" is rejected", "MIN..MAX", "MAX < 1"]),
        (&["--val-size", "0", "--epochs", "9", "--test-size", "9"], &["--val-size", "compared on them"]),
    ];
    for (more, texts) in cases {
        rejected(place.path(), &tune(place.path(), more), texts);
    }
}

/// A range that the run's own values forbid, but those of another option that is searched allow; and when losses are compared.
#[test]
fn a_range_may_lean_on_another_that_is_searched() {
    let place = tempfile::tempdir().unwrap();
    let more = ["--search", "prune-until=3..18,epochs=18|27", "--epochs", "9", "--dry-run", "--configurations", "5"];
    let plan = tune(place.path(), &more);
    assert_eq!(code(&plan), 0, "{}", stderr(&plan));
}

/// The chosen configuration of a probabilistic model is scored as `train` scores it, with its intervals.
#[test]
fn a_search_of_quantiles_ends_with_intervals_and_says_what_importance_rests_on() {
    let place = tempfile::tempdir().unwrap();
    let own = ["--loss", "quantile", "--configurations", "20", "--epochs", "18", "--out", "search"];
    let done = tune(place.path(), &own);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let text = stdout(&done);
    for words in [
        "test, intervals",
        "CRPS",
        "WQL",
        "in 80 %",
        "the loss is taken after 10 of 90 steps, in epoch 2 of 18, when at most 50.0 % of up to 90.0 % of the",
        "--halving off compares whole trainings",
        "when the steps of its row were done",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    let summary = std::fs::read_to_string(place.path().join("search/tuning.json")).unwrap();
    let found: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let again = microglia(place.path(), &["train", "--config", "search/best.toml", "--out", "again"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    let again = crate::cli::summary(&place.path().join("again"));
    let scored = found["scored"].as_array().unwrap();
    let chosen = scored.iter().find(|one| one["summary"]["weights_sha256"] == again["weights_sha256"]).unwrap();
    assert_eq!(chosen["summary"]["test"]["intervals"], again["test"]["intervals"]);
    assert!(again["test"]["intervals"]["crps"].is_number());
}

#[test]
fn no_verb_takes_over_what_another_left() {
    let place = tempfile::tempdir().unwrap();
    let folder = |name: &str, files: &[&str]| {
        std::fs::create_dir(place.path().join(name)).unwrap();
        files.iter().for_each(|file| std::fs::write(place.path().join(name).join(file), "{}").unwrap());
    };
    folder("run", &["summary.json", "config.toml"]);
    folder("search", &["search.json"]);
    folder("study", &["manifest.json", "study.toml"]);
    let data = path("tiny.csv");
    let data = data.to_str().unwrap();
    let train = |out: &str| {
        let verb = ["train", "--data", data, "--out", out, "--overwrite", "--device", "cpu"];
        microglia(place.path(), &verb)
    };
    let experiment =
        |out: &str| microglia(place.path(), &["experiment", "--data", data, "--out", out, "--device", "cpu"]);
    rejected(place.path(), &train("search"), &["--out", "search holds a search, which no run replaces"]);
    rejected(place.path(), &train("study"), &["--out", "study holds a study, which no run replaces"]);
    for (out, held) in [("run", "run holds a run"), ("study", "study holds a study")] {
        let output = tune(place.path(), &["--out", out, "--overwrite"]);
        rejected(place.path(), &output, &["--out", held, "which no search replaces", "choose another --out"]);
    }
    for (out, held) in [("run", "run holds a run"), ("search", "search holds a search")] {
        rejected(place.path(), &experiment(out), &["--out", held, "which no study replaces"]);
    }
    assert_eq!(std::fs::read_dir(place.path().join("run")).unwrap().count(), 2);
    assert_eq!(std::fs::read_dir(place.path().join("search")).unwrap().count(), 1);
}

#[test]
fn options_that_name_a_folder_are_named_where_it_is_none_of_theirs() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("empty")).unwrap();
    for folder in ["none", "empty"] {
        for (verb, help) in [("train", "--resume takes"), ("tune", "--resume takes")] {
            rejected(place.path(), &microglia(place.path(), &[verb, "--resume", folder]), &[folder, help]);
        }
        let report = microglia(place.path(), &["experiment", "--report", folder]);
        for words in [&["forecast", "--checkpoint"][..], &["evaluate", "--checkpoint"], &["inspect"]] {
            let output = microglia(place.path(), &[words, &[folder]].concat());
            let help = "name a run folder, or a file checkpoint.safetensors or model.safetensors";
            rejected(place.path(), &output, &[folder, help]);
            assert!(!stderr(&output).contains("--resume"), "{}", stderr(&output));
        }
        let told =
            |empty: &str| if folder == "none" { "none does not exist".into() } else { format!("{folder} {empty}") };
        rejected(place.path(), &report, &["--report", &told("holds no study")]);
        let merged = microglia(place.path(), &["experiment", "--merge", folder, folder, "--out", "whole"]);
        rejected(place.path(), &merged, &["--merge", &told("holds no study")]);
    }
}
