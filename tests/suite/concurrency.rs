//! Two runs in one folder, a signal twice, a closed stdout, and where a run writes.

use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::cli::{TINY, code, command, microglia, rejected, stderr, summary};
use crate::golden::path;

/// `train` on the tiny file.
fn train(more: &[&str]) -> Vec<String> {
    let tiny = path("tiny.csv");
    let all = [&["train", "--data", tiny.to_str().unwrap(), "--threads", "1"][..], &TINY, more].concat();
    all.into_iter().map(String::from).collect()
}

fn words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// A process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a run, and waits for a line of its stderr that begins so. The other end of its stderr must not be dropped before it ends.
fn begin(folder: &Path, args: &[&str], line: &str) -> (Running, impl Iterator<Item = String> + use<>) {
    use std::io::{BufRead, BufReader};
    let mut child = command(folder, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(|line| line.unwrap());
    assert!(lines.by_ref().any(|told| told.starts_with(line)), "no line {line:?}");
    (Running(child), lines)
}

#[test]
fn a_second_run_in_a_folder_is_rejected_until_the_first_is_gone() {
    for every in ["none", "5"] {
        let place = tempfile::tempdir().unwrap();
        let args = train(&["--out", "run", "--epochs", "1000000", "--patience", "0", "--checkpoint-every", every]);
        let (first, _lines) = begin(place.path(), &words(&args), "epoch");
        let second = train(&["--out", "run", "--epochs", "2", "--overwrite"]);
        // More than once: the rejection takes nothing away, not even the lock.
        for _ in 0..3 {
            let output = microglia(place.path(), &words(&second));
            rejected(place.path(), &output, &["another process trains in run", "help: wait for it"]);
        }
        if every != "none" {
            let output = microglia(place.path(), &["train", "--resume", "run", "--epochs", "1000000"]);
            rejected(place.path(), &output, &["another process trains in run"]);
        }
        // As `kill -9`: the lock file stays, and bars nobody.
        drop(first);
        assert!(place.path().join("run/checkpoints/.lock").exists());
        let output = microglia(place.path(), &words(&second));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(summary(&place.path().join("run"))["status"], "done");
    }
}

#[test]
fn a_second_study_in_a_folder_is_rejected_until_the_first_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let tiny = path("tiny.csv");
    let data = format!("tiny={}", tiny.display());
    let study = |epochs| {
        let lists =
            ["--set", "tiny.target=y", "--lookbacks", "7", "--horizon", "2", "--models", "rnn", "--hidden", "3"];
        let rest =
            ["--methods", "none,pruning", "--seeds", "1..2", "--device", "cpu", "--epochs", epochs, "--out", "study"];
        [&["experiment", "--data", &data][..], &lists, &rest].concat().into_iter().map(String::from).collect::<Vec<_>>()
    };
    let long = study("100000");
    let mut child = command(place.path(), &words(&long)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !place.path().join("study/manifest.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the study ended early");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let first = Running(child);
    for _ in 0..2 {
        let output = microglia(place.path(), &words(&long));
        rejected(place.path(), &output, &["another process works in", "help: wait for it"]);
    }
    drop(first);
    // What it began is another study; its folder is free.
    let output = microglia(place.path(), &words(&study("2")));
    rejected(place.path(), &output, &["holds another study"]);
}

/// All files below a folder.
#[cfg(unix)]
fn below(folder: &Path) -> Vec<PathBuf> {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

#[cfg(unix)]
#[test]
fn a_second_signal_quits_at_once_and_leaves_valid_files() {
    use microglia::train::Loaded;
    use std::process::Command;
    for (signal, told, exit) in
        [("-INT", "interrupted: ending this step", 130), ("-TERM", "terminated: ending this step", 143)]
    {
        let place = tempfile::tempdir().unwrap();
        // A step of some seconds, which the first signal waits for.
        let slow = [
            "train",
            "--hidden",
            "256",
            "--batch",
            "2048",
            "--device",
            "cpu",
            "--threads",
            "1",
            "--out",
            "run",
            "--epochs",
            "3",
        ];
        let (mut run, mut lines) = begin(place.path(), &slow, "training on the CPU engine");
        let checkpoints = place.path().join("run/checkpoints");
        while !checkpoints.join("step-0000000000.safetensors").exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let id = run.0.id().to_string();
        let send = || assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        send();
        assert!(lines.any(|line| line.starts_with(told)));
        send();
        assert_eq!(run.0.wait().unwrap().code(), Some(exit));
        let rest: Vec<String> = lines.collect();
        assert!(rest.is_empty(), "it did not quit at once: {rest:?}");
        assert!(!place.path().join("run/summary.json").exists(), "it did not quit at once");
        for file in below(&place.path().join("run")) {
            match file.extension().and_then(|ending| ending.to_str()) {
                Some("safetensors") => drop(Loaded::open(&file).unwrap()),
                None => assert!(file.ends_with(".lock"), "{}", file.display()),
                Some(_) => panic!("{} of a run that wrote no results", file.display()),
            }
        }
    }
}

#[test]
fn a_closed_stdout_ends_every_verb_quietly() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let first = train(&["--epochs", "1", "--out", "run"]);
    assert_eq!(code(&microglia(folder, &words(&first))), 0);
    let tiny = path("tiny.csv");
    let tiny = tiny.to_str().unwrap();
    let (study, data) =
        (["--horizon", "2", "--models", "rnn", "--device", "cpu", "--seeds", "1"], format!("tiny={tiny}"));
    let again = train(&["--epochs", "1", "--out", "again"]);
    let as_json = train(&["--epochs", "1", "--out", "json", "--json"]);
    let profile = ["profile", "--data", tiny, "--target", "y", "--lookback", "7", "--device", "cpu", "--steps", "2"];
    let mut verbs: Vec<Vec<&str>> = vec![
        vec!["--help"],
        vec!["--version"],
        vec!["train", "--help"],
        vec!["train", "--preset", "list"],
        words(&again),
        words(&as_json),
        vec!["inspect", "run"],
        vec!["inspect", "run", "--json"],
        vec!["export", "run", "--out", "x.safetensors"],
        vec!["forecast", "--checkpoint", "run", "--levels", "none"],
        vec!["forecast", "--checkpoint", "run", "--levels", "none", "--json"],
        vec!["evaluate", "--checkpoint", "run", "--levels", "none"],
        vec!["evaluate", "--checkpoint", "run", "--levels", "none", "--json"],
        profile.to_vec(),
        [&profile[..], &["--print-program"]].concat(),
        [&["experiment", "--data", &data, "--set", "tiny.target=y", "--lookbacks", "7", "--dry-run"][..], &study]
            .concat(),
    ];
    if crate::gpu_support::gpu().is_some() {
        verbs.extend([vec!["devices"], vec!["devices", "--json"]]);
    }
    for verb in &verbs {
        let mut run = command(folder, verb);
        let mut child = run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // As `| head -0`.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = stderr(&output);
        assert_eq!(code(&output), 0, "{verb:?}: {told}");
        assert!(!told.contains("panicked") && !told.contains("error") && !told.contains("pipe"), "{verb:?}: {told}");
    }
    // The results were written before they were told.
    for run in ["again", "json"] {
        assert_eq!(summary(&folder.join(run))["weights_sha256"], summary(&folder.join("run"))["weights_sha256"]);
    }
    println!("{} verbs ended quietly", verbs.len());
}

#[cfg(unix)]
#[test]
fn a_run_writes_into_its_folder_alone() {
    let place = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let path = place.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let (work, home, temporary) = (folder("work"), folder("home"), folder("tmp"));
    let run = |args: &[&str]| {
        let mut run = command(&work, args);
        for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "HOME"] {
            run.env(name, &home);
        }
        let output = run.env("TMPDIR", &temporary).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    };
    run(&words(&train(&["--epochs", "2", "--out", "run", "--checkpoint-every", "3"])));
    run(&["forecast", "--checkpoint", "run", "--levels", "none"]);
    run(&["evaluate", "--checkpoint", "run", "--levels", "none"]);
    run(&["inspect", "run"]);
    let outside = |folder: &Path| {
        below(folder).into_iter().filter(|file| !file.starts_with(work.join("run"))).collect::<Vec<_>>()
    };
    for place in [&work, &home, &temporary] {
        assert_eq!(outside(place), Vec::<PathBuf>::new());
    }
    assert!(below(&work.join("run")).len() > 8);

    // A GPU's driver keeps compiled shaders in the user's cache, and nothing is lost with them.
    let Some(gpu) = crate::gpu_support::gpu() else { return };
    let device = gpu.summary().name.clone();
    let on_gpu = |out: &str| {
        let all = train(&["--epochs", "1", "--out", out]);
        let all: Vec<&str> = words(&all).into_iter().filter(|word| *word != "--device=cpu").collect();
        run(&[&all[..], &["--device", &device]].concat());
        summary(&work.join(out))["weights_sha256"].clone()
    };
    let cold = on_gpu("cold");
    let warm = on_gpu("warm");
    for entry in std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()) {
        assert!(entry.is_dir(), "only a driver's cache lies there: {}", entry.display());
        std::fs::remove_dir_all(entry).unwrap();
    }
    assert_eq!((&warm, &on_gpu("deleted")), (&cold, &cold));
    for place in [&work, &temporary] {
        let runs = ["run", "cold", "warm", "deleted"].map(|run| work.join(run));
        let outside: Vec<_> =
            below(place).into_iter().filter(|file| !runs.iter().any(|run| file.starts_with(run))).collect();
        assert_eq!(outside, Vec::<PathBuf>::new());
    }
}
