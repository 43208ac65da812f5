//! The engine that `--device` and `--threads` mean.

use std::sync::Arc;

use anyhow::{Result, bail};

use microglia::engine::Engine;
use microglia::gpu::{Choice, Gpu};
use microglia::kernels::tuning::Tuning;
use microglia::kernels::{GpuEngine, GpuOptions, autotune};
use microglia::program::Program;
use microglia::reference::CpuEngine;

use super::config::Config;
use super::say;

/// Refuses, before anything is read, what asks a GPU for its choices where the run is on the CPU engine.
pub fn check_tuning(config: &Config, gpu: Option<&Arc<Gpu>>) -> Result<()> {
    let help = "choose --device gpu, or part of an adapter's name as in `microglia devices`";
    match (gpu, &config.tuning) {
        (None, _) if config.autotune => {
            bail!(
                "--autotune: this run is on the CPU engine, which has nothing to tune\n  help: leave it out, or {help}"
            )
        }
        (None, Some(tuning)) => bail!(
            "--tuning: made for the adapter `{}`, and this run is on the CPU engine\n  help: remove the table [tuning] \
             from the configuration, or {help}",
            tuning.adapter
        ),
        _ => Ok(()),
    }
}

/// How the run's products are cut: measured now where that was asked for, else as the configuration says, if it does.
pub fn tuned(config: &Config, gpu: Option<&Arc<Gpu>>, program: &Program) -> Result<Option<Tuning>> {
    let (true, Some(gpu)) = (config.autotune, gpu) else { return Ok(config.tuning.clone()) };
    say(&format!("autotune: timing the matrix products on {}", gpu.summary().name));
    let tuning = autotune(gpu, program)?;
    for tuned in &tuning.products {
        say(&format!("autotune: {tuned}"));
    }
    Ok(Some(tuning))
}

/// An engine on the GPU that was opened, else on the CPU, and a line that says which. `threads`: `None` for one per core.
pub fn make_engine(
    gpu: Option<&Arc<Gpu>>,
    device: &Choice,
    threads: Option<usize>,
    tuning: Option<&Tuning>,
    program: &Program,
) -> microglia::Result<(Box<dyn Engine>, String)> {
    if let Some(gpu) = gpu {
        let options = GpuOptions { tuning: tuning.cloned(), ..GpuOptions::default() };
        let engine = GpuEngine::new(gpu.clone(), program.clone(), options)?;
        let line = format!("training on {}", engine.device());
        return Ok((Box::new(engine), line));
    }
    let engine = CpuEngine::<f32>::new(program.clone(), threads)?;
    let why = if *device == Choice::Auto { "no GPU here: " } else { "" };
    let line = format!("{why}training on the CPU engine, {} threads of {}", engine.threads(), engine.device());
    Ok((Box::new(engine), line))
}
