//! Names that are no files, files that are somebody else's, and values of megabytes: nothing is waited for, taken away or written
//! through, and messages stay short.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::cli::{TINY, code, command, microglia, rejected, stderr};
use crate::golden::path;

/// A program that must end: what it said.
fn ended(folder: &Path, args: &[&str]) -> std::process::Output {
    let mut run = command(folder, args);
    let mut child = run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("{args:?} did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    output
}

/// `train` on the tiny file.
fn train<'a>(tiny: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--data", tiny, "--epochs", "1", "--threads", "1"][..], &TINY, more].concat()
}

/// `experiment` of one small cell.
fn study<'a>(data: &'a str, out: &'a str) -> Vec<&'a str> {
    let grid = ["--lookbacks", "7", "--horizon", "2", "--models", "rnn", "--hidden", "3", "--methods", "none"];
    let rest = ["--seeds", "1", "--epochs", "1", "--device", "cpu", "--out", out];
    [&["experiment", "--data", data, "--set", "tiny.target=y"][..], &grid, &rest].concat()
}

#[cfg(unix)]
#[test]
fn no_pipe_or_device_is_taken_away_or_waited_for() {
    use std::os::unix::fs::FileTypeExt;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let tiny = path("tiny.csv");
    let tiny = tiny.to_str().unwrap();
    assert_eq!(code(&microglia(folder, &train(tiny, &["--out", "run"]))), 0);
    for name in ["pipe", "pipe.csv"] {
        assert!(std::process::Command::new("mkfifo").arg(folder.join(name)).status().unwrap().success());
    }
    let profile = ["profile", "--data", tiny, "--target", "y", "--device", "cpu", "--steps", "2", "--overwrite"];
    for args in [
        &["inspect", "run", "--svg", "pipe", "--overwrite"][..],
        &["export", "run", "--out", "pipe", "--overwrite"],
        &["forecast", "--checkpoint", "run", "--levels", "none", "--out", "pipe.csv", "--overwrite"],
        &["evaluate", "--checkpoint", "run", "--levels", "none", "--predictions", "pipe", "--overwrite"],
        &["evaluate", "--checkpoint", "run", "--levels", "none", "--table", "pipe", "--overwrite"],
        &[&profile[..], &["--trace", "pipe"]].concat(),
        &[&profile[..], &["--svg", "pipe"]].concat(),
    ] {
        rejected(folder, &ended(folder, args), &["pipe", "is a device or a pipe", "help: "]);
    }
    assert!(microglia::files::replace(&folder.join("pipe"), b"new").is_err());
    for name in ["pipe", "pipe.csv"] {
        assert!(std::fs::symlink_metadata(folder.join(name)).unwrap().file_type().is_fifo(), "{name} was replaced");
    }
    for args in [
        &["inspect", "pipe"][..],
        &["export", "pipe", "--out", "x"],
        &["forecast", "--checkpoint", "pipe"],
        &["evaluate", "--checkpoint", "pipe"],
        &["train", "--init", "pipe"],
    ] {
        rejected(folder, &ended(folder, args), &["pipe: a device or a pipe, not a file", "help: "]);
    }
}

#[test]
fn profile_replaces_no_file_unasked() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let tiny = path("tiny.csv");
    let profile = ["profile", "--data", tiny.to_str().unwrap(), "--target", "y", "--device", "cpu", "--steps", "2"];
    for option in ["--trace", "--svg"] {
        std::fs::write(folder.join("mine"), "mine").unwrap();
        let args = [&profile[..], &[option, "mine"]].concat();
        rejected(folder, &microglia(folder, &args), &["mine: is there already", "--overwrite"]);
        assert_eq!(std::fs::read(folder.join("mine")).unwrap(), b"mine");
        let output = microglia(folder, &[&args[..], &["--overwrite"]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_ne!(std::fs::read(folder.join("mine")).unwrap(), b"mine");
    }
}

/// A folder may come from anybody, and so may what its lock is.
#[cfg(unix)]
#[test]
fn a_lock_is_no_way_to_another_file() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let tiny = path("tiny.csv");
    let data = format!("tiny={}", tiny.display());
    let (precious, lock) = (folder.join("precious"), folder.join("out/checkpoints/.lock"));
    std::fs::write(&precious, "precious").unwrap();
    std::fs::create_dir_all(folder.join("out/checkpoints")).unwrap();
    for (args, lock) in
        [(train(tiny.to_str().unwrap(), &["--out", "out"]), &lock), (study(&data, "out"), &folder.join("out/.lock"))]
    {
        std::os::unix::fs::symlink(&precious, lock).unwrap();
        rejected(folder, &ended(folder, &args), &[".lock is a link", "help: "]);
        assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
        std::fs::remove_file(lock).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(lock).status().unwrap().success());
        rejected(folder, &ended(folder, &args), &["a device or a pipe, not a file", "help: "]);
    }
}

#[test]
fn a_study_replaces_no_file_of_another_s() {
    let tiny = path("tiny.csv");
    let data = format!("tiny={}", tiny.display());
    for name in ["results.csv", "report.html", "report.md", "study.toml"] {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        std::fs::create_dir(&out).unwrap();
        // A study of its own kind in study.toml, in the others no line of one.
        std::fs::write(out.join(name), "horizon = 3").unwrap();
        let output = microglia(place.path(), &study(&data, "out"));
        rejected(place.path(), &output, &[name, "is there already, and is not of this study", "help: "]);
        assert_eq!(std::fs::read(out.join(name)).unwrap(), b"horizon = 3");
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1, "{name}: something was written");
    }
    // The study's own files without its manifest are gone on with.
    let place = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = microglia(place.path(), &study(&data, "out"));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        std::fs::remove_file(place.path().join("out/manifest.json")).unwrap();
    }
}

#[test]
fn grids_without_an_end_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let seeds: Vec<String> = (0..20_000).map(|seed: u32| seed.to_string()).collect();
    for (text, told) in [
        ("origins = 99999999999", "`origins`: 99999999999 is rejected"),
        (
            "origins = 1000\nlookbacks = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26]\nhidden = [1,2]",
            "1000 of 104000 cells",
        ),
        (&format!("seeds = [{}]", seeds.join(",")), "--seeds: 20000 are listed"),
    ] {
        std::fs::write(place.path().join("s.toml"), text).unwrap();
        let output = ended(place.path(), &["experiment", "--config", "s.toml", "--dry-run"]);
        rejected(place.path(), &output, &[told, "help: "]);
    }
}

#[test]
fn values_of_megabytes_are_told_by_their_beginning() {
    let place = tempfile::tempdir().unwrap();
    let long = "a".repeat(5_000_000);
    for text in [format!("target = \"{long}\""), format!("target = \"{long}"), format!("{long} = 1")] {
        std::fs::write(place.path().join("c.toml"), text).unwrap();
        let output = ended(place.path(), &["train", "--config", "c.toml"]);
        rejected(place.path(), &output, &["aaa… of ", " bytes", "help: "]);
        assert!(output.stderr.len() < 20_000, "a message of {} bytes", output.stderr.len());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_takes_nothing_is_named() {
    let place = tempfile::tempdir().unwrap();
    for args in [&["train", "--help"][..], &["train", "--preset", "list"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command(place.path(), args).stdout(full).output().unwrap();
        rejected(place.path(), &output, &["error: stdout: No space left", "help: "]);
    }
}

#[test]
fn what_is_read_is_not_written_over() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::copy(path("tiny.csv"), folder.join("tiny.csv")).unwrap();
    std::fs::copy(path("tiny.csv"), folder.join("new.csv")).unwrap();
    assert_eq!(code(&microglia(folder, &train("tiny.csv", &["--out", "run"]))), 0);
    let files = ["tiny.csv", "new.csv", "run/checkpoint.safetensors", "run/model.safetensors", "run/config.toml"];
    let files = files.map(|name| folder.join(name));
    let before = files.clone().map(|file| std::fs::read(file).unwrap());
    let model = ["--checkpoint", "run", "--data", "new.csv", "--levels", "none", "--overwrite"];
    for (verb, option, file) in [
        ("forecast", "--out", "tiny.csv"),
        ("forecast", "--out", "./run/../new.csv"),
        ("evaluate", "--table", "tiny.csv"),
        ("evaluate", "--predictions", "new.csv"),
        ("evaluate", "--predictions", "run/checkpoint.safetensors"),
        ("evaluate", "--predictions", "run/model.safetensors"),
        ("evaluate", "--table", "run/config.toml"),
        ("forecast", "--out", "run/scores.csv"),
    ] {
        let output = microglia(folder, &[&[verb][..], &model, &[option, file]].concat());
        rejected(folder, &output, &[file, "is a file that is read", "help: "]);
    }
    assert!(before == files.map(|file| std::fs::read(file).unwrap()));
    let twice = ["evaluate", "--checkpoint", "run", "--table", "z.csv", "--predictions", "./z.csv"];
    rejected(folder, &microglia(folder, &twice), &["another option names the same file"]);
}

/// Of every verb, in the folder that it writes, through links and beside what is named.
#[test]
fn no_verb_writes_over_what_it_reads() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let data = std::fs::read_to_string(path("tiny.csv")).unwrap();
    let days = "2031-12-25\n2031-12-26\n";
    for inner in ["k", "k/checkpoints", "k/replica-1", "search", "study/predictions"] {
        std::fs::create_dir_all(folder.join(inner)).unwrap();
    }
    for name in ["hol.csv", "hol.svg", "plan.csv", "k/metrics.csv"] {
        std::fs::write(folder.join(name), days).unwrap();
    }
    let own =
        ["scores.csv", "config.toml", "left_out.csv", "a.7.partial", "checkpoints/finished", "replica-1/scores.csv"];
    let of_run = own.map(|name| format!("k/{name}"));
    let of_search = ["search/tuning.csv", "search/best.toml"];
    let of_study = ["study/results.csv", "study/analysis-plan.md", "study/predictions/x.csv"];
    let more = ["tiny.csv", "k/config.csv"];
    let tables: Vec<&str> = of_run.iter().map(String::as_str).chain(of_search).chain(of_study).chain(more).collect();
    tables.iter().for_each(|name| std::fs::write(folder.join(name), &data).unwrap());
    std::fs::write(folder.join("k/summary.json"), "data = 'tiny.csv'\n").unwrap();
    assert_eq!(code(&microglia(folder, &train("tiny.csv", &["--out", "run"]))), 0);
    std::fs::copy(folder.join("run/model.safetensors"), folder.join("k/model.safetensors")).unwrap();
    let contents = || -> Vec<_> {
        let files = ["hol.csv", "hol.svg", "plan.csv", "k/metrics.csv", "k/summary.json", "k/model.safetensors"];
        files.iter().chain(&tables).map(|name| std::fs::read(folder.join(name)).unwrap()).collect()
    };
    let before = contents();
    let refused = |args: &[&str], words: &[&str]| {
        let output = ended(folder, &[args, &["--overwrite"]].concat());
        rejected(folder, &output, &[words, &["is a file that is read", "help: "]].concat());
    };
    let model = ["--checkpoint", "run", "--levels", "none"];
    refused(
        &[&["forecast"][..], &model, &["--holidays", "hol.csv", "--out", "hol.csv"]].concat(),
        &["--holidays hol.csv"],
    );
    refused(
        &[&["forecast"][..], &model, &["--holidays", "hol.svg", "--out", "hol.csv"]].concat(),
        &["--holidays hol.svg"],
    );
    refused(
        &[&["forecast"][..], &model, &["--future", "plan.csv", "--out", "plan.csv"]].concat(),
        &["--future plan.csv"],
    );
    let holidays = ["--holidays", "hol.csv", "--predictions", "hol.csv"];
    refused(&[&["evaluate"][..], &model, &holidays].concat(), &["--predictions", "--holidays hol.csv"]);
    let kept = ["--table", "run/intervals.safetensors"];
    refused(&[&["evaluate"][..], &model, &kept].concat(), &["--table", "intervals.safetensors"]);
    for name in &of_run {
        refused(&train(name, &["--out", "k"]), &["--out: ", name, &format!("--data {name}")]);
    }
    refused(&train("tiny.csv", &["--holidays", "k/metrics.csv", "--out", "k"]), &["--holidays k/metrics.csv"]);
    refused(&train("tiny.csv", &["--init", "k", "--out", "k"]), &["--init k/model.safetensors"]);
    refused(&["train", "--config", "k/summary.json", "--out", "k"], &["--config k/summary.json"]);
    for name in of_search {
        let tune = [&["tune", "--data", name, "--out", "search"][..], &TINY].concat();
        refused(&tune, &["--out: ", &format!("--data {name}")]);
    }
    let mut profile = train("tiny.csv", &["--trace", "tiny.csv"]);
    profile[0] = "profile";
    refused(&profile, &["--trace", "--data tiny.csv"]);
    refused(&["inspect", "run", "--sensitivity", "--svg", "tiny.csv"], &["--svg", "--train-data"]);
    for name in of_study {
        let output = ended(folder, &study(&format!("tiny={name}"), "study"));
        rejected(folder, &output, &["--out: ", "is a file that is read", name]);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.join("hol.csv"), folder.join("link.csv")).unwrap();
        std::fs::hard_link(folder.join("hol.csv"), folder.join("hard.csv")).unwrap();
        for name in ["link.csv", "hard.csv"] {
            refused(&[&["forecast"][..], &model, &["--holidays", "hol.csv", "--out", name]].concat(), &[name]);
            refused(&[&["forecast"][..], &model, &["--holidays", name, "--out", "hol.csv"]].concat(), &[name]);
        }
    }
    assert!(before == contents());
    // A file of another name may lie there.
    let beside = train("k/config.csv", &["--out", "k", "--overwrite"]);
    assert_eq!(code(&microglia(folder, &beside)), 0);
    assert_eq!(std::fs::read_to_string(folder.join("k/config.csv")).unwrap(), data);
}
