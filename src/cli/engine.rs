//! The engine that `--device` and `--threads` mean.

use microglia::engine::Engine;
use microglia::gpu::Choice;
use microglia::kernels::GpuEngine;
use microglia::program::Program;
use microglia::reference::CpuEngine;

#[derive(Debug, Clone)]
pub struct Settings {
    pub device: String,
    /// `None`: one per core.
    pub threads: Option<usize>,
}

/// The engine, and a line that says which.
pub fn open_engine(settings: &Settings, program: &Program) -> microglia::Result<(Box<dyn Engine>, String)> {
    let choice: Choice = settings.device.parse()?;
    if choice != Choice::Cpu
        && let Some(engine) = GpuEngine::open(&choice, program.clone())?
    {
        let line = format!("training on {}", engine.device());
        return Ok((Box::new(engine), line));
    }
    let engine = CpuEngine::<f32>::new(program.clone(), settings.threads)?;
    let why = if choice == Choice::Auto { "no GPU here: " } else { "" };
    let line = format!("{why}training on the CPU engine, {} threads of {}", engine.threads(), engine.device());
    Ok((Box::new(engine), line))
}
