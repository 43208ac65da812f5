//! The engines that tests run on: the CPU engine, and the one device of the GPU tests.

use std::sync::{Arc, OnceLock};

use microglia::engine::{Engine, Pass};
use microglia::gpu::{Choice, Gpu};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::program::{List, Program};
use microglia::reference::CpuEngine;

/// The device: `MICROGLIA_TEST_DEVICE` (part of an adapter's name), else a real GPU, else lavapipe.
///
/// `None` only where `MICROGLIA_CPU_ONLY=1` says that GPU tests are not to run.
pub fn gpu() -> Option<Arc<Gpu>> {
    static GPU: OnceLock<Option<Arc<Gpu>>> = OnceLock::new();
    GPU.get_or_init(|| {
        if std::env::var("MICROGLIA_CPU_ONLY").is_ok_and(|value| value == "1") {
            eprintln!("MICROGLIA_CPU_ONLY=1: this GPU test was NOT run");
            return None;
        }
        let named = std::env::var("MICROGLIA_TEST_DEVICE").ok().map(Choice::Named);
        let choices = named.map_or(vec![Choice::Gpu, Choice::Named("llvmpipe".into())], |choice| vec![choice]);
        let found = choices.iter().map(Gpu::open).find_map(|gpu| gpu.ok().flatten());
        Some(found.unwrap_or_else(|| {
            panic!(
                "no adapter for {choices:?}: install a Vulkan driver (Debian and Ubuntu: apt-get install \
                 mesa-vulkan-drivers), or set MICROGLIA_CPU_ONLY=1 to leave the GPU tests out; there are: {:#?}",
                microglia::gpu::list_adapters()
            )
        }))
    })
    .clone()
}

/// An engine whose fresh buffers hold a poison.
pub fn engine(gpu: &Arc<Gpu>, program: Program) -> GpuEngine {
    with(gpu, program, GpuOptions::default())
}

pub fn with(gpu: &Arc<Gpu>, program: Program, options: GpuOptions) -> GpuEngine {
    GpuEngine::new(gpu.clone(), program, GpuOptions { poison: true, ..options }).unwrap()
}

/// Optimizer steps on slots 0 … S − 1, and an evaluation after them.
pub fn train(engine: &mut dyn Engine, prune: bool) {
    let slots = engine.program().slots;
    let lists = List::STEP.into_iter().filter(|list| prune || *list != List::Prune);
    let lists: Vec<List> = lists.collect();
    let mut passes: Vec<Pass> =
        (0..slots).flat_map(|slot| lists.iter().map(move |&list| Pass { list, slot })).collect();
    passes.extend((0..engine.program().prediction_slots.min(slots)).map(|slot| Pass { list: List::Evaluate, slot }));
    engine.run(&passes).unwrap();
}

/// Runs a check on the CPU engine and, where there is a device, on the GPU engine.
pub fn on_each_engine(check: impl Fn(&dyn Fn(Program) -> Box<dyn Engine>)) {
    check(&|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap()));
    if let Some(gpu) = gpu() {
        check(&|program| Box::new(engine(&gpu, program)));
    }
}
