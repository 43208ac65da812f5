//! `microglia train --resume` as users meet it: after SIGKILL, SIGTERM, Ctrl-C and a full disk; and what it rejects.

#[cfg(unix)]
use std::io::{BufRead, BufReader};
use std::path::Path;
#[cfg(unix)]
use std::process::{Child, Command};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use microglia::program::rng;
use microglia::train::weights::checkpoints;

use crate::cli::{TINY, code, command, microglia, rejected, stderr, stdout, summary};
use crate::golden::path;

/// `train` on a small file, two replicas with dropout and pruning, a checkpoint every few steps.
fn args(more: &[&str]) -> Vec<String> {
    let tiny = path("tiny.csv");
    let mut all = vec!["train"];
    all.extend(TINY);
    for (flag, value) in
        [("--data", tiny.to_str().unwrap()), ("--checkpoint-every", "3"), ("--threads", "1"), ("--patience", "0")]
    {
        if !more.contains(&flag) {
            all.extend([flag, value]);
        }
    }
    all.extend(more);
    all.into_iter().map(String::from).collect()
}

const SMALL: [&str; 6] = ["--replicas", "2", "--regularizer", "pruning,dropout", "--epochs", "12"];

fn train(folder: &Path, more: &[&str]) -> Output {
    let all = args(more);
    microglia(folder, &all.iter().map(String::as_str).collect::<Vec<_>>())
}

fn resume(folder: &Path, more: &[&str]) -> Output {
    microglia(folder, &[&["train", "--resume"], more].concat())
}

fn done(output: &Output) {
    assert_eq!(code(output), 0, "{}", stderr(output));
}

/// The hash of each replica's weights, and each one's metrics but for the wall seconds at the end of a row.
fn bits(run: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let summary = summary(run);
    let replicas = summary["replicas"].as_array().unwrap();
    let hashes = replicas.iter().map(|replica| replica["weights_sha256"].to_string()).collect();
    let folders =
        (0..replicas.len()).map(|r| if replicas.len() > 1 { run.join(format!("replica-{r}")) } else { run.into() });
    let rows = folders.map(|folder| {
        let text = std::fs::read_to_string(folder.join("metrics.csv")).unwrap();
        text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_string()).collect()
    });
    (hashes, rows.collect())
}

/// Kills a run at so many random moments, some of them twice, and goes on with each.
fn killed_runs_end_alike(kills: u32) {
    let place = tempfile::tempdir().unwrap();
    let started = Instant::now();
    done(&train(place.path(), &[&SMALL[..], &["--out", "whole"]].concat()));
    let whole = started.elapsed();
    let expected = bits(&place.path().join("whole"));
    let mut after_the_start = 0;
    for kill in 0..kills {
        let name = format!("killed-{kill}");
        let folder = place.path().join(&name);
        let moment = |i| whole.mul_f32(rng::unit(rng::draw(9, rng::site("kill"), kill, i)));
        let kill_after = |all: &[&str], moment: Duration| {
            let mut child = command(place.path(), all).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moment);
            child.kill().unwrap();
            child.wait().unwrap();
        };
        let first = args(&[&SMALL[..], &["--out", &name]].concat());
        kill_after(&first.iter().map(String::as_str).collect::<Vec<_>>(), moment(0));
        if kill % 3 == 0 {
            kill_after(&["train", "--resume", &name], moment(1));
        }
        if checkpoints::any(&folder) {
            after_the_start += 1;
            done(&resume(place.path(), &[&name]));
        } else {
            // Killed before its first checkpoint: there is nothing to go on with, and that is said.
            let told = if folder.is_dir() { "holds no checkpoint of a run" } else { "does not exist" };
            rejected(place.path(), &resume(place.path(), &[&name]), &[&name, told]);
            done(&train(place.path(), &[&SMALL[..], &["--out", &name]].concat()));
        }
        assert_eq!(bits(&folder), expected, "kill {kill}, after {:?} of {whole:?}", moment(0));
        let left = std::fs::read_dir(folder.join("checkpoints")).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!left.into_iter().any(|name| name.to_str().unwrap().ends_with("partial")));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    assert!(after_the_start * 2 > kills, "only {after_the_start} of {kills} kills came after the first checkpoint");
    println!("{kills} kills, {after_the_start} of them after the first checkpoint: every run ended alike");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bits() {
    killed_runs_end_alike(6);
}

#[test]
#[ignore = "takes a minute; cargo test --test suite -- --ignored --nocapture a_hundred_kills"]
fn a_hundred_kills_end_alike() {
    killed_runs_end_alike(100);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_told_to_stop_says_how_to_go_on_and_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let long = ["--epochs", "400", "--replicas", "1", "--checkpoint-every", "none", "--prune-until", "3"];
    done(&train(place.path(), &[&long[..], &["--out", "whole"]].concat()));
    let config = |run: &str| std::fs::read_to_string(place.path().join(run).join("config.toml")).unwrap();
    // `timeout` sends its signal to the process and to its group: twice the same is one request.
    for (run, hint, signals, exit) in [
        ("it's a", r"'it'\''s a'", ["-INT"].as_slice(), 130),
        ("b", "b", &["-TERM"], 143),
        ("twice", "twice", &["-TERM", "again"], 143),
        ("hung-up", "hung-up", &["-HUP", "-TERM"], 143),
    ] {
        let mut child = begin(place.path(), &args(&[&long[..], &["--out", run]].concat()));
        let id = child.id().to_string();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("epoch")));
        let kill = |args: &[&str]| assert!(Command::new("kill").args(args).status().unwrap().success());
        match signals {
            [signal, "again"] => kill(&[signal, &id, &id]),
            [hang_up @ "-HUP", signal] => {
                kill(&[hang_up, &id]);
                assert!(lines.any(|line| line.unwrap().starts_with("epoch")), "it was ignored under nohup");
                kill(&[signal, &id]);
            }
            signals => signals.iter().for_each(|signal| kill(&[signal, &id])),
        }
        let rest: Vec<String> = lines.map(|line| line.unwrap()).collect();
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(exit), "{rest:?}");
        let word = if exit == 143 { "terminated" } else { "interrupted" };
        assert!(rest.iter().any(|line| line.starts_with(&format!("{word}: ending this step"))), "{rest:?}");
        assert_eq!(*rest.last().unwrap(), format!("to resume: microglia train --resume {hint}"));
        assert_eq!(summary(&place.path().join(run))["status"], "interrupted");
        assert!(checkpoints::any(&place.path().join(run)), "a checkpoint was written");
        let on = resume(place.path(), &[run, "--epochs=400", "--hidden", "5", "--json"]);
        done(&on);
        assert!(stderr(&on).contains("resuming after step "), "{}", stderr(&on));
        assert!(serde_json::from_str::<serde_json::Value>(&stdout(&on)).is_ok());
        assert_eq!(bits(&place.path().join(run)), bits(&place.path().join("whole")));
        assert_eq!(config(run), config("whole"));
    }
}

/// As under `nohup`: SIGHUP is ignored from before the program starts.
#[cfg(unix)]
fn begin(folder: &Path, args: &[String]) -> Child {
    let mut command = Command::new("sh");
    let script = "trap '' HUP; exec \"$0\" \"$@\"";
    command.current_dir(folder).args(["-c", script, env!("CARGO_BIN_EXE_microglia")]).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_finished_run_says_so_and_takes_more_epochs() {
    let place = tempfile::tempdir().unwrap();
    let run = |epochs: &str, out: &str| {
        done(&train(place.path(), &["--prune-until", "2", "--epochs", epochs, "--out", out]));
    };
    run("3", "a");
    run("5", "b");
    let finished = resume(place.path(), &["a"]);
    done(&finished);
    assert!(stderr(&finished).contains("a: the run is finished"), "{}", stderr(&finished));
    assert_eq!(stdout(&finished), "");
    rejected(place.path(), &resume(place.path(), &["a", "--lr", "1"]), &["lr was 0.001, here 1"]);
    let repeated = resume(place.path(), &["a", "--lr", "0.001", "--season", "auto"]);
    done(&repeated);
    assert!(stderr(&repeated).contains("a: the run is finished"), "{}", stderr(&repeated));
    done(&resume(place.path(), &["a", "--epochs", "5"]));
    assert_eq!(bits(&place.path().join("a")), bits(&place.path().join("b")));
    // Killed after training and before its results were written.
    std::fs::remove_file(place.path().join("b/checkpoints/finished")).unwrap();
    std::fs::remove_file(place.path().join("b/summary.json")).unwrap();
    done(&resume(place.path(), &["b"]));
    assert_eq!(bits(&place.path().join("a")), bits(&place.path().join("b")));
    // Without its checkpoints, the run's own file does.
    std::fs::remove_dir_all(place.path().join("b/checkpoints")).unwrap();
    done(&resume(place.path(), &["b"]));
    assert_eq!(bits(&place.path().join("a")), bits(&place.path().join("b")));
}

#[test]
fn a_run_that_went_on_and_was_killed_is_read_where_it_stands() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let run = |epochs: &str, out: &str| {
        done(&train(folder, &["--replicas", "2", "--prune-until", "2", "--epochs", epochs, "--out", out]));
    };
    run("2", "a");
    run("6", "b");
    let results =
        |run: &str| ["forecast", "--checkpoint", run, "--ensemble", "mean", "--levels", "none"].map(String::from);
    let forecast = |run: &str| {
        let all = results(run);
        let output = microglia(folder, &all.iter().map(String::as_str).collect::<Vec<_>>());
        done(&output);
        stdout(&output)
    };
    let (before, after) = (forecast("a"), forecast("b"));
    assert_ne!(before, after);
    // As `--resume a --epochs 6` leaves it, killed before it wrote its results.
    std::fs::remove_file(folder.join("a/checkpoints/finished")).unwrap();
    assert_eq!(forecast("a"), before);
    let newest = checkpoints::newest(&folder.join("b")).unwrap().0.file;
    std::fs::copy(&newest, folder.join("a/checkpoints").join(newest.file_name().unwrap())).unwrap();
    assert_eq!(forecast("a"), after);
    rejected(folder, &resume(folder, &["a/checkpoint.safetensors"]), &["--resume: a/checkpoint.safetensors is a file"]);
}

#[test]
fn another_run_is_rejected_by_what_differs() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("mine.csv");
    std::fs::copy(path("tiny.csv"), &file).unwrap();
    let own = ["--data", "mine.csv", "--lr-schedule", "one-cycle", "--max-steps", "7", "--out", "a"];
    let init = path("run_lstm.init.safetensors");
    let start = ["--covariates", "x", "--calendar", "off", "--init", init.to_str().unwrap()];
    done(&train(place.path(), &[&own[..], &start].concat()));
    // As if killed before its results were written.
    std::fs::remove_file(place.path().join("a/checkpoints/finished")).unwrap();
    let rejection = |more: &[&str], texts: &[&str]| {
        rejected(place.path(), &resume(place.path(), &[&["a"], more].concat()), texts);
    };
    let newest = Path::new("a").join("checkpoints").join("step-").display().to_string();
    rejection(&["--lr", "0.5", "--hidden", "6"], &[&newest, "hidden was 5, here 6", "lr was 0.001, here 0.5"]);
    let begun = microglia::train::Loaded::open(&place.path().join("a")).unwrap();
    let begun: toml::Table = begun.header.config.parse().unwrap();
    rejection(&["--epochs", "3000"], &[&format!("epochs was {}, here 3000", begun["epochs"])]);
    rejection(&["--max-steps", "6"], &["max-steps was 7, here 6"]);
    rejection(&["--replicas", "2"], &["replicas was 1, here 2"]);
    rejection(&["--init", "other.safetensors"], &["init was ", "other.safetensors"]);
    rejection(&["--out", "b"], &["--out"]);
    done(&resume(place.path(), &["a", "--lr", "1e-3", "--threads", "2", "--keep-checkpoints", "1"]));
    std::fs::remove_file(place.path().join("a/checkpoints/finished")).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&bytes[..], b"\n"].concat()).unwrap();
    rejection(&[], &["the data `mine` has changed since the run began"]);
    std::fs::remove_file(&file).unwrap();
    rejection(&[], &["mine.csv"]);
    std::fs::write(&file, &bytes).unwrap();
    done(&resume(place.path(), &["a"]));
    rejected(place.path(), &resume(place.path(), &["absent"]), &["--resume: absent does not exist", "help:"]);
    rejected(
        place.path(),
        &train(place.path(), &["--out", "a"]),
        &["holds a run already", "--resume a", "--overwrite"],
    );
    std::fs::write(place.path().join("run.toml"), "resume = 'a'").unwrap();
    rejected(place.path(), &train(place.path(), &["--config", "run.toml"]), &["run.toml: `resume`", "--resume"]);
    rejected(place.path(), &train(place.path(), &["--checkpoint-every", "5m"]), &["--checkpoint-every", "300s"]);
}

/// Bits would differ: so a run changes its engine where that is asked for by name, and nowhere else.
/// Makes of a run on the CPU engine one that did not finish, on a GPU.
pub(crate) fn as_of_a_gpu(run: &Path) {
    std::fs::remove_file(run.join("checkpoints/finished")).unwrap();
    let file = checkpoints::newest(run).unwrap().0.file;
    let bytes = std::fs::read(&file).unwrap();
    let (of, to) = (br#"\"engine\":\"cpu\""#, br#"\"engine\":\"gpu\""#);
    let at = bytes.windows(of.len()).position(|window| window == of).expect("the header names its engine");
    std::fs::write(&file, [&bytes[..at], to, &bytes[at + of.len()..]].concat()).unwrap();
}

#[test]
fn a_run_goes_on_on_another_engine_where_it_is_named() {
    let Some(gpu) = crate::gpu_support::gpu() else { return };
    let place = tempfile::tempdir().unwrap();
    let name = gpu.summary().name.as_str();
    done(&train(place.path(), &["--epochs", "2", "--out", "a"]));
    let there = resume(place.path(), &["a", "--epochs", "3", "--device", name]);
    done(&there);
    let texts = ["the run was on ", &format!("and resumes on {name}: its last bits will differ"), "in epoch 3 of 3"];
    assert!(texts.iter().all(|text| stderr(&there).contains(text)), "{}", stderr(&there));
    let back = resume(place.path(), &["a", "--epochs", "4", "--device", "cpu"]);
    done(&back);
    assert!(stderr(&back).contains(&format!("the run was on {name}, and resumes on ")), "{}", stderr(&back));
    assert_eq!(bits(&place.path().join("a")).1[0].len(), 5);

    // A file of another engine, and no device named.
    as_of_a_gpu(&place.path().join("a"));
    let output = resume(place.path(), &["a"]);
    rejected(
        place.path(),
        &output,
        &["the run was on ", "(gpu, cpu)", "(cpu, cpu): the bits would differ", "--device"],
    );
}

/// Checkpoints that cannot be written: past the largest file allowed, as on a full disk; where a name is taken; in a folder
/// that is read-only. The one before stays whole, the file is named, and the run goes on.
#[cfg(unix)]
#[test]
fn a_checkpoint_that_cannot_be_written_costs_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    done(&train(folder, &[&SMALL[..], &["--out", "whole"]].concat()));
    let size = |file: &Path| std::fs::metadata(file).unwrap().len();
    let newest = |run: &str| checkpoints::newest(&folder.join(run)).unwrap().0;
    let limit = size(&newest("whole").file) / 2048;
    // The first of all is rejected: nothing is lost yet.
    let limited = |args: &[&str]| {
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.current_dir(folder).args(["-c", &script, env!("CARGO_BIN_EXE_microglia")]).args(args);
        command.output().unwrap()
    };
    let all = args(&[&SMALL[..], &["--out", "short"]].concat());
    let short = limited(&all.iter().map(String::as_str).collect::<Vec<_>>());
    rejected(
        folder,
        &short,
        &["short/checkpoints/step-0000000000.safetensors: ", "File too large", "room for the file"],
    );
    let names = |run: &str| -> Vec<String> {
        let list = std::fs::read_dir(folder.join(run).join("checkpoints")).unwrap();
        list.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(!folder.join("short").exists(), "no half of a file");

    // Later ones are told, and what was there stays.
    let begun = |out: &str| {
        done(&train(folder, &[&SMALL[..], &["--keep-checkpoints", "1000", "--out", out]].concat()));
        for name in names(out).into_iter().filter(|name| !name.starts_with('.') && !name.contains("-0000000000.")) {
            std::fs::remove_file(folder.join(out).join("checkpoints").join(name)).unwrap();
        }
    };
    begun("full");
    let before = std::fs::read(&newest("full").file).unwrap();
    let full = limited(&["train", "--resume", "full"]);
    assert!(
        stderr(&full).contains("no checkpoint was written; the one before is whole: full/checkpoints/step-"),
        "{}",
        stderr(&full)
    );
    assert!(stderr(&full).contains("File too large"));
    assert_eq!((code(&full), std::fs::read(&newest("full").file).unwrap()), (2, before), "{}", stderr(&full));
    assert!(stdout(&full).contains("weights sha256"), "the results are told, whatever became of their files");
    done(&resume(folder, &["full"]));
    assert_eq!(bits(&folder.join("full")), bits(&folder.join("whole")));

    // A folder bars the place of the last checkpoint.
    begun("barred");
    let last = newest("whole").file;
    let bar = folder.join("barred/checkpoints").join(last.file_name().unwrap());
    std::fs::create_dir_all(bar.join("full")).unwrap();
    let barred = resume(folder, &["barred"]);
    let told = stderr(&barred);
    assert!(told.contains("no checkpoint was written") || told.contains("Is a directory"), "{told}");
    std::fs::remove_dir_all(&bar).unwrap();
    done(&resume(folder, &["barred"]));
    assert_eq!(bits(&folder.join("barred")), bits(&folder.join("whole")));

    // Nobody but root writes into a read-only folder.
    use std::os::unix::fs::PermissionsExt;
    let mode =
        |mode| std::fs::set_permissions(folder.join("full/checkpoints"), PermissionsExt::from_mode(mode)).unwrap();
    mode(0o555);
    if std::fs::write(folder.join("full/checkpoints/probe"), "").is_err() {
        rejected(
            folder,
            &resume(folder, &["full", "--epochs", "13"]),
            &["full/checkpoints", "Permission denied", "help:"],
        );
    }
    mode(0o755);
}

#[test]
fn more_steps_than_the_epochs_hold_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let tiny = path("tiny.csv");
    done(&train(place.path(), &["--data", tiny.to_str().unwrap(), "--max-steps", "3", "--out", "a"]));
    let more = |more: &[&str]| resume(place.path(), &[&["a"], more].concat());
    let texts = ["--max-steps: 100000 steps are more than the run's 20 epochs hold, which are", "help: --epochs "];
    rejected(place.path(), &more(&["--max-steps", "100000"]), &texts);
    done(&more(&["--max-steps", "5"]));
}
