//! Adapters that give way: one that cannot be opened, or does not compile, under `--device auto`; and `devices --check`, on
//! sound ones, on one that does not open, and on processes that hang or die.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use microglia::Error;
use microglia::compare::Case;
use microglia::engine::Engine;
use microglia::gpu::{AdapterClass, Choice, Devices, Gpu, Open, wgpu};
use microglia::kernels::{GpuEngine, GpuOptions, pipelines};
use microglia::models::ModelKind::{Lstm, Rnn};
use serde_json::Value;

use crate::cli::{TINY, code, command, refused, stderr, stdout};
use crate::cli_resume::as_of_a_gpu;
use crate::golden::path;
use crate::gpu_support::{gpu, with_limits};

/// One that is opened and makes no pipeline: it has no bind groups.
fn without_pipelines(own: &Gpu) -> Arc<Gpu> {
    with_limits(own, wgpu::Limits { max_bind_groups: 0, ..Default::default() })
}

fn opens(gpu: &Arc<Gpu>) -> Open {
    let gpu = gpu.clone();
    Box::new(move || Ok(gpu))
}

fn refuses(name: &str) -> Open {
    let problem = format!("{name} cannot be opened: no power");
    Box::new(move || Err(Error::Adapter { problem, help: "plug it in".into() }))
}

/// Devices in this order, and what they tell.
fn among(order: Vec<Open>) -> (Devices, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = told.clone();
    (Devices::among(order, move |error| hears.lock().unwrap().push(error.to_string())), told)
}

#[test]
fn what_cannot_be_opened_or_does_not_compile_gives_way_to_the_next() {
    let Some(own) = gpu() else { return };
    let (mut devices, told) = among(vec![refuses("A"), opens(&without_pipelines(&own)), refuses("B"), opens(&own)]);
    assert_eq!(told.lock().unwrap().len(), 1, "the next is opened when its turn comes");
    let program = Case::new(Rnn, 1, 3, 5, 4).program().unwrap();
    let engine = GpuEngine::open(&mut devices, &program, &GpuOptions::default()).unwrap().unwrap();
    assert_eq!(engine.device(), own.summary().name);
    assert!(Arc::ptr_eq(devices.gpu().unwrap(), &own));
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, parts) in
        told.iter().zip([["A cannot", "no power"], [&own.summary().name, "shader `"], ["B", "no power"]])
    {
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
    // Another program stays on what was found.
    let program = Case::new(Lstm, 1, 3, 5, 4).program().unwrap();
    assert!(GpuEngine::open(&mut devices, &program, &GpuOptions::default()).unwrap().is_some());
}

#[test]
fn where_none_serves_the_cpu_engine_is_left() {
    let Some(own) = gpu() else { return };
    let (mut devices, told) = among(vec![opens(&without_pipelines(&own)), refuses("B")]);
    assert!(devices.gpu().is_some());
    let program = Case::new(Rnn, 1, 3, 5, 4).program().unwrap();
    assert!(GpuEngine::open(&mut devices, &program, &GpuOptions::default()).unwrap().is_none());
    assert!(devices.gpu().is_none());
    assert_eq!(told.lock().unwrap().len(), 2);
    assert!(among(Vec::new()).0.gpu().is_none());
}

/// What a device lacks for one program is no reason to leave it; nor is its loss.
#[test]
fn other_errors_stay_errors() {
    let Some(own) = gpu() else { return };
    let program = Case::new(Lstm, 2, 5, 7, 64).program().unwrap();
    let too_small = GpuOptions { max_binding_bytes: Some(4096), ..Default::default() };
    let (mut devices, told) = among(vec![opens(&own), refuses("B")]);
    let error = GpuEngine::open(&mut devices, &program, &too_small).err().unwrap();
    assert!(matches!(error, Error::Device { .. }), "{error}");
    let lost = Gpu::open(&Choice::Named(own.summary().name.clone())).unwrap().unwrap();
    lost.device().destroy();
    let (mut devices, also_told) = among(vec![opens(&lost), refuses("B")]);
    let error = GpuEngine::open(&mut devices, &program, &GpuOptions::default()).err().unwrap();
    assert!(error.to_string().contains("lost"), "{error}");
    assert!(told.lock().unwrap().is_empty() && also_told.lock().unwrap().is_empty());
}

/// A chosen adapter's shaders that do not compile are an error, with the driver's words.
#[test]
fn a_chosen_device_does_not_give_way() {
    let Some(own) = gpu() else { return };
    let program = Case::new(Rnn, 1, 3, 5, 4).program().unwrap();
    let error = GpuEngine::new(without_pipelines(&own), program, GpuOptions::default()).err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, Error::Adapter { .. }), "{text}");
    assert!(text.contains("the pipeline of shader `") && text.contains("max_bind_groups"), "{text}");
    let missing = Devices::open(&Choice::Named("no such card".into()), |_| panic!("it was told of"));
    assert!(missing.unwrap_err().to_string().contains("no such card"));
}

/// What `--check` compiles is what engines make, and no more.
#[test]
fn an_engine_makes_no_pipeline_that_a_check_does_not_try() {
    let Some(own) = gpu() else { return };
    let gpu = with_limits(&own, wgpu::Limits::default());
    let made = |gpu: &Gpu| gpu.device().get_internal_counters().hal.compute_pipelines.read();
    for class in [AdapterClass::Software, AdapterClass::Discrete] {
        let program = Case::new(Lstm, 2, 5, 7, 33).layers(2).clip(0.5).prune(9).program().unwrap();
        pipelines(std::slice::from_ref(&program), class)
            .iter()
            .try_for_each(|pipeline| pipeline.compile(&gpu))
            .unwrap();
        let before = made(&gpu);
        let options = GpuOptions { class: Some(class), ..Default::default() };
        drop(GpuEngine::new(gpu.clone(), program, options).unwrap());
        assert_eq!(made(&gpu), before);
    }
}

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
#[cfg(target_os = "linux")]
fn commands_pass_over_a_card_that_does_not_open() {
    let place = tempfile::tempdir().unwrap();
    let Some(run) = with_a_card_that_does_not_open(place.path(), &[]) else { return };
    let data = path("tiny.csv");
    let own = ["--data", data.to_str().unwrap(), "--epochs", "1"];
    let train = [&["train", "--out", "o"], &own[..], &TINY[..10]].concat();
    let profile = [&["profile", "--steps", "2"], &own[..], &TINY[..10]].concat();
    let named = format!("tiny={}", data.display());
    let study =
        ["experiment", "--dry-run", "--data", &named, "--set", "tiny.target=y", "--seeds", "1", "--models", "rnn"];
    let study = [&study[..], &["--lookbacks", "7", "--horizon", "2", "--hidden", "5"]].concat();
    let commands = [
        (train, "no GPU here: training on the CPU engine"),
        (vec!["train", "--resume", "o", "--epochs", "2"], "going on after step"),
        (vec!["forecast", "--checkpoint", "o", "--levels", "none"], "the calendar goes on by"),
        (vec!["evaluate", "--checkpoint", "o", "--levels", "none"], ""),
        (profile, "profiling lstm on"),
        (study, ""),
    ];
    for (args, words) in commands {
        // Before the run that it would find finished.
        for device in ["gpu", "radv"] {
            let output = run(&[&args[..], &["--device", device]].concat());
            refused(place.path(), &output, &["Null hardware (RADV NAVI21) (vulkan) cannot be opened"]);
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
#[cfg(target_os = "linux")]
fn a_run_does_not_change_its_class_of_device_unasked() {
    let place = tempfile::tempdir().unwrap();
    let Some(run) = with_a_card_that_does_not_open(place.path(), &[]) else { return };
    let data = path("tiny.csv");
    let start = ["train", "--out", "o", "--epochs", "1", "--data", data.to_str().unwrap()];
    let trained = run(&[&start[..], &TINY[..10]].concat());
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    as_of_a_gpu(&place.path().join("o"));
    let resume = ["train", "--resume", "o", "--epochs", "2"];
    refused(place.path(), &run(&resume), &["passed over: ", "(gpu, cpu)", "(cpu, cpu): the bits would differ"]);
    let output = run(&[&resume[..], &["--device", "auto"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

/// The adapter of this name among those that were checked.
fn checked<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["adapters"].as_array().unwrap().iter().find(|adapter| adapter["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

fn problems(adapter: &Value) -> Vec<&str> {
    adapter["findings"].as_array().unwrap().iter().filter_map(|finding| finding["problem"].as_str()).collect()
}

#[test]
fn a_check_opens_compiles_and_compares_every_adapter() {
    let Some(own) = gpu() else { return };
    let place = tempfile::tempdir().unwrap();
    let report = json(&command(place.path(), &["devices", "--check", "--json"]).output().unwrap());
    let adapter = checked(&report, &own.summary().name);
    assert!(adapter["holds"] == true && problems(adapter).is_empty(), "{adapter:#}");
    let stages: Vec<&str> =
        adapter["findings"].as_array().unwrap().iter().map(|f| f["stage"].as_str().unwrap()).collect();
    let count = |stage| stages.iter().filter(|one| **one == stage).count();
    assert!(count("open") == 1 && count("compile") > 50 && count("compare") == 3, "{stages:?}");
    assert!(report["version"].is_string() && report["system"].is_string() && report["auto"]["engine"].is_string());
}

/// Both halves of the report, and the code that says that not all holds.
#[test]
#[cfg(target_os = "linux")]
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
        "with the CPU engine in 3 of 3 cases",
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
#[cfg(target_os = "linux")]
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
