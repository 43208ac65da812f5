//! The engine that `--device` and `--threads` mean.

use std::sync::Arc;

use microglia::engine::Engine;
use microglia::gpu::{Choice, Gpu};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::program::Program;
use microglia::reference::CpuEngine;

/// An engine on the GPU that was opened, else on the CPU, and a line that says which. `threads`: `None` for one per core.
pub fn make_engine(
    gpu: Option<&Arc<Gpu>>,
    device: &Choice,
    threads: Option<usize>,
    program: &Program,
) -> microglia::Result<(Box<dyn Engine>, String)> {
    if let Some(gpu) = gpu {
        let engine = GpuEngine::new(gpu.clone(), program.clone(), GpuOptions::default())?;
        let line = format!("training on {}", engine.device());
        return Ok((Box::new(engine), line));
    }
    let engine = CpuEngine::<f32>::new(program.clone(), threads)?;
    let why = if *device == Choice::Auto { "no GPU here: " } else { "" };
    let line = format!("{why}training on the CPU engine, {} threads of {}", engine.threads(), engine.device());
    Ok((Box::new(engine), line))
}
