//! Cards that do not work, as users meet them: on Linux, where Mesa's driver plays one.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use microglia::compare::smallest_cases;

use crate::cli::{TINY, code, command, rejected, stderr, stdout};
use crate::cli_resume::as_of_a_gpu;
use crate::devices::{json, problems};
use crate::golden::path;
use crate::gpu_support::gpu;

/// Mesa's AMD driver, with a card that is only played: it is listed, and cannot be opened. With `more` drivers beside it.
/// `None` where there is no such driver, or it opens.
fn with_a_card_that_does_not_open(folder: &Path, more: &[&str]) -> Option<impl Fn(&[&str]) -> Output> {
    let driver = |name: &str| {
        let all = std::fs::read_dir("/usr/share/vulkan/icd.d").into_iter().flatten().flatten();
        all.map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name)))
    };
    let files: Option<Vec<_>> = ["radeon_icd"].iter().chain(more).map(|name| driver(name)).collect();
    let files = files.and_then(|files| std::env::join_paths(files).ok());
    let folder = folder.to_path_buf();
    let run = files.map(|files| {
        move |args: &[&str]| {
            let mut command = command(&folder, args);
            command.env("VK_DRIVER_FILES", &files).env("VK_ICD_FILENAMES", &files).env("RADV_FORCE_FAMILY", "navi21");
            command.env_remove("WGPU_BACKEND").output().unwrap()
        }
    });
    let fails = |run: &dyn Fn(&[&str]) -> Output| {
        let output = run(&["compare", "--device", "RADV"]);
        code(&output) == 2 && stderr(&output).contains("(RADV NAVI21) (vulkan) cannot be opened")
    };
    let run = run.filter(|run| fails(run));
    if run.is_none() {
        eprintln!("no driver here lists a card that cannot be opened: giving way was NOT tried by command");
    }
    run
}

/// Every verb that takes `--device`: without a word the CPU engine works, after one line; a chosen card is an error.
#[test]
fn commands_pass_over_a_card_that_does_not_open() {
    let place = tempfile::tempdir().unwrap();
    let Some(run) = with_a_card_that_does_not_open(place.path(), &[]) else { return };
    let data = path("tiny.csv");
    let own = ["--data", data.to_str().unwrap(), "--epochs", "1"];
    let train = [&["train", "--out", "o"], &own[..], &TINY[..12]].concat();
    let profile = [&["profile", "--steps", "2"], &own[..], &TINY[..12]].concat();
    let named = format!("tiny={}", data.display());
    let study =
        ["experiment", "--dry-run", "--data", &named, "--set", "tiny.target=y", "--seeds", "1", "--models", "rnn"];
    let study = [&study[..], &["--lookbacks", "7", "--horizon", "2", "--hidden", "5"]].concat();
    let commands = [
        (train, "no GPU that serves: training on the CPU engine"),
        (vec!["train", "--resume", "o", "--epochs", "2"], "resuming after step"),
        (vec!["forecast", "--checkpoint", "o", "--levels", "none"], "the calendar continues by"),
        (vec!["evaluate", "--checkpoint", "o", "--levels", "none"], ""),
        (profile, "profiling lstm on"),
        (study, ""),
    ];
    for (args, words) in commands {
        // Before the run that it would find finished.
        for device in ["gpu", "radv"] {
            let output = run(&[&args[..], &["--device", device]].concat());
            rejected(place.path(), &output, &["Null hardware (RADV NAVI21) (vulkan) cannot be opened"]);
        }
        let output = run(&args);
        let said = stderr(&output);
        assert_eq!(code(&output), 0, "{args:?}: {said}");
        let lines: Vec<&str> = said.lines().filter(|line| line.contains("RADV")).collect();
        let [line] = lines[..] else { panic!("{args:?}: {said}") };
        assert!(line.starts_with("passed over: Null hardware (RADV NAVI21) (vulkan) cannot be opened: "), "{line}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

/// A run on a GPU does not end on the CPU engine because its card gives way, unless the device is named.
#[test]
fn a_run_does_not_change_its_class_of_device_unasked() {
    let place = tempfile::tempdir().unwrap();
    let Some(run) = with_a_card_that_does_not_open(place.path(), &[]) else { return };
    let data = path("tiny.csv");
    let start = ["train", "--out", "o", "--epochs", "1", "--data", data.to_str().unwrap()];
    let trained = run(&[&start[..], &TINY[..12]].concat());
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    as_of_a_gpu(&place.path().join("o"));
    let resume = ["train", "--resume", "o", "--epochs", "2"];
    rejected(place.path(), &run(&resume), &["passed over: ", "(gpu, cpu)", "(cpu, cpu): the bits would differ"]);
    let output = run(&[&resume[..], &["--device", "auto"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

/// Both halves of the report, and the code that says that not all holds.
#[test]
fn a_check_goes_on_after_a_card_that_does_not_open() {
    let place = tempfile::tempdir().unwrap();
    let Some(run) = with_a_card_that_does_not_open(place.path(), &["lvp_icd"]) else { return };
    let output = run(&["devices", "--check"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        concat!("microglia ", env!("CARGO_PKG_VERSION"), " on linux"),
        "RADV_FORCE_FAMILY=navi21",
        "opens     NO",
        "(RADV NAVI21) (vulkan) cannot be opened",
        "DOES NOT HOLD",
        "opens     yes",
        &format!("with the CPU engine in {0} of {0} cases", smallest_cases().len()),
        "1 of 2 adapters hold; --device auto takes the CPU engine",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    // `compare` without a word takes the one that opens.
    let output = run(&["compare", "--steps", "2"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("passed over: ") && stderr(&output).contains("comparing llvmpipe"),
        "{}",
        stderr(&output)
    );
}

/// A process that is stopped does not answer, and one that is killed is a driver's crash: each is reported with what it did.
#[test]
fn a_check_reports_an_adapter_that_hangs_and_one_that_crashes() {
    if gpu().is_none() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for (signal, words) in
        [("STOP", "no answer for 3 s: given up"), ("ABRT", "the driver ended the process (signal: 6")]
    {
        let mut check = command(place.path(), &["devices", "--check", "--patience", "3", "--json"]);
        let child = check.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let parent = child.id();
        let checking = loop {
            let Some(process) = process_of(parent) else { continue };
            break process;
        };
        assert!(Command::new("kill").args([&format!("-{signal}"), &checking.to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 1);
        let report = json(&output);
        let adapter = &report["adapters"][0];
        assert!(adapter["holds"] == false && problems(adapter)[0].starts_with(words), "{adapter:#}");
        assert!(process_of(parent).is_none(), "nothing is left behind");
    }
}

/// The process that checks an adapter, started by this one.
fn process_of(parent: u32) -> Option<u32> {
    let all =
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut all = all.collect::<Vec<u32>>().into_iter();
    all.find(|process| {
        let read = |file: &str| std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let own = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()) == Some(parent);
        own && read("cmdline").windows(15).any(|part| part == b"--check-adapter")
    })
}
