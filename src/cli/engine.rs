//! The engine that `--device` and `--threads` mean.

use std::sync::Arc;

use anyhow::{Result, bail};

use microglia::Error;
use microglia::engine::Engine;
use microglia::error::Notation;
use microglia::gpu::{Choice, Devices, Gpu};
use microglia::kernels::tuning::Tuning;
use microglia::kernels::{GpuEngine, GpuOptions, autotune};
use microglia::program::Program;
use microglia::reference::CpuEngine;

use super::say;
use microglia::config::Config;

/// The devices that were asked for, the first of them open. Each that gives way is told of in a line.
pub fn open_devices(choice: &Choice) -> microglia::Result<Devices> {
    Devices::open(choice, tell)
}

/// A line for an adapter that gives way: which, and why, in its driver's words.
pub fn tell(error: &Error) {
    say(&format!("passed over: {}", problem(error).split_whitespace().collect::<Vec<_>>().join(" ")));
}

/// What is wrong with a device, without what to do.
pub fn problem(error: &Error) -> String {
    match error {
        Error::Adapter { problem, .. } | Error::Device { problem, .. } => problem.to(Notation::Flags),
        other => other.to_string(),
    }
}

/// What has a GPU's choices made, or takes them.
const CHOOSE: &str = "choose --device gpu, or part of an adapter's name as in `microglia devices`";

/// Refuses, before anything is read, what asks a GPU for its choices where the run is on the CPU engine.
pub fn check_tuning(config: &Config, gpu: Option<&Arc<Gpu>>) -> Result<()> {
    match (gpu, &config.tuning) {
        (None, _) if config.autotune => bail!(
            "--autotune: this run is on the CPU engine, which has nothing to tune\n  help: leave it out, or {CHOOSE}"
        ),
        (None, Some(tuning)) => Err(no_adapter_for(tuning).into()),
        _ => Ok(()),
    }
}

fn no_adapter_for(tuning: &Tuning) -> Error {
    Error::config(
        "tuning",
        format!("made for the adapter `{}`, and this run is on the CPU engine", tuning.adapter),
        format!("remove the table [tuning] from the configuration, or {CHOOSE}"),
    )
}

/// How the run's products are cut: measured now where that was asked for, else as the configuration says, if it does.
pub fn tuned(config: &Config, devices: &mut Devices, program: &Program) -> Result<Option<Tuning>> {
    if !config.autotune {
        return Ok(config.tuning.clone());
    }
    let tuning = devices.make(|gpu| {
        say(&format!("autotune: timing the matrix products on {}", gpu.summary().name));
        autotune(gpu, program)
    })?;
    // The last GPU may just have given way.
    check_tuning(config, devices.gpu())?;
    for tuned in tuning.iter().flat_map(|tuning| &tuning.products) {
        say(&format!("autotune: {tuned}"));
    }
    Ok(tuning)
}

/// An engine on the GPU in use, or the first after it that compiles the program, else on the CPU; and a line that says which.
/// `threads`: `None` for one per core. `tuning`: for the adapter that it names, and for no other.
pub fn make_engine(
    devices: &mut Devices,
    device: &Choice,
    threads: Option<usize>,
    tuning: Option<&Tuning>,
    program: &Program,
) -> microglia::Result<(Box<dyn Engine>, String)> {
    let options = GpuOptions { tuning: tuning.cloned(), ..GpuOptions::default() };
    if let Some(engine) = GpuEngine::open(devices, program, &options)? {
        let line = format!("training on {}", engine.device());
        return Ok((Box::new(engine), line));
    }
    if let Some(tuning) = tuning {
        return Err(no_adapter_for(tuning));
    }
    let engine = CpuEngine::<f32>::new(program.clone(), threads)?;
    let why = if *device == Choice::Auto { "no GPU that serves: " } else { "" };
    let line = format!("{why}training on the CPU engine, {} threads of {}", engine.threads(), engine.device());
    Ok((Box::new(engine), line))
}
