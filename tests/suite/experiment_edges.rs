//! Studies at their edges: models that diverge, methods by what they do, damaged folders, rejections.

use std::path::Path;

use serde_json::Value;

use crate::experiment::{code, done, experiment, rows, text, tiny};
use crate::golden::path;

/// One small cell, but for the methods and more.
fn cell(folder: &Path, args: &[&str]) -> std::process::Output {
    let one = ["--models", "lstm", "--lookbacks", "3", "--instance-norm", "none"];
    tiny(folder, &[&one[..], args].concat())
}

fn analysis(folder: &Path, out: &str) -> Value {
    let json = experiment(folder, &["--report", out, "--json"]);
    done(&json);
    serde_json::from_slice::<Value>(&json.stdout).unwrap()["analysis"].clone()
}

fn read(file: impl AsRef<Path>) -> String {
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_diverged_model_is_a_row_and_ranks_last() {
    let place = tempfile::tempdir().unwrap();
    done(&cell(place.path(), &["--out", "a", "--methods", "none:lr=1e30,pruning", "--origins", "2"]));
    let all = rows(&place.path().join("a"));
    assert_eq!(all.len(), 8);
    assert_eq!(all.values().filter(|row| row.last().unwrap().starts_with("diverged")).count(), 4);
    let found = analysis(place.path(), "a");
    let arm = &found["arms"][0];
    assert_eq!(arm["tests"][0]["friedman"]["mean_ranks"], serde_json::json!([2.0, 1.0]));
    assert_eq!(arm["tests"][0]["versus"][0]["rival_diverged"], 2);
    let verdict = &arm["verdicts"][0];
    assert_eq!((&verdict["word"], &verdict["interval"]), (&Value::from("undecided"), &Value::Null));
    assert_eq!(verdict["reason"], "of 4 pairs, pruning diverged in 0 and none in 4");
    for name in ["a/report.md", "a/report.html"] {
        let text = read(place.path().join(name));
        assert!(text.contains("diverged (2 of 2)") && !text.contains("NaN") && !text.contains("inf %"), "{name}");
    }
}

#[test]
fn a_study_of_lost_cells_says_nothing_and_fails_again_when_run_again() {
    let place = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = cell(place.path(), &["--out", "b", "--lr", "1e30", "--methods", "none,pruning"]);
        assert_eq!(code(&output), 1, "{}", text(&output.stderr));
        let told = text(&output.stdout);
        assert!(told.contains("pruning against none is undecided"), "{told}");
        assert!(!told.contains("equal") && !told.contains("NaN") && told.contains("both diverged in 1"), "{told}");
        assert!(text(&output.stderr).contains("no model of these cells stayed finite: tiny-lstm"));
    }
    assert_eq!(analysis(place.path(), "b")["failed_cells"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_method_does_makes_it_the_subject() {
    let place = tempfile::tempdir().unwrap();
    let methods = "none,dropout:as=pruning-not,dropout+pruning,pruning:as=sparse,one-shot,random-pruning";
    done(&cell(place.path(), &["--out", "a", "--methods", methods]));
    let found = analysis(place.path(), "a");
    assert_eq!(found["subjects"], serde_json::json!([2, 3]));
    let pairs: Vec<(&str, &str)> = found["arms"][0]["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["subject"].as_str().unwrap(), one["rival"].as_str().unwrap()))
        .collect();
    let rivals = ["none", "pruning-not", "one-shot", "random-pruning"];
    let expected: Vec<_> = ["dropout+pruning", "sparse"].iter().flat_map(|s| rivals.map(|r| (*s, r))).collect();
    assert_eq!(pairs, expected);
    // Baselines stand beside the rivals, in words of their own.
    let baselines = found["arms"][0]["baselines"].as_array().unwrap();
    assert_eq!(baselines.len(), 2 * 3);
    let loses = |one: &&Value| one["rival"] == "seasonal naive" && one["word"] == "loses to it";
    assert_eq!(baselines.iter().filter(loses).count(), 2);
}

#[test]
fn rows_that_are_not_the_studys_are_rejected_by_line() {
    let place = tempfile::tempdir().unwrap();
    done(&cell(place.path(), &["--out", "a", "--methods", "none,pruning"]));
    let file = place.path().join("a/results.csv");
    let sound = read(&file);
    let third: Vec<&str> = sound.lines().nth(2).unwrap().split(',').collect();
    let turned = |at: usize, to: &str| {
        let fields: Vec<&str> = third.iter().enumerate().map(|(i, field)| if i == at { to } else { field }).collect();
        sound.replacen(&third.join(","), &fields.join(","), 1)
    };
    for (text_of, words) in [
        (turned(0, "0123456789abcdef"), "study_hash is 0123456789abcdef"),
        (turned(1, "abc"), "data_fingerprint of `tiny` is abc"),
        (turned(5, "9"), "no cell tiny-lstm-none-l9"),
        (turned(10, "l2"), "no `l2` of seed"),
        (turned(12, "77"), "of seed 77"),
        (turned(12, "1"), "again"),
    ] {
        std::fs::write(&file, text_of).unwrap();
        for output in [
            cell(place.path(), &["--out", "a", "--methods", "none,pruning"]),
            experiment(place.path(), &["--report", "a"]),
        ] {
            assert_eq!(code(&output), 2, "{words}");
            let told = text(&output.stderr);
            assert!(told.contains(words) && told.contains("results.csv:3"), "no {words:?} in {told}");
        }
    }
}

#[test]
fn what_is_lost_is_done_anew_in_its_place() {
    let place = tempfile::tempdir().unwrap();
    let run = || tiny(place.path(), &["--out", "a", "--methods", "none,pruning", "--models", "rnn"]);
    done(&tiny(place.path(), &["--out", "a", "--methods", "none,pruning", "--models", "rnn", "--origins", "1"]));
    let (file, order) = (place.path().join("a/results.csv"), |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(',').skip(2).take(12).collect()).collect()
    });
    let first = read(&file);
    let extras = place.path().join("a/cells/tiny-rnn-last-l3-w5-all-o1.json");
    let whole = read(&extras);
    std::fs::remove_file(&extras).unwrap();
    let report = experiment(place.path(), &["--report", "a"]);
    assert_eq!(code(&report), 2);
    assert!(text(&report.stderr).contains("run the study again"), "{}", text(&report.stderr));
    // Its file torn comes to the same; the first cell is redone, and stands first.
    for damage in [None, Some(&whole[..whole.len() / 2])] {
        if let Some(text) = damage {
            std::fs::write(&extras, text).unwrap();
        }
        let output = run();
        done(&output);
        assert!(text(&output.stderr).contains("1 of 2 cells are done already"), "{}", text(&output.stderr));
        assert_eq!(order(&read(&file)), order(&first));
        assert_eq!(read(&extras).len(), whole.len());
    }
    // A torn manifest is told, and what to do helps.
    let manifest = place.path().join("a/manifest.json");
    std::fs::write(&manifest, "{").unwrap();
    let torn = run();
    assert_eq!(code(&torn), 2);
    assert!(text(&torn.stderr).contains("remove this one file"), "{}", text(&torn.stderr));
    std::fs::remove_file(&manifest).unwrap();
    let saving = ["--out", "a", "--methods", "none,pruning", "--models", "rnn", "--save-predictions"];
    let again = tiny(place.path(), &saving);
    done(&again);
    let told = text(&again.stderr);
    assert!(told.contains("all cells are done already") && told.contains("forecasts of 2 cells"), "{told}");
}

#[test]
fn files_are_found_from_the_configuration_that_names_them() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("in")).unwrap();
    std::fs::copy(path("tiny.csv"), place.path().join("in/mine.csv")).unwrap();
    let study =
        "models = ['rnn']\nlookbacks = [3]\nhidden = [3]\nmethods = ['none']\nseeds = [1]\nepochs = 1\nhorizon = 1
                 [data.mine]\ndata = 'mine.csv'\ntarget = 'y'\n";
    std::fs::write(place.path().join("in/study.toml"), study).unwrap();
    done(&experiment(place.path(), &["--config", "in/study.toml", "--device", "cpu", "--out", "a"]));
    std::fs::write(place.path().join("in/run.toml"), "data = 'mine.csv'\ntarget = 'y'\nlookback = 3\nepochs = 1\n")
        .unwrap();
    let mut train = std::process::Command::new(env!("CARGO_BIN_EXE_microglia"));
    let train = train.current_dir(place.path()).args(["train", "--config", "in/run.toml", "--device=cpu", "--out=b"]);
    done(&train.output().unwrap());
}

#[test]
fn wrong_words_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let long = format!("{}={}", "x".repeat(65), path("tiny.csv").display());
    let twice = format!("tiny={}", path("tiny.csv").display());
    for (args, words) in [
        (&["--methods", "none,prunning"][..], "prunning"),
        (&["--methods", "dropout:q=1"], "unknown key `q`"),
        (
            &["--methods", "one-shot:schedule=linear"],
            "`schedule` would change nothing; one-shot takes lr, sparsity, warmup",
        ),
        (&["--methods", "none:p=0.3"], "`p` would change nothing; none takes lr, as"),
        (&["--methods", "pruning:p=0.1"], "`p` would change nothing"),
        (&["--methods", "pruning:schedule=constant:until=3"], "`until` would change nothing"),
        (&["--methods", "dropout:as=<b>"], "cannot name a method"),
        (&["--methods", "dropout:as=x,l2:as=x"], "`x` names two kinds"),
        (&["--methods", "pruning:sparsity=0.9..0.1"], "out of range"),
        (&["--shard", "3/2"], "3/2"),
        (&["--set", "tiny.targets=y"], "--set tiny.targets: unknown key"),
        (&["--set", "tiny.lookback=5"], "the grid's own"),
        (&["--set", "tiny.impute=never"], "--set tiny.impute"),
        (&["--set", "tiny.target=absent"], "absent"),
        (&["--set", "none.target=y"], "no data set `none`"),
        (&["--data", &twice], "`tiny` is named twice"),
        (&["--data", &long], "cannot name a data set"),
        (&["--data", "a/b=x.csv"], "\"a/b\" cannot name a data set"),
        (&["--train-rows", "100000"], "train-rows"),
        (&["--seeds", "1,1"], "twice"),
        (&["--seeds", "all"], "give whole numbers from 0 to"),
        (&["--hidden", "0"], "give whole numbers from 1 to"),
        (&["--instance-norm", "foo"], "one or more of none, last, mean-std"),
        (&["--models", "mamba"], "'--models <LIST>': give one or more of rnn"),
        (&["--set", "tiny.h=5"], "the grid's own"),
        (&["--preset", "big"], "quick paper sparsity"),
    ] {
        let output = tiny(place.path(), args);
        assert_eq!(code(&output), 2, "{args:?}");
        let told = text(&output.stderr);
        assert!(told.contains(words), "{args:?}: no {words:?} in {told}");
        assert!(!told.contains("--study") && !told.contains("--regularizer"), "{told}");
    }
    let paper = experiment(place.path(), &["--preset", "paper"]);
    assert_eq!(code(&paper), 2);
    for word in ["AirQualityUCI.csv", "bitcoin", "energydata_complete.csv", "pm2.5"] {
        assert!(text(&paper.stderr).contains(word), "{word}");
    }
    let embedded = experiment(place.path(), &["--set", "weather.target=absent", "--dry-run"]);
    assert!(text(&embedded.stderr).contains("absent"), "{}", text(&embedded.stderr));
}

#[test]
fn wrong_configurations_are_rejected_and_nothing_is_written_outside() {
    let place = tempfile::tempdir().unwrap();
    let file = path("tiny.csv");
    for (study, words) in [
        ("[data.\"../../escaped\"]\ndata = 'FILE'\ntarget = 'y'\n", "cannot name a data set"),
        ("[data.A]\ndata = 'FILE'\n[data.a]\ndata = 'FILE'\n", "letter case"),
        ("lookbacks = 'x'\n", "study.toml: `lookbacks`: \"x\" is rejected"),
        ("lookback = [3]\n", "study.toml: `lookback`: unknown key"),
        ("preset = 'paper'\n", "`preset`: unknown key"),
        ("data = 5\n", "`data` is no table"),
        ("[data]\nx = 5\n", "`data.x` is no table"),
        ("[data.x]\nseason = 'weekly'\n", "`data.x.season`: \"weekly\" is rejected"),
    ] {
        let study = study.replace("FILE", &file.display().to_string());
        std::fs::write(place.path().join("study.toml"), study).unwrap();
        let output = experiment(place.path(), &["--config", "study.toml", "--out", "a", "--device=cpu"]);
        assert_eq!(code(&output), 2, "{words}");
        let told = text(&output.stderr).replace('\n', " ");
        assert!(told.contains(words), "no {words:?} in {told}");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
