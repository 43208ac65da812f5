//! The engines that tests run on: the CPU engine, and the one device of the GPU tests.

use std::sync::{Arc, OnceLock};

use microglia::engine::{Engine, Pass};
use microglia::gpu::{AdapterClass, Choice, Gpu, wgpu};
use microglia::kernels::lower::Shapes;
use microglia::kernels::{GpuEngine, GpuOptions, lower};
use microglia::program::{List, Program};
use microglia::reference::CpuEngine;

/// The device: `MICROGLIA_TEST_DEVICE` (part of an adapter's name), else a real GPU, else lavapipe.
///
/// `MICROGLIA_TEST_LIMITS=webgpu` opens it with WebGPU's default limits and no feature. `None` only where
/// `MICROGLIA_CPU_ONLY=1` says that GPU tests are not to run.
pub(crate) fn gpu() -> Option<Arc<Gpu>> {
    static GPU: OnceLock<Option<Arc<Gpu>>> = OnceLock::new();
    GPU.get_or_init(|| {
        if std::env::var("MICROGLIA_CPU_ONLY").is_ok_and(|value| value == "1") {
            eprintln!("MICROGLIA_CPU_ONLY=1: this GPU test was NOT run");
            return None;
        }
        let named = std::env::var("MICROGLIA_TEST_DEVICE").ok().map(Choice::Named);
        let choices = named.map_or(vec![Choice::Gpu, Choice::Named("llvmpipe".into())], |choice| vec![choice]);
        let found = choices.iter().map(Gpu::open).find_map(|gpu| gpu.ok().flatten());
        let found = found.unwrap_or_else(|| {
            panic!(
                "no adapter for {choices:?}: install a Vulkan driver (Debian and Ubuntu: apt-get install \
                 mesa-vulkan-drivers), or set MICROGLIA_CPU_ONLY=1 to leave the GPU tests out; there are: {:#?}",
                microglia::gpu::list_adapters()
            )
        });
        let webgpu = std::env::var("MICROGLIA_TEST_LIMITS").is_ok_and(|value| value == "webgpu");
        Some(if webgpu { with_limits(&found, wgpu::Limits::default()) } else { found })
    })
    .clone()
}

/// A device and queue of a [`Gpu`]'s adapter, with these limits and no feature.
pub(crate) fn open(own: &Gpu, required_limits: wgpu::Limits) -> (wgpu::Device, wgpu::Queue) {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let adapter = adapters.into_iter().find(|adapter| {
        let info = adapter.get_info();
        info.name == own.summary().name && info.backend.to_string() == own.summary().backend
    });
    let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
    pollster::block_on(adapter.unwrap().request_device(&descriptor)).unwrap()
}

/// The same, ready for engines.
pub(crate) fn with_limits(own: &Gpu, required_limits: wgpu::Limits) -> Arc<Gpu> {
    let (device, queue) = open(own, required_limits);
    Gpu::with_device(device, queue).unwrap()
}

/// An engine whose fresh buffers hold a poison.
pub(crate) fn engine(gpu: &Arc<Gpu>, program: Program) -> GpuEngine {
    with(gpu, program, GpuOptions::default())
}

pub(crate) fn with(gpu: &Arc<Gpu>, program: Program, options: GpuOptions) -> GpuEngine {
    GpuEngine::new(gpu.clone(), program, GpuOptions { poison: true, ..options }).unwrap()
}

/// A class of adapter for each way in which this program's kernels are cut.
pub(crate) fn classes(program: &Program) -> Vec<GpuOptions> {
    let mut ways = Vec::new();
    let options = AdapterClass::ALL.into_iter().filter_map(|class| {
        let shapes = Shapes::of(program, class);
        let ops = List::ALL.iter().flat_map(|&list| program.list(list));
        let way: Vec<String> = ops.map(|op| format!("{:?}", lower(op, &shapes).dispatches)).collect();
        (!ways.contains(&way)).then(|| {
            ways.push(way);
            GpuOptions { class: Some(class), ..GpuOptions::default() }
        })
    });
    options.collect()
}

/// Optimizer steps on slots 0 … S − 1, and an evaluation after them.
pub(crate) fn train(engine: &mut dyn Engine, prune: bool) {
    let slots = engine.program().slots;
    let lists = List::STEP.into_iter().filter(|list| prune || *list != List::Prune);
    let lists: Vec<List> = lists.collect();
    let mut passes: Vec<Pass> =
        (0..slots).flat_map(|slot| lists.iter().map(move |&list| Pass { list, slot })).collect();
    passes.extend((0..engine.program().prediction_slots.min(slots)).map(|slot| Pass { list: List::Evaluate, slot }));
    engine.run(&passes).unwrap();
}

/// Runs a check on the CPU engine and, where there is a device, on the GPU engine.
pub(crate) fn on_each_engine(check: impl Fn(&dyn Fn(Program) -> Box<dyn Engine>)) {
    check(&|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap()));
    if let Some(gpu) = gpu() {
        check(&|program| Box::new(engine(&gpu, program)));
    }
}
