//! The device that is compared with the CPU engine.

use std::sync::Arc;

use super::{Case, CaseReport, compare};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::gpu::{Choice, Devices, Gpu, OpenDevice, list_adapters};
use crate::kernels::{GpuEngine, GpuOptions, pipelines};
use crate::program::Program;

/// Opens the device that a word of the option `device` means. Without a word, the first that opens and compiles what the cases need: a
/// real GPU if it can be, else a software one. All cases run on the same. `tell` hears of each that gives way.
///
/// # Errors
/// Where there is none, or the CPU engine is meant.
pub fn open_device(
    device: Option<&str>,
    cases: &[Case],
    tell: impl FnMut(&Error) + Send + 'static,
) -> Result<Arc<Gpu>> {
    let choice: Choice = device.unwrap_or("auto").parse()?;
    let mut devices = if choice == Choice::Auto { every_device(tell) } else { Devices::open(&choice, tell)? };
    let programs: Vec<Program> = cases.iter().map(Case::program).collect::<Result<_>>()?;
    let opened = devices.make(|gpu| {
        let needed = pipelines(&programs, gpu.summary().class());
        needed.iter().try_for_each(|pipeline| pipeline.compile(gpu)).map(|()| gpu.clone())
    })?;
    let (problem, help) = match choice {
        Choice::Cpu => (
            "the CPU engine is what others are compared with",
            "choose ‹device gpu›, or part of an adapter's name; `microglia devices` lists them",
        ),
        _ => (
            "there is no adapter to compare with the CPU engine",
            "`microglia devices` with ‹check› says what each lacks; where none is listed, install a Vulkan driver",
        ),
    };
    opened.ok_or_else(|| Error::device(problem, help))
}

/// All adapters, real ones first; one that fails gives way to the next.
fn every_device(tell: impl FnMut(&Error) + Send + 'static) -> Devices {
    let mut adapters = list_adapters();
    adapters.sort_by_key(|adapter| adapter.summary.rank());
    let order = adapters.into_iter().map(|adapter| Box::new(move || Gpu::on(&adapter)) as OpenDevice);
    Devices::among(order, tell)
}

/// Compares one case on a GPU.
///
/// # Errors
/// Where the device fails.
pub fn compare_on(gpu: &Arc<Gpu>, case: &Case, steps: usize) -> Result<CaseReport> {
    compare(case, steps, &mut |program| {
        let engine: Box<dyn Engine> = Box::new(GpuEngine::new(gpu.clone(), program, GpuOptions::default())?);
        Ok(engine)
    })
}
