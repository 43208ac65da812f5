//! A device that fails, on purpose: no memory, calls that are not valid, promises it does not keep, work it loses; and a run
//! that goes on elsewhere.

use std::cell::Cell;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::Arc;

use microglia::compare::Case;
use microglia::engine::{Engine, Pass};
use microglia::gpu::{AdapterClass, Choice, DeviceType, Gpu, wgpu};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::models::ModelKind::{Lstm, Rnn};
use microglia::program::List;
use microglia::program::tensor::PARAMS;
use microglia::reference::CpuEngine;
use microglia::train::weights::checkpoints::{self, Every};
use microglia::train::{Checkpoints, EpochRow, Observer, Plan, Status, TrainOptions, run, run_from};

#[cfg(target_os = "linux")]
use crate::cli::{TINY, code, command, rejected, stderr};
#[cfg(target_os = "linux")]
use crate::golden::path;
use crate::gpu_support::{gpu, open, with, with_limits};
use crate::training::{dataset, hashes, options};

/// A device of the suite's adapter that nobody else uses: it will not survive.
fn doomed(own: &Gpu) -> Arc<Gpu> {
    let name = own.summary().name.clone();
    Gpu::open(&Choice::Named(name)).unwrap().unwrap()
}

fn says(error: microglia::Error, parts: &[&str]) {
    let text = error.to_string();
    assert!(matches!(error, microglia::Error::Device { .. }), "{text}");
    for part in parts.iter().chain(&["help: "]) {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

fn step(engine: &mut GpuEngine) -> microglia::Result<()> {
    engine.run(&[List::Forward, List::Backward, List::Update].map(|list| Pass { list, slot: 0 }))
}

#[test]
fn a_lost_device_is_an_error_that_names_the_work() {
    let Some(own) = gpu() else { return };
    let case = Case::new(Rnn, 2, 3, 5, 4);
    let (device, queue) = open(&own, wgpu::Limits::default());
    for (gpu, watched) in [(doomed(&own), true), (Gpu::with_device(device, queue).unwrap(), false)] {
        let mut engine = with(&gpu, case.program().unwrap(), GpuOptions::default());
        case.load(&mut engine, 1).unwrap();
        step(&mut engine).unwrap();
        engine.wait().unwrap();
        gpu.device().destroy();
        // Whatever is asked of it next, in this order or another, is rejected.
        let run = step(&mut engine).and_then(|()| engine.wait()).unwrap_err();
        says(run, &[&own.summary().name, "lost", "`resume`"]);
        // Why, the owner of the device is told.
        let why: &[&str] = if watched { &["lost"] } else { &[] };
        says(engine.read_f32(PARAMS, 0).unwrap_err(), why);
        let again = GpuEngine::new(gpu.clone(), case.program().unwrap(), GpuOptions::default());
        again.and_then(|mut engine| step(&mut engine).and_then(|()| engine.wait())).unwrap_err();
    }
    // The others on this adapter work on.
    let mut engine = with(&own, case.program().unwrap(), GpuOptions::default());
    case.load(&mut engine, 1).unwrap();
    step(&mut engine).unwrap();
    engine.wait().unwrap();
}

/// Work that was under way is named: which ops, how long they were taken to need, and what a submission may take.
#[test]
fn work_that_is_lost_is_named_with_its_estimate_and_the_bound() {
    let Some(own) = gpu() else { return };
    let gpu = doomed(&own);
    let case = Case::new(Lstm, 1, 3, 5, 4);
    let mut engine = with(&gpu, case.program().unwrap(), GpuOptions::default());
    case.load(&mut engine, 1).unwrap();
    gpu.device().destroy();
    let error = step(&mut engine).and_then(|()| engine.wait()).unwrap_err();
    says(error, &["dispatches, op `window_gather` to op `adam_masked`", "of 0.5 s that a submission may take"]);
}

#[test]
fn a_call_that_is_not_valid_is_an_error_and_no_panic() {
    let Some(own) = gpu() else { return };
    let gpu = doomed(&own);
    let case = Case::new(Rnn, 1, 3, 5, 4);
    let mut engine = with(&gpu, case.program().unwrap(), GpuOptions::default());
    case.load(&mut engine, 1).unwrap();
    // Made outside of every call that could be blamed.
    drop(gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("larger than any"),
        size: u64::MAX / 8 * 4,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    }));
    says(step(&mut engine).unwrap_err(), &[&own.summary().name, "larger than any"]);
    says(gpu.check().unwrap_err(), &["larger than any"]);
}

/// A driver that says it binds, or makes, more than it does: what it rejects then is named with the op and both sizes.
#[test]
fn a_promise_that_is_not_kept_is_an_error_with_both_sizes() {
    let Some(own) = gpu() else { return };
    let gpu = with_limits(&own, wgpu::Limits::default());
    let limits = wgpu::Limits::default();
    let (binding, buffer) = (limits.max_storage_buffer_binding_size, limits.max_buffer_size);
    for (bytes, limit) in [(binding + 4096, binding), (buffer + 4096, buffer)] {
        let mut case = Case::new(Rnn, 1, 3, 5, 4);
        case.sizes.rows = bytes as usize / 4 / case.sizes.channels;
        let program = case.program().unwrap();
        let asked = 4 * program.tensor(microglia::program::tensor::SERIES).row();
        let believed = GpuOptions { max_binding_bytes: Some(u64::MAX), ..Default::default() };
        let error = GpuEngine::new(gpu.clone(), program.clone(), believed).err().unwrap();
        says(error, &["op `window_gather`", &asked.to_string(), &limit.to_string()]);
        // Told the truth, it is rejected before anything is made.
        let held = GpuEngine::new(gpu.clone(), program, GpuOptions::default()).err().unwrap();
        says(held, &["op `window_gather`: tensor `series`", &asked.to_string(), &format!("at most {binding}")]);
        gpu.check().unwrap();
    }
}

/// What no wave can hold is rejected, by op, tensor, size and limit, and no byte is allocated for it.
#[test]
fn a_plan_that_cannot_fit_allocates_nothing() {
    let Some(own) = gpu() else { return };
    let gpu = with_limits(&own, wgpu::Limits::default());
    let made = |gpu: &Arc<Gpu>| {
        let report = gpu.device().generate_allocator_report();
        (gpu.device().get_internal_counters().hal.buffers.read(), report.map(|report| report.total_allocated_bytes))
    };
    let before = made(&gpu);
    for case in [Case::new(Lstm, 2, 5, 7, 64), Case::new(Rnn, 3, 40, 9, 33)] {
        let program = case.program().unwrap();
        let largest = program.tensors.iter().map(|tensor| 4 * tensor.row() as u64).max().unwrap();
        let options = GpuOptions { max_binding_bytes: Some(largest - 4), ..Default::default() };
        let error = GpuEngine::new(gpu.clone(), program, options).err().unwrap();
        says(error, &["op `", "tensor `", &format!("needs {largest} bytes"), &format!("at most {}", largest - 4)]);
        assert_eq!(made(&gpu), before);
    }
}

/// An adapter that takes the processor's memory is asked for no more of it than is free.
#[test]
fn more_than_the_free_memory_is_rejected() {
    let Some(gpu) = gpu().filter(|gpu| gpu.summary().class() != AdapterClass::Discrete) else { return };
    let program = Case::new(Lstm, 60_000, 64, 96, 256).program().unwrap();
    let error = GpuEngine::new(gpu.clone(), program, GpuOptions::default()).err().unwrap();
    says(error, &[&gpu.summary().name, " TB for 60000 replica(s)", "of memory are free"]);
}

/// A machine whose drivers are gone: a GPU that is asked for is rejected, and without a word the CPU engine trains.
#[test]
#[cfg(target_os = "linux")]
fn without_an_adapter_the_cpu_trains_or_the_gpu_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let data = path("tiny.csv");
    let microglia = |args: &[&str]| {
        let mut command = command(folder.path(), args);
        let none = "/nonexistent/icd.json";
        command.env("VK_DRIVER_FILES", none).env("VK_ICD_FILENAMES", none).env_remove("WGPU_BACKEND");
        command.output().unwrap()
    };
    let train = |device: &str| {
        let mut args = vec!["train", "--data", data.to_str().unwrap(), "--epochs", "1", "--device", device];
        args.extend(&TINY[..12]);
        microglia(&args)
    };
    for (device, problem) in [("gpu", "there is no GPU"), ("llvmpipe", "no adapter's name contains `llvmpipe`")] {
        let help = "this machine shows no adapter at all: install a Vulkan driver, or use --device cpu";
        rejected(folder.path(), &train(device), &[problem, help]);
    }
    let output = train("auto");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("no GPU that serves: training on the CPU engine"), "{}", stderr(&output));
    assert_eq!(code(&microglia(&["devices"])), 0);
    assert_eq!(code(&microglia(&["compare"])), 2);
}

/// In a process that may have 4 GiB of addresses, on a driver that plays a GPU in them.
#[test]
#[cfg(target_os = "linux")]
fn out_of_memory_names_the_op_the_size_and_what_is_taken() {
    let Some(own) = gpu() else { return };
    if own.summary().device_type != DeviceType::Software {
        eprintln!("{} has memory of its own: running out of it was NOT tried", own.summary().name);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let train = |replicas: &str| {
        let data = path("tiny.csv");
        Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", "ulimit -v 4194304 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_microglia"), "train"])
            .args(["--target", "y", "--lookback", "7", "--horizon", "2", "--model", "rnn", "--epochs", "1", "--data"])
            .arg(data)
            .args([
                "--hidden",
                "1024",
                "--layers",
                "4",
                "--max-steps",
                "1",
                "--replicas",
                replicas,
                "--device",
                &own.summary().name,
            ])
            .output()
            .unwrap()
    };
    // 28 MiB a replica in each of six tensors.
    let output = train("64");
    let rejection =
        ["out of memory for ", ": tensor `", " replicas (", "bytes are taken already", "--replicas", "help: "];
    rejected(folder.path(), &output, &rejection);
}

/// Destroys the device when it is asked for the third time, or at the end of an epoch.
enum Lose {
    Early(Arc<Gpu>, Cell<usize>),
    AfterEpoch(Arc<Gpu>, usize),
}

impl Observer for Lose {
    fn interrupted(&self) -> bool {
        if let Lose::Early(gpu, asked) = self
            && asked.replace(asked.get() + 1) == 2
        {
            gpu.device().destroy();
        }
        false
    }

    fn epoch(&mut self, row: &EpochRow) {
        if let Lose::AfterEpoch(gpu, epoch) = self
            && row.epoch == *epoch
        {
            gpu.device().destroy();
        }
    }
}

/// A run whose device is lost ends in an error; its last checkpoint is whole, and goes on to the same bits on another device
/// of the same kind, and to the end on the CPU engine.
#[test]
fn a_run_whose_device_is_lost_goes_on_elsewhere() {
    let Some(own) = gpu() else { return };
    let dataset = dataset();
    let options = TrainOptions { replicas: 2, ..options() };
    let plan = Plan::new(&dataset, &options).unwrap();
    let engine = |gpu: &Arc<Gpu>| GpuEngine::new(gpu.clone(), plan.program.clone(), GpuOptions::default()).unwrap();
    let mut whole = engine(&own);
    let expected = run(&dataset, &plan, &mut whole, &mut ()).unwrap();
    for early in [true, false] {
        let (place, gpu) = (tempfile::tempdir().unwrap(), doomed(&own));
        let mut observer =
            if early { Lose::Early(gpu.clone(), Cell::new(0)) } else { Lose::AfterEpoch(gpu.clone(), 2) };
        let mut all = Checkpoints::open(place.path(), Every::Steps(4), 2, "", None).unwrap();
        let ended = run_from(&dataset, &plan, &mut engine(&gpu), &mut observer, None, Some(&mut all));
        says(ended.expect_err("the run did not notice"), &["lost", "`resume`"]);
        drop(all);
        let from = checkpoints::newest(place.path()).unwrap().0.run().unwrap();
        assert!(from.step(plan.steps_per_epoch) < plan.length.epochs * plan.steps_per_epoch);
        let mut again = engine(&own);
        run_from(&dataset, &plan, &mut again, &mut (), Some(from.clone()), None).unwrap();
        assert_eq!(hashes(&plan, &mut again), hashes(&plan, &mut whole), "lost early: {early}");
        let mut cpu = CpuEngine::<f32>::new(plan.program.clone(), Some(2)).unwrap();
        let trained = run_from(&dataset, &plan, &mut cpu, &mut (), Some(from), None).unwrap();
        assert_eq!(trained.status, Status::Done);
        for (here, there) in trained.history.iter().zip(&expected.history) {
            for (here, there) in here.replicas.iter().zip(&there.replicas) {
                let gap = (here.validation_loss - there.validation_loss).abs() / there.validation_loss;
                assert!(gap < 1e-2, "{here:?} on the CPU, {there:?} on the GPU");
            }
        }
    }
}
